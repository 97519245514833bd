"""`DecodingWorker`: the agent's handle on the caged decoders."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, TypeVar

from msgspec import structs

from border_agent.decoding.child import ChildGoneError, ChildLateError
from border_agent.decoding.errors import DecoderCrashed, DecoderRefused, DecoderTimedOut
from border_agent.decoding.headers import JPEG, PictureRefusedError, jpeg_size
from border_agent.decoding.keeper import WHERE, WorkerKeeper
from border_agent.decoding.patience import PATIENCE
from border_agent.decoding.protocol import (
    MAX_ATTACHMENT,
    MAX_ENCODED,
    MAX_PORTRAIT,
    MAX_PORTRAIT_SIDE,
    CheckCage,
    Checked,
    CodesFound,
    DescribeFace,
    FacesFound,
    FindCodes,
    FindFaces,
    FindMrz,
    MakePortrait,
    MrzFound,
    PictureShape,
    PortraitMade,
    ProtocolError,
    Refused,
    Reply,
    Request,
    encode,
    read_reply,
)
from border_agent.decoding.values import (
    Confinement,
    DecodedCode,
    EmbeddingMode,
    EncodedPicture,
    FaceModel,
    FoundFace,
    FoundMrz,
    Picture,
    SelfCheck,
)

_log = logging.getLogger(__name__)

START_SECONDS: Final = 30.0 * PATIENCE
"""A start that takes longer has failed. About one second is usual; a cold disk takes more."""
_GRACE_SECONDS: Final = 1.0
"""How long after our deadline the worker's own alarm ends it, should we not have done it."""

_Reply = TypeVar("_Reply", CodesFound, FacesFound, MrzFound, PortraitMade, Checked)


