"""Lists on a stick: the line's own documents and chunks in one file, which says nothing to whoever finds it.

    borne/v1/lists\\n, then frames: length (4 bytes, big-endian) and MessagePack;
    first a BundleHead, then each feed's FeedChunks in order, at last a frame of length 0

Every chunk is locked (`chunks.lock_chunk`) under a key that is fresh for its feed in this bundle. Each device that is
meant has a box, sealed to it, with the keys of the feeds it may read. Nothing here is signed anew: keys document and
heads are what the line would have brought, and the changes are proved by their chain.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Meta, Struct

from mqtt_schemas.chunks import CONTENT_KEY_BYTES
from mqtt_schemas.entries import Moment, require_utc
from mqtt_schemas.errors import Malformed, NotForDevice, TooLarge
from mqtt_schemas.messages import (
    LARGEST_MESSAGE,
    VERSION,
    DeviceId,
    FeedChunk,
    FeedName,
    Nonce,
    Sequence,
    Version,
    decode,
    encode,
)
from mqtt_schemas.outside import parse, reader
from mqtt_schemas.sealing import open_sealed, seal

MAGIC = b"borne/v1/lists\n"
CHUNK = 65_536
"""Bytes of a chunk at most: no acknowledgement waits behind a stick."""
MOST_DEVICES = 4096
MOST_FEEDS = 64
_LENGTH = struct.Struct(">I")

Document = Annotated[bytes, Meta(min_length=1, max_length=65_536)]


class BundleFeed(Struct, frozen=True, kw_only=True):
    """One list of the bundle: which changes are there, and to which signed head they lead."""

    feed: FeedName
    first: Sequence
    """First change of the bundle; one beyond the head's version where there is none, and only dates are renewed."""
    head: Document
    """`Signed` in role `feed:<feed>` of a `FeedHead`, MessagePack."""


class BundleBox(Struct, frozen=True, kw_only=True):
    """What one device needs to read the bundle."""

    device: DeviceId
    box: Annotated[bytes, Meta(min_length=1, max_length=16_384)]
    """`BundleKeys`, MessagePack, sealed to the device in the context `bundle:<bundle, hexadecimal>`."""


class BundleHead(Struct, frozen=True, kw_only=True):
    """The first frame."""

    v: Version = VERSION
    bundle: Nonce
    """Random: a box of another bundle does not open here."""
    made_at: Moment
    keys: Document
    """`Signed` in role `root` of the keys document, MessagePack."""
    feeds: Annotated[tuple[BundleFeed, ...], Meta(max_length=MOST_FEEDS)]
    boxes: Annotated[tuple[BundleBox, ...], Meta(max_length=MOST_DEVICES)]

    def __post_init__(self) -> None:
        require_utc(self.made_at)


class BundleKeys(Struct, frozen=True, kw_only=True):
    """Content of a box: a key for each feed that the device may read."""

    keys: dict[FeedName, Annotated[bytes, Meta(min_length=CONTENT_KEY_BYTES, max_length=CONTENT_KEY_BYTES)]]


def new_content_keys(feeds: Iterable[str]) -> dict[str, bytes]:
    """A fresh key for each feed."""
    return {feed: secrets.token_bytes(CONTENT_KEY_BYTES) for feed in feeds}


def make_box(bundle: bytes, device: str, public: bytes, keys: Mapping[str, bytes]) -> BundleBox:
    """The keys of the feeds that a device may read, for it alone. Raises NotOpened for what is no sealing key."""
    plain = msgspec.msgpack.encode(BundleKeys(keys=dict(keys)))
    return BundleBox(device=device, box=seal(public, _context(bundle), plain))


def open_box(head: BundleHead, device: str, private: X25519PrivateKey | None) -> dict[str, bytes]:
    """The keys of the feeds this device may read, by feed.

    Raises NotForDevice where the bundle has no box for it; NotOpened where its key does not open that; Malformed.
    """
    box = next((box.box for box in head.boxes if box.device == device), None)
    if box is None:
        raise NotForDevice(device, "the bundle was made for other devices")
    if private is None:
        raise NotForDevice(device, "this device has no sealing key")
    plain = open_sealed(private, _context(head.bundle), box)
    return parse(reader(BundleKeys, as_json=False), plain, "bundle keys", text=False).keys


def write_bundle(file: BinaryIO, head: BundleHead, chunks: Iterable[FeedChunk]) -> int:
    """A whole bundle into an open file; returns its size in bytes. Raises TooLarge, OSError."""
    file.write(MAGIC)
    size = len(MAGIC)
    for message in _messages(head, chunks):
        payload = encode(message)
        if len(payload) > LARGEST_MESSAGE:
            raise TooLarge("bundle", f"a frame of {len(payload)} bytes")
        file.write(_LENGTH.pack(len(payload)) + payload)
        size += _LENGTH.size + len(payload)
    file.write(_LENGTH.pack(0))
    return size + _LENGTH.size


def read_bundle(file: BinaryIO) -> tuple[BundleHead, Iterator[FeedChunk]]:
    """A bundle's head, and its chunks as they are asked for; nothing of it is believed yet.

    Never holds more than one frame, at most 1 MiB. Raises Malformed where it is none, broke off, or goes on after its
    end; TooLarge; UnknownVersion. The iterator raises likewise.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise Malformed("bundle", "not a file of lists")
    first = _frame(file)
    if not first:
        raise Malformed("bundle", "without a head")
    head = decode(BundleHead, first)
    names = [feed.feed for feed in head.feeds]
    if len(set(names)) < len(names):
        raise Malformed("bundle", "names a list twice")
    return head, _chunks(file)


def _chunks(file: BinaryIO) -> Iterator[FeedChunk]:
    while payload := _frame(file):
        yield decode(FeedChunk, payload)
    if file.read(1):
        raise Malformed("bundle", "goes on after its end")


def _frame(file: BinaryIO) -> bytes:
    prefix = file.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        raise Malformed("bundle", "broke off")
    (length,) = _LENGTH.unpack(prefix)
    if length > LARGEST_MESSAGE:
        raise TooLarge("bundle", f"a frame of {length} bytes")
    payload = file.read(length)
    if len(payload) < length:
        raise Malformed("bundle", "broke off")
    return payload


def _messages(head: BundleHead, chunks: Iterable[FeedChunk]) -> Iterator[Struct]:
    yield head
    yield from chunks


def _context(bundle: bytes) -> str:
    return f"bundle:{bundle.hex()}"
