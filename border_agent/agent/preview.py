"""The picture the traveller sees of themselves: raw frames of the face camera, while it is their turn at it.

Raw, because nothing is decoded in the process that holds the keys, and fifteen frames a second need not be encoded.
Not before the face step and not after it: whoever stands in the hall is no picture of ours.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

import numpy as np

from border_agent.agent.desk import Desk, NoSuchInspection
from border_agent.decoding import Picture
from border_agent.decoding.camera import CameraProcess
from border_agent.errors import BorneError
from border_agent.inspection.evidence import Step

WIDEST, TALLEST = 640, 1280
"""Pixels; a larger frame is thinned out, every second or third pixel of it."""
MOST = 2
"""Previews of one inspection at a time."""
FRAME_SECONDS = 1 / 15
WAIT_SECONDS = 0.25
"""Longest wait for a frame: the preview ends so soon after the step."""
SILENT_SECONDS = 5.0
"""A camera that gives no frame for so long has no preview; it may be asked for again."""


class PreviewClosed(BorneError):
    """The inspection is not at its face step, and nobody is shown."""

    code = "preview.closed"


class PreviewTaken(BorneError):
    """As many previews of this inspection are open as there may be."""

    code = "preview.taken"


class Previews:
    """Hands out previews. Calls may come from any thread."""

    def __init__(self, desk: Desk, camera: CameraProcess | None) -> None:
        self._desk = desk
        self._camera = camera
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    def open(self, inspection: str) -> Preview:
        """A preview of an inspection. Raises NoSuchInspection, PreviewClosed, PreviewTaken."""
        self._desk.case(inspection)
        if self._camera is None or not self.wanted(inspection):
            raise PreviewClosed(inspection)
        with self._lock:
            if self._open[inspection] >= MOST:
                raise PreviewTaken(inspection)
            self._open[inspection] += 1
        return Preview(self, inspection, self._camera)

    def wanted(self, inspection: str) -> bool:
        """Whether this inspection is collecting and at its face step."""
        try:
            return self._desk.case(inspection).step is Step.FACE
        except NoSuchInspection:
            return False

    def give_back(self, inspection: str) -> None:
        """A preview has ended."""
        with self._lock:
            self._open[inspection] -= 1
            self._open += Counter()  # forgets what is at nought


class Preview:
    """One preview: frames, until it is over. Calls come from one thread at a time; whoever opened it closes it."""

    def __init__(self, previews: Previews, inspection: str, camera: CameraProcess) -> None:
        self._previews = previews
        self._inspection = inspection
        self._camera = camera
        self._closed = False
        self._shown_at = self._due = time.monotonic()

    def frame(self) -> Picture | None:
        """The next frame; None where the preview is over."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        while time.monotonic() - self._shown_at < SILENT_SECONDS and self._previews.wanted(self._inspection):
            asked_at = time.monotonic()
            picture = self._camera.latest(WAIT_SECONDS)
            if picture is None and time.monotonic() - asked_at < WAIT_SECONDS:
                return None  # the camera does not wait any more: the agent goes down
            if picture is not None and self._previews.wanted(self._inspection):
                self._shown_at = time.monotonic()
                # By the clock and not by the last frame: of a camera with this very rate every second one was missed.
                self._due = max(self._due, self._shown_at - FRAME_SECONDS) + FRAME_SECONDS
                return thinned(picture)
        return None

    def close(self) -> None:
        """Let another one have its place. Harmless when it is closed."""
        if not self._closed:
            self._closed = True
            self._previews.give_back(self._inspection)


def thinned(picture: Picture) -> Picture:
    """The picture with every n-th pixel of every n-th row, so that it fits."""
    stride = max(-(-picture.width // WIDEST), -(-picture.height // TALLEST))
    if stride <= 1:
        return picture
    pixels = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width, 3)[::stride, ::stride]
    return Picture(pixels.shape[1], pixels.shape[0], pixels.tobytes())
