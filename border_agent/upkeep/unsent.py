"""What this device has written down and the centre is not known to have; and a file of it, for a stick.

The file is the line's own batches, one after the other, so the centre proves and takes them as if they had come by
line (`borne centre devices take`): a magic line, then each batch after its length in four bytes, big-endian.
"""

from __future__ import annotations

import struct
from pathlib import Path

from msgspec import Struct

from border_agent.clock import Clock
from border_agent.config import Config
from border_agent.errors import BorneError
from border_agent.reporting.enrolled import JournalEnd
from border_agent.store import Journal, Store, StoreError, set_aside
from border_agent.store.sqlcipher import connect, translated
from border_agent.store.streams import current_stream
from border_agent.upkeep.credentials import DEFAULT_FOLDER, KeyUnreadable, device_keys, store_key
from mqtt_schemas.codec import build_batch
from mqtt_schemas.messages import encode
from mqtt_schemas.unsent import MAGIC
from mqtt_schemas.whole import whole_file

_ROWS = 200
_BYTES = 262_144


class NotExported(BorneError):
    """The file for the stick cannot be written, or there is nothing to write."""

    code = "device.not_exported"


class Standing(Struct, frozen=True, kw_only=True):
    """Where the device's journal stands."""

    present: bool
    """There is a store at all."""
    readable: bool
    device: str = ""
    """Whose journal it is."""
    epoch: bytes | None = None
    recorded: int = 0
    head: bytes | None = None
    acknowledged: int = 0
    detail: str = ""
    """Why it cannot be read."""

    @property
    def unsent(self) -> int:
        """Entries the centre is not known to have."""
        return self.recorded - self.acknowledged

    def end(self) -> JournalEnd:
        """The same, for an enrolment request."""
        return JournalEnd(epoch=self.epoch, sequence=self.recorded, head=self.head, acknowledged=self.acknowledged)


def standing(config: Config, folder: Path = DEFAULT_FOLDER) -> Standing:
    """Where the journal stands; never raises: what cannot be read says why. Nothing is made where there is none."""
    path = config.path(config.store.path)
    if not path.exists():
        return Standing(present=False, readable=True)
    try:
        key = store_key(config, folder)
        with translated(path):
            connection = connect(path, key)
            try:
                stream = current_stream(connection)
            finally:
                connection.close()
    except (KeyUnreadable, StoreError) as error:
        return Standing(present=True, readable=False, detail=str(error))
    if stream is None:
        return Standing(present=True, readable=True)
    return Standing(
        present=True,
        readable=True,
        device=stream.device,
        epoch=stream.epoch,
        recorded=stream.sequence,
        head=stream.head,
        acknowledged=stream.acknowledged,
    )


def export(config: Config, out: Path, folder: Path = DEFAULT_FOLDER) -> Standing:
    """Write the unsent entries to a file, whole or not at all. Raises NotExported, KeyUnreadable, StoreError."""
    found = standing(config, folder)
    if not found.readable or not found.device:
        raise NotExported(str(config.path(config.store.path)), found.detail or "no journal")
    journal_key = device_keys(config, folder).journal
    with Store(config.path(config.store.path), store_key(config, folder)) as store:
        # Under the name the journal has, which is another one where the machine was given a new identity.
        journal = Journal(store, found.device, journal_key, Clock(), software="")
        try:
            with whole_file(out) as file:
                file.write(MAGIC)
                # The journal's own: an older store that was put back has just begun a new epoch.
                after = journal.mark().sequence
                while (segment := journal.entries_after(after, _ROWS, _BYTES)) is not None:
                    batch = build_batch(
                        found.device,
                        segment.epoch,
                        segment.first,
                        segment.previous,
                        segment.bodies,
                        segment.head,
                        segment.signature,
                        segment.secrets,
                    )
                    payload = encode(batch)
                    file.write(struct.pack(">I", len(payload)) + payload)
                    after = segment.last
        except OSError as error:
            raise NotExported(str(out), str(error)) from None
    return found


def new_epoch(config: Config) -> Path | None:
    """Set the store aside, whole: the agent then begins a new epoch that says so. None where there is none.

    Raises StoreError.
    """
    return set_aside(config.path(config.store.path))
