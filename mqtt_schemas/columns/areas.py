"""The four areas that packed columns are made of, and what they are written and read with.

| area | holds | packed by |
| --- | --- | --- |
| text | templates, names, whatever has no type of its own | Zstandard with the contract's dictionary (`words`) |
| small | counts, places in tables, the upper bytes of numbers | Zstandard |
| digits | what is written in capitals and digits only: names, numbers of documents | Zstandard |
| raw | random bytes (ids, hashes, lower bytes of times) | nothing: no packer gains on them, all lose by them |

Each area is one frame without its magic number, its own size and a checksum: the sizes stand in front, the chain
proves the rest. An area that does not shrink is left as it is.

    packed = version (1 byte), on how many entries before it leans (1 byte), then for text, small, digits:
             varint(size << 1 | compressed), if compressed varint(bytes that follow); the three areas; raw to the end
    varint = seven bits a byte, the lowest first, the top bit set on all but the last (LEB128)
"""

from __future__ import annotations

from typing import TypeVar

import zstandard

from mqtt_schemas.columns.words import DICTIONARY
from mqtt_schemas.errors import Malformed, TooLarge, UnknownVersion

VERSION = 1
MOST_BEFORE = 64
LARGEST = 8_388_608
"""Bytes of all areas together."""
MOST = 262_144
"""The largest count of anything."""
END = b"\0"
"""After each text."""
WHERE = "columns"

_LEVEL = 19
_AREAS = ("text", "small", "digits")
_WORDS = zstandard.ZstdCompressionDict(DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


class Writer:
    """Fills the areas, and packs them."""

    def __init__(self) -> None:
        self.text = bytearray()
        self.small = bytearray()
        self.digits = bytearray()
        self.raw = bytearray()

    def count(self, number: int) -> None:
        """A number from 0 on."""
        self.small += varint(number)

    def texts(self, texts: list[bytes]) -> None:
        """Texts without a zero byte; how many there are is written elsewhere."""
        if texts:
            self.text += END.join(texts) + END

    def names(self, names: list[bytes]) -> None:
        """Texts without a zero byte, of capitals and digits."""
        if names:
            self.digits += END.join(names) + END

    def pack(self, before: int, said: bytes) -> bytes:
        """All that was written, leaning on so many entries before, whose templates are `said`."""
        head, body = bytearray([VERSION, before]), bytearray()
        for name in _AREAS:
            plain = bytes(getattr(self, name))
            packed = _compress(plain, _words(said) if name == "text" else None)
            smaller = len(packed) < len(plain)
            head += varint(len(plain) << 1 | smaller)
            if smaller:
                head += varint(len(packed))
            body += packed if smaller else plain
        return bytes(head + body + self.raw)


class Reader:
    """What a writer packed, with the templates of the entries that it leans on. Everything it reads is checked
    against what there is.

    Raises UnknownVersion, TooLarge or Malformed.
    """

    def __init__(self, packed: bytes, said: bytes) -> None:
        place, sizes, total = 2, [], 0
        for _ in _AREAS:
            size, place = _read_varint(packed, place)
            size, compressed = size >> 1, size & 1
            held = size
            if compressed:
                held, place = _read_varint(packed, place)
            total += size
            sizes.append((size, held, compressed))
        if total > LARGEST:
            raise TooLarge(WHERE, f"{total} bytes announced")
        areas: list[bytes] = []
        for name, (size, held, compressed) in zip(_AREAS, sizes, strict=True):
            piece = packed[place : place + held]
            place += held
            plain = _decompress(piece, size, _words(said) if name == "text" else None) if compressed else piece
            if len(plain) != size:
                raise Malformed(WHERE, f"{size} bytes announced, {len(plain)} found")
            areas.append(plain)
        self._text, self._small, self._digits = areas
        self._raw = packed[place:]
        self._texts = self._text.split(END)
        if self._texts.pop():
            raise Malformed(WHERE, "a text without end")
        self._text_at = self._small_at = self._digits_at = self._raw_at = 0

    def count(self, most: int = MOST) -> int:
        """A number from 0 to `most`."""
        number, self._small_at = _read_varint(self._small, self._small_at)
        if number > most:
            raise TooLarge(WHERE, f"{number} of something, at most {most}")
        return number

    def texts(self, number: int) -> list[bytes]:
        """The next texts."""
        found = self._texts[self._text_at : self._text_at + number]
        self._text_at += number
        return _whole(found, number)

    def small(self, size: int) -> bytes:
        """The next bytes of the small area."""
        found = self._small[self._small_at : self._small_at + size]
        self._small_at += size
        return _whole(found, size)

    def names(self, number: int) -> list[bytes]:
        """The next texts of the digits area."""
        found = self._digits[self._digits_at :].split(END, number)
        if len(found) != number + 1:
            raise Malformed(WHERE, "cut short")
        self._digits_at = len(self._digits) - len(found.pop())
        return found

    def digits(self, size: int) -> bytes:
        """The next bytes of the digits area."""
        found = self._digits[self._digits_at : self._digits_at + size]
        self._digits_at += size
        return _whole(found, size)

    def raw(self, size: int) -> bytes:
        """The next bytes of the raw area."""
        found = self._raw[self._raw_at : self._raw_at + size]
        self._raw_at += size
        return _whole(found, size)

    def finish(self) -> None:
        """Raises Malformed where something is left over: no two payloads mean the same by the way."""
        ends = (
            (self._text_at, len(self._texts)),
            (self._small_at, len(self._small)),
            (self._digits_at, len(self._digits)),
            (self._raw_at, len(self._raw)),
        )
        if any(at != end for at, end in ends):
            raise Malformed(WHERE, "more than is needed")


def leans_on(packed: bytes) -> int:
    """On how many entries before it does. Raises UnknownVersion, TooLarge or Malformed."""
    if packed[:1] != bytes([VERSION]):
        raise UnknownVersion(WHERE, packed[:1].hex())
    if len(packed) < 2:
        raise Malformed(WHERE, "cut short")
    if packed[1] > MOST_BEFORE:
        raise TooLarge(WHERE, f"leans on {packed[1]} entries")
    return packed[1]


def varint(number: int) -> bytes:
    """A number from 0 on, seven bits a byte."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise Malformed(WHERE, "a number without end")
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place


_Found = TypeVar("_Found", bytes, list[bytes])


def _whole(found: _Found, wanted: int) -> _Found:
    if len(found) != wanted:
        raise Malformed(WHERE, "cut short")
    return found


def _words(said: bytes) -> zstandard.ZstdCompressionDict:
    if not said:
        return _WORDS
    return zstandard.ZstdCompressionDict(DICTIONARY + said, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _compress(plain: bytes, words: zstandard.ZstdCompressionDict | None) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL,
        source_size=max(len(plain), 1),
        dict_size=len(words) if words is not None else 0,
        format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        write_content_size=False,
        write_checksum=False,
        write_dict_id=False,
    )
    return zstandard.ZstdCompressor(compression_params=parameters, dict_data=words).compress(plain)


def _decompress(piece: bytes, size: int, words: zstandard.ZstdCompressionDict | None) -> bytes:
    try:
        return zstandard.ZstdDecompressor(
            dict_data=words,
            max_window_size=LARGEST,
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        ).decompress(piece, max_output_size=max(size, 1), allow_extra_data=False)
    except (zstandard.ZstdError, MemoryError) as error:
        raise Malformed(WHERE, str(error)) from None
