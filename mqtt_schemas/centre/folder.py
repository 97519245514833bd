"""A data centre's folder: `centre.toml`, `centre.db`, `keys/`.

Paths in `centre.toml` are relative to the folder. A key it does not know is an error: a misspelt setting must
not be a setting silently left out.
"""

from __future__ import annotations

import fcntl
import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.centre.errors import AlreadyRunning, BadConfiguration, BadFolder
from mqtt_schemas.centre.keys import (
    RoleKeys,
    create_root,
    issue_document,
    load_root,
    load_root_public,
)
from mqtt_schemas.messages import Signed, decode, encode

CONFIGURATION = "centre.toml"
DATABASE = "centre.db"
KEYS = "keys"
_LOCK = "centre.lock"

Rate = Annotated[float, Meta(gt=0, le=1000)]
Hours = Annotated[int, Meta(ge=1, le=24 * 366)]


class BrokerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker, and the files of the centre's TLS identity (common name `centre`)."""

    host: Annotated[str, Meta(min_length=1)] = "localhost"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8883
    ca: str = "tls/ca.pem"
    certificate: str = "tls/centre.pem"
    key: str = "tls/centre.key"


class PublishSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How feeds go down."""

    validity_hours: Hours = 72
    """After so long without a newer head a device's list counts as expired."""
    renew_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 60
    """So often a head is signed anew though nothing changed: its age is the line's age."""
    chunks_per_second: Rate = 2.0
    """For each device, beyond the first `chunk_burst`. A device that asks for small chunks has a thin line,
    so this bounds how long its acknowledgements wait in the broker behind chunks."""
    chunk_burst: Annotated[int, Meta(ge=1, le=1000)] = 16


class CentreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`centre.toml`."""

    broker: BrokerSettings = BrokerSettings()
    publish: PublishSettings = PublishSettings()


class CentreFolder:
    """An existing centre's folder. Raises BadFolder or BadConfiguration."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = _load(path / CONFIGURATION)

    def database(self) -> Database:
        """A new connection to the centre's database."""
        return Database(self.path / DATABASE)

    def keys(self) -> RoleKeys:
        """The role keys. Raises BadKeyFile."""
        return RoleKeys.load(self.path / KEYS)

    def root_public(self) -> bytes:
        """The root that devices pin, 32 bytes. Raises BadKeyFile."""
        return load_root_public(self.path / KEYS)

    def file(self, name: str) -> Path:
        """A file that `centre.toml` names."""
        return self.path / name

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold the folder while the centre runs: two would throw each other off the broker.

        Raises AlreadyRunning.
        """
        with self._locked(_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Hold the feeds while a file is imported; another import waits."""
        with self._locked("import.lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        # The kernel lets go of it when the process ends, however it ends.
        handle = os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, how)
            except BlockingIOError:
                raise AlreadyRunning(str(self.path)) from None
            yield
        finally:
            os.close(handle)


def init(
    path: Path,
    broker: BrokerSettings | None = None,
    publish: PublishSettings | None = None,
    *,
    at: datetime | None = None,
) -> bytes:
    """Make a new centre with its keys and a root of its own (demo, pilot); returns the root devices pin.

    Raises BadFolder where the folder holds a centre already, or anything else.
    """
    at = at or datetime.now(UTC)
    settings = CentreSettings(broker=broker or BrokerSettings(), publish=publish or PublishSettings())
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (path / CONFIGURATION).exists() or (path / KEYS).exists():
            raise BadFolder(str(path), "holds a data centre already")
        (path / KEYS).mkdir(mode=0o700)
    except OSError as error:
        raise BadFolder(str(path), str(error)) from None
    root = create_root(path / KEYS)
    document = issue_document(root, RoleKeys.create(path / KEYS), 1, at)
    with Database(path / DATABASE, create=True) as database:
        (path / DATABASE).chmod(0o600)
        _install(database, document, 1, at)
    # Last: with its configuration there, the centre is whole.
    (path / CONFIGURATION).write_text(_toml(settings), encoding="utf-8")
    return load_root_public(path / KEYS)


def keys_document(database: Database) -> tuple[int, Signed]:
    """The newest keys document and its version. Raises BadFolder where there is none."""
    row = database.one("SELECT version, document FROM keys_document ORDER BY version DESC LIMIT 1")
    if row is None:
        raise BadFolder(str(database.path), "no keys document")
    return int(row[0]), decode(Signed, row[1])


def renew_keys_document(path: Path, *, at: datetime | None = None) -> int:
    """Sign the keys document anew with the root on this machine; returns its version. Raises BadKeyFile."""
    folder = CentreFolder(path)
    at = at or datetime.now(UTC)
    with folder.database() as database:
        version = keys_document(database)[0] + 1
        document = issue_document(load_root(path / KEYS), folder.keys(), version, at)
        _install(database, document, version, at)
    return version


def _install(database: Database, document: Signed, version: int, at: datetime) -> None:
    with database.transaction():
        database.execute(
            "INSERT INTO keys_document (version, document, installed_at) VALUES (?, ?, ?)",
            [version, encode(document), stamp(at)],
        )


def _load(path: Path) -> CentreSettings:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadFolder(str(path.parent), f"no {CONFIGURATION} here") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(str(path), str(error)) from None
    try:
        return msgspec.convert(tomllib.loads(text), CentreSettings)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise BadConfiguration(str(path), str(error)) from None


def _toml(settings: CentreSettings) -> str:
    # JSON's strings and numbers are TOML's.
    tables = msgspec.to_builtins(settings)
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())
        for name, table in tables.items()
    )
