"""A visa used at two posts that were cut off, and stays that began elsewhere: what each device says, and when."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from border_agent.agent.answers import Answers
from border_agent.agent.double_use import DoubleUse
from border_agent.agent.mending import Mending
from border_agent.clock import Clock
from border_agent.decoding.client import DecodingWorker
from border_agent.faces import load_calibration
from border_agent.inspection import DocumentEvidence, Evidence, decide
from border_agent.inspection.events import OpenStayFound, StayFound
from border_agent.inspection.evidence import ClockEvidence, VisaEvidence
from border_agent.reporting import ReportingService, ReportingSettings
from border_agent.store import Journal, Lists, PassageNoted, Passages, Staging, Store, VisaUsed, VisaUses, create_key
from border_agent.store.uses import VisaUse, unlisted
from border_agent.store.visa_conflicts import ConflictSeen, VisaConflicts
from mqtt_schemas.centre.conflict_reports import conflicts
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.entries import (
    ClockQuality,
    Decision,
    DeviceEvent,
    Direction,
    DocumentFacts,
    Movement,
    VisaFacts,
    read_entry,
)
from mqtt_schemas.feeds import STAYS_KEY, Feed, delete, extend_feed, feed_genesis, put, stay_document
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.messages import FeedHead
from mqtt_schemas.records import StayRecord, VisaRecord, VisaUseFact
from tests.inspection.inspection_cases import POLICY, VISA_ID, passport, record, sealed
from tests.reporting.reporting_kit import TrueCentre, wait_for

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


class Place:
    """A device with its store, and what of the agent answers about visas and stays."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        create_key(folder / "store.key")
        self.name = name
        self.key = Ed25519PrivateKey.generate()
        self.sealing = X25519PrivateKey.generate()
        self.clock = Clock()
        self.store = Store(folder / "store.db", folder / "store.key", reserve_bytes=0)
        self.journal = Journal(self.store, name, self.key, self.clock, software="test")
        self.passages, self.lists, self.staging = Passages(self.store), Lists(self.store), Staging(self.store)
        self.mending = Mending(self.journal, self.passages, self.clock)
        worker = cast("DecodingWorker", None)
        self.answers = Answers(
            self.lists, VisaUses(self.store), self.passages, self.clock, load_calibration(), worker
        )
        self.conflicts = VisaConflicts(self.store)
        self.told = 0
        self.double_use = DoubleUse(self.conflicts, self.journal, self.clock, self._tell)
        self._heads: dict[str, tuple[int, bytes]] = {}

    def _tell(self) -> None:
        self.told += 1

    def admits(self, at: datetime, **changes: Any) -> Movement:
        """A traveller with the visa, recorded as the desk does it."""
        facts: dict[str, Any] = {
            "id": secrets.token_hex(16),
            "inspection_id": secrets.token_hex(16),
            "occurred_at": at,
            "recorded_at": at,
            "clock": ClockQuality.SYNCHRONISED,
            "direction": Direction.ENTRY,
            "document": DocumentFacts(format="TD3", lines=(), issuer="GHA", number="G1234567", surname="MENSAH"),
            "visa": VisaFacts(visa_id=VISA_ID, signature="valid", seen_at_centre=True, entries=1),
            "proposal": Decision.ADMIT,
            "decision": Decision.ADMIT,
            "officer": "4711",
            "stay_days": 30,
        }
        entry = Movement(**(facts | changes))
        use = VisaUsed(
            visa_id=VISA_ID, movement_id=entry.id, direction=entry.direction, occurred_at=entry.occurred_at
        )
        self.journal.commit([entry], [PassageNoted(entry=entry), use])
        return entry

    def list(self, feed: Feed, *rows: bytes, issued: datetime = NOW) -> None:
        """A list's next changes, installed."""
        version, head = self._heads.get(feed, (0, feed_genesis(feed)))
        self.staging.stage(feed, version + 1, rows)
        for row in rows:
            version += 1
            head = extend_feed(head, version, row)
        self._heads[feed] = (version, head)
        document = FeedHead(feed=feed, version=version, head=head, issued=issued, expires=issued + 99 * HOUR)
        self.staging.install(document, issued)

    def visa(self, **changes: Any) -> VisaEvidence:
        return self.answers.visa(sealed(**changes))

    def events(self) -> list[DeviceEvent]:
        read = [read_entry(body) for body in self.journal.latest(1000)]
        return [entry for entry in read if isinstance(entry, DeviceEvent)]

    def look(self) -> None:
        while self.double_use.look():
            continue


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", "post-1")
    yield made
    made.store.close()


