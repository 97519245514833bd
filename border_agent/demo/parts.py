"""What every part of the demo's world is made of: processes that are started, waited for, and ended in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from border_agent.errors import BorneError

READY_SECONDS = 60.0


class DemoFailed(BorneError):
    """A part of the demo did not come up, or did not do its work in time."""

    code = "demo.failed"


def spawn(log: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A `borne` command in a process of its own, its output in a log. `environment` is added to this one's."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "border_agent.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is for the demo, which ends them in order
        )


def end(process: subprocess.Popen[bytes] | None) -> None:
    """End a process as a service manager would."""
    if process is None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path) -> str:
    """The end of a log."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-2000:]
    except OSError as error:
        return str(error)


def write_private(path: Path, data: bytes) -> None:
    """A file that nobody else reads, not even between creation and a later chmod."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)


def private_pem(key: object) -> bytes:
    """A private key as PEM without a password."""
    pem: bytes = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


def today() -> date:
    """The day of the demo, UTC: the agent's own."""
    return date.fromtimestamp(time.time())
