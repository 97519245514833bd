"""Lists for a stick: one file for devices that have no line, which nobody else can read (`mqtt_schemas.bundle`)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from mqtt_schemas.bundle import (
    CHUNK,
    BundleBox,
    BundleFeed,
    BundleHead,
    make_box,
    new_content_keys,
    write_bundle,
)
from mqtt_schemas.centre.database import stamp
from mqtt_schemas.centre.errors import BadExport
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder, keys_document
from mqtt_schemas.centre.publisher import sign_head
from mqtt_schemas.centre.readers import Readers
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Device, DeviceStatus
from mqtt_schemas.chunks import lock_chunk
from mqtt_schemas.feeds import CHUNK_RATIO, Feed, packing, split_chunks
from mqtt_schemas.keys import feed_role
from mqtt_schemas.messages import FeedChunk, encode
from mqtt_schemas.whole import whole_file

_NONCE_BYTES = 16


class ExportedFeed(Struct, frozen=True, kw_only=True):
    """One list of a bundle."""

    feed: str
    first: int
    version: int
    devices: int
    """That may read it."""


class ExportReport(Struct, frozen=True, kw_only=True):
    """What was written."""

    file: str
    size: int
    expires: datetime
    """From then on its lists count as stale."""
    feeds: tuple[ExportedFeed, ...]
    devices: tuple[str, ...]
    without: tuple[str, ...]
    """Devices that can open nothing: they are enrolled without a sealing key."""


class _Reader(Struct, frozen=True):
    device: Device
    feeds: tuple[Feed, ...]


def export_lists(
    path: Path,
    out: Path,
    *,
    devices: Sequence[str] = (),
    feeds: Sequence[str] = (),
    since: datetime | None = None,
    days: int = 0,
    at: datetime | None = None,
) -> ExportReport:
    """Write a bundle for these enrolled devices (none named: all of them) with these lists (likewise).

    `since`: only what changed from then on; a device that lacks an earlier change refuses that list. `days`: so long
    its lists count as fresh; 0: as on the line. Raises BadExport for a device, a list or a file that cannot be, or
    where nobody could open it; what CentreFolder, its keys and its database raise.
    """
    at = at or datetime.now(UTC)
    folder = CentreFolder(path)
    wanted = _feeds(feeds)
    with folder.database() as database, database.reading():
        store, lists = FeedStore(database), Readers(database, folder.settings.publish)
        chosen = _devices(Store(database), devices)
        readers = [
            _Reader(device, tuple(feed for feed in wanted if lists.may(device, feed)))
            for device in chosen
            if device.sealing_key
        ]
        if not readers:
            raise BadExport(str(out), "no device that has a sealing key: nobody could open it")
        validity = timedelta(days=days) if days else timedelta(hours=folder.settings.publish.validity_hours)
        keys = folder.keys(feed_role(feed) for feed in wanted)
        keys.check(document := keys_document(database)[1], folder.root_public())
        content, bundle = new_content_keys(wanted), secrets.token_bytes(_NONCE_BYTES)
        firsts = {feed: _first(store, feed, since) for feed in wanted}
        head = BundleHead(
            bundle=bundle,
            made_at=at,
            keys=encode(document),
            feeds=tuple(
                BundleFeed(
                    feed=feed,
                    first=firsts[feed],
                    head=encode(sign_head(keys, feed, *store.position(feed), at, validity)),
                )
                for feed in wanted
            ),
            boxes=tuple(_box(bundle, reader, content) for reader in readers),
        )
        size = _write(out, head, _chunks(store, firsts, content))
        return ExportReport(
            file=str(out),
            size=size,
            expires=at + validity,
            feeds=tuple(
                ExportedFeed(
                    feed=feed,
                    first=firsts[feed],
                    version=store.position(feed)[0],
                    devices=sum(feed in reader.feeds for reader in readers),
                )
                for feed in wanted
            ),
            devices=tuple(reader.device.id for reader in readers),
            without=tuple(device.id for device in chosen if not device.sealing_key),
        )


def _feeds(names: Sequence[str]) -> tuple[Feed, ...]:
    try:
        asked = {Feed(name) for name in names} or set(Feed)
    except ValueError as error:
        raise BadExport("lists", f"{error}; lists are {', '.join(Feed)}") from None
    return tuple(feed for feed in Feed if feed in asked)


def _devices(store: Store, names: Sequence[str]) -> list[Device]:
    enrolled = {device.id: device for device in store.devices() if device.status is DeviceStatus.ENROLLED}
    if unknown := sorted(set(names) - enrolled.keys()):
        raise BadExport(unknown[0][:60], "not enrolled")
    return [device for name, device in enrolled.items() if not names or name in names]


def _first(store: FeedStore, feed: Feed, since: datetime | None) -> int:
    if since is None:
        return 1
    row = store.database.one(
        "SELECT min(version) FROM feed_change WHERE feed = ? AND imported_at >= ?", [feed, stamp(since)]
    )
    return int(row[0]) if row[0] is not None else store.position(feed)[0] + 1


def _box(bundle: bytes, reader: _Reader, content: dict[str, bytes]) -> BundleBox:
    keys = {feed.value: content[feed] for feed in reader.feeds}
    return make_box(bundle, reader.device.id, reader.device.sealing_key, keys)


def _chunks(store: FeedStore, firsts: dict[Feed, int], content: dict[str, bytes]) -> Iterator[FeedChunk]:
    for feed, first in firsts.items():
        last, _ = store.position(feed)
        then, ratio = first, CHUNK_RATIO
        while then <= last:
            rows = store.changes(feed, then, last, round(CHUNK * ratio))
            chunk = next(split_chunks(feed, then, rows, CHUNK, ratio))
            then, ratio = chunk.first + chunk.count, packing(chunk)
            yield lock_chunk(chunk, content[feed])


def _write(out: Path, head: BundleHead, chunks: Iterable[FeedChunk]) -> int:
    """Whole or not at all, and on the stick before it is said to be."""
    try:
        # Whoever carries it is another account's person as a rule, and nothing in it is legible.
        with whole_file(out, 0o644) as file:
            return write_bundle(file, head, chunks)
    except OSError as error:
        raise BadExport(str(out), str(error)) from None
