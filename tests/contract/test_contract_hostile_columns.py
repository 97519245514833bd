"""Hostile columns: any bytes are rows of the announced size or a typed refusal, quickly and in little memory."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import zstandard
from contract_signers import DEVICE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqtt_schemas import columns
from mqtt_schemas.columns import areas
from mqtt_schemas.errors import ContractError, Malformed, TooLarge, UnknownVersion
from tests.traffic.post_day import PostDay

MANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
DAY = PostDay(device=DEVICE).bodies(12)
HONEST = columns.pack(DAY[:5], DEVICE) or b""
HONEST_SIZE = sum(map(len, DAY[:5]))


def reads(packed: bytes, size: int = HONEST_SIZE, count: int = 5) -> list[bytes] | None:
    try:
        rows = columns.unpack(packed, DEVICE, size, count, lambda number: DAY[:number])
    except ContractError:
        return None
    assert len(rows) == count
    assert sum(map(len, rows)) == size
    return rows


def test_every_truncation_is_refused_and_nothing_may_follow() -> None:
    assert reads(HONEST) == DAY[:5]
    for size in range(len(HONEST)):
        assert reads(HONEST[:size]) is None
    for more in (b"\0", b"more", HONEST):
        assert reads(HONEST + more) is None


def test_every_flipped_byte_is_refused_or_gives_other_rows_of_the_same_size() -> None:
    for place in range(len(HONEST)):
        for bit in (0x01, 0x80):
            reads(HONEST[:place] + bytes([HONEST[place] ^ bit]) + HONEST[place + 1 :])


@pytest.mark.parametrize(("size", "count"), [(0, 5), (HONEST_SIZE - 1, 5), (HONEST_SIZE + 1, 5), (2**23, 5)])
def test_another_size_than_was_announced_is_refused(size: int, count: int) -> None:
    assert reads(HONEST, size, count) is None


@pytest.mark.parametrize("count", [1, 4, 6, 4096])
def test_another_number_of_rows_than_was_announced_is_refused(count: int) -> None:
    assert reads(HONEST, HONEST_SIZE, count) is None


@settings(MANY, max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_spoiled_columns_are_refused_or_rows(seed: int) -> None:
    """Inside the areas, where no frame's own checks stand in the way."""
    chance = random.Random(seed)
    writer = loose(HONEST)
    for _ in range(chance.randint(1, 4)):
        area = getattr(writer, chance.choice(("text", "small", "small", "digits", "raw")))
        if area:
            place = chance.randrange(len(area))
            area[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    reads(writer.pack(chance.randint(0, 3) if chance.random() < 0.2 else 0, b""))


def loose(packed: bytes) -> areas.Writer:
    """A writer that holds what was packed."""
    reader, writer = areas.Reader(packed, b""), areas.Writer()
    writer.text += reader._text
    writer.small += reader._small
    writer.digits += reader._digits
    writer.raw += reader._raw
    return writer


@settings(MANY, max_examples=200)
@given(packed=st.binary(max_size=60).map(lambda rest: b"\x01\0" + rest) | st.binary(max_size=40))
def test_any_bytes_are_rows_or_refused(packed: bytes) -> None:
    reads(packed, 10, 2)


def crafted(*, text: bytes = b"", small: bytes = b"", digits: bytes = b"", raw: bytes = b"") -> bytes:
    writer = areas.Writer()
    writer.text += text
    writer.small += small
    writer.digits += digits
    writer.raw += raw
    return writer.pack(0, b"")


def _frame(plain: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(
        1, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=False
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(plain)


_BOMB = _frame(bytes(100_000_000))
_LARGE = areas.LARGEST
_SECTIONS = columns.rows.SECTIONS
HOSTILE: dict[str, tuple[bytes, int, int]] = {
    "nothing": (b"", 0, 1),
    "a version and nothing": (b"\x01", 0, 1),
    "leans on too many": (b"\x01\xff" + HONEST[2:], HONEST_SIZE, 5),
    "an area that claims a terabyte": (b"\x01\0" + areas.varint(2**41) + b"\0\0", 1, 1),
    "a number without end": (b"\x01\0" + b"\xff" * 30, 1, 1),
    "a bomb": (b"\x01\0" + areas.varint(_LARGE << 1 | 1) + areas.varint(len(_BOMB)) + b"\0\0" + _BOMB, _LARGE, 4096),
    "a bomb that lies small": (
        b"\x01\0" + areas.varint(9 << 1 | 1) + areas.varint(len(_BOMB)) + b"\0\0" + _BOMB,
        9,
        1,
    ),
    "areas beyond the bound together": (b"\x01\0" + areas.varint(_LARGE << 1) * 3, _LARGE, 1),
    "texts upon texts": (crafted(text=b"\0" * _LARGE, small=b"\0" + b"\x21" * _SECTIONS), 1, 4096),
    "one large text for all rows": (
        crafted(text=bytes([0x41]) * 4_000_000 + b"\0" + b"\0" * 17, small=b"\0" + b"\x25" * _SECTIONS),
        _LARGE,
        4096,
    ),
    "one large template for all rows": (
        crafted(text=bytes([0x41]) * 4_000_000 + b"\0" + b"\0" * 17, small=b"\0" + b"\x20" * _SECTIONS),
        _LARGE,
        4096,
    ),
    "one large template with a value for all rows": (
        crafted(
            text=b"A" * 1_000_000 + b"\x10\0" + b"\0" * (_SECTIONS - 1),
            small=b"\x01\x70\0\x06" + b"\x20" * _SECTIONS,
        ),
        _LARGE,
        4096,
    ),
    "values that nobody wants": (
        crafted(text=b"A\0" + b"\0" * (_SECTIONS - 1), small=b"\x01\x70\0\x06" + b"\x20" * _SECTIONS),
        1,
        1,
    ),
    "a stream of more values than bytes": (crafted(small=b"\x01\x45" + areas.varint(2**40) + b"\0\0"), 1, 1),
    "a quarter of a million equal values": (crafted(small=b"\x01\x50" + areas.varint(areas.MOST) + b"\0\0"), 1, 1),
    "more documents than rows": (
        crafted(
            text=b"P<UTO\0F<\0",
            small=b"\x01\x54" + areas.varint(200_000) + b"\x01\x01\x01\0\0\x01\0\0\0",
            digits=b"\0" * 200_000 + b"A" * 9 * 200_000,
        ),
        1,
        1,
    ),
    "a stream twice": (crafted(small=b"\x02\x43\0\x43\0" + b"\x24" * _SECTIONS, text=b"\0" * 18), 0, 1),
    "a stream of no kind": (crafted(small=b"\x01\x5f\0"), 0, 1),
    "values wanted of no stream": (crafted(text=b"\x04\0" + b"\0" * 17, small=b"\0" + b"\x20" * _SECTIONS), 32, 1),
    "an id that follows from nothing": (
        crafted(text=b"\x01\0" + b"\0" * 17, small=b"\0" + b"\x20" * _SECTIONS),
        32,
        1,
    ),
    "hashes of nowhere": (crafted(text=b"\x02\0" + b"\0" * 17, small=b"\0" + b"\x20\0" + b"\x20" * 17), 64, 1),
    "a time off the calendar": (crafted(small=b"\x01\x65" + areas.varint(2**63 - 1) + b"\0\0"), 27, 1),
    "days told by none": (crafted(small=b"\x01\xb2\0\0"), 10, 1),
    "numbers of no width": (crafted(small=b"\x01\x70\x7f\0"), 1, 1),
}


def test_what_is_crafted_is_read_where_nothing_is_wrong_with_it() -> None:
    """So each of the hostile ones is refused for what is wrong with it."""
    rest = b"\0" * (_SECTIONS - 1)
    plain = crafted(text=b"A\0" + rest, small=b"\0" + b"\x20" * _SECTIONS)
    assert columns.unpack(plain, DEVICE, 1, 1) == [b"A"]
    valued = crafted(text=b"A\x10\0" + rest, small=b"\x01\x70\0\x06" + b"\x20" * _SECTIONS)
    assert columns.unpack(valued, DEVICE, 6, 3) == [b"A3", b"A3", b"A3"]
    shared = crafted(text=b"AB\0" + rest, small=b"\0" + b"\x25" * _SECTIONS)
    assert columns.unpack(shared, DEVICE, 6, 3) == [b"AB", b"AB", b"AB"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_columns_are_refused_quickly(name: str) -> None:
    packed, size, count = HOSTILE[name]
    began = time.thread_time()
    with pytest.raises((Malformed, TooLarge, UnknownVersion)):
        columns.unpack(packed, DEVICE, size, count, lambda number: DAY[:number])
    assert time.thread_time() - began < 2


_IN_A_CHILD = """
import sys
from pathlib import Path
import msgspec
from mqtt_schemas import columns
from mqtt_schemas.errors import ContractError
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
hostile = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes())
columns.unpack(*hostile.pop())
before = peak()
for arguments in hostile:
    try:
        columns.unpack(*arguments)
    except ContractError:
        continue
    sys.exit("accepted")
sys.stdout.write(str(peak() - before))
"""


def test_hostile_columns_take_little_memory(tmp_path: Path) -> None:
    cases = [[packed, DEVICE, size, count] for packed, size, count in HOSTILE.values()]
    (tmp_path / "hostile").write_bytes(msgspec.msgpack.encode([*cases, [HONEST, DEVICE, HONEST_SIZE, 5]]))
    run = subprocess.run(
        [sys.executable, "-c", _IN_A_CHILD, str(tmp_path / "hostile")], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 200 * 1024, f"{run.stdout} KiB more"