class DecodingWorker:
    """Finds codes, faces and MRZs in pictures, in a process without keys, database or network.

    Calls block and are answered one after the other; they may come from any thread. Whatever happens to the worker,
    a call ends in an answer or a DecoderError within `timeout` seconds, and the next call meets a fresh worker. The
    time a started or restarted worker needs to warm up comes on top, bounded by `start_seconds`.
    """

    def __init__(self, *, start_seconds: float = START_SECONDS, command: Sequence[str] | None = None) -> None:
        """`command` replaces the worker's program (the agent's process id is added to it)."""
        self._lock = threading.Lock()
        self._start_seconds = start_seconds
        self._command = command
        self._keeper: WorkerKeeper | None = None
        self._number = 0

    def start(self) -> None:
        """Begin to start the worker and return at once; it warms up by itself. Harmless when it is running."""
        with self._lock:
            if self._keeper is None:
                self._keeper = WorkerKeeper(self._start_seconds, self._command)
            self._keeper.begin()

    def wait_ready(self) -> bool:
        """Wait until the worker is warm. False where it does not start."""
        try:
            with self._lock:
                self._running().ready()
        except DecoderCrashed:
            return False
        return True

    def stop(self) -> None:
        """End the worker. A call that is waiting for it fails with DecoderCrashed."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.interrupt()
            with self._lock:
                keeper.close()

    def __enter__(self) -> DecodingWorker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def find_codes(self, picture: Picture | EncodedPicture, timeout: float = 3.0) -> list[DecodedCode]:
        """The codes in a picture, at most 8, each payload once; often none.

        Raises DecoderRefused (torn, too large, of no known kind), DecoderTimedOut, DecoderCrashed.
        """
        shape, data = _packed(picture)
        return self._call(CodesFound, lambda n, seconds: FindCodes(n, seconds, shape), data, timeout)[0].codes

    def find_faces(
        self,
        picture: Picture | EncodedPicture,
        timeout: float = 5.0,
        *,
        upsample: int = 1,
        embedding: EmbeddingMode = EmbeddingMode.mirrored,
        most: int = 4,
    ) -> list[FoundFace]:
        """The faces in a picture, the surest first, `most` (up to 8) at most.

        `upsample` (0 to 2) doubles the picture so many times first: 0 finds faces from about 75 pixels, 1 from half
        of that at four times the cost. Raises as `find_codes` does; DecoderRefused, too, where the face engine is
        not installed.
        """
        shape, data = _packed(picture)

        def request(number: int, seconds: float) -> Request:
            return FindFaces(number, seconds, shape, upsample, embedding, most)

        return self._call(FacesFound, request, data, timeout)[0].faces

    def describe_face(
        self,
        picture: Picture | EncodedPicture,
        face: FoundFace,
        timeout: float = 5.0,
        *,
        embedding: EmbeddingMode = EmbeddingMode.mirrored,
    ) -> FoundFace:
        """`face`, found in this picture before, with its embedding: the one that finding it would have given.

        Raises as `find_faces` does; DecoderRefused, too, for a face that cannot be in the picture.
        """
        shape, data = _packed(picture)

        def request(number: int, seconds: float) -> Request:
            return DescribeFace(number, seconds, shape, face.box, embedding)

        described = self._call(FacesFound, request, data, timeout)[0].faces
        if len(described) != 1:
            raise DecoderRefused("picture", f"{len(described)} faces described")
        return structs.replace(face, embedding=described[0].embedding, mode=embedding)

    def find_mrz(self, picture: Picture | EncodedPicture, timeout: float = 3.0) -> FoundMrz | None:
        """The machine readable zone in a picture, however it is turned; None where there is none.

        Raises as `find_codes` does.
        """
        shape, data = _packed(picture)
        return self._call(MrzFound, lambda n, seconds: FindMrz(n, seconds, shape), data, timeout)[0].mrz

    def portrait_jpeg(self, picture: EncodedPicture, timeout: float = 3.0) -> EncodedPicture:
        """A chip's portrait, JPEG 2000 or anything else this worker decodes, as a JPEG to be shown.

        Its longer side has MAX_PORTRAIT_SIDE pixels at most. Raises as `find_codes` does.
        """
        shape, data = _packed(picture)
        made = self._call(PortraitMade, lambda n, seconds: MakePortrait(n, seconds, shape), data, timeout)[1]
        return EncodedPicture(made)

    def self_check(self, timeout: float = 5.0) -> SelfCheck:
        """Let the worker try to leave its cage; `holds` is true where every attempt was refused."""
        return self._call(Checked, CheckCage, b"", timeout)[0].check

    def memory_bytes(self) -> int:
        """Resident memory of the worker; 0 while it does not run."""
        return self._keeper.memory_bytes() if self._keeper else 0

    @property
    def confinement(self) -> Confinement:
        """What holds the worker; `none` until it has been ready once."""
        hello = self._keeper.hello if self._keeper else None
        return hello.confinement if hello else Confinement.none

    @property
    def readers(self) -> tuple[str, ...]:
        """Code readers that passed their self-test; empty until the worker has been ready once."""
        hello = self._keeper.hello if self._keeper else None
        return hello.readers if hello else ()

    @property
    def model(self) -> FaceModel | None:
        """The face model that is loaded; None until the worker has been ready once, or without a face engine."""
        hello = self._keeper.hello if self._keeper else None
        return hello.model if hello else None

    @property
    def starts(self) -> int:
        """How many workers have been started, the first included."""
        return self._keeper.starts if self._keeper else 0

    @property
    def requests(self) -> int:
        """How often the worker was asked for something."""
        return self._number

    @property
    def failed_starts(self) -> int:
        """How many starts in a row have failed; 0 once a worker is warm."""
        return self._keeper.failed_starts if self._keeper else 0

    @property
    def ready_seconds(self) -> float:
        """From start to warm and caged, the last time."""
        return self._keeper.ready_seconds if self._keeper else 0.0

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._keeper.pid if self._keeper else None

    def _running(self) -> WorkerKeeper:
        if self._keeper is None:
            raise DecoderCrashed(WHERE, "not started")
        return self._keeper

    def _call(
        self,
        expected: type[_Reply],
        request: Callable[[int, float], Request],
        data: bytes,
        timeout: float,
    ) -> tuple[_Reply, bytes]:
        timeout *= PATIENCE
        begun = time.monotonic()
        if not self._lock.acquire(timeout=timeout):
            raise DecoderTimedOut(WHERE, "busy with other pictures")
        try:
            seconds = max(0.0, timeout - (time.monotonic() - begun))
            keeper = self._running()
            child = keeper.ready()
            self._number += 1
            deadline = time.monotonic() + seconds
            message = encode(request(self._number, seconds + _GRACE_SECONDS))
            try:
                child.send(message, data, deadline)
                answer, attachment = child.receive(deadline)
                reply = read_reply(answer)
                if isinstance(reply, Refused) and reply.number == self._number:
                    raise DecoderRefused(reply.where, reply.detail)
                if not isinstance(reply, expected) or reply.number != self._number:
                    raise ProtocolError("not the answer to what was asked")
                _check_attachment(reply, attachment)
            except ChildLateError:
                self._replace(keeper, "no answer in time")
                raise DecoderTimedOut(WHERE, f"no answer within {timeout:.1f} s") from None
            except (ChildGoneError, ProtocolError) as error:
                self._replace(keeper, str(error))
                raise DecoderCrashed(WHERE, str(error)) from error
            return reply, attachment
        finally:
            self._lock.release()

    def _replace(self, keeper: WorkerKeeper, reason: str) -> None:
        """End the worker and begin the next one, so that it is warm when it is needed."""
        keeper.discard()
        if keeper is self._keeper:
            _log.warning("decoding worker replaced: %s", reason)
            keeper.begin()


def _check_attachment(reply: Reply, attachment: bytes) -> None:
    """A portrait has a bounded JPEG with it, any other reply nothing. Raises ProtocolError."""
    if not isinstance(reply, PortraitMade):
        if attachment:
            raise ProtocolError("an answer with something attached")
        return
    if len(attachment) > MAX_PORTRAIT or not attachment.startswith(JPEG):
        raise ProtocolError("not a portrait")
    try:
        size = jpeg_size(attachment)
    except PictureRefusedError as error:
        raise ProtocolError("not a portrait") from error
    if max(size) > MAX_PORTRAIT_SIDE:
        raise ProtocolError("not a portrait")


def _packed(picture: Picture | EncodedPicture) -> tuple[PictureShape, bytes]:
    """Shape and bytes as they travel. Raises DecoderRefused for what the worker would not take anyway."""
    if isinstance(picture, EncodedPicture):
        if len(picture.data) > MAX_ENCODED:
            raise DecoderRefused("picture", "file too long")
        return PictureShape(0, 0), picture.data
    if picture.width <= 0 or picture.height <= 0 or len(picture.pixels) > MAX_ATTACHMENT:
        raise DecoderRefused("picture", f"{picture.width} x {picture.height} pixels")
    return PictureShape(picture.width, picture.height), picture.pixels
