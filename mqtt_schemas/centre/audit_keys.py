"""What an auditor needs from the data centre: every public key there ever was, and where each stream stands here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mqtt_schemas.audit import StreamMark, write_keys
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.messages import Signed, decode

_JOURNAL_KEYS = """
    SELECT id, journal_key FROM device UNION SELECT device, journal_key FROM stream
    UNION SELECT device, journal_key FROM enrolment_event
"""
_MARKS = """
    SELECT s.device, s.epoch, s.mark, s.head, j.received_at FROM stream s
    JOIN journal j ON j.stream = s.id AND j.sequence = s.mark ORDER BY s.id
"""


def keys_file(path: Path, at: datetime) -> bytes:
    """A keys file (`mqtt_schemas.audit.keys`) of a centre's folder, made at this time. No secret is in it.

    Raises BadFolder, BadKeyFile, StoreFailed.
    """
    folder = CentreFolder(path)
    with folder.database() as database, database.reading():
        devices: dict[str, list[bytes]] = defaultdict(list)
        for device, key in database.rows(_JOURNAL_KEYS):
            if key:
                devices[device].append(bytes(key))
        return write_keys(
            made_at=at,
            root=folder.root_public(),
            devices=devices,
            documents=[
                decode(Signed, bytes(document))
                for (document,) in database.rows("SELECT document FROM keys_document ORDER BY version")
            ],
            marks=tuple(_marks(database)),
        )


def _marks(database: Database) -> Iterator[StreamMark]:
    for device, epoch, mark, head, received_at in database.rows(_MARKS):
        yield StreamMark(
            device=device,
            epoch=bytes(epoch).hex(),
            sequence=mark,
            head=bytes(head).hex(),
            at=datetime.fromisoformat(received_at),
        )