def fact(entry: str = "", device: str = "post-2", at: datetime = NOW) -> VisaUseFact:
    return VisaUseFact(entry=entry or secrets.token_hex(16), device=device, post="north", at=at)


def row(*used: VisaUseFact, **changes: Any) -> bytes:
    """The change that puts the visa's record with these uses."""
    return put(VISA_ID, record(**({"uses": len(used), "used": used, "portrait": b""} | changes)))


# How uses are counted.


def test_an_own_use_that_the_list_knows_counts_once(place: Place) -> None:
    own = place.admits(NOW - HOUR)
    place.list(Feed.VISAS, row(fact(own.id, "post-1", own.occurred_at)), issued=NOW - 2 * HOUR)
    held = place.visa()
    # The list was issued before the use, as its date says; its record names the use all the same.
    assert (held.uses_since_list, held.uses_unlisted, held.uses, held.uses_elsewhere) == (1, 0, 1, ())


def test_an_own_use_that_the_list_does_not_know_is_added(place: Place) -> None:
    place.admits(NOW - 2 * HOUR)
    there = fact()
    place.list(Feed.VISAS, row(there), issued=NOW)
    held = place.visa()
    # By its date the list could have counted it: it came late, from a post that was cut off.
    assert (held.uses_since_list, held.uses_unlisted, held.uses) == (0, 1, 2)
    assert held.uses_elsewhere == (there,)


def test_a_list_that_names_no_uses_goes_by_its_date(place: Place) -> None:
    place.admits(NOW - 2 * HOUR)
    place.admits(NOW + HOUR)
    place.list(Feed.VISAS, row(uses=1), issued=NOW)
    held = place.visa()
    assert (held.uses_unlisted, held.uses, held.uses_elsewhere) == (None, 2, ())


def test_uses_too_old_to_be_named_are_counted_by_the_list(place: Place) -> None:
    old, new = place.admits(NOW - 9 * HOUR), place.admits(NOW + HOUR)
    named = [fact(at=NOW - minutes * timedelta(minutes=1)) for minutes in range(16, 0, -1)]
    place.list(Feed.VISAS, row(*named, uses=18, entries=0))
    held = place.visa(entries=0)
    assert (held.uses_here, held.uses_unlisted, held.uses) == (2, 1, 19)
    assert {old.id, new.id}.isdisjoint(use.entry for use in held.uses_elsewhere)


def test_an_own_entry_taken_back_counts_no_more(place: Place) -> None:
    own = place.admits(NOW - HOUR)
    place.list(Feed.VISAS, row(fact(own.id, "post-1", own.occurred_at)))
    place.mending.correct(own.id, changes={}, annuls=True, reason="misread", officer="4711")
    held = place.visa()
    assert (held.uses_here, held.uses_unlisted, held.uses, held.uses_elsewhere) == (0, -1, 0, ())


@given(
    own=st.sets(st.integers(0, 30), max_size=8),
    known=st.sets(st.integers(0, 30), max_size=24),
    elsewhere=st.integers(0, 3),
)
def test_uses_are_counted_once_whatever_the_centre_knows(own: set[int], known: set[int], elsewhere: int) -> None:
    """`known`: the uses, of this device or another, that the list has counted; it names the newest 16 of them."""
    at = {number: NOW + number * HOUR for number in range(31)}
    used = tuple(fact(f"{number:032x}", at=at[number]) for number in sorted(known)[-16:])
    listed = record(uses=len(known) + elsewhere, used=used, entries=0)
    entered = [
        VisaUse(movement_id=f"{number:032x}", direction=Direction.ENTRY, occurred_at=at[number]) for number in own
    ]
    found = unlisted(listed, entered)
    if elsewhere and not known:
        assert found is None
        return
    assert found is not None
    made = len(own | known) + elsewhere
    total = VisaEvidence(record=listed, uses_here=len(own), uses_unlisted=len(found)).uses
    # Older than all that a long list names, an own use that it does not know cannot be told from one that it does.
    assert total <= made
    if len(known) < 16 or (len(known) == 16 and not elsewhere):
        assert total == made


