"""The centre's own keys: one Ed25519 key for each role, and the root that vouches for them.

Files in the folder `keys/`: `<role>.pem` (PKCS #8, mode 0600, `:` of a role written as `-`), `root.pem` only
where the root lives on the same machine (demo, pilot; otherwise it is offline), `root.pub` (64 hexadecimal
digits) for those who enrol devices.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from mqtt_schemas.centre.errors import BadKeyFile
from mqtt_schemas.feeds import Feed
from mqtt_schemas.keys import (
    ACK,
    ENROLMENT,
    ROOT,
    KeyRing,
    feed_role,
    key_id,
    public_bytes,
    sign,
    sign_keys_document,
)
from mqtt_schemas.messages import KeysDocument, RoleKey, Signed, encode_body

ROLES = (ACK, ENROLMENT, *(feed_role(feed) for feed in Feed))
"""Every role the data centre signs in."""

ROOT_PUBLIC = "root.pub"
DOCUMENT_DAYS = 400
KEY_DAYS = 3 * 365
_BACKDATED = timedelta(days=1)
"""A device whose clock is a little behind must not find a key of the future."""


class RoleKeys:
    """The keys in their roles."""

    def __init__(self, keys: Mapping[str, Ed25519PrivateKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def create(cls, folder: Path) -> RoleKeys:
        """New keys for every role, as files."""
        return cls({role: create_key(_file(folder, role)) for role in ROLES})

    @classmethod
    def load(cls, folder: Path, roles: Iterable[str] = ROLES) -> RoleKeys:
        """The keys of a folder. Raises BadKeyFile."""
        return cls({role: load_key(_file(folder, role)) for role in roles})

    def sign(self, role: str, body: Struct) -> Signed:
        """A document under the role's key."""
        return sign(self._keys[role], role, encode_body(body))

    def publics(self) -> dict[str, bytes]:
        """The public key of each role."""
        return {role: public_bytes(key) for role, key in self._keys.items()}

    def check(self, document: Signed, root: bytes) -> None:
        """Raises BadSignature unless the document, believed from `root` on, names these keys."""
        ring = KeyRing.open(document, root)
        for role, key in self._keys.items():
            ring.verify(sign(key, role, b""), role)


def create_root(folder: Path) -> Ed25519PrivateKey:
    """A new root on this machine: for a demo or a pilot only, a service keeps its root offline."""
    root = create_key(_file(folder, ROOT))
    pin_root(folder, public_bytes(root))
    return root


def pin_root(folder: Path, public: bytes) -> None:
    """Note the root that devices pin; its key may be on another machine."""
    (folder / ROOT_PUBLIC).write_text(public.hex() + "\n", encoding="ascii")


def load_root(folder: Path, file: Path | None = None) -> Ed25519PrivateKey:
    """The root, from `file` or where it lives on this machine. Raises BadKeyFile."""
    return load_key(file or _file(folder, ROOT))


def has_root(folder: Path) -> bool:
    """Whether the root lives on this machine."""
    return _file(folder, ROOT).exists()


def load_root_public(folder: Path) -> bytes:
    """The root that devices pin, 32 bytes. Raises BadKeyFile."""
    path = folder / ROOT_PUBLIC
    try:
        public = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise BadKeyFile(str(path), str(error)) from None
    if len(public) != 32:
        raise BadKeyFile(str(path), "not 64 hexadecimal digits")
    return public


def issue_document(
    root: Ed25519PrivateKey,
    keys: RoleKeys | Mapping[str, bytes],
    version: int,
    at: datetime,
    previous: KeysDocument | None = None,
) -> Signed:
    """The keys document that gives each key its role; `keys`, or their public halves by role.

    The document before it hands on the succession of roots, keys of roles this centre does not sign in (`software`),
    and since when its keys have served: a head they signed last week must not be one of before their time.
    """
    publics = keys.publics() if isinstance(keys, RoleKeys) else dict(keys)
    since = {key.public: key.not_before for key in previous.keys} if previous else {}
    others = (
        tuple(key for key in previous.keys if key.role not in publics and key.role not in ROLES) if previous else ()
    )
    return sign_keys_document(
        root,
        KeysDocument(
            version=version,
            issued=at,
            expires=at + timedelta(days=DOCUMENT_DAYS),
            keys=(
                *(
                    RoleKey(
                        key=key_id(public),
                        role=role,
                        public=public,
                        not_before=since.get(public, at - _BACKDATED),
                        not_after=at + timedelta(days=KEY_DAYS),
                    )
                    for role, public in publics.items()
                ),
                *others,
            ),
            roots=previous.roots if previous else (),
        ),
    )


def ungranted(document: KeysDocument) -> tuple[str, ...]:
    """Roles of this version that a document, made for an older one, does not know."""
    granted = {key.role for key in document.keys}
    return tuple(role for role in ROLES if role not in granted)


def create_missing(folder: Path, roles: tuple[str, ...]) -> None:
    """Keys for these roles, as files, where there are none yet. Raises BadKeyFile."""
    for role in roles:
        if not _file(folder, role).exists():
            create_key(_file(folder, role))


def create_key(path: Path) -> Ed25519PrivateKey:
    """A new key in a new file of mode 0600. Raises BadKeyFile where the file exists."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadKeyFile(str(path), str(error)) from None
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """A key from its file. Raises BadKeyFile, also where others than the owner may read it."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadKeyFile(str(path), "others than its owner may read it")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BadKeyFile(str(path), str(error)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKeyFile(str(path), "not an Ed25519 key")
    return key


def _file(folder: Path, role: str) -> Path:
    return folder / f"{role.replace(':', '-')}.pem"
