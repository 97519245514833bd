"""A camera child whose camera is a drawing, for tests: `stub_camera.py MODE FILE PARENT`.

`FILE` exists while the camera is plugged in.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from pathlib import Path

import numpy as np

from border_agent.decoding import cage, camera_child
from firmware_bridge.roles import DeviceProblem, DeviceState, Fault, Frame


class Drawing:
    """Frames of 32 x 24 pixels, each one grey level lighter. In mode `short` the camera is lost after five."""

    def __init__(self, name: str, mode: str, plugged: Path) -> None:
        self.name = name
        self.state = DeviceState.absent
        self.problems: deque[DeviceProblem] = deque()
        self._mode = mode
        self._plugged = plugged
        self._count = 0

    def open(self) -> None:
        if self._mode == "unusable":
            self.state = DeviceState.failed
        elif self._plugged.exists():
            self.state = DeviceState.ready
            self.problems.append(DeviceProblem(Fault.frame_torn, self.name, "one picture", time.monotonic()))

    def close(self) -> None:
        self.state = DeviceState.absent

    def frame(self, timeout: float) -> Frame | None:
        time.sleep(0.01)
        self._count += 1
        if self._mode == "short" and self._count > 5:
            self.state = DeviceState.absent
            return None
        if self._mode == "hangs" and self._count > 2:
            time.sleep(60)
        if self._mode == "escapes":
            try:
                os.close(os.open("/dev/null", os.O_RDONLY))
            except PermissionError:
                self._count = 100
        return Frame(np.full((24, 32, 3), self._count % 256, np.uint8), self.name, time.monotonic())


if __name__ == "__main__":
    cage.enter(int(sys.argv[3]), camera_child.ADDRESS_SPACE)
    order = camera_child.order()
    cage.leave(camera_child.serve(Drawing(order.name, sys.argv[1], Path(sys.argv[2]))))