def test_what_an_officer_reads_of_a_use_elsewhere(place: Place) -> None:
    place.list(Feed.VISAS, row(fact(at=datetime(2026, 11, 20, 9, tzinfo=UTC)), fact(at=NOW), entries=5))
    verdict = decide(_evidence(place.visa(entries=5)), POLICY)
    (found,) = [finding for finding in verdict.findings if finding.code == "visa.used_elsewhere"]
    assert found.severity == "info"
    assert found.params == {"post": "north", "at": NOW.date().isoformat(), "count": "2"}
    place.list(Feed.VISAS, row(fact()))
    assert {"visa.used_up", "visa.used_elsewhere"} <= set(decide(_evidence(place.visa()), POLICY).codes)


def test_a_use_elsewhere_that_comes_before_the_decision_is_noticed(place: Place) -> None:
    place.list(Feed.VISAS, row())
    held = place.visa()
    assert not place.answers.used_meanwhile(held)
    place.list(Feed.VISAS, row(fact()))
    assert place.answers.used_meanwhile(held)
    assert not place.answers.used_meanwhile(place.visa())


def test_older_evidence_decides_the_same(place: Place) -> None:
    """Written before uses were named: without the new fields."""
    held = VisaEvidence(visa=sealed(entries=2), record=record(entries=2, uses=1), uses_here=1, uses_since_list=1)
    old = msgspec.json.decode(msgspec.json.encode(held))
    for name in ("uses_unlisted", "uses_elsewhere"):
        del old[name]
    read = msgspec.convert(old, VisaEvidence, builtin_types=())
    assert read == held
    assert read.uses == 2


# Conflicts that show later.


def test_a_conflict_is_found_once_the_list_comes(place: Place) -> None:
    own = place.admits(NOW)
    place.look()
    there = fact(at=NOW - HOUR)
    place.list(Feed.VISAS, row(there), *(put(f"{n:016x}", _other(n)) for n in range(50)))
    place.look()
    (found,) = place.conflicts.all()
    assert (found.visa, found.entries, found.uses, found.unseen) == (VISA_ID, 1, 2, True)
    assert place.conflicts.unseen() == 1
    assert place.conflicts.entries_of(VISA_ID) == (own.id,)
    (event,) = [event for event in place.events() if event.event == "visa_conflict"]
    assert event.details["visa"] == VISA_ID
    assert there.entry in event.details["elsewhere_1"]
    # The same list, or the record again with both of them named, is the same conflict.
    place.list(Feed.VISAS, row(there, fact(own.id, "post-1", own.occurred_at)))
    place.look()
    assert place.conflicts.all() == (found,)
    assert place.told == 1


def test_a_conflict_that_grows_is_to_be_seen_anew(place: Place) -> None:
    place.admits(NOW)
    place.list(Feed.VISAS, row(fact()))
    place.look()
    place.journal.commit([_note()], [ConflictSeen(visa=VISA_ID, officer="4711")])
    (found,) = place.conflicts.all()
    assert (found.unseen, found.seen_by) == (False, "4711")
    place.journal.commit([_note()], [ConflictSeen(visa=VISA_ID, officer="9999")])
    assert place.conflicts.all() == (found,)
    place.list(Feed.VISAS, row(fact(), fact()))
    place.look()
    assert (place.conflicts.all()[0].uses, place.conflicts.unseen()) == (3, 1)


def test_a_conflict_is_withdrawn_when_a_use_is_taken_back(place: Place) -> None:
    own = place.admits(NOW)
    named = fact(own.id, "post-1", own.occurred_at)
    place.list(Feed.VISAS, row(fact(), named))
    place.look()
    place.list(Feed.VISAS, row(named))
    place.look()
    (found,) = place.conflicts.all()
    assert found.withdrawn_at is not None
    assert place.conflicts.unseen() == 0
    assert [event.event for event in place.events()][-1] == "visa_conflict_withdrawn"
    place.list(Feed.VISAS, row(fact(), named))
    place.look()
    assert place.conflicts.unseen() == 1
    # This device's own, of which nothing is left here then.
    place.mending.correct(own.id, changes={}, annuls=True, reason="misread", officer="4711")
    place.list(Feed.VISAS, row(fact()))
    place.look()
    assert place.conflicts.unseen() == 0


