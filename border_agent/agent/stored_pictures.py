"""The pictures that are kept with a record, for people's eyes: as JPEGs, whatever a chip held them as."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from border_agent.decoding import DecoderError
from border_agent.store import EvidenceStore
from mqtt_schemas.outside import reader
from mqtt_schemas.post import PictureKind

_JPEG = b"\xff\xd8\xff"
_NAME = re.compile(r"[0-9a-f]{64}")
_SHOWN = (PictureKind.PAGE, PictureKind.CHIP, PictureKind.LIVE)


class _Record(Struct):
    pictures: dict[str, str] = {}


class Shelf(Struct, frozen=True):
    """What became of a record's pictures."""

    kept: tuple[PictureKind, ...] = ()
    erased: tuple[PictureKind, ...] = ()
    """Named by the record, and not here any more."""


class StoredPictures:
    """Calls may come from any thread; they raise StoreError."""

    def __init__(self, evidence: EvidenceStore, portrait_jpeg: Callable[[bytes], bytes]) -> None:
        """`portrait_jpeg`: of the decoders' process (raises DecoderError)."""
        self._evidence = evidence
        self._portrait_jpeg = portrait_jpeg

    def shelf(self, record: bytes) -> Shelf:
        """Which pictures of a record, by its bytes, are still here."""
        names = named(record)
        kept = tuple(kind for kind in names if self._evidence.holds(names[kind]))
        return Shelf(kept, tuple(kind for kind in names if kind not in kept))

    def jpeg(self, record: bytes, kind: PictureKind) -> bytes | None:
        """One of them; None where it is not here, or is no picture."""
        name = named(record).get(kind)
        data = self._evidence.get(name) if name is not None else None
        if data is None or data.startswith(_JPEG):
            return data
        try:
            return self._portrait_jpeg(data)
        except DecoderError:
            return None


def named(record: bytes) -> dict[PictureKind, bytes]:
    """The pictures that a record names, by what they show: SHA-256 of each. Whatever else stands there names none."""
    try:
        names = reader(_Record)(record).pictures
    except msgspec.MsgspecError:
        return {}
    return {kind: bytes.fromhex(name) for kind in _SHOWN if _NAME.fullmatch(name := names.get(kind.value, ""))}
