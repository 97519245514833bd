"""Bytes from outside, read by one function: every way they can be wrong becomes `Malformed`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from mqtt_schemas.errors import Malformed

LONGEST_DETAIL = 200
T = TypeVar("T")


def parse(read: Callable[[bytes], T], payload: bytes, where: str, *, text: bool = True) -> T:
    """What `read` (a msgspec decoder) makes of `payload`. Raises Malformed, whatever the bytes are.

    `text` says that the payload is JSON, hence UTF-8 throughout: the decoder passes over fields it does not
    know without looking, and another reader of the same signed bytes would refuse them. The detail is cut,
    because a refused value may be repeated in it at any length.
    """
    try:
        if text:
            payload.decode()
        return read(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(where, str(error)[:LONGEST_DETAIL]) from None
