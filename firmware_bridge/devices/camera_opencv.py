"""Cameras through OpenCV: a local one (V4L2) or one on the post's own network (MJPEG over HTTP).

Wire format of a network camera: HTTP answer of type multipart/x-mixed-replace, each part one JPEG picture with its
Content-Length. There OpenCV (FFmpeg) is made to hand over the parts as they are: `framing/jpeg.py` looks at each
before a decoder does, and pictures nobody waits for are never decoded. Other sources arrive decoded.

Confinement: the agent runs this driver in a process that gives up files and sockets once `open()` has returned.
So everything a frame needs is opened and warmed up there, and the thread that reads frames starts with the first
`frame()` only: a thread inherits the system-call filter of the one that starts it. Such a process sets
`reopen=False`, because a lost camera cannot be opened from inside; its parent starts a new one.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from firmware_bridge.devices.condition import Backoff, Condition
from firmware_bridge.errors import DeviceMisconfigured
from firmware_bridge.framing.jpeg import jpeg_size
from firmware_bridge.roles import DeviceState, Fault, Frame

MAX_PICTURE = 8 * 1024 * 1024
"""Bytes of one encoded picture."""

_FALSE_READS = 5  # one false read is a bad picture; so many in a row are a dead camera
_PAUSE = 0.02
_BACKLOG = 1.0  # a stream nobody read for so long is full of old pictures
_environment = threading.Lock()


class OpenCvCamera:
    """A camera; see `firmware_bridge.roles.Camera`. Frames are the newest there are: the others are dropped."""

    def __init__(
        self,
        name: str,
        source: int | str,
        *,
        size: tuple[int, int] | None = None,
        max_size: tuple[int, int] = (4096, 4096),
        open_timeout: float = 5.0,
        read_timeout: float = 3.0,
        reopen: bool = True,
    ) -> None:
        """`source`: device index, path, or URL. `size`: width and height to ask of a local camera, pixels.

        Larger frames than `max_size` are dropped and reported. Time-outs in seconds. `reopen`: look for the camera
        again after a loss. Raises DeviceMisconfigured.
        """
        if source == "" or (isinstance(source, int) and source < 0):
            raise DeviceMisconfigured(name, "no such source")
        self.source = source
        self._size = size
        self._max_size = max_size
        self._open_timeout = open_timeout
        self._read_timeout = read_timeout
        self._reopen = reopen
        self._condition = Condition(name)
        self.problems = self._condition.problems
        self._backoff = Backoff()
        self._changed = threading.Condition()
        self._stop: threading.Event | None = None  # ends the opening in force; None while closed
        self._waiting: cv2.VideoCapture | None = None  # opened, and the thread has not started yet
        self._opened_at = 0.0
        self._thread: threading.Thread | None = None
        self._wanted = False
        self._latest: Frame | None = None

    @property
    def name(self) -> str:
        return self._condition.name

    @property
    def state(self) -> DeviceState:
        return self._condition.state

    def open(self) -> None:
        """Look for the camera once, for at most `open_timeout` seconds. After it no file or socket is needed."""
        with self._changed:
            if self._stop is not None:
                return
            self._stop = threading.Event()
        _warm_up()
        self._waiting = self._attempt()
        self._opened_at = time.monotonic()

    def close(self) -> None:
        with self._changed:
            stop, thread = self._stop, self._thread
            capture, self._waiting = self._waiting, None
            self._stop = self._thread = self._latest = None
            self._changed.notify_all()
        if stop is None:
            return
        stop.set()
        if capture is not None:
            capture.release()
        if thread is not None:
            # A read under way ends by its own time-out, and the thread then lets go of the camera.
            thread.join(max(self._open_timeout, self._read_timeout) + 1.0)
        self._condition.become(DeviceState.absent, "closed", logging.INFO)

    def frame(self, timeout: float) -> Frame | None:
        with self._changed:
            stop = self._stop
            if stop is None:
                return None
            if self._thread is None:
                capture, self._waiting = self._waiting, None
                self._thread = threading.Thread(
                    target=self._run, args=(stop, capture), name=f"camera-{self.name}", daemon=True
                )
                self._thread.start()
            self._wanted = True
            self._changed.wait_for(lambda: self._latest is not None or self._stop is not stop, timeout)
            self._wanted = False
            frame, self._latest = self._latest, None
            return frame

    def _run(self, stop: threading.Event, capture: cv2.VideoCapture | None) -> None:
        try:
            if capture is not None and self._reopen and time.monotonic() - self._opened_at > _BACKLOG:
                capture.release()
                capture = self._attempt()
            while not stop.is_set():
                if capture is not None:
                    self._read_on(capture, stop)
                    capture.release()
                    capture = None
                    self._backoff.failed()
                    if not stop.is_set():
                        self._condition.become(DeviceState.absent, "no more pictures")
                elif not self._reopen:
                    stop.wait()
                elif not stop.wait(max(0.0, self._backoff.due - time.monotonic())):
                    capture = self._attempt()
        finally:
            if capture is not None:
                capture.release()
            if not stop.is_set():  # an exception: a camera without its thread must not look ready
                self._condition.become(DeviceState.failed, "its thread ended")

    def _read_on(self, capture: cv2.VideoCapture, stop: threading.Event) -> None:
        """Take pictures until the camera is lost; keeps up with it whether or not anybody wants them."""
        encoded = capture.get(cv2.CAP_PROP_FORMAT) == -1
        false_reads = 0
        last_good = time.monotonic()
        while not stop.is_set():
            grabbed = capture.grab()
            now = time.monotonic()
            if not grabbed:
                false_reads += 1
                if false_reads >= _FALSE_READS or now - last_good >= self._read_timeout:
                    return
                stop.wait(_PAUSE)
                continue
            false_reads, last_good = 0, now
            if not self._wanted:
                continue
            pixels = self._picture(capture, encoded)
            if pixels is None:
                continue
            self._backoff.succeeded()
            with self._changed:
                if self._wanted and not stop.is_set():
                    self._latest = Frame(pixels, self.name, now)
                    self._changed.notify_all()

    def _picture(self, capture: cv2.VideoCapture, encoded: bool) -> npt.NDArray[np.uint8] | None:
        """The picture just grabbed; None (and a report) if it is torn or too large."""
        try:
            _, data = capture.retrieve()
            if encoded and data is not None and data.size <= MAX_PICTURE:
                claimed = jpeg_size(data.tobytes())
                if claimed is not None and not self._fits(*claimed):
                    return None
                flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
                data = cv2.imdecode(data, flags) if claimed is not None else None
        except cv2.error:
            data = None
        if data is None or data.ndim != 3 or data.shape[2] != 3 or data.dtype != np.uint8:
            self._condition.report(Fault.frame_torn, "a picture that is not whole")
            return None
        pixels: npt.NDArray[np.uint8] = data
        return pixels if self._fits(pixels.shape[1], pixels.shape[0]) else None

    def _fits(self, width: int, height: int) -> bool:
        if width <= self._max_size[0] and height <= self._max_size[1]:
            return True
        self._condition.report(Fault.frame_too_large, f"{width} x {height} pixels")
        return False

    def _attempt(self) -> cv2.VideoCapture | None:
        with _settings(self.source, self._read_timeout):
            capture = self._video_capture()
        if not capture.isOpened():
            self._backoff.failed()
            if not self._device_exists():
                self._condition.become(DeviceState.absent, "does not open")
            elif self._condition.become(DeviceState.failed, "is there, but does not open"):
                self._condition.report(Fault.unusable, "held by another program, not permitted, or no camera")
            return None
        self._condition.become(DeviceState.ready, level=logging.INFO)
        return capture

    def _video_capture(self) -> cv2.VideoCapture:
        if isinstance(self.source, str) and not self.source.startswith("/dev/"):
            return cv2.VideoCapture(self.source, cv2.CAP_FFMPEG, self._ffmpeg_properties())
        capture = cv2.VideoCapture(self.source, cv2.CAP_V4L2)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if self._size is not None:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        return capture

    def _device_exists(self) -> bool:
        if isinstance(self.source, int):
            return Path(f"/dev/video{self.source}").exists()
        return self.source.startswith("/dev/") and Path(self.source).exists()

    def _ffmpeg_properties(self) -> list[int]:
        # One decoding thread: FFmpeg's frame threads would each hold a frame back.
        properties = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(self._open_timeout * 1000)),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(self._read_timeout * 1000)),
            *(cv2.CAP_PROP_N_THREADS, 1),
        ]
        if _is_http(self.source):
            properties += [cv2.CAP_PROP_FORMAT, -1]  # the JPEG pictures themselves
        return properties


def _is_http(source: int | str) -> bool:
    return isinstance(source, str) and source.startswith(("http://", "https://"))


@contextmanager
def _settings(source: int | str, read_timeout: float) -> Iterator[None]:
    """What OpenCV and FFmpeg take from the environment only, for as long as a camera is being opened."""
    wanted = {
        # The driver logs changes of state; the libraries would write every attempt to standard error.
        "OPENCV_FFMPEG_LOGLEVEL": "-8",
        "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": str(math.ceil(read_timeout)),
        "no_proxy": "*",  # a camera stands in this post; no proxy has business with its pictures
    }
    if _is_http(source):
        # FFmpeg guesses formats by content; a playlist from a bad camera would have it fetch what that names.
        wanted["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = (
            "input_format;mpjpeg|protocol_whitelist;http,https,tls,tcp|max_redirects;0"
        )
    with _environment:
        before = {key: os.environ.get(key) for key in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


def _warm_up() -> None:
    """Let OpenCV do now what it does on first use of a decoder, and be silent."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    _, encoded = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))
    cv2.imdecode(encoded, cv2.IMREAD_COLOR)
