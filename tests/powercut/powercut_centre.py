"""The data centre's store at work: the program whose power is cut.

    powercut_centre.py TASK        (JSON, see `powercut_task`)

Devices of paper send their journals and evidence, in groups as the service takes them, and each acknowledgement is
told as soon as the desk hands it out. Beside that, over connections of their own, somebody imports a list, and what
the journals mean for visas and stays is settled. The database is closed and opened again in between.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import msgspec
from msgspec import structs

sys.path.append(str(Path(__file__).parents[1] / "centre"))

from centre_device import AT, Office, PaperDevice, movement, open_office
from powercut_log import Marker
from powercut_task import Task

from mqtt_schemas.centre import sqlite
from mqtt_schemas.centre.database import Database, open_database
from mqtt_schemas.centre.desk import Incoming
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.settling import settle
from mqtt_schemas.entries import write_entry
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.keys import ACK
from mqtt_schemas.messages import Ack, EvidenceAck, EvidencePiece, Signed, decode, decode_body, encode
from mqtt_schemas.records import WatchRecord
from mqtt_schemas.topics import Channel, parse_topic

OPENINGS = 2
"""So often the database is opened in one life."""
DEVICES = 3
PART = 4096
"""Bytes of a piece of evidence that come at once."""
FEED = Feed.WATCHLIST
FEED_KEYS = 20


def path_of(folder: str | Path) -> Path:
    return Path(folder) / "centre.db"


def change(version: int) -> tuple[str, bytes]:
    """The list's change of this version, by its key."""
    key = f"w-{version % FEED_KEYS}"
    return key, put(key, WatchRecord(record_id=key, surname="SURNAME", grounds=f"{version}"))


class _Waiting:
    """A piece of evidence on its way."""

    def __init__(self, device: PaperDevice, sequence: int, kind: str, data: bytes) -> None:
        self.device = device
        self.sequence = sequence
        self.data = data
        self.name = sha256(data).digest()
        self.upto = 0
        self._kind = kind

    def part(self) -> Incoming:
        """The part after what the centre is known to hold."""
        piece = EvidencePiece(
            device=self.device.name,
            sha256=self.name,
            size=len(self.data),
            offset=self.upto,
            data=self.data[self.upto : self.upto + PART],
            kind=self._kind,
            epoch=self.device.epoch,
            sequence=self.sequence,
        )
        return self.device.raw(Channel.EVIDENCE, encode(piece))


