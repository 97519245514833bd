"""Our own visas: written, read back, verified; what is optional, unknown, forged or too much."""

from __future__ import annotations

import base64
import datetime
import time
import tracemalloc
import zlib

import msgspec
import pytest
from seal_samples import ISSUED, PORTRAIT, VALID_FROM, VALID_UNTIL, content, signer, visa_text

from border_agent.documents.mrz import MrzFormat
from border_agent.seals import (
    MAX_PAYLOAD,
    MAX_TEXT,
    IdbMessage,
    NotASeal,
    NotAVisa,
    SealedVisa,
    SealError,
    SealMalformed,
    SealTooLong,
    SealUnsupported,
    SealUnwritable,
    SignatureCheck,
    VisaSigner,
    check_signature,
    decode_idb,
    decode_seal,
    encode_idb,
    encode_visa,
    make_signer,
    verify_signature,
)
from border_agent.seals.tlv import write_tlv


def body(text: bytes) -> bytes:
    """The visa message of a seal."""
    value = decode_idb(text).message(1)
    assert value is not None
    return value


def with_body(value: bytes) -> bytes:
    return encode_idb("UTO", ISSUED, [IdbMessage(1, value)], signer()).encode()


def packed(payload: bytes, flag: str = "B") -> bytes:
    return b"RDB1" + flag.encode() + base64.b32encode(payload).rstrip(b"=")


def unpacked(text: bytes) -> bytes:
    return base64.b32decode(text[5:] + b"=" * (-len(text[5:]) % 8))


@pytest.mark.parametrize("format", [MrzFormat.MRVA, MrzFormat.MRVB])
@pytest.mark.parametrize("compress", [False, True])
def test_what_a_consulate_prints_is_read_back(format: MrzFormat, compress: bool) -> None:
    text = visa_text(format, compress=compress)
    assert text[:5] == (b"RDB1D" if compress else b"RDB1B")
    visa = decode_seal(b" " + text + b"\r\n")
    written = content(format)
    assert visa.issuer == "UTO" and visa.issued == ISSUED and visa.certificate_ref == signer().reference
    assert visa.mrv is not None and visa.mrv.format is format and visa.mrv.valid and not visa.mrv.issues
    width = len(written.mrz_lines[0])
    assert visa.mrz_lines == (written.mrz_lines[0], written.mrz_lines[1][:28].ljust(width, "<"))
    assert (visa.mrv.surname, visa.mrv.nationality) == ("SAGESSE", "CMR")
    assert visa.passport_number == "X4521907"
    assert visa.entries == 1 and visa.entries_stated
    assert (visa.duration_days, visa.duration_months, visa.duration_years) == (30, 0, 0)
    assert visa.visa_type == "C" and visa.visa_id == "00f1e2d3c4b5a697"
    assert visa.portrait_sha256 == PORTRAIT
    assert (visa.valid_from, visa.valid_until) == (VALID_FROM, VALID_UNTIL)
    assert visa.unknown_tags == () and len(visa.signature) == 64
    assert verify_signature(visa, signer().certificate)


def test_it_fits_the_measured_code() -> None:
    """About 320 characters: QR version 11 at level M."""
    assert len(visa_text()) <= 330
    assert set(visa_text()) <= set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def test_a_sealed_visa_survives_json() -> None:
    visa = decode_seal(visa_text())
    assert msgspec.json.decode(msgspec.json.encode(visa), type=SealedVisa) == visa


def test_the_least_a_visa_may_say() -> None:
    text = visa_text(
        passport_number="",
        entries=None,
        duration_days=0,
        visa_type="",
        visa_id=None,
        portrait_sha256=None,
        valid_from=None,
    )
    visa = decode_seal(text)
    assert (visa.entries, visa.entries_stated) == (0, False)
    assert (visa.passport_number, visa.visa_type, visa.visa_id) == ("", "", None)
    assert (visa.portrait_sha256, visa.valid_from, visa.valid_until) == (None, None, VALID_UNTIL)
    assert (visa.duration_days, visa.duration_months, visa.duration_years) == (0, 0, 0)


