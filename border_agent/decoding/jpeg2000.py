"""What a JPEG 2000 file announces: .jp2 (ISO/IEC 15444-1, annex I) or the bare codestream (annex A).

Chips hold portraits in it. OpenJPEG allocates by what the header says, for every tile as well; so size, components
and tiles are bounded first, and every tile part must be there whole. Nothing is decoded here.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from border_agent.decoding.headers import PictureRefusedError, check_size

JP2: Final = bytes.fromhex("0000000C6A5020200D0A870A")
CODESTREAM: Final = b"\xff\x4f\xff\x51"

MAX_JPEG2000_PIXELS: Final = 4_194_304
"""OpenJPEG takes some 24 bytes a pixel; a chip's portrait has a tenth of this."""
_MAX_TILES: Final = 64
_MAX_BOXES: Final = 64
_MAX_SEGMENTS: Final = 1024
_COMPONENTS: Final = (1, 3, 4)

_SOT: Final = 0xFF90
_EOC: Final = 0xFFD9


class Jpeg2000Header(NamedTuple):
    """Pixels and components of the picture."""

    width: int
    height: int
    components: int


def jpeg2000_header(data: bytes) -> Jpeg2000Header:
    """The header of a file that holds all its tile parts. Raises PictureRefusedError."""
    try:
        start, end, announced = _codestream(data) if data.startswith(JP2) else (0, len(data), None)
        header, tiles, position = _size(data, start, end)
        if announced is not None and announced != header:
            raise PictureRefusedError("JPEG 2000 with two sizes")
        _check_tile_parts(data, position, end, tiles)
    except (struct.error, IndexError) as error:
        raise PictureRefusedError("JPEG 2000 torn") from error
    return header


def _codestream(data: bytes) -> tuple[int, int, Jpeg2000Header | None]:
    """Where the codestream of a .jp2 lies, and what the box `ihdr` says of it."""
    position, announced = len(JP2), None
    for _ in range(_MAX_BOXES):
        kind, start, end = _box(data, position, len(data))
        if kind == b"jp2h":
            inner, first, last = _box(data, start, end)
            if inner != b"ihdr" or last - first != 14:
                raise PictureRefusedError("JPEG 2000 without a header")
            height, width, components = struct.unpack_from(">IIH", data, first)
            announced = Jpeg2000Header(width, height, components)
        elif kind == b"jp2c":
            if announced is None:
                raise PictureRefusedError("JPEG 2000 without a header")
            return start, end, announced
        position = end
    raise PictureRefusedError("JPEG 2000 of too many boxes")


def _box(data: bytes, position: int, limit: int) -> tuple[bytes, int, int]:
    """Kind, start and end of the content of the box at `position`."""
    length, kind = struct.unpack_from(">I4s", data, position)
    start = position + 8
    if length == 1:
        (length,) = struct.unpack_from(">Q", data, start)
        start += 8
    end = limit if length == 0 else position + length
    if not start <= end <= limit:
        raise PictureRefusedError("JPEG 2000 torn")
    return kind, start, end


def _size(data: bytes, start: int, end: int) -> tuple[Jpeg2000Header, int, int]:
    """What marker segment SIZ says (A.5.1): header, number of tiles, and where the next segment begins."""
    if data[start : start + 4] != CODESTREAM:
        raise PictureRefusedError("JPEG 2000 without a codestream")
    length, _, right, low, left, top, tile_width, tile_height, tile_left, tile_top, components = struct.unpack_from(
        ">HHIIIIIIIIH", data, start + 4
    )
    header = Jpeg2000Header(right - left, low - top, components)
    check_size(header.width, header.height, MAX_JPEG2000_PIXELS)
    if components not in _COMPONENTS or length != 38 + 3 * components or start + 4 + length > end:
        raise PictureRefusedError(f"JPEG 2000 of {components} components")
    if not (tile_width and tile_height and tile_left <= left and tile_top <= top):
        raise PictureRefusedError("JPEG 2000 damaged")
    tiles = -(-(right - tile_left) // tile_width) * -(-(low - tile_top) // tile_height)
    if tiles > _MAX_TILES:
        raise PictureRefusedError(f"JPEG 2000 of {tiles} tiles")
    return header, tiles, start + 4 + length


def _check_tile_parts(data: bytes, position: int, end: int, tiles: int) -> None:
    """Walk the rest of the main header and every tile part (A.4.2): each tile must be there, whole."""
    seen = set()
    for _ in range(_MAX_SEGMENTS):
        (marker,) = struct.unpack_from(">H", data, position)
        if marker == _SOT:
            tile, length = struct.unpack_from(">HI", data, position + 4)
            seen.add(tile)
            if length == 0:  # the last tile part, up to the end marker
                position = data.rfind(b"\xff\xd9", position, end)
                if position < 0:
                    raise PictureRefusedError("JPEG 2000 torn")
            elif length < 14:
                raise PictureRefusedError("JPEG 2000 damaged")
            else:
                position += length
        elif marker == _EOC:
            if seen != set(range(tiles)):
                raise PictureRefusedError("JPEG 2000 without all its tiles")
            return
        elif 0xFF51 < marker <= 0xFF6F and not seen:
            (length,) = struct.unpack_from(">H", data, position + 2)
            position += 2 + length
        else:
            raise PictureRefusedError("JPEG 2000 damaged")
        if position + 2 > end:
            break
    raise PictureRefusedError("JPEG 2000 torn")
