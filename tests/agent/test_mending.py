"""Late entries and corrections: what may be said afterwards, what may not, what follows for passages and visas."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from border_agent.agent.mending import (
    CORRECTABLE,
    AlreadyAnnulled,
    FieldNotCorrectable,
    LateFacts,
    Mending,
    NoSuchEntry,
    NothingChanged,
    TimeRefused,
    ValueRefused,
)
from border_agent.agent.mending_values import Limits, checked
from border_agent.clock import Clock
from border_agent.documents.mrz import MrzError
from border_agent.errors import BorneError
from border_agent.inspection.errors import SameOfficer
from border_agent.store import (
    Journal,
    Passage,
    PassageNoted,
    Passages,
    Store,
    StoreFull,
    VisaUsed,
    VisaUses,
    create_key,
    verify_journal,
)
from mqtt_schemas.entries import (
    ClockQuality,
    Decision,
    Direction,
    DocumentFacts,
    Inspection,
    LateEntry,
    Movement,
    VisaFacts,
)
from tests.agent.desk_kit import lines

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
VISA = "00112233445566aa"


@dataclass
class Device:
    """A store with its journal, at noon of the first of March."""

    store: Store
    key: Ed25519PrivateKey

    def __post_init__(self) -> None:
        self.clock = Clock(system=NOW.timestamp, monotonic=lambda: 1.0, synchronised=lambda: True)
        self.journal = Journal(self.store, "uto-test-1", self.key, self.clock, software="test")
        self.passages = Passages(self.store)
        self.uses = VisaUses(self.store)
        self.mending = Mending(self.journal, self.passages, self.clock)

    def moved(self, *, visa: str = VISA, **changes: object) -> Movement:
        """A movement as the desk records it."""
        facts: dict[str, object] = {
            "id": secrets.token_hex(16),
            "inspection_id": secrets.token_hex(16),
            "occurred_at": NOW - timedelta(hours=1),
            "recorded_at": NOW - timedelta(hours=1),
            "clock": ClockQuality.SYNCHRONISED,
            "direction": Direction.ENTRY,
            "document": DocumentFacts(
                format="TD3", lines=(), issuer="GHA", number="G1", surname="MENSAH", expiry="310501"
            ),
            "visa": VisaFacts(visa_id=visa, signature="valid", seen_at_centre=True),
            "proposal": Decision.ADMIT,
            "decision": Decision.ADMIT,
            "officer": "4711",
            "stay_days": 30,
        }
        entry = Movement(**(facts | changes))  # type: ignore[arg-type]
        local: list[object] = [PassageNoted(entry=entry)]
        if entry.decision is Decision.ADMIT:
            use = VisaUsed(
                visa_id=visa or "k" * 64,
                movement_id=entry.id,
                direction=entry.direction,
                occurred_at=entry.occurred_at,
            )
            local.append(use)
        self.journal.commit([entry], local)  # type: ignore[arg-type]
        return entry

    def correct(self, entry: str, annuls: bool = False, **changes: str) -> Passage:
        return self.mending.correct(
            entry,
            changes={name.replace("__", "."): value for name, value in changes.items()},
            annuls=annuls,
            reason="misread",
            officer="4712",
        )


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    create_key(tmp_path / "store.key")
    with Store(tmp_path / "store.db", tmp_path / "store.key", reserve_bytes=0) as store:
        yield Device(store, Ed25519PrivateKey.generate())


def paper(**changes: object) -> LateFacts:
    facts: dict[str, object] = {
        "direction": Direction.ENTRY,
        "decision": Decision.ADMIT,
        "occurred_at": NOW - timedelta(days=2),
        "decided_by": "4711",
        "paper": "F-0012",
        "reason": "No power from 08:00",
        "issuer": "gha",
        "number": "g 123 4567",
        "nationality": "GHA",
        "surname": "Müller-O'Neil",
        "given_names": "Ama",
        "birth": "1985-04-02",
        "expiry": "310501",
        "visa_id": VISA,
        "stay_days": 30,
    }
    return LateFacts(**(facts | changes))  # type: ignore[arg-type]


def test_a_late_entry_is_a_passage_of_the_day_on_the_paper(device: Device) -> None:
    passage = device.mending.late_entry(paper(), officer="4712", second_officer="4713")
    entry = device.passages.entry(passage.entry)
    assert isinstance(entry, LateEntry)
    assert (entry.officer, entry.entered_by, entry.second_officer) == ("4711", "4712", "4713")
    assert (entry.paper, entry.reason, entry.recorded_at) == ("F-0012", "No power from 08:00", NOW)
    assert (passage.kind, passage.occurred_at, passage.officer) == ("late_entry", NOW - timedelta(days=2), "4711")
    assert (passage.surname, passage.number, passage.issuer) == ("MUELLER ONEIL", "G1234567", "GHA")
    assert (passage.birth, passage.stay_days, passage.visa) == ("850402", 30, VISA)
    assert device.passages.open_stay("GHA", "G1234567") == passage
    assert verify_journal(device.store, device.key.public_key()).ok


def test_a_late_entrys_zone_is_read_as_a_reader_would(device: Device) -> None:
    passage = device.mending.late_entry(paper(lines=lines(), surname="ignored"), officer="4712")
    assert (passage.issuer, passage.number, passage.surname) == ("BFA", "P1234567", "TRAORE")
    entry = device.passages.entry(passage.entry)
    assert isinstance(entry, LateEntry) and entry.document.lines == lines()
    with pytest.raises(MrzError):
        device.mending.late_entry(paper(lines=("P<UTO",)), officer="4712")


def test_the_same_form_entered_twice_is_one(device: Device) -> None:
    first = device.mending.late_entry(paper(), officer="4712")
    assert device.mending.late_entry(paper(), officer="4712") == first
    assert device.uses.count(VISA) == 1
    other = device.mending.late_entry(paper(paper="F-0013"), officer="4712")
    assert other.entry != first.entry
    device.correct(first.entry, annuls=True)
    assert device.mending.late_entry(paper(), officer="4712").entry != first.entry, "the annulled one is none"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"occurred_at": NOW + timedelta(minutes=5)}, TimeRefused),
        ({"occurred_at": NOW - timedelta(days=401)}, TimeRefused),
        ({"occurred_at": datetime(1, 1, 1, tzinfo=UTC)}, TimeRefused),
        ({"occurred_at": datetime(9999, 12, 31, tzinfo=UTC)}, TimeRefused),
        ({"occurred_at": datetime(2027, 2, 1)}, ValueRefused),
        ({"decision": Decision.REFER}, ValueRefused),
        ({"direction": Direction.UNKNOWN}, ValueRefused),
        ({"surname": "  "}, ValueRefused),
        ({"surname": "X9"}, ValueRefused),
        ({"number": "G-1234"}, ValueRefused),
        ({"number": "9" * 23}, ValueRefused),
        ({"issuer": "QQQ"}, ValueRefused),
        ({"birth": "850230"}, ValueRefused),
        ({"birth": "yesterday"}, ValueRefused),
        ({"expiry": "2031-02-30"}, ValueRefused),
        ({"visa_id": "no visa"}, ValueRefused),
        ({"stay_days": -1}, ValueRefused),
        ({"stay_days": 10**9}, ValueRefused),
        ({"paper": ""}, ValueRefused),
        ({"reason": " "}, ValueRefused),
        ({"decided_by": "\x07"}, ValueRefused),
        ({"reason": "x" * 1025}, ValueRefused),
    ],
)
def test_what_no_paper_can_say_is_refused_and_nothing_written(
    device: Device, changes: dict[str, object], refusal: type[BorneError]
) -> None:
    before = device.journal.position()
    with pytest.raises(refusal):
        device.mending.late_entry(paper(**changes), officer="4712")
    assert device.journal.position() == before


def test_400_days_before_the_device_was_there_can_still_be_entered(device: Device) -> None:
    device.mending.late_entry(paper(occurred_at=NOW - timedelta(days=399)), officer="4712")


def test_a_person_is_not_their_own_second_officer(device: Device) -> None:
    with pytest.raises(SameOfficer):
        device.mending.late_entry(paper(), officer="4712", second_officer="4712")
    with pytest.raises(SameOfficer):
        device.mending.correct(
            device.moved().id, changes={}, annuls=True, reason="x", officer="4712", second_officer=" 4712"
        )


def test_a_late_admission_counts_as_a_use_that_no_list_has_counted(device: Device) -> None:
    device.mending.late_entry(paper(), officer="4712")
    assert device.uses.count(VISA) == 1
    assert device.uses.of(VISA)[0].occurred_at == NOW, "a list issued yesterday cannot have counted it"
    device.mending.late_entry(paper(paper="2", decision=Decision.REFUSE), officer="4712")
    device.mending.late_entry(paper(paper="3", direction=Direction.EXIT), officer="4712")
    device.mending.late_entry(paper(paper="4", visa_id=""), officer="4712")
    assert device.uses.count(VISA) == 1, "no refusal, no exit, no visa: no entry with it"


def test_a_correction_says_what_was_wrong_and_the_latest_holds(device: Device) -> None:
    entry = device.moved()
    device.correct(entry.id, document__surname="Menzah", stay_days="60")
    passage = device.correct(entry.id, document__surname="Mensa", occurred_at="2027-02-28T23:30:00+01:00")
    assert (passage.surname, passage.stay_days, passage.corrected) == ("MENSA", 60, True)
    assert passage.occurred_at == datetime(2027, 2, 28, 22, 30, tzinfo=UTC)
    first, second = device.passages.corrections(entry.id)
    assert first.changes == {"document.surname": "MENZAH", "stay_days": "60"}
    assert second.changes == {"document.surname": "MENSA", "occurred_at": "2027-02-28T22:30:00Z"}
    assert (first.corrects, first.inspection_id, first.officer) == (entry.id, entry.inspection_id, "4712")
    assert device.passages.entry(entry.id) == entry
    assert verify_journal(device.store, device.key.public_key()).ok


def test_only_what_changes_is_written(device: Device) -> None:
    entry = device.moved()
    device.correct(entry.id, document__surname="mensah", document__number="g 2", document__expiry="310501")
    assert [correction.changes for correction in device.passages.corrections(entry.id)] == [{"document.number": "G2"}]
    device.correct(entry.id, document__expiry="2032-05-01")
    for unchanged in (
        {},
        {"document__expiry": "320501"},
        {"document__number": "G2", "direction": "entry", "occurred_at": entry.occurred_at.isoformat()},
    ):
        with pytest.raises(NothingChanged):
            device.correct(entry.id, **unchanged)
    assert len(device.passages.corrections(entry.id)) == 2


@pytest.mark.parametrize(
    "field", ["officer", "findings", "proposal", "id", "visa.visa_id", "document.lines", "annulled", ""]
)
def test_nothing_else_is_correctable(device: Device, field: str) -> None:
    entry = device.moved()
    with pytest.raises(FieldNotCorrectable):
        device.mending.correct(
            entry.id, changes={field: "x", "stay_days": "7"}, annuls=False, reason="x", officer="4712"
        )
    assert device.passages.corrections(entry.id) == ()


def test_an_annulled_movement_is_over(device: Device) -> None:
    entry = device.moved()
    passage = device.correct(entry.id, annuls=True, stay_days="9")
    assert (passage.annulled, passage.stay_days) == (True, 30)
    assert device.passages.open_stay("GHA", "G1") is None
    (correction,) = device.passages.corrections(entry.id)
    assert correction.annuls and correction.changes == {}
    for annuls in (True, False):
        with pytest.raises(AlreadyAnnulled):
            device.correct(entry.id, annuls=annuls, stay_days="9")


def test_only_movements_are_corrected(device: Device) -> None:
    referral = Inspection(
        id=secrets.token_hex(16),
        inspection_id=secrets.token_hex(16),
        occurred_at=NOW,
        recorded_at=NOW,
        clock=ClockQuality.SYNCHRONISED,
        direction=Direction.ENTRY,
        proposal=Decision.REFER,
        decision=Decision.REFER,
        officer="4711",
        outcome="referred",
    )
    device.journal.commit([referral], [PassageNoted(entry=referral)])
    for unknown in (referral.id, "0" * 32, "", "'; DROP TABLE passage; --"):
        with pytest.raises(NoSuchEntry):
            device.correct(unknown, stay_days="9")


def test_a_use_follows_what_is_put_right(device: Device) -> None:
    entry = device.moved()
    assert device.uses.count(VISA) == 1
    device.correct(entry.id, decision="refuse")
    assert device.uses.count(VISA) == 0
    device.correct(entry.id, decision="admit")
    assert device.uses.count(VISA) == 1
    device.correct(entry.id, direction="exit")
    assert device.uses.count(VISA) == 0 and len(device.uses.of(VISA)) == 1
    device.correct(entry.id, direction="entry")
    device.correct(entry.id, stay_days="5")
    assert device.uses.count(VISA) == 1
    device.correct(entry.id, annuls=True)
    assert device.uses.of(VISA) == []


def test_an_annulled_late_entry_gives_its_use_back(device: Device) -> None:
    late = device.mending.late_entry(paper(), officer="4712")
    device.correct(late.entry, annuls=True)
    assert device.uses.count(VISA) == 0


def test_a_visa_without_an_id_gives_its_use_back_too(device: Device) -> None:
    entry = device.moved(visa="")
    assert device.uses.count("k" * 64) == 1
    device.correct(entry.id, direction="exit")
    assert device.uses.of("k" * 64)[0].direction is Direction.EXIT
    device.correct(entry.id, annuls=True)
    assert device.uses.of("k" * 64) == []


def test_a_full_store_changes_nothing_at_all(device: Device) -> None:
    entry = device.moved()
    with device.store.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def state() -> tuple[object, ...]:
        return device.journal.position(), device.passages.search(limit=500), device.uses.count(VISA)

    writes: tuple[Callable[[int], object], ...] = (
        lambda number: device.mending.late_entry(paper(paper=f"{number}" + "x" * 900), officer="4712"),
        lambda number: device.correct(entry.id, stay_days=str(number), document__surname="X" * 90),
    )
    for write in writes:
        before = state()
        with pytest.raises(StoreFull):
            for number in range(1, 400):
                write(number)
                before = state()
        assert state() == before
    assert verify_journal(device.store, device.key.public_key()).ok


@given(st.sampled_from(CORRECTABLE), st.text(max_size=40))
def test_whatever_is_typed_is_a_value_or_a_typed_error(field: str, value: str) -> None:
    limits = Limits(now=NOW, begun=NOW - timedelta(days=10))
    try:
        written = checked(field, value, limits)
    except BorneError:
        return
    assert written.isascii() and checked(field, written, limits) == written
