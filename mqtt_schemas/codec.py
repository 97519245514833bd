"""Batches and chunks: rows of exact bytes, packed, bounded, and proved by the chain.

The packing is no part of the proof: whatever packs the rows, the reader gets back the stored bytes and
computes the head over them. So another packing may be added within the major version without touching a
signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from mqtt_schemas import chain
from mqtt_schemas.entries import LARGEST_BODY
from mqtt_schemas.errors import ChainBroken, Malformed, TooLarge, UnknownVersion
from mqtt_schemas.messages import Encoding, FeedChunk, JournalBatch, SaltSecret

LARGEST_UNPACKED = 8_388_608
LEVEL = 9

_rows_decoder = msgspec.msgpack.Decoder(list[bytes])


def pack_rows(rows: Sequence[bytes]) -> tuple[bytes, int]:
    """Rows as `rows+zstd`, and their size before compression. Raises TooLarge beyond 8 MiB."""
    plain = msgspec.msgpack.encode(list(rows))
    if len(plain) > LARGEST_UNPACKED:
        raise TooLarge("rows", f"{len(plain)} bytes")
    return zstandard.ZstdCompressor(level=LEVEL, write_content_size=True).compress(plain), len(plain)


def unpack_rows(packed: bytes, encoding: str, unpacked: int, count: int) -> list[bytes]:
    """The rows of a batch or chunk, exactly `count` of them.

    Never inflates beyond the announced size, itself at most 8 MiB. Raises UnknownVersion for an encoding this
    side does not know, TooLarge, or Malformed.
    """
    if encoding != Encoding.ROWS_ZSTD.value:
        raise UnknownVersion("encoding", encoding[:40])
    if not 0 <= unpacked <= LARGEST_UNPACKED:
        raise TooLarge("rows", f"{unpacked} bytes announced")
    try:
        # The frame's own size field is hostile too: read at most one byte more than was announced.
        with zstandard.ZstdDecompressor(max_window_size=LARGEST_UNPACKED).stream_reader(packed) as reader:
            plain = reader.read(unpacked + 1)
        if len(plain) != unpacked:
            raise Malformed("rows", f"{unpacked} bytes announced, other found")
        rows = _rows_decoder.decode(plain)
    except (zstandard.ZstdError, msgspec.DecodeError, msgspec.ValidationError, MemoryError) as error:
        raise Malformed("rows", str(error)) from None
    if len(rows) != count:
        raise Malformed("rows", f"{count} announced, {len(rows)} found")
    if any(len(row) > LARGEST_BODY * 4 for row in rows):
        raise TooLarge("rows", "a row is beyond its bound")
    return rows


class ProvedEntry(Struct, frozen=True):
    """One entry of a batch whose chain and signature hold."""

    sequence: int
    body: bytes
    digest: bytes
    head: bytes


class SecretTable:
    """Which salt secret serves which sequence of one epoch."""

    def __init__(self, secrets: Mapping[int, bytes] | None = None) -> None:
        self._by_first: dict[int, bytes] = dict(secrets or {})

    def add(self, secrets: Sequence[SaltSecret]) -> None:
        """Take secrets in; one already known stays (a later claim cannot replace it)."""
        for item in secrets:
            self._by_first.setdefault(item.first, item.secret)

    def find(self, sequence: int) -> bytes | None:
        """The secret that serves `sequence`, or None."""
        firsts = [first for first in self._by_first if first <= sequence]
        return self._by_first[max(firsts)] if firsts else None

    def between(self, first: int, last: int) -> tuple[SaltSecret, ...]:
        """Secrets that begin within `first..last`: what a batch of these entries must carry."""
        return tuple(
            SaltSecret(first=start, secret=secret)
            for start, secret in sorted(self._by_first.items())
            if first <= start <= last
        )


def build_batch(
    device: str,
    epoch: bytes,
    first: int,
    previous: bytes,
    bodies: Sequence[bytes],
    head: bytes,
    signature: bytes,
    secrets: Sequence[SaltSecret],
) -> JournalBatch:
    """Pack entries `first..` under the signature that was made when the last of them was committed."""
    rows, unpacked = pack_rows(bodies)
    return JournalBatch(
        device=device,
        epoch=epoch,
        first=first,
        count=len(bodies),
        previous=previous,
        head=head,
        signature=signature,
        secrets=tuple(secrets),
        unpacked=unpacked,
        rows=rows,
    )


def prove_batch(batch: JournalBatch, secrets: SecretTable, key: Ed25519PublicKey) -> list[ProvedEntry]:
    """The entries of a batch, once chain and signature hold from `batch.previous` to `batch.head`.

    `secrets` holds what is known of the epoch, the batch's own included. Whether `previous` is the head this
    side has stored is the caller's question. Raises ChainBroken, BadSignature, or what `unpack_rows` raises.
    """
    bodies = unpack_rows(batch.rows, batch.encoding, batch.unpacked, batch.count)
    head, entries = batch.previous, []
    for sequence, body in enumerate(bodies, start=batch.first):
        secret = secrets.find(sequence)
        if secret is None:
            raise ChainBroken(batch.device, f"no salt secret for entry {sequence}")
        digest = chain.digest(chain.salt(secret, batch.epoch, sequence), body)
        head = chain.link(head, sequence, digest)
        entries.append(ProvedEntry(sequence, body, digest, head))
    if head != batch.head:
        raise ChainBroken(batch.device, f"entries {batch.first}..{batch.first + batch.count - 1}")
    chain.verify_head(
        key, batch.device, batch.epoch, batch.first + batch.count - 1, batch.head, batch.signature
    )
    return entries


def build_chunk(feed: str, first: int, rows: Sequence[bytes]) -> FeedChunk:
    """A feed's changes `first..` as one content-addressed piece."""
    packed, unpacked = pack_rows(rows)
    return FeedChunk(
        feed=feed,
        first=first,
        count=len(rows),
        unpacked=unpacked,
        digest=sha256(packed).digest(),
        rows=packed,
    )


def open_chunk(chunk: FeedChunk) -> list[bytes]:
    """The changes of a chunk. Raises Malformed where the piece is not what its digest names."""
    if sha256(chunk.rows).digest() != chunk.digest:
        raise Malformed(f"chunk of {chunk.feed}", "digest differs")
    return unpack_rows(chunk.rows, chunk.encoding, chunk.unpacked, chunk.count)
