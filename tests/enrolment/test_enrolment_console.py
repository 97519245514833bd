"""The officers' pages show a renewed certificate without being started again."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from enrolment_kit import AT, DAY, TrialCentre, TrialDevice

from border_agent.console.server import _tls


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    with context.wrap_socket(connection, server_side=True) as wire:
                        wire.recv(1)
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def shown(port: int, name: str | None) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        wire = context.wrap_socket(plain, server_hostname=name) if name else context.wrap_socket(plain)
        with wire:
            found = wire.getpeercert(binary_form=True)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["poste.garoua.lan", None], ids=["by name", "by address"])
def test_a_renewed_certificate_serves_at_once(centre: TrialCentre, device: TrialDevice, name: str | None) -> None:
    def on_disk() -> bytes:
        certificate = device.enrolled.server_certificate()
        assert certificate is not None
        return certificate.public_bytes(Encoding.DER)

    device.install(centre.enrol(device.request()))
    file: Path = device.folder / "tls" / "server.pem"
    with serving(_tls(file, device.folder / "keys" / "server.key")) as port:
        first = on_disk()
        assert shown(port, name) == first
        device.install(centre.enrol(device.request(), AT + DAY), AT + DAY)
        shown(port, name)
        assert on_disk() != first
        assert shown(port, name) == on_disk()
        file.write_text("rubbish")
        shown(port, name)
        assert shown(port, name) != first, "what was loaded goes on serving"
