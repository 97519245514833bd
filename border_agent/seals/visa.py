"""The visa in a signed code: message 01 of the datastructure, fields as in Doc 9303-7 and 9303-13, and our
own.

01 MRV-A 48 bytes | 02 MRV-B 44 bytes: first line and 28 characters of the second, C40
03 entries 1 | 04 duration 3: days, months, years | 05 passport number 6, C40 | 06 visa type 1-4
07 our own: version 1 | e-visa id 8 | SHA-256 of the portrait 32 | valid from 3
"""

from __future__ import annotations

import datetime
import re

from border_agent.documents.mrz import SEALED_SECOND_LINE, parse_sealed_mrv
from border_agent.seals.encodings import c40_decode, c40_encode, decode_date, encode_date, known_date
from border_agent.seals.errors import NotAVisa, SealMalformed, SealUnwritable
from border_agent.seals.idb import decode_idb, encode_idb
from border_agent.seals.signer import VisaSigner
from border_agent.seals.tlv import read_tlvs, write_tlv
from border_agent.seals.types import IdbMessage, IdbSeal, SealedVisa, SealFormat, VisaContent

VISA_MESSAGE = 0x01

_MRV_A, _MRV_B, _ENTRIES, _DURATION, _PASSPORT, _TYPE, _OWN = range(0x01, 0x08)
_WIDTHS = {_MRV_A: 44, _MRV_B: 36}
_PASSPORT_CHARACTERS = 9
_RESERVED_DURATIONS = (b"\x00\x00\x00", b"\xff\xff\xff")
_OWN_VERSION = 1
_OWN_LENGTH = 44
_NO_PORTRAIT = bytes(32)


def decode_seal(data: bytes, *, today: datetime.date | None = None) -> SealedVisa:
    """Read a visa from what a scanner sent.

    Centuries are told from the date of the signature, or from `today` in a seal without one. Nothing is
    verified. Raises `NotASeal`, `SealTooLong`, `SealUnsupported`, `SealMalformed`, or `NotAVisa` for a seal
    of something else.
    """
    return visa_of(decode_idb(data), today=today)


def visa_of(seal: IdbSeal, *, today: datetime.date | None = None) -> SealedVisa:
    """The visa in a seal; raises `NotAVisa` where there is none, `SealMalformed` where it does not hold
    together."""
    bodies = [message.value for message in seal.messages if message.tag == VISA_MESSAGE]
    if not bodies:
        raise NotAVisa("seal", "messages " + " ".join(f"{message.tag:02x}" for message in seal.messages[:16]))
    if len(bodies) > 1:
        raise SealMalformed("visa", "two visas in one seal")
    fields, unknown = _fields(bodies[0])
    issued = known_date(seal.issued) if seal.signed else None
    first, second, width = _mrv_lines(fields)
    context = issued or today
    mrv = parse_sealed_mrv(first, second, today=context) if context is not None else None
    entries = _exactly(fields, _ENTRIES, 1)
    duration = _exactly(fields, _DURATION, 3)
    if duration is None or duration in _RESERVED_DURATIONS:
        duration = bytes(3)
    visa_id, portrait, valid_from = _own_field(fields.get(_OWN, b""))
    return SealedVisa(
        format=SealFormat.IDB,
        issuer=seal.issuer,
        certificate_ref=seal.certificate_ref,
        issued=issued,
        mrz_lines=(first, second.ljust(width, "<")),
        mrv=mrv,
        passport_number=c40_decode(_exactly(fields, _PASSPORT, 6) or b"").replace(" ", ""),
        entries=entries[0] if entries is not None else 0,
        entries_stated=entries is not None,
        duration_days=duration[0],
        duration_months=duration[1],
        duration_years=duration[2],
        visa_type=_visa_type(fields.get(_TYPE, b"")),
        visa_id=visa_id,
        portrait_sha256=portrait,
        valid_from=valid_from,
        valid_until=mrv.expiry.known if mrv is not None else None,
        unknown_tags=unknown,
        algorithm=seal.algorithm,
        signed_bytes=seal.signed_bytes,
        signature=seal.signature,
    )


