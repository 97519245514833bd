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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.centre.errors import AlreadyRunning, BadConfiguration, BadFolder, BadKeyFile, KeysIncomplete
from mqtt_schemas.centre.keys import (
    RoleKeys,
    create_missing,
    create_root,
    has_root,
    issue_document,
    load_root,
    load_root_public,
    ungranted,
)
from mqtt_schemas.keys import KeyRing, public_bytes
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


def renew_keys_document(path: Path, *, root: Path | None = None, at: datetime | None = None) -> int:
    """Sign the keys document anew, with the root in the file `root` or on this machine; returns its version.

    Roles that a newer version added get their keys. Raises BadKeyFile, also for a root that devices do not follow,
    and BadSignature where the present document is not of the root that devices pin.
    """
    folder = CentreFolder(path)
    with folder.database() as database:
        return _renew(folder, database, load_root(path / KEYS, root), at or datetime.now(UTC))


def complete_keys(folder: CentreFolder, database: Database, *, at: datetime | None = None) -> None:
    """Give the roles that a newer version added their keys, where the root lives on this machine.

    Raises KeysIncomplete where it does not: its holders sign the next document (`renew_keys_document`).
    """
    _, signed = keys_document(database)
    missing = ungranted(KeyRing.open(signed, folder.root_public()).document)
    if not missing:
        return
    if not has_root(folder.path / KEYS):
        raise KeysIncomplete(str(folder.path), f"no key for {', '.join(missing)}")
    _renew(folder, database, load_root(folder.path / KEYS), at or datetime.now(UTC))


def _renew(folder: CentreFolder, database: Database, root: Ed25519PrivateKey, at: datetime) -> int:
    version, signed = keys_document(database)
    ring = KeyRing.open(signed, folder.root_public())
    if ring.root != public_bytes(root):
        raise BadKeyFile(str(folder.path), "not the root that signed the present keys document")
    create_missing(folder.path / KEYS, ungranted(ring.document))
    document = issue_document(root, folder.keys(), version + 1, at, ring.document)
    _install(database, document, version + 1, at)
    return version + 1


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
