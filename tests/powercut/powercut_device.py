"""A device's store at work, until it has done its part: the program whose power is cut.

    powercut_device.py TASK        (JSON, see `powercut_task`)

Travellers are decided by two counters at once through the true state machine, `Recorder` and `Journal`, each with a
picture, and a decision is told as soon as it is recorded. Beside them, in threads of their own as in an agent: lists
are staged and installed, the centre's mark moves, evidence arrives there, what is old of it and of the journal's text
goes, somebody reads for long while the log grows. The store is closed and opened again in between. Days pass, a few
travellers each.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

sys.path.append(str(Path(__file__).parents[1] / "inspection"))

from inspection_cases import POLICY, passport, sealed
from powercut_log import Marker
from powercut_task import Task

from border_agent.agent.case import Case
from border_agent.agent.recorder import Recorder
from border_agent.clock import Clock
from border_agent.inspection.events import Decide, DocumentRead, Propose, VisaRead
from border_agent.inspection.evidence import ClockEvidence, DocumentEvidence, Step, VisaEvidence
from border_agent.inspection.machine import advance, begin
from border_agent.inspection.verdict import Proposal
from border_agent.store import Journal, Staging, Store, sqlcipher
from border_agent.store.erasure import erase
from border_agent.store.evidence_keys import day_of
from border_agent.store.evidence_places import NOWHERE
from border_agent.store.evidence_waiting import EvidenceWaiting
from border_agent.store.journal import Change
from border_agent.store.retention import prune
from border_agent.store.sqlcipher import Connection
from mqtt_schemas.entries import ClockQuality
from mqtt_schemas.feeds import extend_feed, feed_genesis, put
from mqtt_schemas.messages import FeedHead
from mqtt_schemas.post import PictureKind
from mqtt_schemas.records import VisaRecord

DEVICE = "uto-test-1"
BEGIN = datetime(2027, 3, 1, tzinfo=UTC)
STEP = timedelta(hours=3)
"""So much passes with each traveller."""

OPENINGS = 2
"""So often the store is opened in one life."""

FEED = "visas"
FEED_KEYS = 40
"""Records of the list; its changes go round them."""
FEED_CHUNK = 12

STATEMENT = b"the acknowledgement as it came"

EVIDENCE_DAYS = 2
JOURNAL_DAYS = 3
"""So long the policy wants evidence, and the text of entries, to be kept."""


class _Hands:
    """Days that pass by hand."""

    def __init__(self, begin: datetime) -> None:
        self._at = begin.timestamp()
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self._at

    def turn(self) -> None:
        with self._lock:
            self._at += STEP.total_seconds()


class _ToldTooEarly(Struct, frozen=True):
    """A change whose only effect is that the decision is told before it is committed."""

    tell: Callable[[Connection], None]

    def apply(self, connection: Connection, at: datetime) -> None:
        self.tell(connection)


def path_of(folder: str | Path) -> Path:
    return Path(folder) / "store.db"


def put_back(older: Mapping[str, bytes], left: Mapping[str, bytes]) -> dict[str, bytes]:
    """An older copy of the database put back: what stands beside it knows better."""
    beside = {name: content for name, content in left.items() if name.endswith(".tail")}
    return {name: content for name, content in older.items() if not name.endswith(".tail")} | beside


def changed(version: int) -> bytes:
    """The list's change of this version."""
    record = VisaRecord(
        visa_id=f"{version % FEED_KEYS:016x}",
        issuer="UTO",
        document_issuer="UTO",
        document_number=f"X{version % FEED_KEYS:07}",
        valid_from=BEGIN.date(),
        valid_until=BEGIN.date() + timedelta(days=900),
        entries=1 + version % 200,
    )
    return put(record.visa_id, record)