def test_parts_of_our_own_field() -> None:
    visa = decode_seal(visa_text(portrait_sha256=None, valid_from=None, entries=0))
    assert (visa.visa_id, visa.portrait_sha256, visa.valid_from) == ("00f1e2d3c4b5a697", None, None)
    assert (visa.entries, visa.entries_stated) == (0, True)


def test_an_additional_field_of_another_issuer_is_left_alone() -> None:
    least = visa_text(visa_id=None, portrait_sha256=None, valid_from=None)
    for foreign in (b"", b"\x01", b"\x02" + bytes(43), b"\x01" * 45, b"x" * 254):
        visa = decode_seal(with_body(body(least) + write_tlv(7, foreign)))
        assert visa.visa_id is None and visa.unknown_tags == ()


def test_unknown_fields_and_messages_do_not_invalidate() -> None:
    group = [
        IdbMessage(0x80, b"\xff" * 300),
        IdbMessage(1, body(visa_text()) + write_tlv(0x2A, b"new") + write_tlv(0x2A, b"twice")),
        IdbMessage(0x99, b""),
    ]
    visa = decode_seal(encode_idb("UTO", ISSUED, group, signer()).encode())
    assert visa.unknown_tags == (0x2A, 0x2A) and visa.passport_number == "X4521907"
    assert verify_signature(visa, signer().certificate)


def test_tags_beside_the_group_are_named_and_a_certificate_is_handed_on() -> None:
    payload = unpacked(visa_text()) + write_tlv(0x55, b"?") + write_tlv(0x7E, signer().certificate)
    seal = decode_idb(packed(payload))
    assert seal.unknown_tags == (0x55,) and seal.certificate == signer().certificate
    assert verify_signature(seal, signer().certificate)


def test_the_older_identifier_is_read() -> None:
    text = b"NDB1" + visa_text()[4:]
    assert verify_signature(decode_seal(text), signer().certificate)


def test_unsigned() -> None:
    text = encode_visa(content(), None).encode()
    assert text.startswith(b"RDB1A")
    visa = decode_seal(text)
    assert (visa.signature, visa.certificate_ref, visa.issued, visa.mrv) == (b"", "", None, None)
    assert not verify_signature(visa, signer().certificate)
    dated = decode_seal(text, today=datetime.date(2026, 11, 22))
    assert dated.valid_until == VALID_UNTIL and dated.mrv is not None


def test_a_visa_type_that_is_no_text() -> None:
    bare = body(visa_text(visa_type=""))
    assert decode_seal(with_body(bare + write_tlv(6, b"\x01\xff"))).visa_type == "0x01ff"
    with pytest.raises(SealMalformed):
        decode_seal(with_body(bare + write_tlv(6, b"ABCDE")))


@pytest.mark.parametrize("reserved", [b"\x00\x00\x00", b"\xff\xff\xff"])
def test_reserved_durations_state_nothing(reserved: bytes) -> None:
    bare = body(visa_text(duration_days=0))
    visa = decode_seal(with_body(bare + write_tlv(4, reserved)))
    assert (visa.duration_days, visa.duration_months, visa.duration_years) == (0, 0, 0)


def test_a_forger_with_a_key_of_his_own() -> None:
    other = make_signer(not_before=datetime.date(2026, 1, 1), not_after=datetime.date(2036, 1, 1))
    forger = VisaSigner(signer().certificate, other.key)
    visa = decode_seal(encode_visa(content(), forger).encode())
    assert visa.certificate_ref == signer().reference
    assert check_signature(visa, signer().certificate) is SignatureCheck.BAD
    assert "key" not in repr(forger)


