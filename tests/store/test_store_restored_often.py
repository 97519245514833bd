"""Whatever happens to a store, in whatever order: copies put back, days gone by, text let go. Nothing is lost.

The centre here takes contiguous entries of an epoch, as the true one does, and remembers what came under which id.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import Desk, event

from border_agent.store import Journal, Position, Store, verify_journal
from border_agent.store.retention import prune
from mqtt_schemas import chain
from mqtt_schemas.entries import EpochReason, read_entry

DAY = 86_400.0
STEPS = ("commit", "deliver", "lose the word", "copy", "put back", "put all back", "day", "prune")
OFTEN = ("commit", "deliver")


@dataclass
class Centre:
    marks: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def mark(self, device: str, epoch: bytes) -> tuple[int, bytes]:
        return self.marks.get(epoch, (0, chain.genesis(device, epoch)))

    def take(self, journal: Journal, limit: int) -> None:
        mark, head = self.mark(journal.device, journal.position().epoch)
        segment = journal.entries_after(mark, limit, 2**31)
        if segment is None:
            return
        assert segment.previous == head, "two histories of one epoch"
        for body in segment.bodies:
            entry = read_entry(body)
            assert self.bodies.setdefault(entry.id, body) == body, "an id is one entry, byte for byte"
        self.marks[segment.epoch] = (segment.last, segment.head)


class Life:
    """One device's life. The line is up for a moment in each `deliver`."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        self.centre = Centre()
        self.written: set[str] = set()
        """Ids that must be at the centre in the end."""
        self.copy: Path | None = None
        self.in_copy: set[str] = set()
        self.store: Store
        self.journal: Journal
        self.open()

    def open(self) -> None:
        self.store = self.desk.store()
        self.journal = self.desk.journal(self.store)

    def commit(self) -> None:
        entries = [event(), event()]
        self.journal.commit(entries)
        self.written |= {entry.id for entry in entries}

    def deliver(self, limit: int = 3, *, heard: bool = True) -> None:
        """Ask where the centre stands, as the uplink does, believe it, and send."""
        self.hear()
        self.centre.take(self.journal, limit)
        if heard:
            self.hear()

    def hear(self) -> None:
        journal, position = self.journal, self.journal.position()
        mark, head = self.centre.mark(journal.device, position.epoch)
        if journal.head_at(position.epoch, mark) != head:
            assert mark > journal.vouched(), "the centre never contradicts its own word here"
            known = Position(epoch=position.epoch, sequence=mark, head=head)
            journal.open_epoch(EpochReason.RESTORED, last=known, carry=True)
            return
        journal.move_mark(mark, head, datetime.now(UTC))

    def keep(self) -> None:
        self.store.close()
        self.copy = self.desk.folder / "copy.db"
        shutil.copy(self.desk.path, self.copy)
        self.in_copy = set(self.written)
        self.open()

    def put_back(self, *, whole: bool) -> None:
        if self.copy is None:
            return
        self.store.close()
        for suffix in ("", "-wal", "-shm", *((".tail",) if whole else ())):
            Path(f"{self.desk.path}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.copy, self.desk.path)
        # What was written since the copy and had not been sent went with the disk.
        self.written &= self.in_copy | set(self.centre.bodies)
        self.open()

    def step(self, word: str) -> None:
        match word:
            case "commit":
                self.commit()
            case "deliver":
                self.deliver()
            case "lose the word":
                self.deliver(heard=False)
            case "copy":
                self.keep()
            case "put back":
                self.put_back(whole=False)
            case "put all back":
                self.put_back(whole=True)
            case "day":
                self.desk.hands.turn(DAY)
            case _:
                prune(self.store, 1, datetime.fromtimestamp(self.desk.hands.system, UTC))


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS + OFTEN), max_size=24))
def test_nothing_is_lost_doubled_or_altered(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        life = Life(Path(name))
        for word in steps:
            life.step(word)
            assert verify_journal(life.store, life.desk.key.public_key()).ok
        for _ in range(100):
            life.deliver(limit=50)
            if life.journal.mark().sequence == life.journal.position().sequence:
                break
        assert life.written <= set(life.centre.bodies)
        assert life.journal.damaged() == ()
        life.store.close()


def test_a_centre_that_is_restored_and_a_device_that_is_restored_still_come_together(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.commit()
    life.deliver(limit=9)
    early = dict(life.centre.marks), dict(life.centre.bodies)
    life.keep()
    life.commit()
    life.deliver(limit=9)
    life.centre.marks, life.centre.bodies = early
    life.put_back(whole=True)
    life.written &= life.in_copy | set(early[1])
    life.commit()
    for _ in range(5):
        life.deliver(limit=9)
    assert life.written <= set(life.centre.bodies)
    life.store.close()
