"""Entries by columns: every byte comes back, hostile packing costs little, and a batch takes as little room as was
promised."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import get_args

import msgspec
import pytest
from contract_signers import DEVICE, EPOCH, JOURNAL, Stream
from contract_values import GOLDEN, golden, instances
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from border_agent.documents.mrz import MrzFormat, build_mrz, parse_mrz
from mqtt_schemas import chain, codec, columns, entries, messages
from mqtt_schemas.columns import areas, numbers, words, zone
from mqtt_schemas.errors import ContractError, Malformed, UnknownVersion
from mqtt_schemas.messages import Encoding, JournalBatch
from tests.traffic.post_day import PostDay

COLUMNS = Encoding.COLUMNS_ZSTD
MANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
DAY = PostDay(device=DEVICE).bodies(160)
EVERY = [path.read_bytes() for path in sorted(GOLDEN.glob("*/entry-*.json"))]


def both_ways(rows: list[bytes], before: list[bytes] | None = None) -> bytes:
    packed = columns.pack(rows, DEVICE, before or [])
    assert packed is not None
    asked: list[int] = []

    def fetch(number: int) -> list[bytes]:
        asked.append(number)
        return (before or [])[-number:]

    assert columns.unpack(packed, DEVICE, sum(map(len, rows)), len(rows), fetch) == rows
    assert asked == ([len(before)] if before else [])
    return packed


# --- every byte comes back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 10, 64, 65, 160])
@pytest.mark.parametrize("leaning", [0, 1, 8])
def test_a_days_entries_come_back(size: int, leaning: int) -> None:
    both_ways(DAY[-size:], DAY[-size - leaning : -size] if size + leaning <= len(DAY) else [])


def test_every_kind_of_every_version_comes_back_alone_and_together() -> None:
    both_ways(EVERY)
    both_ways(EVERY[::-1], EVERY[:20])
    for body in EVERY:
        both_ways([body])
        both_ways([body] * 3, [body])


@settings(MANY, max_examples=25)
@given(data=st.data())
def test_any_entry_comes_back(data: st.DataObject) -> None:
    kinds = st.lists(st.sampled_from(get_args(entries.Entry)), min_size=1, max_size=6)
    rows = [msgspec.json.encode(data.draw(instances(kind))) for kind in data.draw(kinds)]
    known = data.draw(st.integers(0, len(rows) - 1))
    both_ways(rows[known:], rows[:known])


_PIECES = [
    *(cut for cut in columns.rows.CUTS),
    b'{"kind":"movement","id":"',
    b'"}',
    b"0" * 32,
    b"a" * 16,
    b"f" * 64,
    b"%",
    b"%b",
    b"%%",
]
_PIECES += [
    b'"visa_id":"',
    b'":"',
    b"2026-03-14T12:00:00Z",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:59.999999Z",
    b"0000-00-00",
]
_PIECES += [
    b"2026-02-29",
    b'"distance":',
    b"0.1000",
    b"0.25",
    b"9.9999",
    b'"frames":',
    b"007",
    b"3",
    b"}",
    b",",
    b"A" * 43 + b"=",
    b"/" * 43 + b"=",
]
_PIECES += [
    b'"inspection_id":"',
    b'","occurred_at":"',
    b'","recorded_at":"',
    b'","clock":"unknown"',
    b"\t",
    b"\n",
    b"\xff",
    b"\x7f",
]


@settings(MANY, max_examples=150)
@given(
    rows=st.lists(
        st.lists(st.sampled_from(_PIECES) | st.binary(max_size=6), max_size=14).map(b"".join), min_size=1, max_size=8
    ),
    known=st.integers(0, 3),
)
@example(rows=[b""], known=0)
@example(rows=[b"", b"", b"x"], known=1)
@example(rows=[b"\x01"], known=0)
@example(rows=[b'"a":"' + b"0" * 64 + b'"'] * 3, known=1)
def test_any_rows_come_back_or_are_not_packed(rows: list[bytes], known: int) -> None:
    known = min(known, len(rows) - 1)
    before, rows = rows[:known], rows[known:]
    packed = columns.pack(rows, DEVICE, before)
    if packed is None:
        assert any(byte in columns.streams.CONTROLS for byte in b"".join(rows))
        return
    assert columns.unpack(packed, DEVICE, sum(map(len, rows)), len(rows), lambda _: before) == rows


def test_rows_with_control_bytes_are_sent_as_rows() -> None:
    assert columns.pack([b'{"a":"\x01"}'], DEVICE) is None
    assert columns.pack([], DEVICE) is None
    stream = Stream([b'{"a":"\x01"}' * 20, b'{"b":"\0"}' * 20])
    batch = batch_of(stream, 1, 2)
    assert batch.encoding == Encoding.ROWS_ZSTD.value
    assert [entry.body for entry in prove(batch)] == stream.bodies


def test_what_does_not_shrink_is_sent_as_rows() -> None:
    noise = [
        random.Random(number).randbytes(400).translate(bytes(max(byte, 0x20) for byte in range(256)))
        for number in range(3)
    ]
    assert batch_of(Stream(noise), 1, 3).encoding == Encoding.ROWS_ZSTD.value


@pytest.mark.parametrize("wrong", ["a byte", "a row", "everything"])
def test_what_would_not_come_back_is_sent_as_rows(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder believes nothing but its own reader, whatever is wrong with either."""
    honest = columns.rows.unpack

    def spoilt(*arguments: object) -> list[bytes]:
        rows = honest(*arguments)  # type: ignore[arg-type]
        if wrong == "everything":
            raise Malformed("columns", "cut short")
        return rows[:-1] if wrong == "a row" else [*rows[:-1], rows[-1][:-1] + b" "]

    monkeypatch.setattr(columns.rows, "unpack", spoilt)
    stream = Stream(DAY[:20])
    assert columns.pack(stream.bodies, DEVICE) is None
    batch = batch_of(stream, 1, 20)
    assert batch.encoding == Encoding.ROWS_ZSTD.value
    assert [entry.body for entry in prove(batch)] == stream.bodies


