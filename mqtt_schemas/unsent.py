"""The end of a journal on a stick: the line's own batches in one file, for a device that has no line any more.

borne/v1/unsent\\n, then for each batch its length (4 bytes, big-endian) and its bytes as on `up/journal`
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from mqtt_schemas.errors import Malformed, TooLarge
from mqtt_schemas.messages import LARGEST_MESSAGE

MAGIC = b"borne/v1/unsent\n"


def batches(file: BinaryIO) -> Iterator[bytes]:
    """The batches of such a file, not proved yet. Raises Malformed where it is none or broke off, TooLarge."""
    if file.read(len(MAGIC)) != MAGIC:
        raise Malformed("unsent", "not the end of a journal")
    while header := file.read(4):
        if len(header) < 4:
            raise Malformed("unsent", "broke off")
        (length,) = struct.unpack(">I", header)
        if length > LARGEST_MESSAGE:
            raise TooLarge("unsent", f"a batch of {length} bytes")
        payload = file.read(length)
        if len(payload) < length:
            raise Malformed("unsent", "broke off")
        yield payload
