"""The camera steps: one look each, so that whoever asks can stop between two looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from border_agent.config import CameraRole
from border_agent.decoding import DecodedCode, EmbeddingMode, EncodedPicture, FoundFace, FoundMrz, Picture
from border_agent.decoding.camera import CameraProcess
from border_agent.decoding.client import DecodingWorker
from border_agent.faces import choose_face

FRAME_SECONDS = 1.0
"""How long one look waits for a frame."""
FACE_SECONDS = 5.0
"""How long the worker may take for one picture: many times what it needs on a loaded machine."""
ZONE_SECONDS = 3.0


class Seen(Struct, frozen=True):
    """One frame and the faces in it, without their embeddings: those take several times as long as finding them."""

    picture: Picture
    faces: Sequence[FoundFace]


class Eyes:
    """What the cameras show, as codes and faces. Every call raises DecoderError where the worker fails."""

    def __init__(self, worker: DecodingWorker, cameras: Mapping[CameraRole, CameraProcess]) -> None:
        self._worker = worker
        self._cameras = cameras

    def sees(self, role: CameraRole) -> bool:
        """Whether this device has such a camera at all."""
        return role in self._cameras

    def codes(self) -> Sequence[DecodedCode]:
        """Codes in the document camera's next frame."""
        frame = self._cameras[CameraRole.DOCUMENT].latest(FRAME_SECONDS)
        return self._worker.find_codes(frame) if frame is not None else ()

    def zone(self) -> tuple[bool, FoundMrz | None]:
        """Whether the document camera gave a frame, and the machine-readable zone in it."""
        frame = self._cameras[CameraRole.DOCUMENT].latest(FRAME_SECONDS)
        if frame is None:
            return False, None
        return True, self._worker.find_mrz(frame, ZONE_SECONDS)

    def look(self, role: CameraRole) -> Seen | None:
        """The faces in a camera's next frame; None where there is no frame."""
        frame = self._cameras[role].latest(FRAME_SECONDS)
        if frame is None:
            return None
        return Seen(frame, self._worker.find_faces(frame, FACE_SECONDS, upsample=0, embedding=EmbeddingMode.none))

    def embedded(self, picture: Picture, face: FoundFace) -> FoundFace:
        """A face of a look with its embedding, as it is compared."""
        return self._worker.describe_face(picture, face, FACE_SECONDS, embedding=EmbeddingMode.mirrored)

    def portrait_jpeg(self, picture: bytes) -> bytes:
        """A stored portrait of any coding as a JPEG for people's eyes."""
        return self._worker.portrait_jpeg(EncodedPicture(picture), FACE_SECONDS).data

    def stored_face(self, picture: bytes) -> FoundFace | None:
        """The face in a stored portrait, small ones included."""
        encoded = EncodedPicture(picture)
        return choose_face(self._worker.find_faces(encoded, FACE_SECONDS, embedding=EmbeddingMode.mirrored))
