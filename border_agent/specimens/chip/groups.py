"""The data groups that hold text: DG1, DG7, DG11, DG12, and EF.COM, which lists them all (9303-10, 4.6 and 4.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from border_agent.documents.tlv import write_tlv

TAGS = {
    1: 0x61, 2: 0x75, 3: 0x63, 4: 0x76, 5: 0x65, 6: 0x66, 7: 0x67, 8: 0x68,
    9: 0x69, 10: 0x6A, 11: 0x6B, 12: 0x6C, 13: 0x6D, 14: 0x6E, 15: 0x6F, 16: 0x70,
}  # fmt: skip
"""Outermost tag by number of the data group."""


def com(groups: Iterable[int], *, version: str = "0107") -> bytes:
    """EF.COM: LDS version, Unicode version, the data groups that are there."""
    tags = bytes(TAGS[number] for number in sorted(groups))
    return write_tlv(
        0x60,
        write_tlv(0x5F01, version.encode("ascii")) + write_tlv(0x5F36, b"040000") + write_tlv(0x5C, tags),
    )


def dg1(lines: Iterable[str]) -> bytes:
    """The machine readable zone, lines as printed."""
    return write_tlv(0x61, write_tlv(0x5F1F, "".join(lines).encode("ascii")))


def dg7(signature: bytes) -> bytes:
    """The holder's signature as a picture (JPEG or JPEG 2000)."""
    return write_tlv(0x67, write_tlv(0x02, b"\x01") + write_tlv(0x5F43, signature))


def dg11(*, full_name: str, birth: date, birthplace: str, personal_number: str = "", address: str = "") -> bytes:
    """More about the holder. Names as in the visual zone, `SURNAME<<GIVEN`; lists parted by `<`."""
    fields: dict[int, bytes] = {0x5F0E: full_name.encode()}
    if personal_number:
        fields[0x5F10] = personal_number.encode()
    fields[0x5F2B] = birth.strftime("%Y%m%d").encode("ascii")
    fields[0x5F11] = birthplace.encode()
    if address:
        fields[0x5F42] = address.encode()
    return _listed(0x6B, fields)


def dg12(*, authority: str, issued: date) -> bytes:
    """More about the document."""
    fields = {0x5F19: authority.encode(), 0x5F26: issued.strftime("%Y%m%d").encode("ascii")}
    return _listed(0x6C, fields)


def _listed(tag: int, fields: Mapping[int, bytes]) -> bytes:
    """A template that begins with the list of its tags."""
    tags = b"".join(field.to_bytes(2, "big") for field in fields)
    return write_tlv(tag, write_tlv(0x5C, tags) + b"".join(write_tlv(*item) for item in fields.items()))