class Program:
    """One run of the data centre's store."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._mark = Marker()
        self._chance = Random(task.seed)
        self._at = AT + timedelta(days=100 * task.life)
        self._done = threading.Event()
        self._failures: list[BaseException] = []
        self._devices = [PaperDevice(f"kiosk-{task.life}-{number}") for number in range(DEVICES)]
        self._acknowledged = dict.fromkeys((device.name for device in self._devices), 0)
        self._evidence: list[_Waiting] = []

    def run(self) -> None:
        for opening in range(OPENINGS):
            office = open_office(path_of(self._task.folder), clock=lambda: self._at)
            database = office.store.database
            # A log that is seldom taken over, and one that often is.
            database.execute(f"PRAGMA wal_autocheckpoint = {self._chance.choice((20, 60, 1000))}")
            if self._task.control == "early":
                self._tell_early(office.store.database)
            if opening == 0:
                office.enrol(*self._devices)
                for device in self._devices:
                    self._mark(told="enrolled", device=device.name)
            self._done.clear()
            besides = [self._beside(self._import), self._beside(self._settle)]
            for device in self._devices:
                self._hand_in(office, [device.greets()])
            for _ in range(self._task.size // OPENINGS):
                self._at += timedelta(seconds=self._chance.choice((1, 60, 7200)))
                self._hand_in(office, [*self._batches(), *self._parts()])
            self._done.set()
            for thread in besides:
                thread.join()
            if self._failures:
                raise self._failures[0]
            database.close()

    def _batches(self) -> list[Incoming]:
        """Of some devices: new entries, some that were sent before, and now and then a hello."""
        messages = []
        for device in self._chance.sample(self._devices, self._chance.randint(1, DEVICES)):
            for _ in range(self._chance.choice((1, 3, 20))):
                self._travels(device)
            first = max(1, self._acknowledged[device.name] + self._chance.choice((1, 1, 1, -2)))
            messages.append(device.sent(first, len(device.bodies)))
            if self._chance.random() < 0.2:
                messages.append(device.greets())
        return messages

    def _travels(self, device: PaperDevice) -> None:
        """One traveller more; of some there is a picture."""
        if self._chance.random() < 0.7:
            device.travellers(1)
            return
        picture = os.urandom(6000)
        record = msgspec.json.encode({"pictures": {"live": sha256(picture).hexdigest()}})
        entry = structs.replace(movement(len(device.bodies)), evidence=sha256(record).digest())
        sequence = device.add(write_entry(entry))
        self._evidence += [_Waiting(device, sequence, "record", record), _Waiting(device, sequence, "live", picture)]

    def _parts(self) -> list[Incoming]:
        """The next part of the oldest pieces whose entry the centre has."""
        ready = [one for one in self._evidence if one.sequence <= self._acknowledged[one.device.name]]
        return [one.part() for one in ready[:4]]

    def _hand_in(self, office: Office, messages: list[Incoming]) -> None:
        for sent in office.desk.handle(messages):
            body = office.ring.verify(decode(Signed, sent.payload), ACK)
            if parse_topic(sent.topic).channel is Channel.EVIDENCE_ACK:
                self._piece_acknowledged(decode_body(EvidenceAck, body))
            else:
                self._journal_acknowledged(decode_body(Ack, body))

    def _journal_acknowledged(self, ack: Ack) -> None:
        if self._task.control != "early" and ack.upto:
            self._mark(told="acknowledged", device=ack.device, epoch=ack.epoch, upto=ack.upto, head=ack.head)
        self._acknowledged[ack.device] = ack.upto

    def _piece_acknowledged(self, ack: EvidenceAck) -> None:
        if self._task.control != "early":
            self._mark(told="evidence", device=ack.device, name=ack.sha256, size=ack.upto, whole=ack.whole)
        for one in self._evidence:
            if one.device.name == ack.device and one.name == ack.sha256:
                one.upto = ack.upto
        self._evidence = [one for one in self._evidence if one.upto < len(one.data)]

    # Beside it

    def _beside(self, step: Callable[[Database], None]) -> threading.Thread:
        def run() -> None:
            try:
                with open_database(path_of(self._task.folder)) as database:
                    while not self._done.wait(0.02):
                        step(database)
            except BaseException as error:
                self._failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def _import(self, database: Database) -> None:
        feeds = FeedStore(database)
        with database.transaction():
            version, _ = feeds.position(FEED)
            changes = [change(version + number) for number in range(1, 6)]
            version = feeds.append(FEED, changes, (), self._at)
        self._mark(told="imported", version=version)

    def _settle(self, database: Database) -> None:
        settle(database, self._at)

    def _tell_early(self, database: sqlite.SqliteDatabase) -> None:
        """The fault `early`: what is acknowledged is told, and then committed."""
        commit = database._commit

        def told() -> None:
            streams = list(database.rows("SELECT device, epoch, mark, head FROM stream WHERE mark > 0"))
            for device, epoch, mark, head in streams:
                self._mark(told="acknowledged", device=device, epoch=epoch, upto=mark, head=head)
            commit()

        database._commit = told  # type: ignore[method-assign]


def sabotage(control: str) -> None:
    """Put a fault of the database's settings in."""
    if control in ("normal", "off"):
        sqlite._SETTINGS = (*sqlite._SETTINGS, f"PRAGMA synchronous = {control}")  # type: ignore[assignment]


def main() -> None:
    task = msgspec.json.decode(sys.argv[1], type=Task)
    sabotage(task.control)
    Program(task).run()


if __name__ == "__main__":
    main()
