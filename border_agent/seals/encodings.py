"""Field encodings shared by signed codes: C40 text and dates (Doc 9303-13 section 4, ICAO datastructure).

Every decoder raises `SealMalformed` on bytes that encode nothing; every encoder `SealUnwritable` on values
that have no encoding.
"""

from __future__ import annotations

import datetime
import re
import string

from border_agent.seals.errors import SealMalformed, SealUnwritable

_C40_FIRST = 3
_C40 = " " + string.digits + string.ascii_uppercase
"""Values 3 to 39; 0 to 2 are shifts, of which 0 also pads the last triple."""
_C40_VALUES = {character: value for value, character in enumerate(_C40, _C40_FIRST)} | {"<": _C40_FIRST}
_UNLATCH = 0xFE
_NO_DATE = b"\xff\xff\xff"
_MASKED = re.compile(r"([0-9xX]{4})-([0-9xX]{2})-([0-9xX]{2})")


def c40_encode(text: str) -> bytes:
    """Letters, digits and blanks, three characters in two bytes; the filler of an MRZ is written as a
    blank."""
    values = [_C40_VALUES.get(character) for character in text]
    if None in values:
        raise SealUnwritable("c40", "a character outside A-Z, 0-9, < and space")
    known = [value for value in values if value is not None]
    encoded = bytearray()
    whole = len(known) - len(known) % 3
    for index in range(0, whole, 3):
        encoded += _c40_pair(known[index], known[index + 1], known[index + 2])
    if len(known) - whole == 2:
        encoded += _c40_pair(known[whole], known[whole + 1], 0)
    elif len(known) - whole == 1:
        last = " " if text[-1] == "<" else text[-1]
        encoded += bytes((_UNLATCH, ord(last) + 1))
    return bytes(encoded)


def c40_decode(data: bytes) -> str:
    """The text, blanks as blanks. Punctuation and lower case, which C40 could shift to, do not occur in
    seals."""
    if len(data) % 2:
        raise SealMalformed("c40", f"{len(data)} bytes, not an even number")
    characters: list[str] = []
    for index in range(0, len(data), 2):
        last = index + 2 == len(data)
        if data[index] == _UNLATCH:
            characters.append(_ascii(data[index + 1], last))
            continue
        number = (data[index] << 8 | data[index + 1]) - 1
        values = [number // 1600, number // 40 % 40, number % 40]
        if last and values[2] == 0:
            values.pop()
        for value in values:
            if not _C40_FIRST <= value < _C40_FIRST + len(_C40):
                raise SealMalformed("c40", f"value {value} at byte {index}")
            characters.append(_C40[value - _C40_FIRST])
    return "".join(characters)


def encode_date(date: datetime.date | None) -> bytes:
    """Three bytes, the number MMDDYYYY; `FFFFFF` for none."""
    if date is None:
        return _NO_DATE
    return int(f"{date.month:02d}{date.day:02d}{date.year:04d}").to_bytes(3, "big")


def decode_date(data: bytes) -> datetime.date | None:
    """The date of three bytes; None where it says there is none."""
    if len(data) != 3:
        raise SealMalformed("date", f"{len(data)} bytes, not 3")
    if data == _NO_DATE:
        return None
    digits = f"{int.from_bytes(data, 'big'):08d}"
    try:
        return datetime.date(int(digits[4:]), int(digits[:2]), int(digits[2:4]))
    except ValueError as error:
        raise SealMalformed("date", "no day of the calendar") from error


def encode_masked_date(text: str) -> bytes:
    """`YYYY-MM-DD` with `x` for unknown digits as four bytes: a mask of the unknown digits, then the
    number."""
    match = _MASKED.fullmatch(text)
    if match is None:
        raise SealUnwritable("date", "not YYYY-MM-DD")
    digits = match[2] + match[3] + match[1]
    mask = int("".join("1" if digit in "xX" else "0" for digit in digits), 2)
    number = int(digits.replace("x", "0").replace("X", "0"))
    return bytes((mask,)) + number.to_bytes(3, "big")


def decode_masked_date(data: bytes) -> str:
    """`YYYY-MM-DD` with `x` for unknown digits. Whether the known ones make a date is `known_date`'s
    question."""
    if len(data) != 4:
        raise SealMalformed("date", f"{len(data)} bytes, not 4")
    digits = f"{int.from_bytes(data[1:], 'big'):08d}"
    bits = f"{data[0]:08b}"
    masked = "".join("x" if bit == "1" else digit for bit, digit in zip(bits, digits, strict=True))
    return f"{masked[4:]}-{masked[:2]}-{masked[2:4]}"


def known_date(text: str) -> datetime.date | None:
    """The date of a masked date; None where a digit of it is unknown."""
    if "x" in text.lower():
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise SealMalformed("date", "no day of the calendar") from error


def encode_date_time(moment: datetime.datetime) -> bytes:
    """Six bytes, the number MMDDYYYYhhmmss."""
    return int(f"{moment:%m%d}{moment.year:04d}{moment:%H%M%S}").to_bytes(6, "big")


def decode_date_time(data: bytes) -> datetime.datetime:
    """The moment of six bytes, without a time zone: the standard gives none."""
    if len(data) != 6:
        raise SealMalformed("date and time", f"{len(data)} bytes, not 6")
    digits = f"{int.from_bytes(data, 'big'):014d}"
    month, day, year, hour, minute, second = (
        int(digits[start:stop]) for start, stop in ((0, 2), (2, 4), (4, 8), (8, 10), (10, 12), (12, 14))
    )
    try:
        return datetime.datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise SealMalformed("date and time", "no moment of the calendar") from error


def _c40_pair(first: int, second: int, third: int) -> bytes:
    return (first * 1600 + second * 40 + third + 1).to_bytes(2, "big")


def _ascii(byte: int, last: bool) -> str:
    """The character after an unlatch, which ends the text."""
    character = chr(byte - 1) if byte else ""
    if not last or character not in _C40_VALUES:
        raise SealMalformed("c40", "an unlatch that does not end in one character")
    return _C40[_C40_VALUES[character] - _C40_FIRST]
