"""DG1: the machine readable zone (Doc 9303-10 section 4.7.1). Reading the text is `documents.mrz`'s work."""

from __future__ import annotations

from border_agent.documents.lds.errors import LdsMalformed
from border_agent.documents.lds.templates import read_template, value_of

_WHERE = "DG1"
_LARGEST = 512
_TEMPLATE, _MRZ = 0x61, 0x5F1F
_LINES = {90: 30, 72: 36, 88: 44}
"""Characters of the zone, and of one of its lines: TD1, TD2, TD3."""


def read_dg1(data: bytes) -> tuple[str, ...]:
    """The lines of the zone, as they stand: two of 44 or 36 characters, or three of 30. Raises `LdsMalformed`,
    `LdsTooLong`."""
    zone = value_of(read_template(data, _TEMPLATE, _WHERE, _LARGEST), _MRZ, _WHERE)
    width = _LINES.get(len(zone))
    if width is None:
        raise LdsMalformed(_WHERE, f"a zone of {len(zone)} bytes")
    if not zone.isascii() or not (text := zone.decode("ascii")).isprintable():
        raise LdsMalformed(_WHERE, "a character that is no letter, digit or filler")
    return tuple(text[start : start + width] for start in range(0, len(text), width))
