"""How long commands and answers may be: EF.ATR/INFO (Doc 9303-10 3.11.1) and the historical bytes of the ATR.

What a chip says of itself here is a hint about buffers, never about trust.
"""

from __future__ import annotations

from typing import Final

import msgspec

from border_agent.documents.chip.apdu import LONG_ANSWER, SHORT_ANSWER
from border_agent.documents.tlv import TlvError, read_all

_CAPABILITIES: Final = 0x47
_EXTENDED_INFO: Final = 0x7F66
_INTEGER: Final = 0x02
_EXTENDED: Final = 0x40
"""Third byte of the card capabilities (ISO/IEC 7816-4 table 119): extended Lc and Le."""
_COMPACT: Final = 0x80
"""Category of historical bytes that are compact data objects."""


class Capabilities(msgspec.Struct, frozen=True):
    extended: bool | None = None
    """Takes extended length; None where the chip does not say."""
    longest_answer: int = 0
    """Bytes of the longest extended answer with its status word; 0 where the chip does not say."""

    @property
    def answer_size(self) -> int:
        """Bytes of data an answer may have."""
        if not self.extended:
            return SHORT_ANSWER
        return min(LONG_ANSWER, max(SHORT_ANSWER, self.longest_answer - 2))


def read_atr_info(data: bytes) -> Capabilities:
    """What EF.ATR/INFO says; malformed content says nothing."""
    extended, longest = None, 0
    try:
        for element in read_all(data, most=32):
            if element.tag == _CAPABILITIES and len(element.value) >= 3:
                extended = bool(element.value[2] & _EXTENDED)
            elif element.tag == _EXTENDED_INFO:
                numbers = [one.value for one in read_all(element.value, most=4) if one.tag == _INTEGER]
                if len(numbers) == 2 and len(numbers[1]) <= 4:
                    longest = int.from_bytes(numbers[1], "big")
    except TlvError:
        return Capabilities()
    return Capabilities(extended, longest)


def read_atr(atr: bytes) -> Capabilities:
    """What the historical bytes of an answer to reset say (ISO/IEC 7816-3 8.2, 7816-4 8.1.1)."""
    history = _historical_bytes(atr)
    if history[:1] != bytes((_COMPACT,)):
        return Capabilities()
    position = 1
    while position < len(history):
        tag, length = history[position] >> 4, history[position] & 0xF
        if tag == 7 and length >= 3 and position + 3 < len(history):
            return Capabilities(bool(history[position + 3] & _EXTENDED))
        position += 1 + length
    return Capabilities()


def _historical_bytes(atr: bytes) -> bytes:
    if len(atr) < 2:
        return b""
    count, present, position = atr[1] & 0xF, atr[1] >> 4, 2
    while present:
        following = position + (present & 0b0111).bit_count()
        if not present & 0b1000:
            position = following
            break
        if following >= len(atr):
            return b""
        present, position = atr[following] >> 4, following + 1
    return bytes(atr[position : position + count])
