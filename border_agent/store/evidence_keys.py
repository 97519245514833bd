"""The keys of pictures that are evidence: one for each UTC day, in a table of its own.

Why a key for each day, in a database that is encrypted as a whole: what a country no longer wants to be kept must be
gone from wherever the database's pages may still lie (its log, blocks the file system has freed, a backup, which is
made without these keys). Where the key is destroyed, all of these are destroyed with it.

AES-256-GCM with a random nonce; a picture's name, the SHA-256 of its plain bytes, is the associated data, so that no
row can be passed off as another. Callers hold the transaction.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_CONTEXT: Final = b"borne evidence 1\0"


def day_of(at: datetime) -> str:
    """The UTC day of a moment, as the tables have it."""
    return at.astimezone(UTC).date().isoformat()


def key_for(connection: Connection, at: datetime) -> tuple[str, bytes]:
    """Day and key that serve at a moment; a fresh key where the day has none yet."""
    day = day_of(at)
    found = key_of(connection, day)
    if found is not None:
        return day, found
    key = secrets.token_bytes(KEY_BYTES)
    connection.execute("INSERT INTO evidence_key (day, key, made_at) VALUES (?, ?, ?)", (day, key, stamp(at)))
    return day, key


def key_of(connection: Connection, day: str) -> bytes | None:
    """The key of a day; None where there is none, or none any more."""
    row = connection.execute("SELECT key FROM evidence_key WHERE day = ?", (day,)).fetchone()
    return bytes(row[0]) if row is not None else None


def seal(key: bytes, name: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Nonce and sealed bytes, 16 longer than `data`. `name`: SHA-256 of `data`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce, AESGCM(key).encrypt(nonce, data, _CONTEXT + name)


def unseal(key: bytes, name: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    """What was sealed; None where it was under another key or name, or was altered."""
    try:
        return AESGCM(key).decrypt(nonce, sealed, _CONTEXT + name)
    except InvalidTag:
        return None