def encode_visa(content: VisaContent, signer: VisaSigner | None, *, compress: bool = False) -> str:
    """The text of a signed visa, to be printed as a QR code at error level M. Without a signer it is not
    signed.

    Raises `SealUnwritable` on content a seal cannot carry.
    """
    first, second = content.mrz_lines
    tag = next((tag for tag, width in _WIDTHS.items() if len(first) == len(second) == width), None)
    if tag is None:
        raise SealUnwritable("mrz_lines", "neither MRV-A nor MRV-B")
    body = write_tlv(tag, c40_encode(first + second[:SEALED_SECOND_LINE]))
    if content.entries is not None:
        body += write_tlv(_ENTRIES, _bytes_of("entries", content.entries))
    durations = (content.duration_days, content.duration_months, content.duration_years)
    if any(durations):
        body += write_tlv(_DURATION, _bytes_of("duration", *durations))
    if content.passport_number:
        if not re.fullmatch(r"[A-Z0-9]{1,9}", content.passport_number):
            raise SealUnwritable("passport_number", "more than 9 letters and digits, or something else")
        body += write_tlv(_PASSPORT, c40_encode(content.passport_number.ljust(_PASSPORT_CHARACTERS)))
    if content.visa_type:
        if not re.fullmatch(r"[A-Z0-9]{1,4}", content.visa_type):
            raise SealUnwritable("visa_type", "more than 4 letters and digits, or something else")
        body += write_tlv(_TYPE, content.visa_type.encode("ascii"))
    body += _write_own_field(content)
    return encode_idb(content.issuer, content.issued, [IdbMessage(VISA_MESSAGE, body)], signer, compress=compress)


def _fields(body: bytes) -> tuple[dict[int, bytes], tuple[int, ...]]:
    """Known fields by tag, and the tags of unknown ones, which must not make a visa invalid."""
    known: dict[int, bytes] = {}
    unknown: list[int] = []
    for tlv in read_tlvs(body, "visa"):
        if not _MRV_A <= tlv.tag <= _OWN:
            unknown.append(tlv.tag)
        elif tlv.tag in known:
            raise SealMalformed("visa", f"field {tlv.tag:02x} twice")
        else:
            known[tlv.tag] = tlv.value
    return known, tuple(unknown)


def _mrv_lines(fields: dict[int, bytes]) -> tuple[str, str, int]:
    """First line, the 28 characters of the second, and the width of the format."""
    present = [tag for tag in _WIDTHS if tag in fields]
    if len(present) != 1:
        raise SealMalformed("visa", f"{len(present)} machine readable zones")
    width = _WIDTHS[present[0]]
    text = c40_decode(fields[present[0]]).replace(" ", "<")
    if len(text) != width + SEALED_SECOND_LINE:
        raise SealMalformed("visa", f"a machine readable zone of {len(text)} characters")
    return text[:width], text[width:], width


def _exactly(fields: dict[int, bytes], tag: int, length: int) -> bytes | None:
    value = fields.get(tag)
    if value is not None and len(value) != length:
        raise SealMalformed("visa", f"field {tag:02x} of {len(value)} bytes, not {length}")
    return value


def _visa_type(value: bytes) -> str:
    if len(value) > 4:
        raise SealMalformed("visa", f"field {_TYPE:02x} of {len(value)} bytes, at most 4")
    if re.fullmatch(rb"[A-Z0-9]*", value):
        return value.decode("ascii")
    return "0x" + value.hex()


def _own_field(value: bytes) -> tuple[str | None, bytes | None, datetime.date | None]:
    """Id, portrait hash and first day. Another issuer's additional field is left alone, not refused."""
    if len(value) != _OWN_LENGTH or value[0] != _OWN_VERSION:
        return None, None, None
    portrait = value[9:41]
    return value[1:9].hex(), None if portrait == _NO_PORTRAIT else portrait, decode_date(value[41:])


def _write_own_field(content: VisaContent) -> bytes:
    portrait = content.portrait_sha256
    if content.visa_id is None:
        if portrait is not None or content.valid_from is not None:
            raise SealUnwritable("visa_id", "missing, yet our own field has other parts")
        return b""
    if not re.fullmatch(r"[0-9a-f]{16}", content.visa_id):
        raise SealUnwritable("visa_id", "not 16 hexadecimal digits")
    if portrait is not None and len(portrait) != len(_NO_PORTRAIT):
        raise SealUnwritable("portrait_sha256", f"{len(portrait)} bytes")
    value = bytes((_OWN_VERSION,)) + bytes.fromhex(content.visa_id)
    return write_tlv(_OWN, value + (portrait or _NO_PORTRAIT) + encode_date(content.valid_from))


def _bytes_of(field: str, *numbers: int) -> bytes:
    if not all(0 <= number <= 0xFF for number in numbers):
        raise SealUnwritable(field, "a number outside 0 to 255")
    return bytes(numbers)
