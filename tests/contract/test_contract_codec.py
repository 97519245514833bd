"""Packing: every byte comes back; hostile packing costs little and gives typed errors."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from contract_signers import DEVICE, EPOCH, JOURNAL, Stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mqtt_schemas import codec, messages
from mqtt_schemas.errors import ContractError, Malformed, TooLarge, UnknownVersion
from mqtt_schemas.messages import Encoding, FeedChunk, JournalBatch

ZSTD = Encoding.ROWS_ZSTD.value
BYTES = st.binary(max_size=60)


def pack(plain: bytes, **options: Any) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(plain)


@settings(deadline=None)
@given(st.lists(BYTES | st.integers(0, 3000).map(lambda size: b"\0" * size), max_size=30))
@example([])
@example([b""])
@example([b"", b"", b"\xc1"])
def test_rows_come_back_byte_for_byte(rows: list[bytes]) -> None:
    packed, unpacked = codec.pack_rows(rows)
    assert codec.unpack_rows(packed, ZSTD, unpacked, len(rows)) == rows


@settings(max_examples=40, deadline=None)
@given(bodies=st.lists(BYTES, min_size=1, max_size=12), data=st.data())
def test_batches_cross_the_wire_byte_for_byte(bodies: list[bytes], data: st.DataObject) -> None:
    stream = Stream(bodies, data.draw(st.sets(st.integers(2, 12)).map(lambda more: [1, *sorted(more)])))
    last = data.draw(st.integers(1, len(bodies)))
    first = data.draw(st.integers(1, last))
    batch = messages.decode(JournalBatch, messages.encode(stream.batch(first, last)))
    before = codec.SecretTable()
    before.add(stream.secrets.between(1, first - 1))
    proved = codec.prove_batch(batch, before, JOURNAL.public_key())
    assert [entry.body for entry in proved] == bodies[first - 1 : last]


def test_the_largest_rows_fit_and_larger_do_not() -> None:
    row = bytes(codec.LARGEST_ROW)
    packed, unpacked = codec.pack_rows([row] * 31)
    assert codec.unpack_rows(packed, ZSTD, unpacked, 31) == [row] * 31
    with pytest.raises(TooLarge):
        codec.pack_rows([row] * 32)
    packed, unpacked = codec.pack_rows([row + b"\0"])
    with pytest.raises(TooLarge):
        codec.unpack_rows(packed, ZSTD, unpacked, 1)


def test_a_frame_that_does_not_name_its_size_is_read() -> None:
    plain = msgspec.msgpack.encode([b"a", b"bc"])
    stream = zstandard.ZstdCompressor().compressobj()
    packed = stream.compress(plain) + stream.flush()
    assert zstandard.frame_content_size(packed) == -1
    assert codec.unpack_rows(packed, ZSTD, len(plain), 2) == [b"a", b"bc"]
    for lie in (0, 1, len(plain) - 1, len(plain) + 1, codec.LARGEST_UNPACKED):
        with pytest.raises(Malformed):
            codec.unpack_rows(packed, ZSTD, lie, 2)


def test_an_encoding_of_a_newer_minor_is_named_as_such() -> None:
    packed, unpacked = codec.pack_rows([b"a"])
    with pytest.raises(UnknownVersion):
        codec.unpack_rows(packed, "columns+zstd", unpacked, 1)


def _header(count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big")


PLAIN = msgspec.msgpack.encode([b"one", b"two"])
GOOD = pack(PLAIN)
WIDE = zstandard.ZstdCompressor(
    compression_params=zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
).compressobj()
HOSTILE: dict[str, tuple[bytes, int, int]] = {
    "nothing": (b"", 0, 1),
    "not a frame": (b"not a frame at all", 18, 1),
    "only a magic number": (GOOD[:4], len(PLAIN), 2),
    **{f"cut after {size}": (GOOD[:size], len(PLAIN), 2) for size in range(4, len(GOOD))},
    "something after": (GOOD + b"x", len(PLAIN), 2),
    "a frame after": (GOOD + pack(b""), len(PLAIN), 2),
    "the frame twice": (GOOD + GOOD, len(PLAIN), 2),
    "a skippable frame first": (b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + GOOD, len(PLAIN), 2),
    "bomb": (pack(bytes(100_000_000)), codec.LARGEST_UNPACKED, 1),
    "bomb that lies small": (pack(bytes(100_000_000)), 10, 1),
    "bomb without a size": (pack(bytes(100_000_000), write_content_size=False), codec.LARGEST_UNPACKED, 1),
    "huge window": (WIDE.compress(PLAIN) + WIDE.flush(), len(PLAIN), 2),
    "too few announced": (GOOD, len(PLAIN) - 1, 2),
    "too many announced": (GOOD, len(PLAIN) + 1, 2),
    "beyond the bound announced": (GOOD, codec.LARGEST_UNPACKED + 1, 2),
    "beyond the bound, truly": (pack(bytes(codec.LARGEST_UNPACKED + 1)), codec.LARGEST_UNPACKED + 1, 1),
    "less than nothing announced": (GOOD, -1, 2),
    "fewer rows": (GOOD, len(PLAIN), 3),
    "more rows": (GOOD, len(PLAIN), 1),
    "two million rows": (pack(_header(2_000_000) + b"\xc4\x02ab" * 2_000_000), 8_000_005, 4096),
    "claims to be endless": (pack(_header(2**32 - 1)), 5, 4096),
    "a row that claims four gigabytes": (pack(b"\x91\xc6\xff\xff\xff\xff"), 6, 1),
    "deep": (pack(b"\x91" * 1_000_000), 1_000_000, 1),
    "text rows": (pack(msgspec.msgpack.encode(["one"])), 5, 1),
    "number rows": (pack(msgspec.msgpack.encode([1])), 2, 1),
    "no array": (pack(msgspec.msgpack.encode({"a": b"b"})), 6, 1),
    "reserved byte": (pack(b"\x91\xc1"), 2, 1),
    "empty": (pack(b""), 0, 0),
    "rows and more": (pack(PLAIN + b"\0"), len(PLAIN) + 1, 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rows_are_refused_quickly(name: str) -> None:
    packed, unpacked, count = HOSTILE[name]
    began = time.thread_time()
    with pytest.raises(TooLarge if name.startswith("beyond") else (Malformed, TooLarge)):
        codec.unpack_rows(packed, ZSTD, unpacked, count)
    assert time.thread_time() - began < 2


_IN_A_CHILD = """
import sys
from pathlib import Path
import msgspec
from mqtt_schemas import codec
from mqtt_schemas.errors import ContractError
def peak():  # not ru_maxrss: a process inherits that of the one that started it
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
hostile = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes())
codec.unpack_rows(*hostile.pop())
before = peak()
for arguments in hostile:
    try:
        codec.unpack_rows(*arguments)
    except ContractError:
        continue
    sys.exit("accepted")