def test_a_newer_minors_entries_come_back() -> None:
    newer = [
        b'{"kind":"hologram","id":"%032x","occurred_at":"2031-01-01T00:00:%02d.5Z","depth":[%d,{"x":1e5}],"visa":7}'
        % (n, n, n)
        for n in range(30)
    ]
    grown = [body[:-1] + b',"seal_of_2031":{"strength":0.7%d}}' % number for number, body in enumerate(DAY[:30])]
    assert len(both_ways(newer)) < sum(map(len, newer)) / 5
    assert len(both_ways(grown)) < sum(map(len, grown)) / 10


# --- ids that follow from the rest ------------------------------------------------------------------------------


def movement(number: int, entry_id: str | None = None) -> bytes:
    at = datetime(2027, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=37 * number, microseconds=number)
    inspection = sha256(b"inspection %d" % number).hexdigest()[:32]
    return entries.write_entry(
        entries.Movement(
            id=entry_id or entries.derived_id(DEVICE, "movement", inspection, at),
            occurred_at=at,
            recorded_at=at,
            clock=entries.ClockQuality.SYNCHRONISED,
            inspection_id=inspection,
            direction=entries.Direction.ENTRY,
            proposal=entries.Decision.ADMIT,
            decision=entries.Decision.ADMIT,
            officer="1001",
        )
    )


def test_a_derived_id_is_what_the_formula_says() -> None:
    at = datetime(2027, 3, 1, 9, 0, 0, 500, tzinfo=UTC)
    said = b"borne/v1/entry-id\0kiosk-01\0movement\0" + b"ab" * 16 + b"\0" + b"2027-03-01T09:00:00.000500Z"
    assert entries.derived_id("kiosk-01", "movement", "ab" * 16, at) == sha256(said).hexdigest()[:32]


def test_derived_ids_do_not_travel_and_others_do() -> None:
    derived = [movement(number) for number in range(40)]
    others = [movement(number, sha256(b"%d" % number).hexdigest()[:32]) for number in range(40)]
    saved = len(both_ways(others)) - len(both_ways(derived))
    assert saved >= 40 * 15.9
    both_ways([*derived[:20], *others[20:]])
    elsewhere = columns.pack(derived, "kiosk-02")
    assert elsewhere is not None
    assert abs(len(elsewhere) - len(both_ways(others))) < 20, "another device's ids are like any others"


# --- documents --------------------------------------------------------------------------------------------------

_LETTERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=14)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    form = draw(st.sampled_from((MrzFormat.TD3, MrzFormat.TD1, MrzFormat.TD2)))
    lines = build_mrz(
        form,
        document_code="P" if form is MrzFormat.TD3 else draw(st.sampled_from(("I", "A", "C"))),
        issuer=draw(st.sampled_from(("UTO", "D", "FRA", "XOM"))),
        surname=" ".join(draw(st.lists(_LETTERS, min_size=1, max_size=3))),
        given_names=" ".join(draw(st.lists(_LETTERS, max_size=3))),
        number=draw(st.text("ABCXYZ0123456789", min_size=1, max_size=9)),
        nationality=draw(st.sampled_from(("UTO", "D", "XXA"))),
        birth=draw(st.dates().map(lambda day: day.replace(year=1900 + day.year % 100)) | st.just("70<<<<")),
        sex=draw(st.sampled_from("MFX")),
        expiry=draw(st.dates().map(lambda day: day.replace(year=2000 + day.year % 100))),
        optional=draw(st.text("ABC0123456789", max_size=7)),
    )
    mrz = parse_mrz("\n".join(lines), today=datetime(2027, 3, 1, tzinfo=UTC).date())
    facts = entries.DocumentFacts(
        format=mrz.format.value, lines=mrz.lines, issuer=mrz.issuer, number=mrz.number, nationality=mrz.nationality,
        surname=mrz.surname, given_names=mrz.given_names, birth=mrz.birth.raw, sex=mrz.sex, expiry=mrz.expiry.raw,
    )  # fmt: skip
    return b'{"document":' + msgspec.json.encode(facts) + b"}"


