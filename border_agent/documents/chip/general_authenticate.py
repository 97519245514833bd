"""GENERAL AUTHENTICATE and MANAGE SECURITY ENVIRONMENT: how PACE and Chip Authentication speak.

Doc 9303-11 sections 4.4.4 and 6.2.4.
"""

from __future__ import annotations

from typing import Final

from border_agent.documents.chip.apdu import SHORT_ANSWER, CommandApdu, ResponseApdu
from border_agent.documents.chip.errors import ChipError, Reason
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.tlv import TlvError, read_all, read_only, write_tlv

_TEMPLATE: Final = 0x7C
_MORE: Final = 0x10
MAPPING: Final = (0x81, 0x82)
AGREEMENT: Final = (0x83, 0x84)
TOKEN: Final = (0x85, 0x86)
CHIP_AUTHENTICATION_DATA: Final = 0x8A


def manage_security(session: ChipSession, p1: int, p2: int, *objects: tuple[int, bytes]) -> ResponseApdu:
    """MSE:Set with data objects."""
    data = b"".join(write_tlv(tag, value) for tag, value in objects)
    return session.send(CommandApdu(0x00, 0x22, p1, p2, data))


def general_authenticate(session: ChipSession, *objects: tuple[int, bytes], more: bool) -> ResponseApdu:
    """One step, its objects wrapped in 7C; `more` steps follow."""
    data = b"".join(write_tlv(tag, value) for tag, value in objects)
    cla = _MORE if more else 0x00
    return session.send(CommandApdu(cla, 0x86, 0, 0, write_tlv(_TEMPLATE, data), SHORT_ANSWER))


def read_answer(response: ResponseApdu, where: str, error: type[ChipError]) -> dict[int, bytes]:
    """Objects of an answer by tag; no data is no object. Raises `error` for a malformed one, or a tag twice."""
    if not response.data:
        return {}
    found: dict[int, bytes] = {}
    try:
        for element in read_all(read_only(response.data, _TEMPLATE, where), where, most=8):
            if element.tag in found:
                raise error(where, f"tag {element.tag:02X} twice", reason=Reason.structure)
            found[element.tag] = element.value
    except TlvError as malformed:
        raise error(where, malformed.detail, reason=Reason.structure) from None
    return found


def write_oid(dotted: str) -> bytes:
    """The content bytes of an object identifier."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    encoded = b""
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        encoded += bytes(reversed(groups))
    return encoded
