"""A private PostgreSQL on a socket in a temporary folder, for tests; nothing of it is on the network."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
_START_SECONDS = 60.0


def installed() -> bool:
    """Whether there is a PostgreSQL here to start."""
    return bool(_BINARIES) or shutil.which("initdb") is not None


def require_postgres() -> None:
    """Skip where Debian's package `postgresql` is not installed."""
    if not installed():
        pytest.skip("PostgreSQL is not installed here; Debian's package is `postgresql`")


class Cluster:
    """A server with its data in a folder. The user who runs the tests may do everything there, without a password."""

    def __init__(self, *wrapper: str) -> None:
        """`wrapper`: a command that runs the server's command, in a mount namespace say."""
        # Not in pytest's folder, where only its own user may go, and a socket's path is short.
        self.folder = folder = Path(tempfile.mkdtemp(prefix="borne-pg-"))
        self.data = folder / "data"
        self.socket = folder / "socket"
        self.log = folder / "server.log"
        self._wrapper = wrapper
        self._server: subprocess.Popen[bytes] | None = None
        self._free: list[str] = []
        for made in (self.data, self.socket):
            made.mkdir(mode=0o700)
        # PostgreSQL does not run as root: then somebody else is its owner, who needs a way in.
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres" if _known("postgres") else "nobody")
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            for made in (folder, self.data, self.socket):
                os.chown(made, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "-D", self.data, "-U", "borne", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
            "--data-checksums",
        )  # fmt: skip
        (self.data / "postgresql.auto.conf").write_text(
            f"listen_addresses = ''\nunix_socket_directories = '{self.socket}'\nunix_socket_permissions = 0777\n"
            "max_connections = 60\nshared_buffers = 32MB\nmin_wal_size = 32MB\nmax_wal_size = 64MB\n"
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [*self._wrapper, str(_program("postgres")), "-D", str(self.data)]
        with self.log.open("ab") as log:
            # A wrapper may need more rights; it gives them up by itself.
            self._server = subprocess.Popen(command, stdout=log, stderr=log, **({} if self._wrapper else self._as))
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                assert self._server.poll() is None, self.log.read_text()[-2000:]
                assert time.monotonic() < deadline, self.log.read_text()[-2000:]
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT in order, SIGQUIT at once, without a checkpoint."""
        if self._server is not None:
            # Of a wrapper that gave its process over to the server, this is the server.
            self._server.send_signal(how)
            self._server.wait(_START_SECONDS)
            self._server = None

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def url(self, database: str) -> str:
        return f"postgresql://borne@/{database}?host={self.socket}"

    def fresh(self) -> str:
        """The address of an empty database."""
        if self._free:
            name = self._free.pop()
            self.disconnect(self.url(name))
            # Much quicker than another database, which is a checkpoint each time.
            self.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", database=name)
        else:
            name = f"centre_{secrets.token_hex(6)}"
            self.run(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def give_back(self, url: str) -> None:
        """The database of this address may be emptied and used again."""
        self._free.append(_name(url))

    def disconnect(self, url: str) -> None:
        """End every connection to the database of this address, from the server's side."""
        self.run(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{_name(url)}'")

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Statements of the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def _run(self, program: str, *arguments: object) -> None:
        command: Sequence[str] = [str(_program(program)), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **self._as)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr + done.stdout


def _program(name: str) -> Path:
    return _BINARIES[-1] / name if _BINARIES else Path(shutil.which(name) or name)


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
