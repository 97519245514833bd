"""Messages: versions, newer minors, and every way bytes can be no message."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest
from contract_values import NOON, golden
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from mqtt_schemas import publish
from mqtt_schemas.activation import ActivationSecret
from mqtt_schemas.enrolment import EnrolmentAnswer, EnrolmentBundle, EnrolmentRequest
from mqtt_schemas.entries import ClockQuality
from mqtt_schemas.errors import ContractError, Malformed, TooLarge, UnknownVersion
from mqtt_schemas.messages import (
    JSON_MESSAGES,
    LARGEST_MESSAGE,
    Ack,
    EvidenceAck,
    EvidencePiece,
    FeedChunk,
    FeedHead,
    JournalBatch,
    KeysDocument,
    Problem,
    Pull,
    Signed,
    State,
    decode,
    decode_body,
    encode,
    encode_body,
)

BODIES = (Ack, EvidenceAck, FeedHead, KeysDocument, ActivationSecret, EnrolmentRequest, EnrolmentBundle)
ON_TOPICS = (State, Pull, JournalBatch, FeedChunk, EvidencePiece, Signed, EnrolmentAnswer)
VERSIONED: tuple[type[Struct], ...] = (*ON_TOPICS, *BODIES)


def full(kind: type[Struct]) -> Any:
    """The fixture with every field, as plain values of the form the message travels in."""
    value = golden(f"message-{publish.words(kind)}.full.json")
    if kind in JSON_MESSAGES or kind in BODIES:
        return value
    return msgspec.to_builtins(msgspec.convert(value, kind, strict=True), builtin_types=(bytes,))


def wire(kind: type[Struct], value: Any) -> bytes:
    if kind in JSON_MESSAGES or kind in BODIES:
        return json.dumps(value).encode()
    return msgspec.msgpack.encode(value)


def read(kind: type[Struct], payload: bytes) -> Struct:
    return decode_body(kind, payload) if kind in BODIES else decode(kind, payload)


every = pytest.mark.parametrize("kind", VERSIONED, ids=lambda kind: kind.__name__)


def test_every_versioned_message_is_here() -> None:
    assert {kind for kind in publish.MESSAGES if "v" in kind.__struct_fields__} == set(VERSIONED)


@every
def test_written_and_read_back(kind: type[Struct]) -> None:
    message = read(kind, wire(kind, full(kind)))
    again = encode_body(message) if kind in BODIES else encode(message)
    assert read(kind, again) == message


@every
@pytest.mark.parametrize("version", ["2.0", "0.9", "10.0", "", "v1", "2", "99999999999999999999.1"])
def test_another_major_version_is_named_as_such(kind: type[Struct], version: str) -> None:
    with pytest.raises(UnknownVersion):
        read(kind, wire(kind, full(kind) | {"v": version}))
    with pytest.raises(UnknownVersion):
        read(kind, wire(kind, {"v": version}))  # whatever else it holds


@every
@pytest.mark.parametrize("version", ["1", "1.", "1.x", "1.0\n", "1.00000", "1.0.0", "1.-1", "1.٣"])
def test_no_version_at_all_is_malformed(kind: type[Struct], version: str) -> None:
    with pytest.raises(Malformed):
        read(kind, wire(kind, full(kind) | {"v": version}))


@every
@pytest.mark.parametrize("version", [None, 1, 1.0, ["1.0"], {"major": 1}])
def test_a_version_of_another_type_is_malformed(kind: type[Struct], version: Any) -> None:
    with pytest.raises(Malformed):
        read(kind, wire(kind, full(kind) | {"v": version}))


@every
def test_a_message_without_its_version_is_refused(kind: type[Struct]) -> None:
    value = full(kind)
    del value["v"]
    with pytest.raises(UnknownVersion):
        read(kind, wire(kind, value))


@every
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.9999"])
def test_a_newer_minor_is_read_and_what_it_adds_is_passed_over(kind: type[Struct], version: str) -> None:
    known = read(kind, wire(kind, full(kind)))
    added = {"new": {"deep": [1, "two", {"three": None}]}, "nothing": None, "amount": 2**40}
    newer = read(kind, wire(kind, full(kind) | added | {"v": version}))
    assert newer == msgspec.structs.replace(known, v=version)  # type: ignore[type-var]


def test_enumerations_of_a_newer_minor_are_read_as_unknown() -> None:
    state = decode(State, wire(State, full(State) | {"clock": "quantum"}))
    assert state.clock is ClockQuality.UNKNOWN
    ack = decode_body(Ack, wire(Ack, full(Ack) | {"problem": "too_fast"}))
    assert ack.problem is Problem.UNKNOWN
    batch = decode(JournalBatch, wire(JournalBatch, full(JournalBatch) | {"encoding": "columns+zstd"}))
    assert batch.encoding == "columns+zstd"


_HOSTILE_JSON = [
    b"",
    b"null",
    b"[]",
    b'"1.0"',
    b"{",
    b"{}x",
    b'{"v":"1.0"} {}',
    b'{"v":"1.0\xff"}',
    b'{"v":"\\ud800"}',
    b"\xef\xbb\xbf{}",
    b"{}".decode().encode("utf-16"),
    b"[" * 200_000,
    b'{"v":"1.0","x":' + b"[" * 200_000,
    b'{"v":"1.0","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"v":"1.0","x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    b'{"v":' + b"9" * 100_000 + b"}",
    b'{"v":"1.0",' + b'"a":1,' * 100_000 + b'"b":NaN}',
]
_HOSTILE_PACKED = [
    b"",
    b"\xc0",
    b"\x90",
    b"\xc1",
    b"\x81",
    b"\x81\xa1v",
    b"\x81\xa1v\xa31.0\x00",
    b"\x81\xa1v\xa3\xff\xff\xff",
    b"\x81\xc4\x01v\xa31.0",
    b"\xdf\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\x82\xa1v\xa31.0\xa1x\xdb\xff\xff\xff\xff",
    b"\x82\xa1v\xa31.0\xa1x" + b"\x91" * 200_000,
    b"\x82\xa1v\xa31.0\xa1x" + b"\x91" * 200_000 + b"\x01",
    b"\x82\xa1v\xa31.0\xa1x" + b"\x81\xa1a" * 200_000 + b"\x01",
    b"\x82\xa1v\xa31.0\xa1x\xc9\xff\xff\xff\xff\x01",
    b"\x82\xa1v\xa31.0\x01\x02",
]


@every
def test_hostile_payloads_are_typed_errors(kind: type[Struct]) -> None:
    for payload in (*_HOSTILE_JSON, *_HOSTILE_PACKED):
        with pytest.raises(ContractError) as caught:
            read(kind, payload)
        assert len(str(caught.value)) < 400, "an error must not repeat a hostile payload"


@every
def test_too_large_is_refused_before_it_is_read(kind: type[Struct]) -> None:
    with pytest.raises(TooLarge):
        read(kind, b" " * (LARGEST_MESSAGE + 1))
    padded = wire(kind, full(kind) | {"x": "a" * LARGEST_MESSAGE})
    with pytest.raises(TooLarge):
        read(kind, padded)


@every
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_bytes_are_a_message_or_a_typed_error(kind: type[Struct], data: st.DataObject) -> None:
    good = wire(kind, full(kind))
    place = data.draw(st.integers(0, len(good)))
    payload = data.draw(
        st.binary(max_size=60)
        | st.binary(max_size=4).map(lambda some: good[:place] + some + good[place + len(some) :])
        | st.binary(max_size=4).map(lambda some: good[:place] + some + good[place:])
        | st.just(good[:place])
    )
    try:
        read(kind, payload)
    except ContractError:
        return


def test_text_that_is_no_utf8_is_refused_where_no_field_is_known() -> None:
    """msgspec alone would pass over it; another reader of the same signed bytes would refuse them."""
    good = wire(FeedHead, full(FeedHead))
    with pytest.raises(Malformed):
        decode_body(FeedHead, good[:-1] + b',"new":"\xff"}')


def test_what_is_too_large_is_not_sent() -> None:
    with pytest.raises(TooLarge):
        encode(State(device="kiosk-01", online=True, nonce=bytes(16), health={"x": "a" * LARGEST_MESSAGE}))


@pytest.mark.parametrize("offset", [timedelta(hours=1), timedelta(minutes=-1), timedelta(hours=23)])
def test_times_of_another_zone_are_not_even_made(offset: timedelta) -> None:
    elsewhere = NOON.astimezone(timezone(offset))
    with pytest.raises(ValueError, match="UTC"):
        FeedHead(feed="visas", version=1, head=bytes(32), issued=elsewhere, expires=NOON)
    with pytest.raises(ValueError, match="UTC"):
        FeedHead(feed="visas", version=1, head=bytes(32), issued=NOON, expires=NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="UTC"):
        State(device="kiosk-01", online=True, nonce=bytes(16), started_at=elsewhere)


def test_small_messages_are_json_and_the_rest_messagepack() -> None:
    for kind in ON_TOPICS:
        payload = encode(decode(kind, wire(kind, full(kind))))
        assert (payload[:1] == b"{") is (kind in JSON_MESSAGES), kind
