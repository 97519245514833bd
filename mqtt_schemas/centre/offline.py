"""The national root on a machine of its own: documents travel, keys do not.

    centre    wanted()   which public keys are to serve which roles       -> a file
    offline   sign()     the root signs the keys document                 -> a file
    centre    install()  believed from the pinned root, then published

Both ends show the file's code, so that two people can hold them against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from mqtt_schemas.centre.errors import BadFolder, BadKeyFile
from mqtt_schemas.centre.folder import KEYS, CentreFolder, install_document, keys_document
from mqtt_schemas.centre.keys import ROLES, RoleKeys, create_missing, issue_document
from mqtt_schemas.enrolment import request_code
from mqtt_schemas.keys import KeyRing, public_bytes
from mqtt_schemas.messages import (
    LARGEST_MESSAGE,
    VERSION,
    PublicKey,
    Role,
    Signed,
    Version,
    decode,
    decode_body,
    encode,
    encode_body,
)


class WantedKey(Struct, frozen=True, kw_only=True):
    """A public key and the role it is to serve."""

    role: Role
    public: PublicKey


class KeysWanted(Struct, frozen=True, kw_only=True):
    """What a centre asks its root to sign; JSON, so that people can read what they sign."""

    v: Version = VERSION
    root: PublicKey
    """The root it pins: another one signs nothing for it."""
    keys: Annotated[tuple[WantedKey, ...], Meta(max_length=64)]
    previous: Annotated[bytes, Meta(max_length=LARGEST_MESSAGE)] = b""
    """The keys document in force, as it is published."""


def wanted(path: Path) -> tuple[bytes, str]:
    """The file for the offline machine, and its code. Raises BadFolder, BadKeyFile."""
    folder = CentreFolder(path)
    create_missing(path / KEYS, ROLES)
    with folder.database() as database:
        try:
            previous = encode(keys_document(database)[1])
        except BadFolder:
            previous = b""
    publics = RoleKeys.load(path / KEYS).publics()
    keys = tuple(WantedKey(role=role, public=public) for role, public in publics.items())
    payload = encode_body(KeysWanted(root=folder.root_public(), keys=keys, previous=previous))
    return payload, request_code(payload)


def read_wanted(payload: bytes) -> KeysWanted:
    """The file at the offline machine. Raises Malformed, TooLarge, UnknownVersion."""
    return decode_body(KeysWanted, payload)


def sign(
    payload: bytes,
    root: Ed25519PrivateKey,
    *,
    more: Mapping[str, bytes] | None = None,
    at: datetime | None = None,
) -> bytes:
    """The keys document, signed; `more` names keys of roles that no centre holds (`software`).

    Raises BadKeyFile where the root is not the one wanted, BadSignature where the document in force is not of it.
    """
    asked = read_wanted(payload)
    publics = {key.role: key.public for key in asked.keys} | dict(more or {})
    version, previous = 1, None
    if asked.previous:
        ring = KeyRing.open(decode(Signed, asked.previous), asked.root)
        version, previous = ring.document.version + 1, ring.document
        pinned = ring.root
    else:
        pinned = asked.root
    if pinned != public_bytes(root):
        raise BadKeyFile("root", "not the root this data centre follows")
    return encode(issue_document(root, publics, version, at or datetime.now(UTC), previous))


def install(path: Path, payload: bytes, *, at: datetime | None = None) -> int:
    """Take the signed keys document; returns its version. What is in force already is not taken again.

    Raises BadSignature (not our root's, or it does not grant our keys), RolledBack, Malformed, BadKeyFile.
    """
    folder = CentreFolder(path)
    signed = decode(Signed, payload)
    with folder.database() as database:
        try:
            held, present = keys_document(database)
        except BadFolder:
            held, present = 0, None
        ring = KeyRing.open(signed, folder.root_public(), at_least=held)
        RoleKeys.load(path / KEYS).check(signed, folder.root_public())
        version = ring.document.version
        if present is None or version > held:
            install_document(database, signed, version, at or datetime.now(UTC))
        elif signed.body != present.body:
            raise BadKeyFile("keys document", f"another one of version {version} is in force")
    return version