@settings(MANY, max_examples=40)
@given(rows=st.lists(documents(), min_size=1, max_size=8))
def test_a_document_follows_from_its_lines(rows: list[bytes]) -> None:
    """As the agent's own reader reads what its own writer wrote, but for numbers that go on in the optional field."""
    for row in rows:
        found = zone.DOCUMENT.search(row)
        assert found is not None
        lines = [line for line in found.groups() if line is not None]
        layout = zone.layout_of(lines)
        assert layout is not None
        assert zone.rebuilt(zone.LAYOUTS[layout], [lines]) == [found[0]]
    both_ways(rows)


def test_check_digits_are_those_of_the_standard() -> None:
    """The specimen of Doc 9303-4 (appendix A)."""
    lines = [b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", b"L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
    (text,) = zone.rebuilt(zone.TD3, [lines])
    assert text == (
        b'"lines":["%b","%b"],"issuer":"UTO","number":"L898902C3","nationality":"UTO","surname":"ERIKSSON",'
        b'"given_names":"ANNA MARIA","birth":"740812","sex":"F","expiry":"120415"' % tuple(lines)
    )
    for place in (9, 19, 27, 42, 43):
        wrong = bytearray(lines[1])
        wrong[place] = ord("0") + (wrong[place] - ord("0") + 1) % 10
        assert zone.rebuilt(zone.TD3, [[lines[0], bytes(wrong)]]) == [text], "a digit is computed, not believed"


@pytest.mark.parametrize("place", range(44))
def test_a_misread_document_comes_back_as_it_was_read(place: int) -> None:
    line = DAY_DOCUMENT[1]
    for other in b"0A<Z":
        spoilt = line[:place] + bytes([other]) + line[place + 1 :]
        both_ways([body.replace(line, spoilt) for body in DAY if line in body])


DAY_DOCUMENT = next(
    [line.encode() for line in entry.document.lines]
    for entry in map(entries.read_entry, DAY)
    if isinstance(entry, entries.Movement) and entry.document is not None and entry.document.format == "TD3"
)


# --- numbers ----------------------------------------------------------------------------------------------------


@settings(MANY, max_examples=100)
@given(
    st.lists(st.integers(-(2**62) + 1, 2**62 - 1), max_size=12).map(lambda few: few * 20)
    | st.lists(st.integers(-300, 300), max_size=numbers.FEW + 20)
    | st.lists(st.integers(-(2**62) + 1, 2**62 - 1), max_size=20)
)
def test_numbers_come_back(column: list[int]) -> None:
    writer = areas.Writer()
    numbers.put_numbers(writer, column)
    reader = areas.Reader(writer.pack(0, b""), b"")
    assert list(numbers.get_numbers(reader, len(column))) == column
    reader.finish()


@settings(MANY, max_examples=60)
@given(table=st.integers(1, 700), size=st.integers(0, 200), seed=st.integers(0, 99))
def test_places_come_back(table: int, size: int, seed: int) -> None:
    chance, writer = random.Random(seed), areas.Writer()
    places = [chance.randrange(table) for _ in range(size)]
    numbers.put_places(writer, places, table)
    reader = areas.Reader(writer.pack(0, b""), b"")
    assert list(numbers.get_places(reader, size, table)) == places
    reader.finish()


# --- batches ----------------------------------------------------------------------------------------------------


def batch_of(stream: Stream, first: int, last: int, before: list[bytes] | None = None) -> JournalBatch:
    plain = stream.batch(first, last)
    return codec.build_batch(
        plain.device,
        plain.epoch,
        first,
        plain.previous,
        stream.bodies[first - 1 : last],
        plain.head,
        plain.signature,
        plain.secrets,
        encoding=COLUMNS,
        before=before or (),
    )


def prove(batch: JournalBatch, before: codec.Before | None = None) -> list[codec.ProvedEntry]:
    again = messages.decode(JournalBatch, messages.encode(batch))
    return codec.prove_batch(again, codec.SecretTable(), JOURNAL.public_key(), before)


def test_a_batch_by_columns_is_proved_like_any_other() -> None:
    stream = Stream(DAY, (1, 60, 61, 90))
    batch = batch_of(stream, 1, 120)
    assert batch.encoding == COLUMNS.value
    assert batch.encoding in codec.READS
    assert prove(batch) == codec.prove_batch(stream.batch(1, 120), codec.SecretTable(), JOURNAL.public_key())


def test_a_small_batch_leans_on_the_entries_before_it() -> None:
    stream = Stream(DAY, range(1, len(DAY) + 1))
    alone, leaning = batch_of(stream, 100, 100), batch_of(stream, 100, 100, DAY[:99])
    assert len(leaning.rows) < 0.6 * len(alone.rows)
    asked: list[int] = []

    def before(number: int) -> list[bytes]:
        asked.append(number)
        return DAY[99 - number : 99]

    assert [entry.body for entry in prove(leaning, before)] == [DAY[99]]
    assert asked == [codec.leaning(1)]
    assert batch_of(stream, 1, 120, DAY[:64]) == batch_of(stream, 1, 120), "a large batch leans on nothing"


@pytest.mark.parametrize(
    "before",
    [
        None,
        lambda number: [],
        lambda number: DAY[: number - 1],
        lambda number: DAY[: number + 1],
    ],
    ids=["nobody", "none", "too few", "too many"],
)
def test_a_batch_that_leans_on_what_is_not_there_is_refused(before: codec.Before | None) -> None:
    batch = batch_of(Stream(DAY, range(1, 161)), 100, 101, DAY[:99])
    with pytest.raises(Malformed):
        prove(batch, before)


def test_a_batch_that_leans_on_other_entries_is_not_proved() -> None:
    batch = batch_of(Stream(DAY, range(1, 161)), 100, 101, DAY[:99])
    with pytest.raises(ContractError):
        prove(batch, lambda number: DAY[:number])


def test_a_reader_of_1_4_refuses_columns_by_name() -> None:
    batch = batch_of(Stream(DAY), 1, 50)
    with pytest.raises(UnknownVersion):
        codec.unpack_rows(batch.rows, batch.encoding, batch.unpacked, batch.count)
    with pytest.raises(UnknownVersion):
        codec.unpack_batch(msgspec.structs.replace(batch, encoding="something+new"))
    with pytest.raises(UnknownVersion):
        codec.unpack_batch(msgspec.structs.replace(batch, rows=b"\x02" + batch.rows[1:]))


def test_the_largest_batch_travels_by_columns() -> None:
    rows = [movement(number) for number in range(messages.MOST_ENTRIES)]
    packed = both_ways(rows)
    assert len(packed) < 40 * len(rows)


def test_old_packing_is_read_for_ever() -> None:
    """Recorded under 1.5: version 1 of the packing, its dictionary included."""
    assert sha256(words.DICTIONARY).hexdigest() == golden("vectors-columns.json", "1.5")["dictionary"]
    for case in golden("vectors-columns.json", "1.5")["cases"]:
        rows, before = ([row.encode() for row in case[name]] for name in ("rows", "before"))
        packed, size = bytes.fromhex(case["packed"]), sum(map(len, rows))
        assert columns.unpack(packed, case["device"], size, len(rows), lambda _, before=before: before) == rows


# --- what was promised ------------------------------------------------------------------------------------------


def test_an_entry_takes_no_more_than_was_promised() -> None:
    """Bytes of `rows`; 341 more a batch for signature, heads, names, MQTT and TLS (`tests/bench/wire_size.py`)."""
    day = PostDay(seed=2, device=DEVICE).bodies(400)

    def mean(size: int) -> float:
        taken = []
        for first in range(100, 400 - size, max(size, 7)):
            packed = columns.pack(day[first : first + size], DEVICE, day[first - codec.leaning(size) : first])
            assert packed is not None
            taken.append((len(packed) + 341) / size)
        return sum(taken) / len(taken)

    assert mean(1) <= 600
    assert mean(50) <= 132
    assert mean(200) <= 125


def test_columns_are_unpacked_about_as_quickly_as_json_is_read() -> None:
    rows = PostDay(seed=3, device=DEVICE).bodies(300)
    packed = columns.pack(rows, DEVICE)
    assert packed is not None
    ratios = []
    for _ in range(5):
        begun = time.thread_time()
        columns.unpack(packed, DEVICE, sum(map(len, rows)), 300)
        unpacked = time.thread_time()
        for row in rows:
            msgspec.json.decode(row)
        ratios.append((unpacked - begun) / (time.thread_time() - unpacked))
    assert min(ratios) < 4


def test_the_chain_of_a_columns_batch_is_that_of_its_bytes() -> None:
    stream = Stream(DAY[:30])
    bodies = codec.unpack_batch(batch_of(stream, 1, 30))
    head = chain.genesis(DEVICE, EPOCH)
    for sequence, body in enumerate(bodies, start=1):
        head = chain.extend(head, EPOCH, sequence, sha256(b"secret 1").digest(), body)
    assert head == stream.heads[30]
