"""DER, as much of it as chip files need to be written."""

from __future__ import annotations

from collections.abc import Iterable

from border_agent.documents.tlv import write_tlv


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE (OF)."""
    return write_tlv(0x30, b"".join(parts))


def set_of(parts: Iterable[bytes]) -> bytes:
    """SET OF, its members in the order DER wants."""
    return write_tlv(0x31, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    """INTEGER, not negative."""
    return write_tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return write_tlv(0x04, value)


def bits(value: bytes) -> bytes:
    """BIT STRING of whole bytes."""
    return write_tlv(0x03, b"\0" + value)


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    return write_tlv(0x06, oid_content(dotted))


def oid_content(dotted: str) -> bytes:
    """An object identifier's content bytes."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return bytes(out)


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


def boolean(value: bool) -> bytes:
    """BOOLEAN."""
    return b"\x01\x01\xff" if value else b"\x01\x01\x00"


def printable(text: str) -> bytes:
    """PrintableString."""
    return write_tlv(0x13, text.encode("ascii"))


def utf8(text: str) -> bytes:
    """UTF8String."""
    return write_tlv(0x0C, text.encode())


def tagged(number: int, content: bytes) -> bytes:
    """Context tag around whole elements (explicit) or in place of a constructed element's tag (implicit)."""
    return write_tlv(0xA0 | number, content)


def primitive(number: int, content: bytes) -> bytes:
    """Context tag in place of a primitive element's tag."""
    return write_tlv(0x80 | number, content)
