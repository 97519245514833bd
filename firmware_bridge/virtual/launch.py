"""Handles on virtual devices: start a twin's process, tell it what to do, end it."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

import firmware_bridge
from firmware_bridge.errors import TwinFailed
from firmware_bridge.virtual.wire import Wire

_log = logging.getLogger(__name__)

START_TIMEOUT = 30.0
"""Seconds for a twin's interpreter to come up on a busy machine."""
PLUG_TIMEOUT = 15.0
"""Seconds for a twin to do what it was told, likewise."""
STOP_TIMEOUT = 3.0


class Twin:
    """One twin's process. Raises TwinFailed when it does not start, or is told something after it died."""

    module = ""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def _arguments(self) -> list[str]:
        raise NotImplementedError

    def _command(self) -> list[str]:
        return [sys.executable, "-m", self.module, *self._arguments()]

    def _launch(self) -> bytes:
        """Start the process; give the line it prints when it is ready."""
        if self._process is not None:
            raise TwinFailed(self.module, "runs already")
        package_home = str(Path(firmware_bridge.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [package_home, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the parent; twins go when their standard input ends
        )
        line = self._answer(START_TIMEOUT)
        if not line:
            self.stop()
            raise TwinFailed(self.module, "did not start")
        return line

    def _answer(self, seconds: float) -> bytes:
        """The next line it prints; empty when it does not, or has ended."""
        stdout = self._process.stdout if self._process is not None else None
        if stdout is None or not select.select([stdout], [], [], seconds)[0]:
            return b""
        return stdout.readline()

    def _tell(self, command: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            raise TwinFailed(self.module, "is not running")
        try:
            process.stdin.write(msgspec.json.encode(command) + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise TwinFailed(self.module, str(error)) from error

    def stop(self) -> None:
        """End the process: asked first, killed if it does not answer. Nothing happens if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was still to be written has nowhere to go
                    pass
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            _log.warning("twin %s had to be killed", self.module)
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.stop()

    def start(self) -> Self:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _PortTwin(Twin):
    """A device on a pseudo-terminal: `link` is the path the driver opens."""

    def __init__(self, link: Path, wire: Wire | None = None) -> None:
        super().__init__()
        self.link = link
        self.wire = wire or Wire()

    def _arguments(self) -> list[str]:
        return ["--link", str(self.link), "--wire", msgspec.json.encode(self.wire).decode()]

    def start(self) -> Self:
        self._launch()
        return self

    def unplug(self) -> None:
        """Take the port away, and whatever was on its way. Returns when it is gone."""
        self._tell({"unplug": True})
        self._until(lambda: not self.link.is_symlink(), "unplug")

    def plug(self) -> None:
        """Bring the port back under another number. Returns when it is there."""
        self._tell({"plug": True})
        self._until(self.link.exists, "plug")

    def stop(self) -> None:
        super().stop()
        # A killed twin leaves its link behind, and the number it points to will be another program's terminal.
        if self.link.is_symlink():
            self.link.unlink(missing_ok=True)

    def _until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PLUG_TIMEOUT
        while not done():
            if time.monotonic() >= deadline:
                raise TwinFailed(self.module, f"did not {what}")
            time.sleep(0.002)


class SerialTwin(_PortTwin):
    """A reader: what it reads is emitted."""

    module = "firmware_bridge.virtual.serial_twin"

    def emit(self, raw: bytes, pace: float | None = None) -> None:
        """Send bytes as the device would, `pace` bytes per second (None: at once), when a driver is there.

        Returns at once; emissions keep their order.
        """
        self._tell({"emit": raw, "pace": pace})


class PrinterTwin(_PortTwin):
    """A slip printer: slips are `slip-0001.png` and so on in `folder`. `wire` damages what it answers.

    `after`: a command takes effect when so many more rows have been printed; 0: within a few milliseconds.
    """

    module = "firmware_bridge.virtual.printer_twin"

    def __init__(
        self, link: Path, folder: Path, wire: Wire | None = None, *, dots: int = 576, speed: float = 0.0
    ) -> None:
        """`dots`: printable dots a row. `speed`: rows a second, 0 for as fast as it goes."""
        super().__init__(link, wire)
        self.folder = folder
        self.dots = dots
        self.speed = speed

    def _arguments(self) -> list[str]:
        own = ["--folder", str(self.folder), "--dots", str(self.dots), "--speed", str(self.speed)]
        return [*super()._arguments(), *own]

    def slips(self) -> list[Path]:
        """What it has cut, in order."""
        return sorted(self.folder.glob("slip-*.png"))

    def paper(self, state: Literal["ok", "low", "out"], after: int = 0) -> None:
        self._tell({"paper": state, "after": after})

    def cover(self, state: Literal["open", "closed"], after: int = 0) -> None:
        self._tell({"cover": state, "after": after})

    def mute(self, on: bool = True, after: int = 0) -> None:
        """It goes on printing, but answers nothing."""
        self._tell({"mute": on, "after": after})

    def unplug_after(self, rows: int) -> None:
        """Take the port away in the midst of a slip, when so many more rows have been printed. Returns at once."""
        self._tell({"unplug": True, "after": rows})


class CameraTwin(Twin):
    """A network camera on the loopback interface; it keeps its port over stop and start."""

    module = "firmware_bridge.virtual.camera_twin"

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.port = port
        self.url = ""

    def _arguments(self) -> list[str]:
        return ["--port", str(self.port)]

    def start(self) -> Self:
        answer = msgspec.json.decode(self._launch(), type=dict[str, str])
        self.url = answer["url"]
        self.port = int(self.url.rsplit(":", 1)[1].split("/", 1)[0])
        return self

    def show(self, paths: Sequence[Path | str], fps: float = 15) -> None:
        """Show these JPEG files over and over; none: a grey picture. Takes effect within a few milliseconds."""
        self._tell({"show": [str(Path(path).resolve()) for path in paths], "fps": fps})
