"""One JPEG picture as a camera sends it: is it whole, and how large does it say it is?

    picture = SOI *(segment) SOF ... SOS ... EOI *00        (ITU-T T.81, annex B)
    segment = FF marker length(2, big-endian, counts itself) data

Asked before a decoder sees the bytes: a decoder allocates what the header claims, and fills the missing half of a
torn picture with grey instead of saying so.
"""

from __future__ import annotations

_SOI = b"\xff\xd8"
_EOI = b"\xff\xd9"
_SOS = 0xDA
# Start-of-frame markers; C4, C8 and CC in their midst are tables and an extension.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MAX_SEGMENTS = 256


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the header has them; None when this is not one whole picture."""
    if not data.startswith(_SOI):
        return None
    if not data.endswith(_EOI) and not data.rstrip(b"\0").endswith(_EOI):  # some cameras pad
        return None
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while data[at : at + 2] == b"\xff\xff":  # fill bytes before a marker (B.1.1.2)
            at += 1
        if len(data) < at + 4 or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SOS or length < 2:
            return None
        if marker in _SOF:
            height, width = (int.from_bytes(data[at + n : at + n + 2], "big") for n in (5, 7))
            return (width, height) if width and height else None
        at += 2 + length
    return None