def test_no_bit_of_what_is_signed_may_change() -> None:
    payload = unpacked(visa_text())
    signed = decode_idb(packed(payload)).signed_bytes
    for bit in range(len(payload) * 8):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            seal = decode_idb(packed(bytes(changed)))
        except SealError:
            continue
        # Only the tag of the signature's neighbour could be read otherwise; what counts is what was signed.
        if verify_signature(seal, signer().certificate):
            assert seal.signed_bytes == signed and bit // 8 >= len(signed)


def test_one_seal_has_one_text() -> None:
    """Spare bits of the last character are signed by nobody, so they must be zero."""
    payload = unpacked(visa_text())
    tried = 0
    for extra in range(5):
        longer = payload + write_tlv(0x55, bytes(extra))
        text = packed(longer)
        if len(longer) % 5 == 0:
            continue
        tried += 1
        verify_signature(decode_idb(text), signer().certificate)
        changed = text[:-1] + bytes((text[-1] + 1,))
        assert base64.b32decode(changed[5:] + b"=" * (-len(changed[5:]) % 8)) == longer
        with pytest.raises(SealMalformed):
            decode_idb(changed)
    assert tried == 4


def test_a_signature_is_as_long_as_its_curve_says() -> None:
    visa = decode_seal(visa_text())
    short = next(signature for _ in range(20_000) if (signature := signer().sign(visa.signed_bytes))[32] == 0)
    assert verify_signature(msgspec.structs.replace(visa, signature=short), signer().certificate)
    for odd in (short[:32] + short[33:], short + b"\x00", b"\x00" + short, b"\x00", b""):
        assert not verify_signature(msgspec.structs.replace(visa, signature=odd), signer().certificate)


def test_a_certificate_that_cannot_be_used_is_a_verdict() -> None:
    visa = decode_seal(visa_text())
    for der in (b"", b"\x30", b"\x30\x82\xff\xff", signer().certificate[:-1], bytes(9000)):
        assert check_signature(visa, der) is SignatureCheck.CERTIFICATE_UNUSABLE
        assert not verify_signature(visa, der)


@pytest.mark.parametrize(
    "data",
    [b"", b"https://evisa.example/v/42", b"HC1:NCF", b"M1SAGESSE/AICHA", b"\xff" * 100, b"RDB", b"{}"],
)
def test_other_codes_are_no_seals(data: bytes) -> None:
    with pytest.raises(NotASeal):
        decode_seal(data)


@pytest.mark.parametrize("data", [b"RDB2BAAAA", b"RDB1", b"RDB1E", b"RDB1b", b"\xdc\x03abc"])
def test_versions_and_flags_nobody_taught_us(data: bytes) -> None:
    with pytest.raises(SealUnsupported):
        decode_seal(data)


def test_algorithms() -> None:
    payload = bytearray(unpacked(visa_text()))
    payload[2] = 9
    with pytest.raises(SealUnsupported):
        decode_seal(packed(bytes(payload)))
    payload[2] = 2
    seal = decode_idb(packed(bytes(payload)))
    assert seal.algorithm == 2 and not verify_signature(seal, signer().certificate)


def test_too_much() -> None:
    bomb = packed(zlib.compress(bytes(2_000_000), 9), "D")
    flood = b"RDB1B" + b"A" * 1_000_000
    assert len(bomb) < MAX_TEXT
    start = time.thread_time()
    for text in (flood, bomb):
        with pytest.raises(SealTooLong):
            decode_seal(text)
    assert time.thread_time() - start < 0.5
    tracemalloc.start()
    with pytest.raises(SealTooLong):
        decode_seal(bomb)
    assert tracemalloc.get_traced_memory()[1] < 10 * MAX_PAYLOAD
    tracemalloc.stop()
    with pytest.raises(SealUnwritable):
        encode_idb("UTO", ISSUED, [IdbMessage(0x80, bytes(3000))], signer())
    with pytest.raises(SealUnwritable):
        encode_idb("UTO", ISSUED, [IdbMessage(0x80, bytes(MAX_PAYLOAD))], signer(), compress=True)


