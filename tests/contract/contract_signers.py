"""Keys, batches and documents for the contract's tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_schemas import chain, codec, keys
from mqtt_schemas.messages import JournalBatch, KeysDocument, RoleKey, RootLink, SaltSecret, Signed

DEVICE = "kiosk-01"
EPOCH = bytes(range(16))
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)


def private(name: str) -> Ed25519PrivateKey:
    """A key that is the same for the same name."""
    return Ed25519PrivateKey.from_private_bytes(sha256(b"borne test " + name.encode()).digest())


JOURNAL = private("journal")
ROOT_ONE, ROOT_TWO, ROOT_THREE = private("root one"), private("root two"), private("root three")
ACK, VISAS, TRUST = private("ack"), private("visas"), private("trust")


def role_key(key: Ed25519PrivateKey, role: str) -> RoleKey:
    public = keys.public_bytes(key)
    return RoleKey(key=keys.key_id(public), role=role, public=public, not_before=NOW - YEAR, not_after=NOW + YEAR)


ROLES = (role_key(ACK, keys.ACK), role_key(VISAS, "feed:visas"), role_key(TRUST, "feed:trust"))


def keys_document(
    version: int = 1, role_keys: tuple[RoleKey, ...] = ROLES, roots: tuple[RootLink, ...] = ()
) -> KeysDocument:
    return KeysDocument(version=version, issued=NOW, expires=NOW + YEAR, keys=role_keys, roots=roots)


def signed_keys(root: Ed25519PrivateKey, **changes: object) -> Signed:
    return keys.sign_keys_document(root, keys_document(**changes))  # type: ignore[arg-type]


def ring() -> keys.KeyRing:
    return keys.KeyRing.open(signed_keys(ROOT_ONE), keys.public_bytes(ROOT_ONE))


class Stream:
    """A device's journal in memory: entries, heads, secrets."""

    def __init__(self, bodies: Sequence[bytes], secret_firsts: Sequence[int] = (1,)) -> None:
        self.bodies = list(bodies)
        self.secrets = codec.SecretTable({first: sha256(b"secret %d" % first).digest() for first in secret_firsts})
        self.heads = [chain.genesis(DEVICE, EPOCH)]
        for sequence, body in enumerate(self.bodies, start=1):
            secret = self.secrets.find(sequence)
            assert secret is not None
            self.heads.append(chain.extend(self.heads[-1], EPOCH, sequence, secret, body))

    def batch(self, first: int, last: int) -> JournalBatch:
        return codec.build_batch(
            DEVICE,
            EPOCH,
            first,
            self.heads[first - 1],
            self.bodies[first - 1 : last],
            self.heads[last],
            chain.sign_head(JOURNAL, DEVICE, EPOCH, last, self.heads[last]),
            self.secrets.between(first, last),
        )


def secret(first: int, value: bytes = b"\x07" * 32) -> SaltSecret:
    return SaltSecret(first=first, secret=value)
