"""A data centre's folder: `centre.toml`, `keys/`, and `centre.db` unless PostgreSQL is the store.

Paths in `centre.toml` are relative to the folder. A key it does not know is an error: a misspelt setting must
not be a setting silently left out.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from mqtt_schemas.centre.database import Database, open_database, stamp
from mqtt_schemas.centre.errors import BadConfiguration, BadFolder, BadKeyFile, KeysIncomplete
from mqtt_schemas.centre.keys import (
    ROLES,
    RoleKeys,
    create_missing,
    create_root,
    has_root,
    issue_document,
    load_root,
    load_root_public,
    pin_root,
    ungranted,
)
from mqtt_schemas.keys import KeyRing, public_bytes
from mqtt_schemas.messages import Signed, decode, encode

CONFIGURATION = "centre.toml"
DATABASE = "centre.db"
KEYS = "keys"

Rate = Annotated[float, Meta(gt=0, le=1000)]
Hours = Annotated[int, Meta(ge=1, le=24 * 366)]


class BrokerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker, and the files of the centre's TLS identity (common name `centre`).

    In the files' names `{name}` is the process's own: `centre`, or `centre-1`, `centre-publisher` of several.
    """

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
    """For each device that does not count what is on its way (before 1.5), beyond the first `chunk_burst`: it asks
    for small chunks where its line is thin, so this bounds how long its acknowledgements wait in the broker behind
    them."""
    chunk_burst: Annotated[int, Meta(ge=1, le=1000)] = 16
    uses_seconds: Annotated[int, Meta(ge=0, le=24 * 3600)] = 60
    """At least so long between two changes of the lists by what journals say of visas and stays: every entry names
    the issue of each list, and every device notes each new one."""
    kiosks_without_tpm: bool = False
    """Kiosks whose keys no TPM holds get the watch-list and the stays too: the country's own decision, and risk."""
    older_devices: bool = True
    """Devices of a version before 1.5 still get lists that name people in clear (within TLS). Off, once there are
    none any more."""


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is stored."""

    url: str = ""
    """`postgresql:///borne?host=/run/postgresql`; empty: `centre.db` in the folder, SQLite."""


class CentreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`centre.toml`."""

    broker: BrokerSettings = BrokerSettings()
    publish: PublishSettings = PublishSettings()
    store: StoreSettings = StoreSettings()


class CentreFolder:
    """An existing centre's folder. Raises BadFolder or BadConfiguration."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = _load(path / CONFIGURATION)

    def database(self) -> Database:
        """A new connection to the centre's database."""
        return open_database(self.path / DATABASE, self.settings.store.url)

    def keys(self, roles: Iterable[str] = ROLES) -> RoleKeys:
        """The role keys. Raises BadKeyFile."""
        return RoleKeys.load(self.path / KEYS, roles)

    def root_public(self) -> bytes:
        """The root that devices pin, 32 bytes. Raises BadKeyFile."""
        return load_root_public(self.path / KEYS)

    def file(self, name: str) -> Path:
        """A file that `centre.toml` names."""
        return self.path / name


def init(
    path: Path,
    broker: BrokerSettings | None = None,
    publish: PublishSettings | None = None,
    *,
    store: StoreSettings | None = None,
    root_public: bytes = b"",
    at: datetime | None = None,
) -> bytes:
    """Make a new centre with its keys and a root of its own (demo, pilot); returns the root devices pin.

    With `root_public` the root is on an offline machine and stays there: the centre then waits for the keys document
    that is signed there (`offline.py`).

    Raises BadFolder where the folder, or the database, holds a centre already, or anything else.
    """
    at = at or datetime.now(UTC)
    settings = CentreSettings(
        broker=broker or BrokerSettings(), publish=publish or PublishSettings(), store=store or StoreSettings()
    )
    if settings.store.url:
        # First: where the server is not to be had, nothing is made.
        with open_database(path / DATABASE, settings.store.url) as database:
            if database.one("SELECT 1 FROM keys_document") is not None:
                raise BadFolder(database.where, "holds a data centre already")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (path / CONFIGURATION).exists() or (path / KEYS).exists():
            raise BadFolder(str(path), "holds a data centre already")
        (path / KEYS).mkdir(mode=0o700)
    except OSError as error:
        raise BadFolder(str(path), str(error)) from None
    keys = RoleKeys.create(path / KEYS)
    if root_public:
        pin_root(path / KEYS, root_public)
    root = None if root_public else create_root(path / KEYS)
    with open_database(path / DATABASE, settings.store.url, create=True) as database:
        if root is not None:
            install_document(database, issue_document(root, keys, 1, at), 1, at)
    # Last: with its configuration there, the centre is whole.
    (path / CONFIGURATION).write_text(_toml(settings), encoding="utf-8")
    return load_root_public(path / KEYS)


def keys_document(database: Database) -> tuple[int, Signed]:
    """The newest keys document and its version. Raises BadFolder where there is none."""
    row = database.one("SELECT version, document FROM keys_document ORDER BY version DESC LIMIT 1")
    if row is None:
        raise BadFolder(database.where, "no keys document")
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
    install_document(database, document, version + 1, at)
    return version + 1


def install_document(database: Database, document: Signed, version: int, at: datetime) -> None:
    """A keys document that is believed; from now on it is what is published."""
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
