"""Pictures of any content for the finder of machine readable zones. Decoding them is the caged worker's business."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from border_agent.decoding.mrz.read import MrzReader

_MOST_SIDE = 160


@lru_cache(maxsize=1)
def _reader() -> MrzReader:
    return MrzReader()


def find_zone(data: bytes) -> None:
    """The first two bytes are width and height; the rest is repeated over the picture."""
    if len(data) < 3:
        return
    width, height = 1 + data[0] % _MOST_SIDE, 1 + data[1] % _MOST_SIDE
    pixels = np.resize(np.frombuffer(data[2:], np.uint8), (height, width, 3))
    _reader().find(np.ascontiguousarray(pixels))


def seeds() -> list[bytes]:
    stripes = bytes((*[255] * 60, *[0] * 12)) * 20
    return [
        bytes((150, 60)) + stripes,
        bytes((60, 150)) + bytes(range(256)) * 8,
        b"\x01\x01\x00",
        b"\xff\xff" + b"\x7f" * 99,
    ]
