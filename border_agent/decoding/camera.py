"""`CameraProcess`: a camera whose capture loop runs in a cage of its own.

What a camera or its network sends is decoded by OpenCV and FFmpeg; that happens in a child that, once the capture is
open, can neither open a file nor a connection. The child ends when the camera is lost and is started again, with
pauses that grow from half a second to ten.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final

from border_agent.decoding.child import Child, ChildGoneError, ChildLateError
from border_agent.decoding.patience import PATIENCE
from border_agent.decoding.protocol import (
    LOST_STATUS,
    CapturedFrame,
    Capturing,
    OpenCamera,
    ProtocolError,
    WantFrame,
    encode,
    read_camera_reply,
)
from border_agent.decoding.values import Confinement, Picture
from firmware_bridge.roles import PROBLEMS_KEPT, DeviceProblem, DeviceState

_log = logging.getLogger(__name__)

_MODULE: Final = "border_agent.decoding.camera_child"
_OPEN_SECONDS: Final = 20.0 * PATIENCE
"""From start to the first frame: libraries, the driver's own time-out, and the first exposure."""
_SILENCE_SECONDS: Final = 5.0 * PATIENCE
"""A child that gives no sign of life for so long (it gives one a second) hangs, and is ended."""
_SEND_SECONDS: Final = 1.0 * PATIENCE
_PAUSE_FIRST: Final = 0.5
_PAUSE_LONGEST: Final = 10.0
_STEADY_SECONDS: Final = 30.0
"""A child that captured for so long is followed by the next after the first, shortest pause."""


class CameraProcess:
    """One camera. `start` returns at once; `latest` may be called from any thread."""

    def __init__(self, name: str, source: str | int, *, command: Sequence[str] | None = None) -> None:
        """`source`: device number, path or address. `command` replaces the child's program."""
        self.name = name
        self.problems: deque[DeviceProblem] = deque(maxlen=PROBLEMS_KEPT)
        """What the driver reported, newest last; whoever drains it uses `popleft()`."""
        self._source = source
        self._command = command
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: Child | None = None
        self._state = DeviceState.absent
        self._reason = ""
        self._confinement = Confinement.none
        self._asked = False
        self._frames = 0
        self._newest: Picture | None = None
        self._starts = 0

    @property
    def state(self) -> DeviceState:
        """`ready` while frames come; `failed` where the camera cannot be used or its child dies."""
        return self._state

    @property
    def confinement(self) -> Confinement:
        """What holds the capture loop; `none` until it has been ready once."""
        return self._confinement

    @property
    def starts(self) -> int:
        """How many children have been started, the first included."""
        return self._starts

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child else None

    def memory_bytes(self) -> int:
        """Resident memory of the child; 0 while it does not run."""
        child = self._child
        return child.memory_bytes() if child else 0

    def start(self) -> None:
        """Begin to capture, in the background, until `stop`. Harmless when it has begun."""
        if self._thread is None:
            self._stopping.clear()
            # The kernel ends a child with the *thread* that started it: this one starts them all.
            self._thread = threading.Thread(target=self._keep, name=f"camera-{self.name}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the capture; a `latest` under way returns None."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        with self._changed:
            if self._child is not None:
                self._child.interrupt()
            self._changed.notify_all()
        thread.join()

    def __enter__(self) -> CameraProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def latest(self, timeout: float) -> Picture | None:
        """A frame that no earlier call got, or None after `timeout` seconds; at once when stopped.

        Calls that wait at the same time get the same frame.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            seen = self._frames
            while self._frames == seen:
                rest = deadline - time.monotonic()
                if self._thread is None or rest <= 0:
                    return None
                self._ask()
                self._changed.wait(rest)
            return self._newest

    def _ask(self) -> None:
        """Ask the child for its next frame, unless that has been done. Called with the lock held."""
        if self._child is None or self._asked or self._state is not DeviceState.ready:
            return
        self._asked = True
        # A child that is gone is the keeping thread's business.
        with contextlib.suppress(ChildGoneError, ChildLateError):
            self._child.send(encode(WantFrame()), b"", time.monotonic() + _SEND_SECONDS)

    def _keep(self) -> None:
        pause = _PAUSE_FIRST
        while not self._stopping.is_set():
            begun = time.monotonic()
            self._become(*self._run_child())
            if time.monotonic() - begun > _STEADY_SECONDS:
                pause = _PAUSE_FIRST
            self._stopping.wait(pause)
            pause = min(2 * pause, _PAUSE_LONGEST)
        self._become(DeviceState.absent, "stopped")

    def _run_child(self) -> tuple[DeviceState, str]:
        """One child, from its start to its end: what the camera is then, and why."""
        try:
            child = Child(_MODULE, command=self._command)
        except ChildGoneError as error:
            return DeviceState.failed, str(error)
        self._starts += 1
        with self._changed:
            self._child, self._asked = child, False
        try:
            deadline = time.monotonic() + _OPEN_SECONDS
            child.send(encode(OpenCamera(self.name, self._source)), b"", deadline)
            while not self._stopping.is_set():
                self._take(*child.receive(deadline))
                child.hush()
                deadline = time.monotonic() + _SILENCE_SECONDS
            return DeviceState.absent, "stopped"
        except ChildGoneError as error:
            lost = error.status in (0, LOST_STATUS) or self._stopping.is_set()
            return DeviceState.absent if lost else DeviceState.failed, str(error)
        except (ChildLateError, ProtocolError) as error:
            return DeviceState.failed, str(error)
        finally:
            with self._changed:
                self._child = None
            child.kill()

    def _take(self, message: bytes, attachment: bytes) -> None:
        """One message of the child. Raises ProtocolError."""
        reply = read_camera_reply(message)
        if isinstance(reply, Capturing):
            self._confinement = reply.confinement
            for problem in reply.problems:
                self.problems.append(DeviceProblem(problem.fault, self.name, problem.detail, problem.at))
            self._become(DeviceState.ready, f"capturing, confined by {reply.confinement}")
            return
        picture = _picture(reply, attachment)
        with self._changed:
            self._newest, self._asked = picture, False
            self._frames += 1
            self._changed.notify_all()

    def _become(self, state: DeviceState, reason: str) -> None:
        with self._changed:
            if (state, reason) == (self._state, self._reason):
                return
            self._state, self._reason = state, reason
            self._changed.notify_all()
        _log.info("camera %s is %s: %s", self.name, state, reason)


def _picture(frame: CapturedFrame, attachment: bytes) -> Picture:
    width, height = frame.shape.width, frame.shape.height
    if min(width, height) <= 0 or len(attachment) != width * height * 3:
        raise ProtocolError("a frame of another size than it says")
    return Picture(width, height, attachment)
