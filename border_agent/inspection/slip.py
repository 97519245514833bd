"""The short code on a traveller's slip: an officer types it to find the inspection.

Crockford's base 32: no I, L, O and U, so that nothing can be misread or spell a word. Six characters are 30 bits of
the inspection's random id: enough to tell the few that wait at one device apart, too few to reckon the id from.
"""

from __future__ import annotations

import re
import secrets

from border_agent.errors import BorneError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 6
QR_PREFIX = "borne:"
"""What a slip's QR code begins with; the inspection's whole id follows."""
_QR = re.compile(QR_PREFIX + r"([0-9a-f]{32})")
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})


class NoSlipCode(BorneError):
    """What was typed is no code of a slip."""

    code = "inspection.no_slip_code"


def slip_code(inspection_id: str) -> str:
    """The code of an inspection's id (32 hexadecimal digits): its first 30 bits."""
    bits = int(inspection_id[:8], 16) >> 2
    return "".join(ALPHABET[bits >> shift & 31] for shift in range(25, -1, -5))


def read_slip_code(typed: str) -> str:
    """What a person typed as `slip_code` writes it. Raises NoSlipCode."""
    read = typed.upper().translate(_MISREAD) if len(typed) <= 4 * LENGTH else ""
    if len(read) != LENGTH or not set(read) <= set(ALPHABET):
        raise NoSlipCode("slip", f"{LENGTH} characters of {ALPHABET}")
    return read


def read_slip(typed: str) -> tuple[str, str]:
    """Code and id of what was typed or scanned from a slip; a typed code has no id (empty). Raises NoSlipCode."""
    scanned = _QR.fullmatch(typed.strip())
    if scanned is not None:
        return slip_code(scanned[1]), scanned[1]
    return read_slip_code(typed), ""


def id_for_slip(typed: str) -> str:
    """An inspection's id for a slip whose kiosk cannot be asked: its own where it was scanned, else one with the same
    code. Raises NoSlipCode."""
    code, whole = read_slip(typed)
    if whole:
        return whole
    bits = 0
    for letter in code:
        bits = bits << 5 | ALPHABET.index(letter)
    return f"{bits << 98 | secrets.randbits(98):032x}"
