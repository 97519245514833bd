"""Batches and chunks: rows of exact bytes, packed, bounded, and proved by the chain.

The packing is no part of the proof: whatever packs the rows, the reader gets back the stored bytes and
computes the head over them. So another packing may be added within the major version without touching a
signature.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct

from mqtt_schemas import chain, columns
from mqtt_schemas.errors import ChainBroken, Malformed, TooLarge, UnknownVersion
from mqtt_schemas.messages import MOST_CHANGES, Encoding, FeedChunk, JournalBatch, SaltSecret

LARGEST_UNPACKED = 8_388_608
LARGEST_ROW = 262_144
LEVEL = 9
READS = (Encoding.COLUMNS_ZSTD.value,)
"""What this side reads of batches beside `rows+zstd`: a centre says so in `Ack.reads`."""
_ALONE, _LEANING, _LARGE = 4, 32, 64
ENOUGH = 0.5
"""Columns that take less than this share of the entries' bytes are not held against rows."""

Before = Callable[[int], Sequence[bytes]]
"""The last so many entries before a batch, the oldest first: exact bytes, all of the same epoch."""

# The bound is checked before anything is built: 8 MiB could else become millions of small objects.
_rows_decoder: msgspec.msgpack.Decoder[list[bytes]] = msgspec.msgpack.Decoder(
    Annotated[list[bytes], Meta(max_length=MOST_CHANGES)]
)


def pack_rows(rows: Sequence[bytes], level: int = LEVEL) -> tuple[bytes, int]:
    """Rows as `rows+zstd`, and their size before compression. Raises TooLarge beyond 8 MiB."""
    plain = msgspec.msgpack.encode(list(rows))
    if len(plain) > LARGEST_UNPACKED:
        raise TooLarge("rows", f"{len(plain)} bytes")
    return zstandard.ZstdCompressor(level=level, write_content_size=True).compress(plain), len(plain)


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

    def serving(self, sequence: int) -> tuple[bytes | None, int]:
        """The secret that serves `sequence`, or None, and the first sequence that it does not serve any more."""
        place = bisect_right(self._firsts, sequence)
        until = self._firsts[place] if place < len(self._firsts) else chain.LAST_SEQUENCE + 1
        return self._by_first[self._firsts[place - 1]] if place else None, until

    def between(self, first: int, last: int) -> tuple[SaltSecret, ...]:
        """Secrets that begin within `first..last`: what a batch of these entries must carry."""
        return tuple(
            SaltSecret(first=start, secret=secret)
            for start, secret in sorted(self._by_first.items())
            if first <= start <= last
        )


def leaning(count: int) -> int:
    """How many entries before a batch of so many it may lean on, by columns.

    The more the smaller it gets; but the other side has to fetch them and look into each, which for a single entry
    takes longer than the entry itself, and large batches gain nothing.
    """
    return 2 * _ALONE if count <= _ALONE else _LEANING if count <= _LARGE else 0


def _leant_on(before: Sequence[bytes], count: int) -> Sequence[bytes]:
    return before[max(0, len(before) - leaning(count)) :] if leaning(count) else ()


def build_batch(
    device: str,
    epoch: bytes,
    first: int,
    previous: bytes,
    bodies: Sequence[bytes],
    head: bytes,
    signature: bytes,
    secrets: Sequence[SaltSecret],
    *,
    encoding: Encoding = Encoding.ROWS_ZSTD,
    level: int = LEVEL,
    before: Sequence[bytes] = (),
) -> JournalBatch:
    """Pack entries `first..` under the signature that was made when the last of them was committed.

    `encoding` is what the centre reads; columns that do not give back every byte, or do not pay, become rows. `level`
    is Zstandard's, for rows. `before`: the last entries before `first`, the oldest first, for a small batch by
    columns to lean on: as many as `leaning` says or fewer, of this epoch only: the centre has but those by then.
    Raises TooLarge.
    """
    rows, unpacked, encoding = _packed(device, bodies, encoding, level, before)
    return JournalBatch(
        device=device,
        epoch=epoch,
        first=first,
        count=len(bodies),
        previous=previous,
        head=head,
        signature=signature,
        secrets=tuple(secrets),
        encoding=encoding.value,
        unpacked=unpacked,
        rows=rows,
    )


def _packed(
    device: str, bodies: Sequence[bytes], encoding: Encoding, level: int, before: Sequence[bytes]
) -> tuple[bytes, int, Encoding]:
    size = sum(map(len, bodies))
    if encoding is Encoding.COLUMNS_ZSTD and size <= LARGEST_UNPACKED:
        packed = columns.pack(bodies, device, _leant_on(before, len(bodies)))
        if packed is not None and len(packed) < size * ENOUGH:
            return packed, size, encoding
        rows, unpacked = pack_rows(bodies, level)
        if packed is not None and len(packed) < len(rows):
            return packed, size, encoding
    else:
        rows, unpacked = pack_rows(bodies, level)
    return rows, unpacked, Encoding.ROWS_ZSTD


def unpack_batch(batch: JournalBatch, before: Before | None = None) -> list[bytes]:
    """The entries of a batch, unproved. `before` hands out entries just before it, where the batch leans on them.

    Raises UnknownVersion for an encoding this side does not know, TooLarge, or Malformed.
    """
    if batch.encoding != Encoding.COLUMNS_ZSTD.value:
        return unpack_rows(batch.rows, batch.encoding, batch.unpacked, batch.count)
    if batch.unpacked > LARGEST_UNPACKED:
        raise TooLarge("rows", f"{batch.unpacked} bytes announced")
    rows = columns.unpack(batch.rows, batch.device, batch.unpacked, batch.count, before)
    if any(len(row) > LARGEST_ROW for row in rows):
        raise TooLarge("rows", "a row is beyond its bound")
    return rows


def prove_batch(
    batch: JournalBatch, secrets: SecretTable, key: Ed25519PublicKey, before: Before | None = None
) -> list[ProvedEntry]:
    """The entries of a batch, once chain and signature hold from `batch.previous` to `batch.head`.

    `before` is as in `unpack_batch`: who takes batches in order has those entries. `secrets` holds what earlier
    batches of the epoch brought; the batch's own are seen to here, and belong into the caller's table only now that
    they are proved (`SecretTable.add`). A secret whose first entry is not of the batch is refused: no entry would
    vouch for it, and once kept it would spoil a later, honest batch.
    Whether `previous` is the head this side has stored is the caller's question. Raises ChainBroken,
    BadSignature, Malformed, or what `unpack_batch` raises.
    """
    last = batch.first + batch.count - 1
    if last > chain.LAST_SEQUENCE:
        raise Malformed(batch.device, "entries beyond the last sequence there is")
    firsts = [item.first for item in batch.secrets]
    if firsts != sorted(set(firsts)) or not all(batch.first <= first <= last for first in firsts):
        raise Malformed(batch.device, "salt secrets out of order, or of other entries")
    known = secrets.joined(batch.secrets)
    bodies = unpack_batch(batch, before)
    head, entries = batch.previous, []
    salts, until = None, batch.first
    for sequence, body in enumerate(bodies, start=batch.first):
        if sequence >= until:
            secret, until = known.serving(sequence)
            if secret is None:
                raise ChainBroken(batch.device, f"no salt secret for entry {sequence}")
            salts = chain.Salts(secret, batch.epoch)
        assert salts is not None
        digest = chain.digest(salts.of(sequence), body)
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
