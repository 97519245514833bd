"""Chunks that not everybody may read: sealed to one device, or under a bundle's own key; and the refusal of one.

    sealed      HPKE to the device's X25519 key (see `sealing`), context "chunk:<feed>:<first>"
    locked      AES-256-GCM under a fresh key for each feed and bundle, nonce `first` as 12 bytes, big-endian,
                associated data "borne/v1/chunk/<feed>/<first>"

`digest` is over what travels, so that a piece that was damaged on its way is told from one that was made for somebody
else. That the changes are the centre's own is proved by the feed's chain alone, whoever packed them.
"""

from __future__ import annotations

from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import structs

from mqtt_schemas.codec import open_chunk, unpack_rows
from mqtt_schemas.errors import Malformed, NotForDevice, NotOpened
from mqtt_schemas.messages import Encoding, FeedChunk
from mqtt_schemas.sealing import open_sealed, seal

CONTENT_KEY_BYTES = 32
_NONCE_BYTES = 12
OVERHEAD = 48
"""Bytes that sealing adds to a chunk; locking adds 16."""


def seal_chunk(chunk: FeedChunk, public: bytes) -> FeedChunk:
    """A chunk in clear, for the holder of an X25519 key alone. Raises NotOpened for what is no key."""
    return _made(chunk, Encoding.ROWS_ZSTD_HPKE, seal(public, _context(chunk), chunk.rows))


def lock_chunk(chunk: FeedChunk, key: bytes) -> FeedChunk:
    """A chunk in clear, under a bundle's key for this feed, which locks each change once only."""
    return _made(chunk, Encoding.ROWS_ZSTD_AES, AESGCM(key).encrypt(_nonce(chunk), chunk.rows, _bound(chunk)))


def refused_chunk(feed: str, first: int) -> FeedChunk:
    """The answer to whoever may not read a feed: silence would be asked again for ever."""
    return FeedChunk(
        feed=feed,
        first=first,
        count=1,
        encoding=Encoding.REFUSED.value,
        unpacked=0,
        digest=sha256(b"").digest(),
        rows=b"",
    )


def chunk_rows(chunk: FeedChunk, *, private: X25519PrivateKey | None = None, key: bytes = b"") -> list[bytes]:
    """The changes of a chunk in whichever form it came.

    `private`: the device's sealing key; `key`: the bundle's for this feed. Raises NotForDevice where it is refused,
    or this device has no key for it; NotOpened where its key does not open it; Malformed, TooLarge, UnknownVersion.
    """
    match chunk.encoding:
        case Encoding.REFUSED.value:
            raise NotForDevice(chunk.feed, "the centre does not give this list to this device")
        case Encoding.ROWS_ZSTD_HPKE.value:
            _require_whole(chunk)
            if private is None:
                raise NotForDevice(chunk.feed, "sealed, and this device has no sealing key")
            plain = open_sealed(private, _context(chunk), chunk.rows)
        case Encoding.ROWS_ZSTD_AES.value:
            _require_whole(chunk)
            if not key:
                raise NotForDevice(chunk.feed, "locked, and this device has no key of it")
            plain = _unlocked(chunk, key)
        case _:
            return open_chunk(chunk)
    return unpack_rows(plain, Encoding.ROWS_ZSTD.value, chunk.unpacked, chunk.count)


def _made(chunk: FeedChunk, encoding: Encoding, rows: bytes) -> FeedChunk:
    return structs.replace(chunk, encoding=encoding.value, rows=rows, digest=sha256(rows).digest())


def _require_whole(chunk: FeedChunk) -> None:
    if sha256(chunk.rows).digest() != chunk.digest:
        raise Malformed(f"chunk of {chunk.feed}", "digest differs")


def _unlocked(chunk: FeedChunk, key: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(_nonce(chunk), chunk.rows, _bound(chunk))
    except (InvalidTag, ValueError) as error:
        raise NotOpened(_context(chunk), str(error)) from None


def _context(chunk: FeedChunk) -> str:
    return f"chunk:{chunk.feed}:{chunk.first}"


def _nonce(chunk: FeedChunk) -> bytes:
    return chunk.first.to_bytes(_NONCE_BYTES, "big")


def _bound(chunk: FeedChunk) -> bytes:
    return f"borne/v1/chunk/{chunk.feed}/{chunk.first}".encode()
