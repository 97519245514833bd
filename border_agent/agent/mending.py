"""Late entries, for days on paper, and corrections. What was recorded stays: another entry says what is right."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, structs

from border_agent.agent.facts import document_facts
from border_agent.agent.mending_values import (
    CORRECTABLE,
    FieldNotCorrectable,
    Limits,
    TimeRefused,
    ValueRefused,
    checked,
    line,
    visa_id,
)
from border_agent.clock import Clock
from border_agent.documents.mrz import MrzFormat, parse_mrz
from border_agent.errors import BorneError
from border_agent.inspection.errors import SameOfficer
from border_agent.store.journal import Change, Journal
from border_agent.store.passages import CorrectionNoted, Passage, PassageNoted, Passages
from border_agent.store.uses import UseMended, VisaUsed
from mqtt_schemas.entries import Correction, Decision, Direction, DocumentFacts, LateEntry, derived_id

__all__ = [
    "CORRECTABLE",
    "AlreadyAnnulled",
    "FieldNotCorrectable",
    "LateFacts",
    "Mending",
    "NoSuchEntry",
    "NothingChanged",
    "TimeRefused",
    "ValueRefused",
]


class NoSuchEntry(BorneError):
    """No movement of this device's journal has this id."""

    code = "mending.no_such_entry"


class NothingChanged(BorneError):
    """A correction that leaves everything as it is."""

    code = "mending.nothing_changed"


class AlreadyAnnulled(BorneError):
    """The movement was annulled: there is nothing left to put right."""

    code = "mending.annulled"


class LateFacts(Struct, frozen=True, kw_only=True):
    """A movement as the paper form has it. The document is its machine-readable zone where the form holds it
    (`lines`), else the fields."""

    direction: Direction
    decision: Decision
    """`admit` or `refuse`."""
    occurred_at: datetime
    decided_by: str
    """Who decided then, as the paper says."""
    paper: str
    """Number of the form."""
    reason: str
    """Why it was on paper."""
    lines: tuple[str, ...] = ()
    issuer: str = ""
    number: str = ""
    nationality: str = ""
    surname: str = ""
    given_names: str = ""
    birth: str = ""
    """YYMMDD as printed, or YYYY-MM-DD; so is `expiry`."""
    expiry: str = ""
    visa_id: str = ""
    stay_days: int = 0


