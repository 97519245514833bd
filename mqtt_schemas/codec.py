"""Batches and chunks: rows of exact bytes, packed, bounded, and proved by the chain.

The packing is no part of the proof: whatever packs the rows, the reader gets back the stored bytes and
computes the head over them. So another packing may be added within the major version without touching a
signature.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct

from mqtt_schemas import chain
from mqtt_schemas.errors import ChainBroken, Malformed, TooLarge, UnknownVersion
from mqtt_schemas.messages import MOST_CHANGES, Encoding, FeedChunk, JournalBatch, SaltSecret

LARGEST_UNPACKED = 8_388_608
LARGEST_ROW = 262_144
LEVEL = 9

# The bound is checked before anything is built: 8 MiB could else become millions of small objects.
_rows_decoder: msgspec.msgpack.Decoder[list[bytes]] = msgspec.msgpack.Decoder(
    Annotated[list[bytes], Meta(max_length=MOST_CHANGES)]
)


def pack_rows(rows: Sequence[bytes]) -> tuple[bytes, int]:
    """Rows as `rows+zstd`, and their size before compression. Raises TooLarge beyond 8 MiB."""
    plain = msgspec.msgpack.encode(list(rows))
    if len(plain) > LARGEST_UNPACKED:
        raise TooLarge("rows", f"{len(plain)} bytes")
    return zstandard.ZstdCompressor(level=LEVEL, write_content_size=True).compress(plain), len(plain)


def unpack_rows(packed: bytes, encoding: str, unpacked: int, count: int) -> list[bytes]:
    """The rows of a batch or chunk, exactly `count` of them.

    Never inflates beyond the announced size, itself at most 8 MiB. The rows must be one Zstandard frame with
    nothing after it, so that no two payloads mean the same by the way. Raises UnknownVersion for an encoding
    this side does not know, TooLarge, or Malformed.
    """
    if encoding != Encoding.ROWS_ZSTD.value:
        raise UnknownVersion("encoding", encoding[:40])
    if not 0 <= unpacked <= LARGEST_UNPACKED:
        raise TooLarge("rows", f"{unpacked} bytes announced")
    try:
        # The frame may name its size or not; a size that differs would be allocated before it is found false.
        if zstandard.frame_content_size(packed) not in (-1, unpacked):
            raise Malformed("rows", f"{unpacked} bytes announced, the frame says otherwise")
        plain = zstandard.ZstdDecompressor(max_window_size=LARGEST_UNPACKED).decompress(
            packed, max_output_size=max(unpacked, 1), allow_extra_data=False
        )
        if len(plain) != unpacked:
            raise Malformed("rows", f"{unpacked} bytes announced, {len(plain)} found")
        rows = _rows_decoder.decode(plain)
    except (zstandard.ZstdError, msgspec.DecodeError, msgspec.ValidationError, MemoryError) as error:
        raise Malformed("rows", str(error)) from None
    if len(rows) != count:
        raise Malformed("rows", f"{count} announced, {len(rows)} found")
    if any(len(row) > LARGEST_ROW for row in rows):
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
        self._firsts = sorted(self._by_first)

    def add(self, secrets: Sequence[SaltSecret]) -> None:
        """Take secrets in; one already known stays (a later claim cannot replace it).

        Only what a proved batch carried belongs into a table that is kept: nothing else vouches for a secret.
        """
        for item in secrets:
            if item.first not in self._by_first:
                self._by_first[item.first] = item.secret
                insort(self._firsts, item.first)

    def joined(self, secrets: Sequence[SaltSecret]) -> SecretTable:
        """A table with these secrets too; this one stays as it is."""
        table = SecretTable(self._by_first)
        table.add(secrets)
        return table

    def find(self, sequence: int) -> bytes | None:
        """The secret that serves `sequence`, or None."""
        place = bisect_right(self._firsts, sequence)
        return self._by_first[self._firsts[place - 1]] if place else None

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

    `secrets` holds what earlier batches of the epoch brought; the batch's own are seen to here, and belong
    into the caller's table only now that they are proved (`SecretTable.add`). A secret whose first entry is not
    of the batch is refused: no entry would vouch for it, and once kept it would spoil a later, honest batch.
    Whether `previous` is the head this side has stored is the caller's question. Raises ChainBroken,
    BadSignature, Malformed, or what `unpack_rows` raises.
    """
    last = batch.first + batch.count - 1
    if last > chain.LAST_SEQUENCE:
        raise Malformed(batch.device, "entries beyond the last sequence there is")
    firsts = [item.first for item in batch.secrets]
    if firsts != sorted(set(firsts)) or not all(batch.first <= first <= last for first in firsts):
        raise Malformed(batch.device, "salt secrets out of order, or of other entries")
    known = secrets.joined(batch.secrets)
    bodies = unpack_rows(batch.rows, batch.encoding, batch.unpacked, batch.count)
    head, entries = batch.previous, []
    for sequence, body in enumerate(bodies, start=batch.first):
        secret = known.find(sequence)
        if secret is None:
            raise ChainBroken(batch.device, f"no salt secret for entry {sequence}")
        digest = chain.digest(chain.salt(secret, batch.epoch, sequence), body)
        head = chain.link(head, sequence, digest)
        entries.append(ProvedEntry(sequence, body, digest, head))
    if head != batch.head:
        raise ChainBroken(batch.device, f"entries {batch.first}..{last}")
    chain.verify_head(key, batch.device, batch.epoch, last, batch.head, batch.signature)
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
