"""A camera's own program: open it, close the cage, hand over a frame whenever one is asked for.

Started by `camera.CameraProcess` as `python -I -m border_agent.decoding.camera_child PARENT`. Opening needs files or
a socket, so the cage closes behind it; a camera that is lost cannot be opened again from inside, and this program
ends. Its parent starts another one.
"""

from __future__ import annotations

import select
import sys
import time
from typing import Final

from border_agent.decoding import cage, pipes
from border_agent.decoding.confine import Purpose, confine
from border_agent.decoding.protocol import (
    LOST_STATUS,
    UNUSABLE_STATUS,
    CameraProblem,
    CapturedFrame,
    Capturing,
    OpenCamera,
    PictureShape,
    ProtocolError,
    WantFrame,
    encode,
    read_camera_request,
)
from border_agent.decoding.values import Confinement
from firmware_bridge.devices.camera_opencv import OpenCvCamera
from firmware_bridge.errors import DeviceError
from firmware_bridge.roles import Camera, DeviceState, Frame

ADDRESS_SPACE: Final = 1024 * cage.MEBIBYTE

_TURN: Final = 1.0
"""Seconds between two signs of life."""
_PATIENCE: Final = 5.0
"""Seconds without a frame after which a camera counts as lost."""


def order() -> OpenCamera:
    """The parent's first message: which camera. Raises ProtocolError."""
    first = pipes.receive()
    request = read_camera_request(first[0]) if first else None
    if not isinstance(request, OpenCamera):
        raise ProtocolError("no camera named")
    return request


def serve(camera: Camera) -> int:
    """Open the camera, close the cage, serve until the parent closes its end or the camera is lost: exit status."""
    camera.open()
    if camera.state is not DeviceState.ready:
        return UNUSABLE_STATUS if camera.state is DeviceState.failed else LOST_STATUS
    # Everything the loop uses, once, while files may still be opened.
    encode(CapturedFrame(PictureShape(1, 1)))
    read_camera_request(encode(WantFrame()))
    confinement = confine(Purpose.camera)
    if _next_frame(camera, confinement, quiet=True) is None:
        return LOST_STATUS
    while True:
        _send_life(camera, confinement)
        readable, _, _ = select.select([pipes.INPUT], [], [], _TURN)
        if not _ready(camera):
            return LOST_STATUS
        if not readable:
            continue
        request = pipes.receive()
        if request is None:
            return 0
        if not isinstance(read_camera_request(request[0]), WantFrame):
            raise ProtocolError("a camera is open already")
        frame = _next_frame(camera, confinement)
        if frame is None:
            return LOST_STATUS
        height, width = frame.pixels.shape[:2]
        pipes.send(encode(CapturedFrame(PictureShape(width, height))), frame.pixels.tobytes())


def _ready(camera: Camera) -> bool:
    return camera.state is DeviceState.ready


def _next_frame(camera: Camera, confinement: Confinement, *, quiet: bool = False) -> Frame | None:
    """The next frame, with signs of life while it is awaited; None where the camera is lost."""
    patience = time.monotonic() + _PATIENCE
    while _ready(camera) and time.monotonic() < patience:
        frame = camera.frame(_TURN)
        if frame is not None:
            return frame
        if not quiet:
            _send_life(camera, confinement)
    return None


def _send_life(camera: Camera, confinement: Confinement) -> None:
    problems = []
    while camera.problems:
        problem = camera.problems.popleft()
        problems.append(CameraProblem(problem.fault, problem.detail[:200], problem.at))
    pipes.send(encode(Capturing(confinement, problems)))


def main() -> int:
    """Open the camera that the parent names, and serve it."""
    cage.enter(int(sys.argv[1]), ADDRESS_SPACE)
    wanted = order()
    try:
        camera = OpenCvCamera(wanted.name, wanted.source, reopen=False)
    except DeviceError:
        return UNUSABLE_STATUS
    return serve(camera)


if __name__ == "__main__":
    try:
        status = main()
    except (ProtocolError, BrokenPipeError):
        status = 1
    # Not sys.exit: a native capture thread may be inside a read that nothing ends, and there is nothing to save.
    cage.leave(status)