class Program:
    """One run of the store."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._mark = Marker()
        self._chance = Random(task.seed)
        self._hands = _Hands(BEGIN + timedelta(days=400 * task.life))
        self._clock = Clock(system=self._hands.now, monotonic=time.monotonic, synchronised=lambda: True)
        self._done = threading.Event()
        self._failures: list[BaseException] = []

    def run(self) -> None:
        for _ in range(OPENINGS):
            with Store(path_of(self._task.folder), self._task.key, reserve_bytes=0) as store:
                # A log that is seldom taken over, and one that often is.
                if self._chance.random() < 0.7:
                    with store.writing() as connection:
                        connection.execute(f"PRAGMA wal_autocheckpoint = {self._chance.choice((20, 60, 200))}")
                self._open(store, self._task.size // OPENINGS)

    def _open(self, store: Store, decisions: int) -> None:
        key = Ed25519PrivateKey.from_private_bytes(self._task.journal_key)
        journal = Journal(store, DEVICE, key, self._clock, software="powercut")
        self._mark(told="opened", epoch=journal.position().epoch)
        self._done.clear()
        besides = [
            self._thread(beside, store, journal)
            for beside in (self._lists, self._acknowledged, self._evidence, self._old_text, self._reading)
        ]
        counters = [self._thread(self._counter, journal, decisions // 2) for _ in range(2)]
        for thread in counters:
            thread.join()
        self._done.set()
        for thread in besides:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _thread(self, act: Callable[..., None], *arguments: object) -> threading.Thread:
        def run() -> None:
            try:
                act(*arguments)
            except BaseException as error:
                self._failures.append(error)

        thread = threading.Thread(target=run, name=act.__name__)
        thread.start()
        return thread

    # Counters

    def _counter(self, journal: Journal, decisions: int) -> None:
        recorder = Recorder(_Early(journal, self._mark) if self._task.control == "early" else journal, self._clock)
        for _ in range(decisions):
            self._hands.turn()
            day, picture = self._day(), os.urandom(self._chance.choice((600, 5_000, 30_000)))
            recorded = recorder.record(self._decided(), {PictureKind.LIVE: picture})
            if self._task.control != "early":
                self._mark(
                    told="decision",
                    epoch=recorded.epoch,
                    sequence=recorded.sequence,
                    head=recorded.head,
                    day=day,
                    picture=sha256(picture).digest(),
                )

    def _decided(self) -> Case:
        """A traveller with a visa, admitted."""
        visa = os.urandom(8).hex()
        clock = ClockEvidence(at=self._clock.now(), quality=ClockQuality.SYNCHRONISED)
        seen = begin(inspection_id=os.urandom(16).hex(), device=DEVICE, clock=clock, can=(Step.DOCUMENT, Step.VISA))
        seen = advance(seen, DocumentRead(DocumentEvidence(mrz=passport(number=f"G{os.urandom(3).hex()}"))), POLICY)
        seen = advance(seen, VisaRead(VisaEvidence(visa=sealed(visa_id=visa))), POLICY)
        seen = advance(seen, Propose(clock=clock), POLICY)
        decide = Decide(decision=Proposal.ADMIT, officer="4711", reason="seen", at=self._clock.now())
        return Case(inspection=advance(seen, decide, POLICY))

    # Beside them

    def _lists(self, store: Store, _journal: Journal) -> None:
        staging = Staging(store)
        version = staging.position(FEED).staged_version
        while not self._done.is_set():
            rows = [changed(version + number) for number in range(1, FEED_CHUNK + 1)]
            version = staging.stage(FEED, version + 1, rows).staged_version
            self._mark(told="staged", version=version)
            if version % (3 * FEED_CHUNK) == 0:
                at = self._clock.now()
                target = FeedHead(
                    feed=FEED, version=version, head=feed_head(version), issued=at, expires=at + timedelta(days=3)
                )
                if staging.install(target, at):
                    self._mark(told="installed", version=version)
                staging.tidy(FEED)
            self._done.wait(0.02)

    def _acknowledged(self, _store: Store, journal: Journal) -> None:
        """The centre has it, up to shortly before the end."""
        while not self._done.wait(0.015):
            end, mark = journal.position(), journal.mark()
            upto = max(mark.sequence, end.sequence - 3)
            head = journal.head_at(end.epoch, upto)
            if upto > mark.sequence and head is not None:
                journal.move_mark(upto, head, self._clock.now(), statement=STATEMENT)
                self._mark(told="acknowledged", epoch=end.epoch, sequence=upto)

    def _evidence(self, store: Store, _journal: Journal) -> None:
        """The centre holds the evidence of what it has acknowledged; what is old enough of that goes."""
        waiting = EvidenceWaiting(store)
        unclean: dict[str, bytes] = {}
        """Keys that are destroyed, and may be in the log still: somebody read."""
        while not self._done.wait(0.03):
            pieces = waiting.after(NOWHERE)
            if pieces:
                waiting.whole([piece.name for piece in pieces], self._clock.now())
                self._mark(told="held", names=[piece.name for piece in pieces])
            with store.reading() as connection:
                keys = dict(connection.execute("SELECT day, key FROM evidence_key").fetchall())
            at = self._clock.now()
            # Not a promise: what may be gone from now on.
            self._mark(told="erasing", before=day_of(at - timedelta(days=EVIDENCE_DAYS)))
            erased = erase(store, EVIDENCE_DAYS, at)
            if erased.days:
                self._mark(told="erased", days=erased.days)
                unclean |= {day: keys[day] for day in erased.days if day in keys}
            if unclean and store.truncate_log():
                self._mark(told="clean", keys=unclean)
                unclean.clear()

    def _old_text(self, store: Store, journal: Journal) -> None:
        """What the agent does in idle moments: old text goes, the file beside the store is synced."""
        while not self._done.wait(0.05):
            journal.sync_end()
            pruned = prune(store, JOURNAL_DAYS, self._clock.now())
            if pruned.entries:
                self._mark(told="pruned", entries=pruned.entries)

    def _reading(self, store: Store, _journal: Journal) -> None:
        """Somebody looks for long: meanwhile the log cannot be taken over whole, and grows."""
        while not self._done.wait(0.1):
            with store.opened() as connection:
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM journal").fetchone()
                self._done.wait(0.1)
                connection.execute("ROLLBACK")

    def _day(self) -> str:
        return day_of(self._clock.now())


class _Early(Journal):
    """The fault `early`: the decision is told, and then committed."""

    def __init__(self, journal: Journal, mark: Marker) -> None:
        self.__dict__.update(journal.__dict__)
        self._early_mark = mark

    def commit(self, entries, changes=()):  # type: ignore[no-untyped-def]
        def tell(connection: Connection) -> None:
            epoch, sequence, head = connection.execute(
                "SELECT epoch, sequence, head FROM stream ORDER BY id DESC LIMIT 1"
            ).fetchone()
            self._early_mark(told="decision", epoch=epoch, sequence=sequence, head=head)

        early: Change = _ToldTooEarly(tell)
        return super().commit(entries, [*changes, early])


def feed_head(version: int) -> bytes:
    """The list's head after so many changes."""
    while len(_HEADS) <= version:
        _HEADS.append(extend_feed(_HEADS[-1], len(_HEADS), changed(len(_HEADS))))
    return _HEADS[version]


_HEADS = [feed_genesis(FEED)]
"""By version; images of one history ask for the same ones."""


def sabotage(control: str) -> None:
    """Put a fault of the database's settings in, past the store's own check of them."""
    if control not in ("normal", "off"):
        return
    configured = sqlcipher._configure

    def configure(connection: Connection, key: bytes) -> None:
        configured(connection, key)
        connection.execute(f"PRAGMA synchronous = {control}")

    sqlcipher._configure = configure


def main() -> None:
    task = msgspec.json.decode(sys.argv[1], type=Task)
    sabotage(task.control)
    Program(task).run()


if __name__ == "__main__":
    main()