@pytest.mark.parametrize(
    "rows",
    [
        [row(fact())],
        [row(fact(), fact(), entries=0)],
        [row(fact(), fact(), entries=2)],
        [put("f" * 16, record(visa_id="f" * 16, uses=5))],
        [row(fact(), fact()), delete(VISA_ID)],
    ],
)
def test_what_is_no_conflict_of_this_device(place: Place, rows: Sequence[bytes]) -> None:
    """Without a use here, or within what the visa allows."""
    place.list(Feed.VISAS, *rows)
    place.look()
    assert place.conflicts.all() == ()


def test_a_long_list_is_looked_through_in_portions(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("border_agent.store.visa_conflicts._PORTION", 10)
    place.admits(NOW)
    place.list(Feed.VISAS, *(put(f"{n:016x}", _other(n)) for n in range(35)), row(fact()))
    looks = 1
    while place.double_use.look():
        looks += 1
    assert looks == 4
    assert place.conflicts.unseen() == 1
    assert place.conflicts.examine().more is False
    assert place.conflicts.examine().changed == ()


# Stays.


def test_an_exit_ends_a_stay_that_began_elsewhere(place: Place) -> None:
    entered = NOW - timedelta(days=40)
    place.list(Feed.STAYS, *_stays(entered, days=30))
    (found,) = _asked(place, Direction.EXIT, StayFound)
    assert (found.stay.entered_at, found.stay.allowed_days, found.stay.post) == (entered, 30, "north")
    assert found.stay.overstay_days == 10
    # An entry here since then began another; an exit here ended that.
    own = place.admits(NOW - HOUR)
    (found,) = _asked(place, Direction.EXIT, StayFound)
    assert (found.stay.entry, found.stay.post) == (own.id, "")
    place.admits(NOW, direction=Direction.EXIT)
    (found,) = _asked(place, Direction.EXIT, StayFound)
    assert found.stay.entered_at is None


def test_a_stay_that_is_over_is_not_in_the_list(place: Place) -> None:
    rows = _stays(NOW - HOUR)
    place.list(Feed.STAYS, *rows)
    place.list(Feed.STAYS, delete(stay_document(bytes(32), "GHA", "G1234567").hex()))
    (found,) = _asked(place, Direction.EXIT, StayFound)
    assert found.stay.entered_at is None


def test_an_entry_while_a_stay_is_open_elsewhere(place: Place) -> None:
    place.list(Feed.STAYS, *_stays(NOW - 9 * HOUR))
    (found,) = _asked(place, Direction.ENTRY, OpenStayFound)
    assert found.stay is not None
    assert found.stay.post == "north"
    evidence = msgspec.structs.replace(_evidence(place.visa()), open_stay=found.stay)
    (said,) = [one for one in decide(evidence, POLICY).findings if one.code == "stay.open_elsewhere"]
    assert said.severity == "info"
    # Nothing is said of another person, of one who left here since, nor where the list is not there.
    place.admits(NOW - HOUR, direction=Direction.EXIT)
    (found,) = _asked(place, Direction.ENTRY, OpenStayFound)
    assert found.stay is None


def test_without_the_hash_key_nothing_is_found(place: Place) -> None:
    assert place.lists.stay("GHA", "G1234567").records == ()
    place.list(Feed.STAYS, *_stays(NOW)[1:])
    assert place.lists.stay("GHA", "G1234567").records == ()
    place.list(Feed.STAYS, *_stays(NOW)[:1])
    assert len(place.lists.stay("GHA", "G1234567").records) == 1
    assert place.lists.stay("GHA", "OTHER").records == place.lists.stay("GHA", "").records == ()


# On a true line.


class Reporting:
    """A place with its line to the centre."""

    def __init__(self, place: Place, authority: LabAuthority, broker: LabBroker, root: bytes) -> None:
        tls = authority.client(place.name)
        settings = ReportingSettings(
            brokers=(f"mqtts://localhost:{broker.port}",),
            authority=tls.ca,
            certificate=tls.certificate,
            key=tls.key,
            root=root,
            retry_first=0.1,
            retry_most=0.5,
        )
        self.place = place
        self.service = ReportingService(place.store, place.journal, place.clock, settings, sealing=place.sealing)
        self.service.on_event(lambda event: place.double_use.wake() if event.kind == "list_installed" else None)

    def __enter__(self) -> Reporting:
        self.place.double_use.__enter__()
        self.service.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()
        self.place.double_use.__exit__(None, None, None)
        self.place.store.close()


def test_both_posts_find_what_neither_could_know(tmp_path: Path) -> None:
    authority = LabAuthority(tmp_path / "tls")
    with LabBroker(tmp_path / "broker", authority.server()) as broker:
        centre = TrueCentre(tmp_path / "centre", authority, broker)
        try:
            _both_posts(tmp_path, authority, broker, centre)
        finally:
            centre.stop()


def _both_posts(tmp_path: Path, authority: LabAuthority, broker: LabBroker, centre: TrueCentre) -> None:
    file = tmp_path / "visas.jsonl"
    file.write_bytes(msgspec.json.encode(record()) + b"\n")
    import_feed(centre.folder, "visas", file)
    places = [Place(tmp_path / name, name) for name in ("post-1", "post-2")]
    for place in places:
        sealing = place.sealing.public_key().public_bytes_raw()
        enrol(centre.folder, place.name, place.name, public_bytes(place.key), role="post", sealing_key=sealing)
    lines = [Reporting(place, authority, broker, centre.root) for place in places]
    with lines[0], lines[1]:
        for place in places:
            wait_for(lambda place=place: place.lists.visa(VISA_ID).records)
        broker.stop()
        for line in lines:
            wait_for(lambda line=line: not line.service.status().online)
        # Both are cut off, and admit the holder of one visa, the second earlier than the first.
        used = [places[0].admits(NOW), places[1].admits(NOW - HOUR)]
        for place in places:
            assert place.visa().uses == 1
        broker.start()
        for place in places:
            wait_for(lambda place=place: place.conflicts.unseen() == 1)
            held = place.visa()
            assert (held.uses, held.uses_unlisted, len(held.uses_elsewhere)) == (2, 0, 1)
            assert "visa.used_up" in decide(_evidence(held), POLICY).codes
        (found,) = conflicts(centre.folder)
        assert [use.entry for use in found.uses] == [used[1].id, used[0].id]
        # The stay is known at both, too: the entry that took place last.
        wait_for(lambda: places[1].lists.stay("GHA", "G1234567").records)
        (stay,) = places[1].lists.stay("GHA", "G1234567").records
        assert (stay.entry, stay.post) == (used[0].id, "post-1")
        # One of them was misread: the conflict is withdrawn everywhere.
        places[0].mending.correct(used[0].id, changes={}, annuls=True, reason="misread", officer="4711")
        for place in places:
            wait_for(lambda place=place: place.conflicts.unseen() == 0)
            assert [event.event for event in place.events()][-1] == "visa_conflict_withdrawn"


def _other(number: int) -> VisaRecord:
    return record(visa_id=f"{number:016x}", portrait=b"", uses=3)


def _note() -> DeviceEvent:
    return DeviceEvent(
        id=secrets.token_hex(16),
        occurred_at=NOW,
        recorded_at=NOW,
        clock=ClockQuality.SYNCHRONISED,
        event="test",
    )


def _stays(entered: datetime, *, days: int = 30) -> list[bytes]:
    """The list's key, and one stay."""
    document = stay_document(bytes(32), "GHA", "G1234567")
    stay = StayRecord(document=document, entered_at=entered, days=days, entry="e" * 32, device="post-2", post="north")
    return [put(STAYS_KEY, StayRecord(hash_key=bytes(32))), put(document.hex(), stay)]


def _evidence(visa: VisaEvidence) -> Evidence:
    return Evidence(
        inspection_id="0" * 32,
        device="post-1",
        started_at=NOW,
        document=DocumentEvidence(mrz=passport()),
        visa=visa,
        clock=ClockEvidence(at=datetime(2026, 11, 22, 10, 30, tzinfo=UTC), quality=ClockQuality.SYNCHRONISED),
    )


def _asked(place: Place, direction: Direction, kind: type) -> list[Any]:
    evidence = msgspec.structs.replace(_evidence(place.visa()), direction=direction, visa=None)
    return [event for event in place.answers.asked_again(evidence) if isinstance(event, kind)]