def malformed() -> list[bytes]:
    payload = unpacked(visa_text())
    header, bare = payload[:12], body(visa_text())
    squeezed = zlib.compress(payload)
    group = write_tlv(0x61, write_tlv(1, bare))
    signature = write_tlv(0x7F, bytes(64))
    return [
        b"RDB1B",
        b"RDB1B====",
        b"RDB1Babcdefgh",
        b"RDB1B A",
        b"RDB1BAB",  # one byte and two spare bits, which are not zero
        b"RDB1BA",
        packed(header[:11]),
        packed(header),
        packed(header + signature),
        packed(header + group),
        packed(header + group + write_tlv(0x7F, b"")),
        packed(header + group + signature + signature),
        packed(header + signature + group),
        packed(header + group + signature + b"\x7e"),
        packed(header + group + signature + b"\x7e\x84\x00\x00\x00\x01"),
        packed(header + b"\x61\x82\xff\xff" + bytes(9)),
        packed(payload[:2] + group + signature, "A"),
        packed(b"\xff\xff" + payload[2:]),
        packed(bytes(2) + payload[2:]),
        packed(header[:8] + b"\x00\x02\x26\xe2" + payload[12:]),  # 0 of month 0
        packed(payload, "D"),
        packed(squeezed[:-1], "D"),
        packed(squeezed + b"\x00", "D"),
        with_body(b""),
        with_body(b"\x02"),
        with_body(bare + bare),
        with_body(bare + body(visa_text(MrzFormat.MRVA))[:50]),
        with_body(write_tlv(2, bytes(44))),
        with_body(write_tlv(2, bare[2:44])),
        with_body(write_tlv(2, bare[2:46] + b"\xfe")),
        with_body(write_tlv(2, b"\xfe" * 44)),
        with_body(bare.replace(b"\x03\x01\x01", b"\x03\x02\x01\x01")),
        with_body(bare.replace(b"\x04\x03", b"\x04\x02").replace(b"\x1e\x00\x00", b"\x1e\x00")),
        encode_idb("UTO", ISSUED, [IdbMessage(1, bare), IdbMessage(1, bare)], signer()).encode(),
    ]


@pytest.mark.parametrize("number", range(len(malformed())))
def test_structures_that_do_not_hold(number: int) -> None:
    with pytest.raises(SealMalformed):
        decode_seal(malformed()[number])


def test_a_seal_without_visa() -> None:
    with pytest.raises(NotAVisa) as caught:
        decode_seal(encode_idb("UTO", ISSUED, [IdbMessage(0x80, b"x")], signer()).encode())
    assert caught.value.code == "seal.not_a_visa"
    with pytest.raises(NotAVisa):
        decode_seal(encode_idb("UTO", ISSUED, [], signer()).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "utopia"},
        {"mrz_lines": ("V" * 44, "V" * 36)},
        {"mrz_lines": ("v" * 44, "V" * 44)},
        {"passport_number": "TOOLONG1234"},
        {"passport_number": "A-1"},
        {"entries": 256},
        {"entries": -1},
        {"duration_days": 300},
        {"visa_type": "TOURISM"},
        {"visa_id": "xyz"},
        {"visa_id": None},
        {"portrait_sha256": b"short"},
    ],
)
def test_what_no_seal_can_carry_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SealUnwritable):
        encode_visa(content(**change), signer())  # type: ignore[arg-type]


def test_signers_for_specimens() -> None:
    made = make_signer(
        country="CM",
        name="Spécimen",
        not_before=datetime.date(2026, 1, 1),
        not_after=datetime.date(2026, 1, 2),
    )
    assert len(made.sign(b"x")) == 64 and len(made.reference) == 10
    with pytest.raises(SealUnwritable):
        make_signer(country="CMR", not_before=datetime.date.min, not_after=datetime.date.max)