sys.stdout.write(str(peak() - before))
"""


def test_hostile_rows_take_little_memory(tmp_path: Path) -> None:
    """In a process of its own, whose peak is its own."""
    cases = [[packed, ZSTD, unpacked, count] for packed, unpacked, count in HOSTILE.values()]
    (tmp_path / "hostile").write_bytes(msgspec.msgpack.encode([*cases, [GOOD, ZSTD, len(PLAIN), 2]]))
    run = subprocess.run(
        [sys.executable, "-c", _IN_A_CHILD, str(tmp_path / "hostile")], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    grown_kib = int(run.stdout)
    assert grown_kib < 40 * 1024, f"{grown_kib} KiB more"


@settings(max_examples=150, deadline=None)
@given(
    packed=st.binary(max_size=80)
    | st.binary(max_size=80).map(pack)
    | st.binary(max_size=60).map(lambda x: GOOD[:9] + x),
    unpacked=st.integers(-1, 100),
    count=st.integers(0, 5),
)
def test_any_bytes_are_rows_or_refused(packed: bytes, unpacked: int, count: int) -> None:
    try:
        rows = codec.unpack_rows(packed, ZSTD, unpacked, count)
    except ContractError:
        return
    assert len(rows) == count


# --- batches from a hostile wire --------------------------------------------------------------------------------

WIRE = messages.encode(Stream([b'{"n":%d}' % number for number in range(20)], (1, 7)).batch(1, 20))


def prove(payload: bytes) -> None:
    batch = messages.decode(JournalBatch, payload)
    codec.prove_batch(batch, codec.SecretTable(), JOURNAL.public_key())


def test_every_flipped_byte_is_refused_or_means_the_same() -> None:
    prove(WIRE)
    for place in range(len(WIRE)):
        for bit in (0x01, 0x80):
            payload = WIRE[:place] + bytes([WIRE[place] ^ bit]) + WIRE[place + 1 :]
            try:
                prove(payload)
            except ContractError:
                continue
            # What got through differs in nothing that was signed: the minor version, or how rows were packed.
            changed, honest = messages.decode(JournalBatch, payload), messages.decode(JournalBatch, WIRE)
            same = ("device", "epoch", "first", "count", "previous", "head", "signature", "secrets")
            assert all(getattr(changed, name) == getattr(honest, name) for name in same)


def test_every_truncation_is_refused() -> None:
    for size in range(len(WIRE)):
        with pytest.raises(ContractError):
            prove(WIRE[:size])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_randomly_spoiled_batches_are_refused(seed: int) -> None:
    chance = random.Random(seed)
    payload = bytearray(WIRE)
    for _ in range(chance.randint(2, 8)):
        place = chance.randrange(len(payload))
        payload[place : place + chance.randint(0, 4)] = chance.randbytes(chance.randint(0, 6))
    if bytes(payload) == WIRE:
        return
    try:
        prove(bytes(payload))
    except ContractError:
        return
    assert messages.decode(JournalBatch, bytes(payload)).head == messages.decode(JournalBatch, WIRE).head


def test_a_batch_with_as_many_secrets_as_it_may_have_is_quick() -> None:
    stream = Stream([b"{}"] * messages.MOST_ENTRIES, range(1, messages.MOST_ENTRIES + 1))
    payload = messages.encode(stream.batch(1, messages.MOST_ENTRIES))
    began = time.thread_time()
    prove(payload)
    assert time.thread_time() - began < 3


# --- chunks -----------------------------------------------------------------------------------------------------


def test_chunks_cross_the_wire_and_name_their_content() -> None:
    chunk = codec.build_chunk("visas", 7, [b"a", b"", b"c" * 1000])
    again = messages.decode(FeedChunk, messages.encode(chunk))
    assert codec.open_chunk(again) == [b"a", b"", b"c" * 1000]
    assert again.digest == sha256(again.rows).digest()
    with pytest.raises(Malformed):
        codec.open_chunk(msgspec.structs.replace(again, digest=bytes(32)))
    with pytest.raises(Malformed):
        codec.open_chunk(msgspec.structs.replace(again, count=4))


def test_nothing_is_sent_that_no_reader_would_take() -> None:
    body = random.Random(1).randbytes(60_000)
    stream = Stream([body[:-1] + bytes([number]) for number in range(20)])
    assert messages.decode(JournalBatch, messages.encode(stream.batch(1, 17))).count == 17
    loose = [random.Random(number).randbytes(60_000) for number in range(20)]
    batch = codec.build_batch(DEVICE, EPOCH, 1, bytes(32), loose, bytes(32), bytes(64), [])
    with pytest.raises(TooLarge):
        messages.encode(batch)
