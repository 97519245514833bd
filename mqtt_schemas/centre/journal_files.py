"""A device's journal as the data centre holds it, as a file that proves itself (`mqtt_schemas.journal_file`).

The same entries as in the device's own export, and what that one no longer shows: bodies that the device has let go.
Nobody but the device can sign its end, so it is a proof of what is here and not that this is all there is.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from mqtt_schemas import chain
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.errors import BadEnrolment
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Stream
from mqtt_schemas.journal_file import FileKind, Header, JournalWriter
from mqtt_schemas.whole import whole_file

_ENTRIES = """
    SELECT j.sequence, j.body, j.head, h.signature FROM journal j
    LEFT JOIN head_signature h ON h.stream = j.stream AND h.sequence = j.sequence
    WHERE j.stream = ? ORDER BY j.sequence
"""


class Written(Struct, frozen=True, kw_only=True):
    """What went into a file."""

    device: str
    epochs: int
    entries: int


def export_journal(path: Path, device: str, target: Path, at: datetime) -> Written:
    """Write every epoch of a device, as the centre's folder holds it at this time, to `target`, for its owner alone.

    Raises BadEnrolment where nothing of such a device is here, StoreFailed, and what writing raises; then nothing is
    left of the file.
    """
    with whole_file(target) as file:
        return _export(path, device, file, at)


def _export(path: Path, device: str, file: BinaryIO, at: datetime) -> Written:
    with CentreFolder(path).database() as database, database.reading():
        streams = [stream for stream in Store(database).streams() if stream.device == device and stream.mark]
        if not streams:
            raise BadEnrolment(device[:60], "nothing of its journal is here")
        with JournalWriter(file, Header(kind=FileKind.PROOF, device=device, made_at=at, software="centre")) as writer:
            entries = sum(_write(database, writer, stream) for stream in streams)
            writer.end()
    return Written(device=device, epochs=len(streams), entries=entries)


def _write(database: Database, writer: JournalWriter, stream: Stream) -> int:
    secrets = {
        first: bytes(secret)
        for first, secret in database.rows("SELECT first, secret FROM secret WHERE stream = ?", [stream.id])
    }
    firsts = sorted(secrets)
    writer.segment(
        device=stream.device,
        epoch=stream.epoch,
        key=stream.journal_key,
        first=1,
        previous=chain.genesis(stream.device, stream.epoch),
    )
    count = 0
    for sequence, body, head, signature in database.rows(_ENTRIES, [stream.id]):
        secret = secrets[firsts[bisect_right(firsts, sequence) - 1]]
        writer.entry(
            sequence,
            body=bytes(body),
            salt=chain.salt(secret, stream.epoch, sequence),
            head=bytes(head),
            signature=bytes(signature) if signature is not None else b"",
        )
        count += 1
    return count
