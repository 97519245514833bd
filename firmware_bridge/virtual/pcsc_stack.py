"""The true PC/SC daemon with a virtual reader, for tests and the demo: `pcscd` and `vpcd` from Debian, shut away.

    with PcscStack() as stack:
        os.environ.update(stack.environment)            # where clients find the daemon
        card = stack.launch([sys.executable, "-m", "..."])   # what plays the card, inside with the reader
        ...                                             # PcscReader("reader") sees it

Needs Linux namespaces: root has them, others where the kernel grants user namespaces. `obstacle()` says what is
missing. libpcsclite looks at the environment once in a process: a process knows one stack.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from firmware_bridge.errors import TwinFailed
from firmware_bridge.virtual.launch import PLUG_TIMEOUT, Twin
from firmware_bridge.virtual.pcsc_room import SOCKET, Command

VPCD_DRIVER = Path("/etc/reader.conf.d/vpcd")
READER = "Virtual PCD 00 00"
"""PC/SC's name of the reader cards are laid on."""

_PROGRAMS = ("pcscd", "unshare", "nsenter", "setpriv", "mount")


class PcscStack(Twin):
    """The daemon's process and its room. Raises TwinFailed where it does not start."""

    module = "firmware_bridge.virtual.pcsc_room"

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None

    @staticmethod
    def obstacle() -> str:
        """Why no stack can be started here; empty where it can."""
        missing = [program for program in _PROGRAMS if shutil.which(program) is None]
        if missing:
            return f"no {', '.join(missing)} on this machine"
        if not VPCD_DRIVER.exists():
            return "vsmartcard-vpcd is not installed"
        tried = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
        return f"namespaces are not allowed here: {tried.stderr.strip()}" if tried.returncode else ""

    @property
    def environment(self) -> dict[str, str]:
        """What a client's process must have in its environment before its first call."""
        if self._folder is None:
            raise TwinFailed(self.module, "is not running")
        return {"PCSCLITE_CSOCK_NAME": str(self._folder / SOCKET)}

    def start(self) -> Self:
        folder = Path(tempfile.mkdtemp(prefix="pcsc-"))  # short: a socket's path has 107 characters at most
        folder.chmod(0o755)
        self._folder = folder
        answer = self._launch().decode(errors="replace").strip()
        if answer != "ready":
            self.stop()
            raise TwinFailed(self.module, answer)
        return self

    @property
    def entering(self) -> list[str]:
        """What to write before a command so that it runs in the reader's network, and ends with the stack."""
        entering = ["nsenter", "--target", str(self._inner()), "--net", "--pid"]
        if os.geteuid():
            entering += ["--user", "--preserve-credentials"]
        return [*entering, "--", "setpriv", "--pdeathsig", "KILL"]  # nsenter stays in between

    def kill_daemon(self) -> None:
        """As a crash would. Cards that lie on the reader fall off it."""
        self._ask(Command(daemon=False))

    def start_daemon(self) -> None:
        """Returns when it answers."""
        self._ask(Command(daemon=True))

    def launch(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process in there, standard input and output piped."""
        return subprocess.Popen(
            [*self.entering, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    def stop(self) -> None:
        super().stop()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _command(self) -> list[str]:
        return [*_unshare(), *super()._command()]

    def _arguments(self) -> list[str]:
        return ["--folder", str(self._folder)]

    def _ask(self, command: Command) -> None:
        self._tell(msgspec.to_builtins(command))
        if self._answer(PLUG_TIMEOUT).strip() != b"done":
            raise TwinFailed(self.module, "did not do as it was told")

    def _inner(self) -> int:
        """The first process of the room, as numbered out here."""
        try:
            return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])
        except (OSError, IndexError) as error:
            raise TwinFailed(self.module, "is not running") from error


def _unshare() -> list[str]:
    own = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
    return [*own, "--user", "--map-root-user"] if os.geteuid() else own
