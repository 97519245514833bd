"""Pictures of an inspection for the officer's eyes: small JPEGs in memory, gone when they are old, never on the disk.

Only raw pixels of this device's own camera children are encoded here, and nothing is decoded: a picture from outside
(the visa list's portrait, a kiosk's) passes as the bytes that it is, where it is a JPEG of bounded size.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

import numpy as np

from border_agent.decoding import EncodedPicture, Picture
from mqtt_schemas.post import LARGEST_PICTURE, PictureKind

_log = logging.getLogger(__name__)

WIDEST = 640
"""Pixels."""
LARGEST_OWN = 61_440
"""Bytes wanted of a picture of this device's own cameras: it is evidence too, and crosses a thin line."""
QUALITIES = (80, 60, 40)
"""The first that gives a file small enough."""
MOST_BYTES = 32 * 1024 * 1024
"""Of all pictures together; the oldest inspections' go first."""

_JPEG = b"\xff\xd8\xff"


class Album:
    """Keeps pictures by inspection. Calls may come from any thread."""

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        """`most`: of how many inspections, the newest ones."""
        self._most = most
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._pictures: dict[str, dict[PictureKind, bytes]] = {}
        self._originals: dict[str, dict[PictureKind, bytes]] = {}
        """Pictures exactly as they were read, where they are shown as something else: a chip's portrait."""
        self._bytes = 0

    def begin(self, inspection: str) -> None:
        """Make a place for an inspection's pictures; what is too old for the album goes."""
        with self._lock:
            self._pictures.setdefault(inspection, {})
            self._forget_old()

    def keep(self, inspection: str, kind: PictureKind, picture: Picture | EncodedPicture) -> None:
        """Keep a picture, the last of its kind. One that cannot be kept is left out: it is nobody's evidence."""
        jpeg = _checked(picture.data) if isinstance(picture, EncodedPicture) else jpeg_of(picture)
        if not jpeg:
            return
        with self._lock:
            pictures = self._pictures.get(inspection)
            if pictures is None:
                return  # forgotten meanwhile
            self._bytes += len(jpeg) - len(pictures.get(kind, b""))
            pictures[kind] = jpeg
            self._forget_old()

    def keep_original(self, inspection: str, kind: PictureKind, data: bytes) -> None:
        """Keep, beside what is shown, the bytes as they were read: they are what a hash or a signature is over."""
        with self._lock:
            if inspection in self._pictures and len(data) <= LARGEST_PICTURE:
                originals = self._originals.setdefault(inspection, {})
                self._bytes += len(data) - len(originals.get(kind, b""))
                originals[kind] = data
                self._forget_old()

    def originals(self, inspection: str) -> Mapping[PictureKind, bytes]:
        """The pictures as evidence keeps them: as they were read, or as this device's cameras saw them."""
        with self._lock:
            return self._pictures.get(inspection, {}) | self._originals.get(inspection, {})

    def of(self, inspection: str) -> Mapping[PictureKind, bytes]:
        """The pictures of an inspection; none where they are gone."""
        with self._lock:
            return dict(self._pictures.get(inspection, {}))

    def kinds(self, inspection: str) -> tuple[PictureKind, ...]:
        """Which pictures there are, in the order of an inspection."""
        with self._lock:
            kept = self._pictures.get(inspection, {})
            return tuple(kind for kind in PictureKind if kind in kept)

    def _forget_old(self) -> None:
        while len(self._pictures) > self._most or (self._bytes > self._most_bytes and len(self._pictures) > 1):
            oldest = next(iter(self._pictures))
            for pictures in (self._pictures.pop(oldest), self._originals.pop(oldest, {})):
                self._bytes -= sum(len(data) for data in pictures.values())


def warm_up() -> None:
    """Load the encoder before a traveller waits for it; apart, because it takes 30 MB and only cameras need it."""
    import cv2  # noqa: F401


def jpeg_of(picture: Picture) -> bytes:
    """Raw pixels as a JPEG, at most `WIDEST` wide and `LARGEST_PICTURE` bytes; empty where that cannot be done."""
    if picture.width < 1 or len(picture.pixels) != picture.width * picture.height * 3:
        return b""
    import cv2

    pixels = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width, 3)
    try:
        if picture.width > WIDEST:
            height = max(1, round(picture.height * WIDEST / picture.width))
            pixels = cv2.resize(pixels, (WIDEST, height), interpolation=cv2.INTER_AREA)
        for quality in QUALITIES:
            done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done and len(data) <= (LARGEST_PICTURE if quality == QUALITIES[-1] else LARGEST_OWN):
                return data.tobytes()
    except cv2.error as error:
        _log.warning("a picture could not be encoded: %s", error)
    return b""


def _checked(data: bytes) -> bytes:
    return data if data.startswith(_JPEG) and len(data) <= LARGEST_PICTURE else b""
