"""Feeds: chained changes, pieces within their bounds, heads that only their key can move, and only forward."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from contract_signers import ACK, NOW, ROOT_ONE, TRUST, VISAS, YEAR, keys_document, ring
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas import feeds, keys
from mqtt_schemas.codec import open_chunk
from mqtt_schemas.errors import BadSignature, ChainBroken, ContractError, Malformed, RolledBack, UnknownVersion
from mqtt_schemas.messages import FeedChunk, FeedHead, FeedOperation, Signed, decode, encode, encode_body
from mqtt_schemas.records import VisaRecord, VisaStatus, WatchRecord

ROWS = [feeds.put(f"w-{number}", WatchRecord(record_id=f"w-{number}", surname="DOE")) for number in range(1, 7)]
ROWS.append(feeds.delete("w-3"))


def heads_of(rows: list[bytes], feed: str = "visas") -> list[bytes]:
    heads = [feeds.feed_genesis(feed)]
    for version, row in enumerate(rows, start=1):
        heads.append(feeds.extend_feed(heads[-1], version, row))
    return heads


def head(version: int = len(ROWS), **changes: Any) -> FeedHead:
    fields = {"feed": "visas", "version": version, "head": heads_of(ROWS)[version], "issued": NOW}
    return FeedHead(**(fields | {"expires": NOW + timedelta(days=3)} | changes))


# --- the chain of changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", range(len(ROWS) + 1))
def test_changes_lead_to_the_signed_head_from_wherever_a_device_stands(start: int) -> None:
    feeds.prove_changes(start, heads_of(ROWS)[start], ROWS[start:], head())


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:-1],
        ROWS[1:],
        [*ROWS, ROWS[0]],
        [*ROWS[:3], *ROWS[4:]],
        [ROWS[1], ROWS[0], *ROWS[2:]],
        ROWS[::-1],
        [*ROWS[:2], feeds.delete("w-3"), *ROWS[3:]],
        [*ROWS[:2], ROWS[2] + b" ", *ROWS[3:]],
        [],
    ],
    ids=["last missing", "first missing", "one more", "hole", "swapped", "reversed", "edited", "respaced", "none"],
)
def test_other_changes_do_not(rows: list[bytes]) -> None:
    with pytest.raises(ChainBroken):
        feeds.prove_changes(0, feeds.feed_genesis("visas"), rows, head())


def test_nor_do_they_from_another_start() -> None:
    for version, start in ((1, heads_of(ROWS)[0]), (0, heads_of(ROWS, "trust")[0]), (0, bytes(32))):
        with pytest.raises(ChainBroken):
            feeds.prove_changes(version, start, ROWS[version:], head())


def test_nor_to_a_forged_head() -> None:
    with pytest.raises(ChainBroken):
        feeds.prove_changes(0, feeds.feed_genesis("visas"), ROWS, head(head=bytes(32)))
    with pytest.raises(ChainBroken):
        feeds.prove_changes(0, feeds.feed_genesis("visas"), ROWS, head(version=6, head=heads_of(ROWS)[7]))


@settings(deadline=None)
@given(st.permutations(range(len(ROWS))))
def test_no_order_but_one_leads_there(order: list[int]) -> None:
    rows = [ROWS[index] for index in order]
    if rows == ROWS:
        feeds.prove_changes(0, feeds.feed_genesis("visas"), rows, head())
        return
    with pytest.raises(ChainBroken):
        feeds.prove_changes(0, feeds.feed_genesis("visas"), rows, head())


# --- heads ------------------------------------------------------------------------------------------------------


def signed(body: FeedHead, role: str = "feed:visas", key: Any = VISAS) -> Signed:
    return decode(Signed, encode(keys.sign(key, role, encode_body(body))))


def test_a_head_is_believed() -> None:
    assert feeds.open_head(signed(head()), "visas", ring(), at_least=len(ROWS)) == head()


def test_a_feed_without_changes_has_a_head_too() -> None:
    empty = head(version=0)
    assert feeds.open_head(signed(empty), "visas", ring()).head == feeds.feed_genesis("visas")
    feeds.prove_changes(0, feeds.feed_genesis("visas"), [], empty)


def test_an_expired_head_is_believed() -> None:
    stale = head(issued=NOW - timedelta(days=30), expires=NOW - timedelta(days=27))
    assert feeds.open_head(signed(stale), "visas", ring()) == stale


def test_an_older_head_is_refused() -> None:
    with pytest.raises(RolledBack):
        feeds.open_head(signed(head(version=6)), "visas", ring(), at_least=7)


@pytest.mark.parametrize(
    ("forged", "feed"),
    [
        (signed(head(), key=TRUST), "visas"),
        (signed(head(), key=ACK), "visas"),
        (signed(head(), role="feed:trust", key=TRUST), "visas"),
        (signed(head(), role="feed:trust", key=TRUST), "trust"),  # the trust key's word on the visas
        (signed(head(feed="trust")), "visas"),
        (signed(head(feed="trust")), "trust"),
        (signed(head(), role="ack", key=ACK), "visas"),
        (msgspec.structs.replace(signed(head()), body=encode_body(head(version=6))), "visas"),
        (signed(head(issued=NOW + 2 * YEAR)), "visas"),  # after the key's time
        (signed(head(issued=NOW - 2 * YEAR)), "visas"),
    ],
)
def test_a_forged_head_is_refused(forged: Signed, feed: str) -> None:
    with pytest.raises(BadSignature):
        feeds.open_head(forged, feed, ring())


def test_a_head_of_another_version_is_named_as_such() -> None:
    with pytest.raises(UnknownVersion):
        feeds.open_head(keys.sign(VISAS, "feed:visas", b'{"v":"2.0"}'), "visas", ring())


def test_a_retired_key_signs_no_heads() -> None:
    later = keys.KeyRing.open(
        keys.sign_keys_document(ROOT_ONE, keys_document(version=2, role_keys=())), keys.public_bytes(ROOT_ONE)
    )
    with pytest.raises(BadSignature):
        feeds.open_head(signed(head()), "visas", later)


# --- chunks -----------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 6000), max_size=40),
    limit=st.integers(1024, 8192),
    first=st.integers(1, 10**9),
    noisy=st.booleans(),
)
def test_chunks_hold_every_change_in_order_within_the_limit(
    sizes: list[int], limit: int, first: int, noisy: bool
) -> None:
    chance = random.Random(len(sizes) * limit)
    rows = [chance.randbytes(size) if noisy else b"a" * size for size in sizes]
    chunks = [decode(FeedChunk, encode(chunk)) for chunk in feeds.split_chunks("visas", first, rows, limit)]
    taken: list[bytes] = []
    for chunk in chunks:
        assert chunk.first == first + len(taken)
        assert chunk.count >= 1
        assert len(chunk.rows) <= limit or chunk.count == 1
        taken += open_chunk(chunk)
    assert taken == rows


def test_a_single_large_change_goes_alone() -> None:
    large = random.Random(5).randbytes(feeds.LARGEST_CHANGE)
    chunks = list(feeds.split_chunks("visas", 1, [b"a", large, b"b"], 1024))
    assert [chunk.count for chunk in chunks] == [1, 1, 1]
    assert len(chunks[1].rows) > 1024


# --- changes and records ------------------------------------------------------------------------------------------

VISA = VisaRecord(
    visa_id="00112233445566ff",
    issuer="UTO",
    document_issuer="UTO",
    document_number="X1234567",
    valid_from=date(2026, 3, 1),
    valid_until=date(2026, 6, 1),
    entries=1,
)


def test_changes_are_read_back() -> None:
    change = feeds.read_change(feeds.put(VISA.visa_id, VISA))
    assert (change.op, change.key) == (FeedOperation.PUT, VISA.visa_id)
    assert feeds.read_record(VisaRecord, change.record) == VISA
    gone = feeds.read_change(feeds.delete(VISA.visa_id))
    assert (gone.op, gone.key, bytes(gone.record)) == (FeedOperation.DELETE, VISA.visa_id, b"null")


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("", {}),
        ("k" * 129, {}),
        ("k", {"visa_id": "short"}),
        ("k", {"document_number": "with space"}),
        ("k", {"entries": -1}),
        ("k", {"portrait": bytes(65_537)}),
        ("k", {"issuer": "\ud800"}),
    ],
)
def test_what_a_device_could_not_read_is_never_put_into_a_feed(key: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        feeds.put(key, msgspec.structs.replace(VISA, **changes))


def test_the_largest_picture_fits_a_change() -> None:
    row = feeds.put("k", msgspec.structs.replace(VISA, portrait=b"\xff" * 65_536))
    assert len(row) <= feeds.LARGEST_CHANGE
    assert len(feeds.read_record(VisaRecord, feeds.read_change(row).record).portrait) == 65_536


@pytest.mark.parametrize("key", ["", "k" * 129])
def test_nor_is_a_key_that_is_none_deleted(key: str) -> None:
    with pytest.raises(Malformed):
        feeds.delete(key)


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"null",
        b"[]",
        b'{"op":"replace","key":"k","record":{}}',
        b'{"key":"k","record":{}}',
        b'{"op":"put","key":"","record":{}}',
        b'{"op":"put","key":"k","record":{}} {}',
        b'{"op":"put","key":"k","record":{"a":}}',
        b'{"op":"put","key":"\xff","record":{}}',
        b'{"op":"put","key":"k","record":{"a":"\xff"}}',
        b'{"op":"put","key":"k","record":' + b"[" * 100_000,
        b'{"op":"put","key":"k","record":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"op":"put","key":"k","record":"' + b"a" * feeds.LARGEST_CHANGE + b'"}',
        b'{"op":"' + b"a" * 100_000 + b'","key":"k"}',
    ],
)
def test_hostile_changes_are_refused(row: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        feeds.read_change(row)
    assert len(str(caught.value)) < 400, "an error must not repeat a hostile value"


@settings(deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_a_change_or_refused(row: bytes) -> None:
    for read in (feeds.read_change, lambda raw: feeds.read_record(VisaRecord, raw)):
        with pytest.raises(ContractError):
            read(row)


def test_a_record_of_a_newer_minor_is_read() -> None:
    newer = msgspec.json.decode(msgspec.json.encode(VISA)) | {"status": "suspended", "colour": {"deep": [1]}}
    record = feeds.read_record(VisaRecord, msgspec.json.encode(newer))
    assert record == msgspec.structs.replace(VISA, status=VisaStatus.UNKNOWN)


@pytest.mark.parametrize("raw", [b"null", b"{}", b"[" * 100_000, b'{"visa_id":"\xff"}', b"", b"1e999"])
def test_records_that_are_none(raw: bytes) -> None:
    with pytest.raises(Malformed):
        feeds.read_record(VisaRecord, msgspec.Raw(raw))


def test_every_feed_has_its_record() -> None:
    assert set(feeds.RECORDS) == set(feeds.Feed)
