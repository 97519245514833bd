"""Lists of facts on the inspection page: visa, stay, lists, journey; dates and ages in words. Pure."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from border_agent.documents.mrz import PartialDate
from border_agent.inspection.evidence import Evidence, StayEvidence, VisaEvidence
from border_agent.inspection.stay import stay_of
from border_agent.inspection.verdict import Verdict
from border_agent.trust import SignatureVerdict
from border_agent.words import format_date, format_moment, format_number, has, text
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import VisaStatus


class Said(Struct, frozen=True):
    """A line of a list of facts. `tone`: empty, `good`, `warn` or `bad`."""

    label: str
    value: str
    tone: str = ""


def see_visa(held: VisaEvidence, language: str) -> tuple[Said, ...]:
    """The visa: who vouches for it, its days, its entries."""
    visa, record, judgement = held.visa, held.record, held.judgement
    if visa is None:
        return ()
    facts = [Said(text("case.visa_id", language), visa.visa_id or text("case.not_stated", language))]
    if judgement is not None:
        tone = {SignatureVerdict.VALID: "good", SignatureVerdict.FORGED: "bad"}.get(judgement.verdict, "warn")
        facts.append(
            Said(text("case.signature", language), text(f"signature.{judgement.verdict.value}", language), tone)
        )
    status = text("case.visa_not_listed", language) if record is None else _status_word(record.status, language)
    good = record is not None and record.status is VisaStatus.VALID
    facts.append(Said(text("case.centre_says", language), status, "" if good else "warn"))
    facts += [
        Said(text("case.valid_from", language), _day(visa.valid_from, language)),
        Said(text("case.valid_until", language), _day(visa.valid_until, language)),
        Said(text("case.entries_allowed", language), _entries(visa.entries, visa.entries_stated, language)),
        Said(text("case.used_here", language), format_number(held.uses_here, language)),
    ]
    if record is not None:
        facts.append(Said(text("case.used_at_centre", language), format_number(record.uses, language)))
    for use in held.uses_elsewhere:
        said = text(
            "case.used_by", language, post=use.post or use.device, at=format_moment(use.at.astimezone(), language)
        )
        facts.append(Said(text("case.used_elsewhere", language), said))
    return tuple(facts)


def see_stay(evidence: Evidence, verdict: Verdict | None, language: str) -> tuple[Said, ...]:
    """Of an entry: until when; of an exit: since when, and whether too long."""
    stay = evidence.stay
    if stay is not None and stay.entered_at is None:
        return (Said(text("case.entered", language), text("case.entry_unknown", language), "warn"),)
    if stay is not None and stay.entered_at is not None:
        late = stay.overstay_days > 0
        facts = [
            Said(text("case.entered", language), _entered(stay, language)),
            *_allowed(stay.allowed_days, stay.until, language),
        ]
        said = text("case.overstay" if late else "case.no_overstay", language, days=stay.overstay_days)
        return (*facts, Said(text("case.overstay_label", language), said, "bad" if late else "good"))
    if verdict is None or evidence.direction is Direction.EXIT:
        return ()
    clock = evidence.clock
    return _allowed(verdict.stay_days, stay_of(clock.at, "", verdict.stay_days, clock.today).until, language)


def _entered(stay: StayEvidence, language: str) -> str:
    day = format_date(stay.entered_at.date(), language) if stay.entered_at is not None else ""
    return text("case.entered_at", language, day=day, post=stay.post) if stay.post else day


def see_lists(evidence: Evidence, language: str) -> tuple[Said, ...]:
    """Which issue of each list answered, and what the clock was worth."""
    lists = [
        Said(
            known_word(f"feed.{answer.name}", answer.name, language),
            text("case.list_version", language, version=answer.version, issued=answer.issued.date().isoformat()),
        )
        for answer in evidence.lists
    ]
    quality = evidence.clock.quality.value
    return (*lists, Said(text("case.clock", language), text(f"clock_quality.{quality}", language)))


def see_journey(evidence: Evidence, verdict: Verdict | None, language: str) -> tuple[Said, ...]:
    """Regime, and what the traveller said."""
    facts = []
    if verdict is not None:
        facts.append(Said(text("case.regime", language), text(f"regime.{verdict.regime.value}", language)))
    if evidence.purpose:
        said = known_word(f"purpose.{evidence.purpose}", evidence.purpose, language)
        facts.append(Said(text("field.purpose", language), said))
    for key, value in evidence.answers.items():
        if key != "purpose":
            facts.append(Said(known_word(f"field.{key}", key, language), value))
    return tuple(facts)


def partial_date(when: PartialDate, language: str) -> str:
    """A date as the document has it; what is unknown stays open: ··/··/1985."""
    if when.known is not None:
        return format_date(when.known, language)
    if not when.valid:
        return text("case.date_impossible", language, raw=when.raw)
    day, month = (f"{part:02d}" if part is not None else "··" for part in (when.day, when.month))
    return f"{day}/{month}/{when.year if when.year is not None else '····'}"


def age_words(birth: PartialDate, today: date, language: str) -> str:
    """The age in years, or between which two; empty where the year is unknown."""
    if not birth.valid or birth.year is None:
        return ""
    known = birth.known
    if known is None:
        return text("case.age_about", language, age=max(0, today.year - birth.year))
    years = today.year - known.year - ((today.month, today.day) < (known.month, known.day))
    return text("case.age", language, age=years)


def known_word(key: str, otherwise: str, language: str) -> str:
    return text(key, language) if has(key, language) else otherwise


def _entries(entries: int, stated: bool, language: str) -> str:
    if not stated:
        return text("case.not_stated", language)
    return format_number(entries, language) if entries else text("case.unlimited", language)


def _status_word(status: VisaStatus, language: str) -> str:
    return text(f"visa_status.{status.value}", language)


def _allowed(days: int, until: date | None, language: str) -> tuple[Said, ...]:
    allowed = Said(text("case.stay_allowed", language), _days(days, language))
    if until is None:
        return (allowed,)
    return (allowed, Said(text("case.stay_until", language), format_date(until, language)))


def _days(days: int, language: str) -> str:
    return text("case.days", language, days=days) if days else text("case.no_limit", language)


def _day(day: date | None, language: str) -> str:
    return format_date(day, language) if day is not None else text("case.not_stated", language)
