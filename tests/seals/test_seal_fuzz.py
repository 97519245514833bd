"""Signed codes under random content and random bytes."""

from __future__ import annotations

import base64
import datetime
import string
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seal_samples import content, signer, visa_text

from border_agent.documents.mrz import MrzFormat
from border_agent.seals import (
    CertificateUnusable,
    SealedVisa,
    SealError,
    SealMalformed,
    SealUnwritable,
    check_signature,
    decode_idb,
    decode_seal,
    encode_visa,
    read_certificate,
)
from border_agent.seals.encodings import (
    c40_decode,
    c40_encode,
    decode_date,
    decode_date_time,
    decode_masked_date,
    encode_date,
    encode_date_time,
    encode_masked_date,
    known_date,
)
from border_agent.seals.tlv import read_tlvs, write_tlv

PAYLOAD = base64.b32decode(visa_text()[5:] + b"=" * (-len(visa_text()[5:]) % 8))
TEXT = string.digits + string.ascii_uppercase


def total(data: bytes) -> SealedVisa | None:
    """The visa, or None for a typed error; anything else fails the test."""
    try:
        visa = decode_seal(data, today=datetime.date(2026, 11, 22))
    except SealError:
        return None
    check_signature(visa, signer().certificate)
    return visa


def armoured(payload: bytes, flag: str) -> bytes:
    packed = zlib.compress(payload) if flag in "CD" else payload
    return b"RDB1" + flag.encode() + base64.b32encode(packed).rstrip(b"=")


@settings(deadline=None)
@given(st.binary(max_size=600))
@example(b"RDB1B")
@example(b"RDB1DAAAAAAAA")
def test_any_bytes(data: bytes) -> None:
    total(data)
    total(b"RDB1B" + data)


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from("ABCD"))
def test_any_payload(payload: bytes, flag: str) -> None:
    total(armoured(payload, flag))


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from("ABCD"))
def test_any_visa_message(body: bytes, flag: str) -> None:
    signed = flag in "BD"
    payload = PAYLOAD[: 12 if signed else 2] + write_tlv(0x61, write_tlv(1, body))
    total(armoured(payload + (write_tlv(0x7F, bytes(64)) if signed else b""), flag))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PAYLOAD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_of_a_good_visa(changes: list[tuple[int, int]]) -> None:
    changed = bytearray(PAYLOAD)
    for position, value in changes:
        changed[position] = value
    total(armoured(bytes(changed), "B"))


@settings(deadline=None)
@given(
    st.sampled_from([MrzFormat.MRVA, MrzFormat.MRVB]),
    st.text(TEXT, max_size=9),
    st.one_of(st.none(), st.integers(0, 255)),
    st.tuples(*[st.integers(0, 254)] * 3),
    st.text(TEXT, max_size=4),
    st.binary(min_size=8, max_size=8),
    st.one_of(st.none(), st.binary(min_size=32, max_size=32).filter(any)),
    st.one_of(st.none(), st.dates()),
    st.booleans(),
)
def test_every_visa_is_read_back(
    format: MrzFormat,
    number: str,
    entries: int | None,
    duration: tuple[int, int, int],
    kind: str,
    visa_id: bytes,
    portrait: bytes | None,
    valid_from: datetime.date | None,
    compress: bool,
) -> None:
    written = content(
        format,
        passport_number=number,
        entries=entries,
        duration_days=duration[0],
        duration_months=duration[1],
        duration_years=duration[2],
        visa_type=kind,
        visa_id=visa_id.hex(),
        portrait_sha256=portrait,
        valid_from=valid_from,
    )
    visa = total(encode_visa(written, signer(), compress=compress).encode())
    assert visa is not None
    assert (visa.passport_number, visa.visa_type, visa.visa_id) == (number, kind, visa_id.hex())
    assert (visa.entries if visa.entries_stated else None) == entries
    assert (visa.duration_days, visa.duration_months, visa.duration_years) == duration
    assert (visa.portrait_sha256, visa.valid_from) == (portrait, valid_from)


@settings(deadline=None)
@given(st.text(TEXT + " <", max_size=90))
def test_c40_round_trip(text: str) -> None:
    assert c40_decode(c40_encode(text)) == text.replace("<", " ")


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_c40_of_any_bytes(data: bytes) -> None:
    try:
        text = c40_decode(data)
    except SealMalformed:
        return
    assert set(text) <= set(TEXT + " ")


def test_c40_pads_only_at_the_end() -> None:
    assert c40_decode(c40_encode("ABC") + c40_encode("AB")) == "ABCAB"
    for early in (c40_encode("AB") + c40_encode("ABC"), c40_encode("A") + c40_encode("ABC")):
        with pytest.raises(SealMalformed):
            c40_decode(early)


@settings(deadline=None)
@given(st.text(max_size=10))
def test_c40_of_any_text(text: str) -> None:
    try:
        c40_encode(text)
    except SealUnwritable:
        assert not set(text) <= set(TEXT + " <")


@settings(deadline=None)
@given(st.dates(), st.datetimes(), st.binary(max_size=8))
def test_dates_round_trip_and_refuse_the_rest(date: datetime.date, moment: datetime.datetime, data: bytes) -> None:
    assert decode_date(encode_date(date)) == date
    whole = moment.replace(microsecond=0, fold=0)
    assert decode_date_time(encode_date_time(whole)) == whole
    assert known_date(decode_masked_date(encode_masked_date(date.isoformat()))) == date
    for decode in (decode_date, decode_date_time, decode_masked_date, lambda d: known_date(decode_masked_date(d))):
        try:
            decode(data)
        except SealMalformed:
            continue


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=5))
def test_tlv_round_trip(elements: list[tuple[int, bytes]]) -> None:
    data = b"".join(write_tlv(tag, value) for tag, value in elements)
    read = read_tlvs(data, "test")
    assert [(tlv.tag, tlv.value) for tlv in read] == elements
    assert b"".join(tlv.raw for tlv in read) == data


def test_a_value_beyond_two_bytes_of_length() -> None:
    with pytest.raises(SealUnwritable):
        write_tlv(1, bytes(0x10000))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_certificate(data: bytes) -> None:
    with pytest.raises(CertificateUnusable):
        read_certificate(data)


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 255))
def test_a_changed_certificate_is_read_or_refused(position: int, flip: int) -> None:
    der = bytearray(signer().certificate)
    der[position % len(der)] ^= flip
    visa = decode_idb(visa_text())
    check_signature(visa, bytes(der))
