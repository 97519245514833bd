"""The decoding worker's own program: warm up, close the cage, answer requests one by one until the pipe closes.

Started by `client.DecodingWorker` as `python -I -m border_agent.decoding.worker PARENT`. Nothing is opened after the
warm-up: everything that a library does only once has been done by then.
"""

from __future__ import annotations

import signal
import sys
from typing import Final

import cv2
import numpy as np

from border_agent.decoding import cage, pipes
from border_agent.decoding.codes import CodeReaders
from border_agent.decoding.confine import Purpose, confine
from border_agent.decoding.faces import FaceEngine, FaceEngineMissingError
from border_agent.decoding.headers import PictureRefusedError
from border_agent.decoding.mrz.read import MrzReader
from border_agent.decoding.pictures import decode, portrait_jpeg
from border_agent.decoding.protocol import (
    MAX_FACES,
    MAX_UPSAMPLE,
    CheckCage,
    Checked,
    CodesFound,
    DescribeFace,
    FacesFound,
    FindCodes,
    FindFaces,
    FindMrz,
    Hello,
    MakePortrait,
    MrzFound,
    PictureShape,
    PortraitMade,
    ProtocolError,
    Refused,
    Reply,
    Request,
    encode,
    read_request,
)
from border_agent.decoding.values import Confinement, EmbeddingMode

ADDRESS_SPACE: Final = 1024 * cage.MEBIBYTE
"""Warm, it takes 400 MiB of it (a third of that is resident), the largest picture 640."""

_GREY_JPEG2000: Final = bytes.fromhex(
    "ff4fff51002f000000000020000000200000000000000000000000200000002000000000000000000003070101070101070101"
    "ff52000c00000001000504040001ff5c00134040484850484850484850484850484850"
    "ff90000a0000000000260001ff93c02107c02107c02107808080808080808080808080808080ffd9"
)
"""A codestream of 32 x 32 grey pixels. Written here: OpenCV cannot write one without a file of its own."""


class Decoders:
    """Every decoder, loaded and run once."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.codes = CodeReaders()
        self.mrz = MrzReader()
        try:
            self.faces: FaceEngine | None = FaceEngine()
        except FaceEngineMissingError:
            self.faces = None
        self._warm_up()

    def _warm_up(self) -> None:
        nothing = np.full((96, 96, 3), 127, np.uint8)
        files = [cv2.imencode(extension, nothing)[1].tobytes() for extension in (".jpg", ".png")]
        for encoded in (*files, _GREY_JPEG2000):
            pixels = decode(PictureShape(0, 0), encoded, portrait=True)
            self.codes.find(pixels)
            portrait_jpeg(pixels)
        self.mrz.warm_up()
        if self.faces:
            self.faces.warm_up()


def answer(decoders: Decoders, request: Request, attachment: bytes, confinement: Confinement) -> tuple[Reply, bytes]:
    """One request's reply and what is attached to it.

    A picture that cannot be decoded is `Refused`; anything else that goes wrong ends us.
    """
    try:
        if isinstance(request, MakePortrait):
            return PortraitMade(request.number), portrait_jpeg(decode(request.shape, attachment, portrait=True))
        return _found(decoders, request, attachment, confinement), b""
    except PictureRefusedError as error:
        return Refused(request.number, "picture", str(error)), b""
    except MemoryError:
        return Refused(request.number, "picture", "needs more memory than the worker may have"), b""


def _found(
    decoders: Decoders,
    request: FindCodes | FindFaces | DescribeFace | FindMrz | CheckCage,
    attachment: bytes,
    confinement: Confinement,
) -> Reply:
    if isinstance(request, CheckCage):
        return Checked(request.number, cage.check_out(confinement))
    if isinstance(request, FindCodes):
        return CodesFound(request.number, decoders.codes.find(decode(request.shape, attachment)))
    if isinstance(request, FindMrz):
        return MrzFound(request.number, decoders.mrz.find(decode(request.shape, attachment)))
    pixels = decode(request.shape, attachment, portrait=True)
    if decoders.faces is None:
        return Refused(request.number, "faces", "the face engine is not installed")
    if isinstance(request, DescribeFace):
        return FacesFound(request.number, [decoders.faces.describe(pixels, request.box, request.embedding)])
    return FacesFound(
        request.number,
        decoders.faces.find(
            pixels,
            upsample=min(max(request.upsample, 0), MAX_UPSAMPLE),
            embedding=request.embedding,
            most=min(max(request.most, 1), MAX_FACES),
        ),
    )


def main() -> None:
    """Serve until the parent closes its end."""
    cage.enter(int(sys.argv[1]), ADDRESS_SPACE)
    decoders = Decoders()
    # Encoding and decoding of the protocol, once, before the cage closes.
    read_request(encode(FindFaces(0, 1.0, PictureShape(1, 1), 0, EmbeddingMode.none, 1)))
    confinement = confine(Purpose.decoder)
    model = decoders.faces.model if decoders.faces else None
    pipes.send(encode(Hello(confinement, decoders.codes.names, model)))
    while (frame := pipes.receive()) is not None:
        message, attachment = frame
        request = read_request(message)
        # The parent kills a worker that is late. Should the parent hang itself, the kernel does.
        signal.setitimer(signal.ITIMER_REAL, request.seconds)
        reply, attached = answer(decoders, request, attachment, confinement)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        pipes.send(encode(reply), attached)


if __name__ == "__main__":
    try:
        main()
    except (ProtocolError, BrokenPipeError):
        sys.exit(1)
