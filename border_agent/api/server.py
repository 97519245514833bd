"""Serving the local API on a Unix socket, in a thread of the agent's process."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from border_agent.api.peer import PeerProtocol
from border_agent.errors import BorneError

_log = logging.getLogger(__name__)

START_SECONDS = 15.0


class SocketUnusable(BorneError):
    """The local API cannot listen where the configuration says."""

    code = "api.socket_unusable"


class ApiServer:
    """The local API of one agent. The socket's mode lets members of its group in; rights follow the user id."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._path = path
        config = uvicorn.Config(
            app,
            http=PeerProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=30,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, and return once requests are answered. Raises SocketUnusable."""
        listener = self._listen()
        # The thread is not the main one, so signals stay the agent's business.
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="api", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise SocketUnusable(str(self._path), "the server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop answering; streams under way end."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        self._path.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # A killed agent leaves its socket behind. Another one that still listens there keeps it.
            if self._path.is_socket() and not _answers(self._path):
                self._path.unlink()
            previous = os.umask(0o117)
            try:
                listener.bind(str(self._path))
            finally:
                os.umask(previous)
            listener.listen(64)
        except OSError as error:
            listener.close()
            raise SocketUnusable(str(self._path), str(error)) from None
        return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
