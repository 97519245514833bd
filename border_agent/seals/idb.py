"""The ICAO datastructure for barcodes: from text to messages and back, whatever the messages say.

    RDB1 (older: NDB1) | flag: A + 1 if signed + 2 if compressed | base32 without padding of
        country, C40, 2 bytes
        if signed: algorithm 1 | certificate reference 5 | date of the signature, masked, 4
        61 message group | 7E certificate, optional | 7F signature, raw r||s

The signature covers the header and the whole message group.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
import zlib

from border_agent.seals.encodings import (
    c40_decode,
    c40_encode,
    decode_masked_date,
    encode_masked_date,
    known_date,
)
from border_agent.seals.errors import (
    NotASeal,
    SealMalformed,
    SealTooLong,
    SealUnsupported,
    SealUnwritable,
)
from border_agent.seals.signer import VisaSigner
from border_agent.seals.tlv import Tlv, read_tlvs, write_tlv
from border_agent.seals.types import IdbMessage, IdbSeal

MAX_TEXT = 4296
"""Longest text looked at: what the largest QR code holds of letters and digits."""

MAX_PAYLOAD = 16 * 1024
"""Most bytes a compressed seal may unpack to; a face picture has about one thousand."""

ALGORITHMS = {1: "sha256", 2: "sha384", 3: "sha512"}
"""Hash of the ECDSA signature by the header's algorithm byte."""

_IDENTIFIERS = (b"RDB1", b"NDB1")
_OTHER_VERSION = re.compile(rb"[RN]DB[0-9]")
_VDS = re.compile(rb"\xdc[\x02\x03]")
_BASE32 = re.compile(rb"[A-Z2-7]+")
_COUNTRY = re.compile(r"[A-Z]{1,3} {0,2}")
_FLAG_SIGNED = 1
_FLAG_COMPRESSED = 2
_SIGNED_HEADER = 12
_UNSIGNED_HEADER = 2
_GROUP = 0x61
_CERTIFICATE = 0x7E
_SIGNATURE = 0x7F


def decode_idb(data: bytes) -> IdbSeal:
    """Read the text of a barcode, as a scanner sends it, blanks and line ends around it allowed.

    Nothing is verified. Raises `NotASeal`, `SealTooLong`, `SealUnsupported` (another version, flag or
    algorithm, or a seal in the binary form of Doc 9303-13) or `SealMalformed`.
    """
    if len(data) > MAX_TEXT:
        raise SealTooLong("seal", f"{len(data)} bytes")
    if _VDS.match(data):
        raise SealUnsupported("seal", "binary form of Doc 9303-13")
    text = data.strip()
    if not text.startswith(_IDENTIFIERS):
        if _OTHER_VERSION.match(text):
            raise SealUnsupported("seal", "another version of the datastructure")
        raise NotASeal("seal")
    flag = text[4] - ord("A") if len(text) > 4 else -1
    if not 0 <= flag <= _FLAG_SIGNED | _FLAG_COMPRESSED:
        raise SealUnsupported("seal", "unknown flag")
    payload = _base32_decode(text[5:])
    if flag & _FLAG_COMPRESSED:
        payload = _inflate(payload)
    return _read_payload(payload, signed=bool(flag & _FLAG_SIGNED))


def encode_idb(
    issuer: str,
    issued: datetime.date,
    messages: list[IdbMessage],
    signer: VisaSigner | None,
    *,
    compress: bool = False,
) -> str:
    """The text of a barcode with these messages, signed with ECDSA and SHA-256; unsigned without a signer.

    Raises `SealUnwritable` where the text would be longer than a reader takes.
    """
    if not re.fullmatch(r"[A-Z]{1,3}", issuer):
        raise SealUnwritable("issuer", "not a state code")
    header = c40_encode(issuer.ljust(3))
    if signer is not None:
        reference = bytes.fromhex(signer.reference)
        header += b"\x01" + reference + encode_masked_date(issued.isoformat())
    group = b"".join(write_tlv(message.tag, message.value) for message in messages)
    payload = header + write_tlv(_GROUP, group)
    if signer is not None:
        payload += write_tlv(_SIGNATURE, signer.sign(payload))
    flag = (_FLAG_SIGNED if signer is not None else 0) + (_FLAG_COMPRESSED if compress else 0)
    packed = zlib.compress(payload, 9) if compress else payload
    text = "RDB1" + chr(ord("A") + flag) + base64.b32encode(packed).decode("ascii").rstrip("=")
    if len(text) > MAX_TEXT or len(payload) > MAX_PAYLOAD:
        raise SealUnwritable("seal", f"{len(text)} characters")
    return text


def _base32_decode(text: bytes) -> bytes:
    if not _BASE32.fullmatch(text):
        raise SealMalformed("base32", "a character outside A-Z and 2-7")
    try:
        decoded = base64.b32decode(text + b"=" * (-len(text) % 8))
    except binascii.Error as error:
        raise SealMalformed("base32", str(error)) from error
    # One seal, one text: spare bits that are not zero are a changed seal whose signature would still hold.
    if base64.b32encode(decoded).rstrip(b"=") != text:
        raise SealMalformed("base32", "spare bits that are not zero")
    return decoded


def _inflate(packed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(packed, MAX_PAYLOAD + 1)
    except zlib.error as error:
        raise SealMalformed("zlib", str(error)) from error
    if len(payload) > MAX_PAYLOAD:
        raise SealTooLong("zlib", f"unpacks to more than {MAX_PAYLOAD} bytes")
    if not inflater.eof or inflater.unused_data:
        raise SealMalformed("zlib", "cut short, or with more behind it")
    return payload


def _read_payload(payload: bytes, *, signed: bool) -> IdbSeal:
    size = _SIGNED_HEADER if signed else _UNSIGNED_HEADER
    header = payload[:size]
    if len(header) < size:
        raise SealMalformed("header", f"{len(header)} bytes, not {size}")
    country = c40_decode(header[:2])
    if not _COUNTRY.fullmatch(country):
        raise SealMalformed("header", "not a state code")
    elements = read_tlvs(payload[size:], "seal")
    if not elements or elements[0].tag != _GROUP:
        raise SealMalformed("seal", "no message group after the header")
    signature = _only(elements, _SIGNATURE)
    if bool(signature) != signed:
        raise SealMalformed("signature", "the flag and the signature disagree")
    if signed and header[2] not in ALGORITHMS:
        raise SealUnsupported("header", f"signature algorithm {header[2]}")
    issued = decode_masked_date(header[8:12]) if signed else ""
    if issued:
        known_date(issued)  # a date whose digits are all known must be one
    return IdbSeal(
        issuer=country.rstrip(),
        signed=signed,
        algorithm=header[2] if signed else 0,
        certificate_ref=header[3:8].hex(),
        issued=issued,
        certificate=_only(elements, _CERTIFICATE),
        messages=tuple(IdbMessage(tlv.tag, tlv.value) for tlv in read_tlvs(elements[0].value, "messages")),
        signed_bytes=header + elements[0].raw,
        signature=signature,
        unknown_tags=tuple(tlv.tag for tlv in elements[1:] if tlv.tag not in (_GROUP, _CERTIFICATE, _SIGNATURE)),
    )


def _only(elements: list[Tlv], tag: int) -> bytes:
    """The value of the one element with this tag, empty without one; two would leave open which is meant."""
    found = [tlv.value for tlv in elements if tlv.tag == tag]
    if len(found) > 1:
        raise SealMalformed("seal", f"tag {tag:02x} twice")
    return found[0] if found else b""
