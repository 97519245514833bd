"""Serving the console by HTTPS, in a thread of the agent's process."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from border_agent.config import Config
from border_agent.console.app import Console
from border_agent.console.errors import ConsoleUnusable
from border_agent.console.patience import PatientProtocol

_log = logging.getLogger(__name__)

START_SECONDS = 15.0
STOP_SECONDS = 2.0
PORT_FILE = "console.port"
MOST_CONNECTIONS = 400


class ConsoleServer:
    """The console of one agent on its address. Where any port will do, the file `console.port` beside the
    configuration says which."""

    def __init__(self, console: Console, config: Config) -> None:
        assert config.console is not None
        self._section = config.console
        self._certificate = config.path(config.console.certificate)
        self._key = config.path(config.console.key)
        self._port_file = config.path(PORT_FILE)
        self._server = uvicorn.Server(
            uvicorn.Config(
                console.app,
                http=PatientProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=30,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=16384,
                ssl_context_factory=self._context,
            )
        )
        self._live = console.live
        self._thread: threading.Thread | None = None
        self.port = 0

    def start(self) -> None:
        """Listen, and return once requests are answered. Raises ConsoleUnusable."""
        listener = self._listen()
        self.port = int(listener.getsockname()[1])
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="console", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ConsoleUnusable(self._section.listen, "the server did not start")
            time.sleep(0.01)
        if not self._section.port:  # a fixed one is in the configuration, beside which a service may not write
            self._port_file.write_text(f"{self.port}\n", encoding="ascii")
        _log.info("the console listens on https://%s:%d", self._section.names[0], self.port)

    def stop(self) -> None:
        """Stop answering; streams under way end."""
        self._live.close()
        deadline = time.monotonic() + STOP_SECONDS
        while self._live.streams and time.monotonic() < deadline:
            time.sleep(0.01)
        self._server.should_exit = True
        self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        if not self._section.port:
            self._port_file.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        # Asked before anything listens: a thread that dies of it would only say that it did not start.
        _tls(self._certificate, self._key)
        family = socket.AF_INET6 if ":" in self._section.listen else socket.AF_INET
        # Named as TCP, so that asyncio turns off Nagle's algorithm: answers would wait 40 ms for acknowledgements.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._section.listen, self._section.port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            raise ConsoleUnusable(f"{self._section.listen}:{self._section.port}", str(error)) from None
        return listener

    def _context(self, config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        return _tls(self._certificate, self._key)


def _tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConsoleUnusable(str(certificate), str(error)) from None
    context.sni_callback = _Renewed(certificate, key)
    return context


class _Renewed:
    """At each handshake: a certificate that was renewed meanwhile serves from the next one on, without a restart."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._loaded = certificate.stat().st_mtime_ns

    def __call__(self, _connection: ssl.SSLObject, _name: str | None, context: ssl.SSLContext) -> None:
        try:
            written = self._certificate.stat().st_mtime_ns
            if written != self._loaded:
                self._loaded = written
                context.load_cert_chain(self._certificate, self._key)
                _log.info("the console's certificate was renewed")
        except (OSError, ssl.SSLError) as error:
            # What is loaded goes on serving.
            _log.error("the console's new certificate is no good: %s", error)
