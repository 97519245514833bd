"""Bytes from outside, read by one function: every way they can be wrong becomes `Malformed`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from mqtt_schemas.errors import Malformed

LONGEST_DETAIL = 200
T = TypeVar("T")

_making = threading.Lock()
_made: dict[tuple[Any, bool], Callable[[bytes], Any]] = {}


def reader(kind: type[T], *, as_json: bool = True) -> Callable[[bytes], T]:
    """What decodes this type from JSON or MessagePack. Any thread may ask and use it.

    Made once, by one thread at a time: msgspec works out a struct's fields when it is first decoded, and a second
    thread that decodes it meanwhile reads an unfinished table and ends the whole process.
    """
    found = _made.get((kind, as_json))
    if found is None:
        with _making:
            made = msgspec.json.Decoder(kind) if as_json else msgspec.msgpack.Decoder(kind)
            found = _made.setdefault((kind, as_json), made.decode)
    return found


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