class Mending:
    """Writes both, each one durable commit with its passage and the visa's use. Calls may come from any thread."""

    def __init__(self, journal: Journal, passages: Passages, clock: Clock) -> None:
        self._journal = journal
        self._passages = passages
        self._clock = clock
        self._lock = threading.Lock()

    def late_entry(self, facts: LateFacts, *, officer: str, second_officer: str = "") -> Passage:
        """Enter a movement of a day on paper. Entered again by the same officer from the same form, it is the first.

        Raises ValueRefused, TimeRefused, MrzError, SameOfficer, StoreError.
        """
        reading, limits = self._clock.read(), self._limits()
        inspection = secrets.token_hex(16)
        entry = LateEntry(
            id=derived_id(self._journal.device, "late_entry", inspection, reading.at),
            inspection_id=inspection,
            occurred_at=limits.checked(facts.occurred_at),
            recorded_at=reading.at,
            clock=reading.quality,
            direction=Direction(checked("direction", facts.direction, limits)),
            document=_document(facts, limits),
            visa_id=visa_id(facts.visa_id),
            decision=Decision(checked("decision", facts.decision, limits)),
            officer=line("decided_by", facts.decided_by),
            entered_by=line("officer", officer),
            second_officer=_second(officer, second_officer),
            paper=line("paper", facts.paper),
            reason=line("reason", facts.reason),
            stay_days=int(checked("stay_days", str(facts.stay_days), limits)),
        )
        changes: list[Change] = [PassageNoted(entry=entry)]
        if entry.decision is Decision.ADMIT and entry.visa_id:
            # Dated as it is written: no list issued before can have counted it.
            changes.append(
                VisaUsed(
                    visa_id=entry.visa_id,
                    movement_id=entry.id,
                    direction=entry.direction,
                    occurred_at=reading.at,
                )
            )
        with self._lock:
            held = self._entered_before(entry)
            if held is not None:
                return held
            self._journal.commit([entry], changes)
        return self._passage(entry.id)

    def correct(
        self,
        entry_id: str,
        *,
        changes: Mapping[str, str],
        annuls: bool,
        reason: str,
        officer: str,
        second_officer: str = "",
    ) -> Passage:
        """Put a movement right; of several corrections of a field the latest holds. `annuls`: it did not take place,
        and `changes` do not matter.

        Raises NoSuchEntry, AlreadyAnnulled, NothingChanged, FieldNotCorrectable, ValueRefused, TimeRefused,
        SameOfficer, StoreError.
        """
        why, by, second = line("reason", reason), line("officer", officer), _second(officer, second_officer)
        limits = self._limits()
        with self._lock:
            held = self._passage(entry_id)
            if held.annulled:
                raise AlreadyAnnulled(entry_id)
            wanted = {} if annuls else self._changed(held, changes, limits)
            if not wanted and not annuls:
                raise NothingChanged(entry_id)
            reading = self._clock.read()
            correction = Correction(
                id=secrets.token_hex(16),
                occurred_at=reading.at,
                recorded_at=reading.at,
                clock=reading.quality,
                corrects=entry_id,
                inspection_id=held.inspection,
                officer=by,
                second_officer=second,
                reason=why,
                annuls=annuls,
                changes=wanted,
            )
            local: list[Change] = [CorrectionNoted(correction=correction)]
            if annuls or {"direction", "decision"} & set(wanted):
                local.append(_use(held, wanted, annuls=annuls))
            self._journal.commit([correction], local)
        return self._passage(entry_id)

    def _limits(self) -> Limits:
        return Limits(now=self._clock.now(), begun=self._passages.begun_at())

    def _passage(self, entry_id: str) -> Passage:
        passage = self._passages.by_entry(entry_id)
        if passage is None or passage.kind == "inspection":
            raise NoSuchEntry(entry_id[:64])
        return passage

    def _entered_before(self, entry: LateEntry) -> Passage | None:
        """The same form, entered already: its answer got lost, or a page was sent twice."""
        for passage in self._passages.of_document(entry.document.issuer, entry.document.number):
            if passage.kind == "late_entry" and not passage.annulled and passage.occurred_at == entry.occurred_at:
                before = self._passages.entry(passage.entry)
                if isinstance(before, LateEntry) and entry == structs.replace(
                    before,
                    id=entry.id,
                    inspection_id=entry.inspection_id,
                    recorded_at=entry.recorded_at,
                    clock=entry.clock,
                ):
                    return passage
        return None

    def _changed(self, held: Passage, changes: Mapping[str, str], limits: Limits) -> dict[str, str]:
        """What differs from what holds now."""
        wanted = {field: checked(field, value, limits) for field, value in changes.items()}
        return {field: value for field, value in wanted.items() if value != self._now(held, field)}

    def _now(self, held: Passage, field: str) -> str:
        """A field as it holds now, as the journal writes it."""
        match field:
            case "document.expiry":
                entry = self._passages.entry(held.entry)
                value = entry.document.expiry if entry is not None and entry.document is not None else ""
                for correction in self._passages.corrections(held.entry):
                    value = correction.changes.get(field, value)
                return value
            case "occurred_at":
                return held.occurred_at.isoformat().replace("+00:00", "Z")
            case _:
                return str(getattr(held, field.removeprefix("document.")))


def _document(facts: LateFacts, limits: Limits) -> DocumentFacts:
    if facts.lines:
        mrz = parse_mrz("\n".join(facts.lines), today=limits.now.date())
        if mrz.format in (MrzFormat.MRVA, MrzFormat.MRVB):
            raise ValueRefused("lines", "a visa is no travel document")
        return document_facts(mrz)
    typed = {
        name: checked(f"document.{name}", value, limits) if value.strip() or name == "surname" else ""
        for name, value in {
            "issuer": facts.issuer,
            "number": facts.number,
            "nationality": facts.nationality,
            "surname": facts.surname,
            "given_names": facts.given_names,
            "birth": facts.birth,
            "expiry": facts.expiry,
        }.items()
    }
    return DocumentFacts(format="", lines=(), **typed)


def _use(held: Passage, wanted: Mapping[str, str], *, annuls: bool) -> UseMended:
    decision = Decision(wanted.get("decision", held.decision))
    return UseMended(
        visa_id=held.visa,
        movement_id=held.entry,
        direction=Direction(wanted.get("direction", held.direction)),
        counts=not annuls and decision is Decision.ADMIT,
    )


def _second(officer: str, second: str) -> str:
    if second.strip() and second.strip() == officer.strip():
        raise SameOfficer("second_officer", second.strip())
    return second.strip()
