"""Keys and their roles under one root.

A signature is made over `borne/v1/<role>\\0 || body`, by a key that the `keys` document gives that one
role. The document itself is signed by a root; a new root is signed by the one before it, so a device that
pinned the first follows to the newest. Nothing signed in one role can be passed off in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mqtt_schemas.errors import BadSignature, RolledBack
from mqtt_schemas.messages import KeysDocument, RoleKey, RootLink, Signed, decode_body, encode_body

ROOT = "root"
ACK = "ack"
ENROLMENT = "enrolment"
"""Signs what the centre gives a device on enrolment (see `enrolment`)."""
SOFTWARE = "software"
"""Signs releases. Its private half lives where releases are built, never on the data centre's machine."""
KEYS_FEED = "keys"
"""Name under which the keys document is retained beside the feeds' heads."""
MOST_ROOTS = 64
RESERVED_ROLES = frozenset({ROOT, "head"})
"""Roles no key of the document serves: `root` signs the document itself, and a statement in role `head` would
begin as a device's signed journal head does (see `chain.head_statement`)."""

_ROOT_LINK = b"borne/v1/root-link\0"


def feed_role(feed: str) -> str:
    """Role of the key that signs a feed's heads."""
    return f"feed:{feed}"


def public_bytes(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    """A key's public half, 32 bytes (RFC 8032)."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(public: bytes) -> str:
    """A key's name: the first 8 bytes of its SHA-256, in hexadecimal."""
    return sha256(public).hexdigest()[:16]


def statement(role: str, body: bytes) -> bytes:
    """The bytes that are signed for a body in a role."""
    return b"borne/v1/" + role.encode() + b"\0" + body


def sign(key: Ed25519PrivateKey, role: str, body: bytes) -> Signed:
    """A signed document."""
    return Signed(role=role, key=key_id(public_bytes(key)), body=body, signature=key.sign(statement(role, body)))


def _verify(public: bytes, message: bytes, signature: bytes, where: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise BadSignature(where) from None


def link_root(old: Ed25519PrivateKey, new_public: bytes) -> RootLink:
    """The old root's word for the new one."""
    return RootLink(public=new_public, signature=old.sign(_ROOT_LINK + new_public))


def newest_root(pinned: bytes, roots: Sequence[RootLink]) -> bytes:
    """Follow the succession from the pinned root as far as it goes.

    Links before the pinned root are passed over, so a device enrolled late needs no old root. Raises
    BadSignature where a link after it does not hold, or where there are more than 64.
    """
    if len(roots) > MOST_ROOTS:
        raise BadSignature(ROOT, "too many roots")
    start = next((i + 1 for i, link in enumerate(roots) if link.public == pinned), 0)
    current = pinned
    for link in roots[start:]:
        _verify(current, _ROOT_LINK + link.public, link.signature, ROOT)
        current = link.public
    return current


class KeyRing:
    """The keys a side believes: opened from a signed keys document under a pinned root.

    `root` is the root that signed the document, the newest of the succession. Keep it durably with the
    document's version and pin it from then on: a root that was replaced (perhaps because it was stolen) must
    not be able to speak again.
    """

    def __init__(self, document: KeysDocument, root: bytes = b"") -> None:
        self.document = document
        self.root = root
        self._keys: dict[tuple[str, str], RoleKey] = {
            (key.role, key.key): key for key in document.keys if key.role not in RESERVED_ROLES
        }

    @classmethod
    def open(cls, signed: Signed, pinned_root: bytes, *, at_least: int = 0) -> KeyRing:
        """Believe a keys document.

        `at_least` is the highest version believed before. Raises BadSignature, Malformed, or RolledBack. An
        expired document is opened all the same: its age is a finding for people, not a locked device
        (`document.expires` tells).
        """
        if signed.role != ROOT:
            raise BadSignature(ROOT, f"signed in role {signed.role}")
        document = decode_body(KeysDocument, signed.body)
        root = newest_root(pinned_root, document.roots)
        _verify(root, statement(ROOT, signed.body), signed.signature, ROOT)
        if document.version < at_least:
            raise RolledBack(KEYS_FEED, f"version {document.version} after {at_least}")
        for key in document.keys:
            if key_id(key.public) != key.key:
                raise BadSignature(key.role, "key id is not of its key")
        return cls(document, root)

    def verify(self, signed: Signed, role: str, *, at: datetime | None = None) -> bytes:
        """The body of a signed document, once its signature holds in `role`.

        `at` is the signing time to hold the key's validity against, where it is known. Raises BadSignature.
        """
        if signed.role != role:
            raise BadSignature(role, f"signed in role {signed.role}")
        key = self._keys.get((role, signed.key))
        if key is None:
            raise BadSignature(role, f"key {signed.key} may not sign in this role")
        if at is not None and not key.not_before <= at <= key.not_after:
            raise BadSignature(role, f"key {signed.key} is not valid at {at.isoformat()}")
        _verify(key.public, statement(role, signed.body), signed.signature, role)
        return signed.body


def sign_keys_document(root: Ed25519PrivateKey, document: KeysDocument) -> Signed:
    """The keys document under its root."""
    return sign(root, ROOT, encode_body(document))
