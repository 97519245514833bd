"""A virtual network camera: a process that serves MJPEG over HTTP on the loopback interface.

    python -m firmware_bridge.virtual.camera_twin [--port 0]

Prints {"url": "http://127.0.0.1:<port>/video"} when it listens. Takes one JSON object a line on standard input:

    {"show": ["a.jpg", ...], "fps": 15}   these files, over and over
    {"show": []}                          a grey picture: nobody stands there
    {"quit": true}                        as does the end of standard input

Files go out as they are, so a torn or absurd one tests the driver. The wire: multipart/x-mixed-replace, each part
with Content-Type and Content-Length. Like a camera it has no memory: who reads slowly misses pictures.
"""

from __future__ import annotations

import argparse
import io
import logging
import select
import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from firmware_bridge.virtual.commands import PARENT_CHECK, Commands

_log = logging.getLogger(__name__)

IDLE_SIZE = (640, 480)
MAX_FILE = 64 * 1024 * 1024
_BOUNDARY = "borne-frame"


class Command(msgspec.Struct, forbid_unknown_fields=True):
    show: list[str] | None = None
    fps: float = 15.0
    quit: bool = False


class Scene:
    """What stands before the camera; read by every connection's thread."""

    def __init__(self) -> None:
        grey = io.BytesIO()
        Image.new("RGB", IDLE_SIZE, (128, 128, 128)).save(grey, "JPEG")
        self._idle = (grey.getvalue(),)
        self._lock = threading.Lock()
        self._pictures: tuple[bytes, ...] = self._idle
        self._fps = 15.0
        self._since = time.monotonic()

    def show(self, pictures: tuple[bytes, ...], fps: float) -> None:
        with self._lock:
            self._pictures = pictures or self._idle
            self._fps = min(max(fps, 0.1), 120.0)
            self._since = time.monotonic()

    def now(self) -> tuple[bytes, float]:
        """The picture of this moment, and the seconds until the next one."""
        with self._lock:
            passed = (time.monotonic() - self._since) * self._fps
            number = int(passed)
            return self._pictures[number % len(self._pictures)], (number + 1 - passed) / self._fps


class Handler(BaseHTTPRequestHandler):
    """One connection: pictures until the other side goes."""

    scene: Scene

    def setup(self) -> None:
        # A small buffer, so that a reader that pauses misses pictures and does not get old ones.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        super().setup()

    def do_GET(self) -> None:
        if self.path != "/video":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.end_headers()
        try:
            while True:
                picture, pause = self.scene.now()
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                self.wfile.write(head.encode() + picture + b"\r\n")
                time.sleep(pause)
        except OSError:  # the driver closed the connection
            self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are no news."""


def _load(paths: list[str]) -> tuple[bytes, ...]:
    pictures = []
    for path in map(Path, paths):
        if path.stat().st_size > MAX_FILE:
            raise ValueError(f"{path} is larger than {MAX_FILE} bytes")
        pictures.append(path.read_bytes())
    return tuple(pictures)


def _obey(commands: Commands[Command], scene: Scene) -> None:
    """Until told to quit, or until whoever started this is gone."""
    while not commands.ended and not commands.orphaned():
        readable, _, _ = select.select([commands.descriptor], [], [], PARENT_CHECK)
        for command in commands.take() if readable else ():
            if command.quit:
                return
            if command.show is not None:
                try:
                    scene.show(_load(command.show), command.fps)
                except (OSError, ValueError):
                    _log.exception("not shown")


def main() -> None:
    parser = argparse.ArgumentParser(description="a virtual network camera on the loopback interface")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0: any free one")
    arguments = parser.parse_args()
    scene = Scene()
    handler = type("SceneHandler", (Handler,), {"scene": scene})
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/video"
    sys.stdout.write(msgspec.json.encode({"url": url}).decode() + "\n")
    sys.stdout.flush()
    _obey(Commands(sys.stdin.fileno(), Command), scene)
    server.server_close()


if __name__ == "__main__":
    main()
