"""Chunks sealed or locked, and bundles: opened by whom they are for, and by nobody else, whatever is done to them."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from mqtt_schemas.bundle import (
    MAGIC,
    BundleFeed,
    BundleHead,
    make_box,
    new_content_keys,
    open_box,
    read_bundle,
    write_bundle,
)
from mqtt_schemas.chunks import chunk_rows, lock_chunk, refused_chunk, seal_chunk
from mqtt_schemas.codec import build_chunk
from mqtt_schemas.errors import ContractError, Malformed, NotForDevice, NotOpened, TooLarge
from mqtt_schemas.messages import LARGEST_MESSAGE, FeedChunk, decode, encode
from mqtt_schemas.sealing import sealing_public

AT = datetime(2027, 3, 1, tzinfo=UTC)
MINE, OTHER = X25519PrivateKey.generate(), X25519PrivateKey.generate()
KEY = b"k" * 32
ROWS = [b"ERIKSSON %d" % number for number in range(40)]


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.binary(max_size=60), min_size=1, max_size=20), first=st.integers(1, 2**63 - 1))
def test_what_was_sealed_or_locked_opens_again(rows: list[bytes], first: int) -> None:
    chunk = build_chunk("visas", first, rows)
    sealed, locked = seal_chunk(chunk, sealing_public(MINE)), lock_chunk(chunk, KEY)
    assert chunk_rows(decode(FeedChunk, encode(sealed)), private=MINE) == rows
    assert chunk_rows(decode(FeedChunk, encode(locked)), key=KEY) == rows
    assert chunk_rows(chunk) == rows


def test_nobody_else_opens_it_and_nothing_shows() -> None:
    chunk = build_chunk("visas", 7, ROWS)
    sealed, locked = seal_chunk(chunk, sealing_public(MINE)), lock_chunk(chunk, KEY)
    for hidden in (sealed, locked):
        assert chunk.rows[8:40] not in hidden.rows
        with pytest.raises(NotForDevice):
            chunk_rows(hidden)
    with pytest.raises(NotOpened):
        chunk_rows(sealed, private=OTHER)
    with pytest.raises(NotOpened):
        chunk_rows(locked, key=b"x" * 32)


@pytest.mark.parametrize("elsewhere", [{"feed": "watchlist"}, {"first": 8}])
def test_a_piece_opens_only_in_its_own_place(elsewhere: dict[str, object]) -> None:
    chunk = build_chunk("visas", 7, ROWS)
    for hidden in (seal_chunk(chunk, sealing_public(MINE)), lock_chunk(chunk, KEY)):
        with pytest.raises(NotOpened):
            chunk_rows(structs.replace(hidden, **elsewhere), private=MINE, key=KEY)


def test_a_piece_that_was_damaged_is_told_from_one_for_somebody_else() -> None:
    for hidden in (
        seal_chunk(build_chunk("visas", 7, ROWS), sealing_public(MINE)),
        lock_chunk(build_chunk("visas", 7, ROWS), KEY),
    ):
        with pytest.raises(Malformed):
            chunk_rows(structs.replace(hidden, rows=hidden.rows[:-1] + b"?"), private=MINE, key=KEY)


def test_a_refusal_is_a_message_and_says_no() -> None:
    refused = decode(FeedChunk, encode(refused_chunk("watchlist", 3)))
    assert refused.first == 3
    with pytest.raises(NotForDevice):
        chunk_rows(refused, private=MINE, key=KEY)


# Bundles


def bundle(*devices: tuple[str, X25519PrivateKey, tuple[str, ...]]) -> tuple[bytes, BundleHead]:
    """Two lists of three chunks each."""
    content = new_content_keys(("visas", "watchlist"))
    head = BundleHead(
        bundle=b"b" * 16,
        made_at=AT,
        keys=b"keys",
        feeds=tuple(BundleFeed(feed=feed, first=1, head=b"head") for feed in content),
        boxes=tuple(
            make_box(b"b" * 16, name, sealing_public(key), {feed: content[feed] for feed in feeds})
            for name, key, feeds in devices
        ),
    )
    chunks = [
        lock_chunk(build_chunk(feed, first, ROWS[first : first + 10]), content[feed])
        for feed in content
        for first in (1, 11, 21)
    ]
    file = io.BytesIO()
    assert write_bundle(file, head, chunks) == len(file.getvalue())
    return file.getvalue(), head


BUNDLE, HEAD = bundle(("uto-1", MINE, ("visas", "watchlist")), ("uto-2", OTHER, ("visas",)))


def opened(payload: bytes, name: str = "uto-1", key: X25519PrivateKey | None = MINE) -> dict[str, list[bytes]]:
    """Everything a device reads in a bundle."""
    head, chunks = read_bundle(io.BytesIO(payload))
    keys = open_box(head, name, key)
    found: dict[str, list[bytes]] = {}
    for chunk in chunks:
        if chunk.feed in keys:
            found.setdefault(chunk.feed, []).extend(chunk_rows(chunk, key=keys[chunk.feed]))
    return found


def test_each_device_reads_its_own_lists() -> None:
    assert opened(BUNDLE) == {"visas": ROWS[1:31], "watchlist": ROWS[1:31]}
    assert opened(BUNDLE, "uto-2", OTHER) == {"visas": ROWS[1:31]}
    assert b"ERIKSSON" not in BUNDLE


def test_a_bundle_in_the_wrong_hands_says_nothing() -> None:
    for name, key in (("uto-9", MINE), ("uto-1", None)):
        with pytest.raises(NotForDevice):
            opened(BUNDLE, name, key)
    with pytest.raises(NotOpened):
        opened(BUNDLE, "uto-1", OTHER)
    # A box of one bundle in another.
    with pytest.raises(NotOpened):
        open_box(structs.replace(HEAD, bundle=b"c" * 16), "uto-1", MINE)


def test_one_that_broke_off_anywhere_is_found_out() -> None:
    for length in range(len(BUNDLE)):
        with pytest.raises(Malformed):
            opened(BUNDLE[:length])


def test_what_is_no_bundle_is_refused() -> None:
    twice, _ = bundle(("uto-1", MINE, ("visas",)))
    head, _ = read_bundle(io.BytesIO(twice))
    doubled = io.BytesIO()
    write_bundle(doubled, structs.replace(head, feeds=(head.feeds[0], head.feeds[0])), [])
    for payload in (
        b"",
        b"borne/v1/unsent\n" + BUNDLE[len(MAGIC) :],
        BUNDLE + b"\0",
        MAGIC + b"\0\0\0\0",
        MAGIC + b"\0\0\0\1\xc0",
        doubled.getvalue(),
    ):
        with pytest.raises(Malformed):
            opened(payload)
    with pytest.raises(TooLarge):
        opened(MAGIC + (LARGEST_MESSAGE + 1).to_bytes(4, "big"))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(BUNDLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_a_typed_error_or_changes_nothing_that_is_read(place: int, bit: int) -> None:
    spoilt = bytearray(BUNDLE)
    spoilt[place] ^= 1 << bit
    try:
        found = opened(bytes(spoilt))
    except ContractError:
        return
    # In the other device's box, in documents that are believed later, or a name that is then somebody else's.
    assert all(set(rows) <= set(ROWS) for rows in found.values())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_rubbish_is_a_typed_error(rubbish: bytes) -> None:
    with pytest.raises(ContractError):
        opened(MAGIC + rubbish)
