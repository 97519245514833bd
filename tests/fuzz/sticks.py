"""Fuzzing lists on a stick: a device reads whatever file it is handed, long before it believes anything of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mqtt_schemas.bundle import BundleFeed, BundleHead, make_box, open_box, read_bundle, write_bundle
from mqtt_schemas.chunks import chunk_rows, lock_chunk
from mqtt_schemas.codec import build_chunk
from mqtt_schemas.sealing import sealing_public

_DEVICE = "uto-post-1"
_KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
_CONTENT = {"visas": b"v" * 32, "watchlist": b"w" * 32}


def opened(data: bytes) -> None:
    """All that a device does with a file before signatures count. A changed box opens no more: then by its keys."""
    head, chunks = read_bundle(io.BytesIO(data))
    keys = open_box(head, _DEVICE, _KEY) if head.bundle == b"b" * 16 else _CONTENT
    for chunk in chunks:
        chunk_rows(chunk, private=_KEY, key=keys.get(chunk.feed, b""))


def seeds() -> list[bytes]:
    """A bundle with a box, and one whose chunks are in clear."""
    made = []
    for bundle, clear in ((b"b" * 16, False), (b"c" * 16, True)):
        head = BundleHead(
            bundle=bundle,
            made_at=datetime(2027, 3, 1, tzinfo=UTC),
            keys=b"keys",
            feeds=tuple(BundleFeed(feed=feed, first=1, head=b"head") for feed in _CONTENT),
            boxes=(make_box(bundle, _DEVICE, sealing_public(_KEY), _CONTENT),),
        )
        chunks = [build_chunk(feed, 1, [b"row %d" % number for number in range(20)]) for feed in _CONTENT]
        file = io.BytesIO()
        write_bundle(file, head, chunks if clear else [lock_chunk(one, _CONTENT[one.feed]) for one in chunks])
        made.append(file.getvalue())
    return made
