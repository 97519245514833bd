"""What entries take on the line, everything counted: entries, signature, MessagePack, MQTT and TLS 1.3 records.

The entries are those of `tests/traffic/post_day.py`. A batch is one MQTT PUBLISH (QoS 1, version 5) in TLS records of
at most 16 KiB: 5 bytes of header, one of type and a tag of 16 bytes each. Not counted: TCP and IP (40 bytes a
segment).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.append(str(Path(__file__).parents[2]))

from mqtt_schemas import chain, codec, columns, entries
from mqtt_schemas.messages import Encoding, JournalBatch, encode
from mqtt_schemas.topics import Channel, device_topic
from tests.traffic.post_day import PostDay

_RECORD = 16_384
_RECORD_COST = 5 + 1 + 16
ENTRIES = 601
SECRET = b"\x5a" * 32


def on_the_wire(batch: JournalBatch) -> int:
    """Bytes of a batch as TCP carries them."""
    payload = len(encode(batch))
    topic = len(device_topic(batch.device, Channel.JOURNAL))
    inside = 2 + topic + 2 + 1 + payload  # topic's length, topic, packet id, no properties, payload
    publish = 1 + _varint(inside) + inside
    return publish + -(-publish // _RECORD) * _RECORD_COST


def _varint(number: int) -> int:
    return 1 if number < 128 else 2 if number < 16_384 else 3 if number < 2_097_152 else 4


def batches(day: PostDay, size: int, encoding: Encoding, leaning: int = 64) -> list[JournalBatch]:
    """A day's entries in batches of a size, each under its signature."""
    key, epoch = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32), bytes(range(16))
    bodies, head = day.bodies(ENTRIES), chain.genesis(day.device, epoch)
    made = []
    for first in range(1, ENTRIES + 1 - size, size):
        rows = bodies[first - 1 : first - 1 + size]
        before = bodies[max(0, first - 1 - leaning) : first - 1]
        previous = head
        for sequence, body in enumerate(rows, start=first):
            head = chain.extend(head, epoch, sequence, SECRET, body)
        signature = chain.sign_head(key, day.device, epoch, first + size - 1, head)
        made.append(
            codec.build_batch(
                day.device, epoch, first, previous, rows, head, signature, (), encoding=encoding, before=before
            )
        )
    return made


def an_entry(day: PostDay, size: int, encoding: Encoding = Encoding.COLUMNS_ZSTD, leaning: int = 64) -> float:
    """Mean bytes of an entry on the wire, in batches of a size; the first batch, which leans on nothing, left out."""
    sizes = [on_the_wire(batch) for batch in batches(day, size, encoding, leaning)[1:]]
    return sum(sizes) / len(sizes) / size


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    for size in (1, 10, 50, 200):
        rows = an_entry(PostDay(), size, Encoding.ROWS_ZSTD)
        for what, busy, leaning in (
            ("", False, 64),
            (", all with chip and visa", True, 64),
            (", leaning on none", False, 0),
        ):
            if leaning or size < 200:
                taken = an_entry(PostDay(busy=busy), size, leaning=leaning)
                yield f"an entry on the wire, batches of {size}{what}", taken, "B", "rows+zstd", taken / rows
    yield from _speed()


def _speed() -> Iterator[tuple[str, float, str, str, float]]:
    day = PostDay()
    packed = {encoding: batches(day, 200, encoding)[0] for encoding in (Encoding.ROWS_ZSTD, Encoding.COLUMNS_ZSTD)}
    rows = codec.unpack_batch(packed[Encoding.ROWS_ZSTD])
    read = _microseconds(lambda: [entries.read_entry(row) for row in rows])
    unpacked = _microseconds(lambda: codec.unpack_batch(packed[Encoding.COLUMNS_ZSTD]))
    by_rows = _microseconds(lambda: codec.pack_rows(rows))
    by_columns = _microseconds(lambda: columns.pack(rows, day.device))
    yield "an entry unpacked, batches of 200 by columns", unpacked / 200, "us", "an entry read", unpacked / read
    yield "an entry packed, batches of 200 by columns", by_columns / 200, "us", "rows+zstd", by_columns / by_rows


def _microseconds(act: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(9):
        begun = time.thread_time()
        act()
        best = min(best, time.thread_time() - begun)
    return best * 1e6
