"""One passage as its journal entry has it, in words: facts, findings, corrections; an evidence record as a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct

from border_agent.agent.lookups import shown
from border_agent.agent.runtime import Agent
from border_agent.console.menu import AUDITOR, DECIDERS, SUPERVISOR
from border_agent.console.pages.seen_chip import agreement_fact, copy_fact, outcome_fact, verdict_fact
from border_agent.console.pages.seen_facts import Said, partial_date
from border_agent.console.visit import Visit
from border_agent.documents.mrz.dates import birth_date, expiry_date
from border_agent.inspection.decide import decide
from border_agent.inspection.errors import InspectionError
from border_agent.inspection.evidence import Evidence
from border_agent.store import Passage
from border_agent.store.passage_rows import Passing
from border_agent.words import format_date, format_moment, format_number, has, text
from border_agent.words.catalogue import catalogue
from border_agent.words.places import PLACE
from mqtt_schemas.entries import CheckFacts, ChipFacts, Correction, FaceFacts, FindingFact, LateEntry, VisaFacts
from mqtt_schemas.outside import reader

WATCHED = "watchlist."
MOST_ROWS = 2000
LONGEST_VALUE = 300


class Block(Struct, frozen=True):
    """Facts that belong together."""

    title: str
    lines: tuple[Said, ...]


class FindingLine(Struct, frozen=True):
    code: str
    severity: str
    """`info`, `refer`, `refuse`, or of a newer version."""
    words: str


class CorrectionLine(Struct, frozen=True):
    at: datetime
    officer: str
    second_officer: str
    reason: str
    annuls: bool
    changes: tuple[Said, ...]


class SeenEntry(Struct, frozen=True, kw_only=True):
    """All of one passage's page."""

    passage: Passage
    blocks: tuple[Block, ...]
    lines: tuple[str, ...]
    """The MRZ."""
    findings: tuple[FindingLine, ...]
    corrections: tuple[CorrectionLine, ...]
    evidence: str
    """SHA-256, hexadecimal; empty: none, or not for this person."""
    may_correct: bool
    others: tuple[Passage, ...]
    """The same document's other passages, the newest first."""


def see_entry(agent: Agent, entry: str, visit: Visit) -> SeenEntry | None:
    """A passage by its entry's id; None where there is none. Raises StoreError."""
    passage = agent.passages.by_entry(entry)
    if passage is None:
        return None
    language, body = visit.language, agent.passages.entry(entry)
    check = body if isinstance(body, CheckFacts) else None
    digest = check.evidence if check is not None else None
    found = zip(check.findings, _params(agent, check), strict=True) if check is not None else ()
    deciding = visit.may(*DECIDERS)
    own = visit.may(SUPERVISOR) or visit.officer.number in (passage.officer, getattr(body, "entered_by", ""))
    return SeenEntry(
        passage=passage,
        blocks=tuple(_blocks(passage, body, language)),
        lines=body.document.lines if body is not None and body.document is not None else (),
        findings=tuple(
            _finding(fact, params, language)
            for fact, params in found
            if deciding or not fact.code.startswith(WATCHED)
        ),
        corrections=tuple(_correction(one, language) for one in agent.passages.corrections(entry)),
        evidence=digest.hex() if digest is not None and visit.may(SUPERVISOR, AUDITOR) else "",
        may_correct=deciding and own and not passage.annulled,
        others=tuple(
            other for other in agent.passages.of_document(passage.issuer, passage.number) if other.entry != entry
        ),
    )


def flat_evidence(data: bytes, visit: Visit) -> tuple[Said, ...]:
    """An evidence record as lines, path and value. Hits of the watch-list are in it for whom they may be shown to."""
    try:
        found: Any = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ()
    if isinstance(found, dict) and "hits" in found:
        found["hits"] = _hits(data, visit)
    lines = []
    for path, value in _walk("", found):
        lines.append(Said(path, value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"))
        if len(lines) == MOST_ROWS:
            break
    return tuple(lines)


def code_words(code: str, key: str, language: str, **params: object) -> str:
    """A code's text, with dots where the journal keeps no value for a place; the code where it has no words."""
    if not has(key, language):
        return code
    places = {name: "…" for name, _ in PLACE.findall(catalogue(language)[key])}
    return text(key, language, **{**places, **params})


def _hits(data: bytes, visit: Visit) -> list[dict[str, str]]:
    try:
        evidence = reader(Evidence)(data)
    except msgspec.MsgspecError:
        return []
    out = []
    for hit in evidence.hits:
        one = shown(hit.record, visit.officer.roles)
        if one is not None and one.record is not None:
            out.append({**msgspec.to_builtins(one.record), "matched_on": hit.matched_on})
        elif one is not None:
            out.append({"handling": one.handling.value})
    return out


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:
    # Evidence is ours and not deep, but whatever was stored is only data.
    stack = [(path, value)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((f"{path}.{key}" if path else str(key), value[key]) for key in reversed(list(value)))
        elif isinstance(value, list):
            stack.extend((f"{path}[{index}]", value[index]) for index in reversed(range(len(value))))
        elif value not in (None, ""):
            yield path, str(value)


def _blocks(passage: Passage, body: Passing | None, language: str) -> Iterator[Block]:
    def block(name: str, *lines: tuple[str, str]) -> Block:
        kept = tuple(Said(text(f"movements.{key}", language), value) for key, value in lines if value)
        return Block(text(f"movements.block.{name}", language), kept)

    yield block(
        "passage",
        ("kind", text(f"entry_kind.{passage.kind}", language)),
        ("direction", text(f"direction.{passage.direction.value}", language)),
        ("occurred_at", format_moment(passage.occurred_at.astimezone(), language)),
        ("decision", code_words(passage.decision.value, f"decision.{passage.decision.value}", language)),
        ("proposal", code_words("", f"verdict.{passage.proposal.value}", language)),
        ("officer", passage.officer),
        *_decided(body, language),
        ("origin", passage.origin),
        ("regime", code_words(passage.regime, f"regime.{passage.regime}", language) if passage.regime else ""),
        ("stay_days", format_number(passage.stay_days, language) if passage.stay_days else ""),
        ("overstay_days", format_number(passage.overstay_days, language) if passage.overstay_days else ""),
    )
    document = body.document if body is not None else None
    if document is not None:
        day = passage.occurred_at.date()
        # As it holds now: a correction is in the passage, and stands below with what was written first.
        yield block(
            "document",
            ("surname", passage.surname),
            ("given_names", passage.given_names),
            ("nationality", passage.nationality),
            ("birth", partial_date(birth_date(passage.birth, day), language) if passage.birth else ""),
            ("issuer", passage.issuer),
            ("number", passage.number),
            ("expiry", partial_date(expiry_date(document.expiry, day), language) if document.expiry else ""),
        )
    if isinstance(chip := getattr(body, "chip", None), ChipFacts):
        yield Block(text("movements.block.chip", language), tuple(_chip(chip, language)))
    if isinstance(visa := getattr(body, "visa", None), VisaFacts):
        yield block("visa", *_visa(visa, language))
    faces = getattr(body, "faces", ())
    if faces:
        yield Block(text("movements.block.faces", language), tuple(_face(face, language) for face in faces))
    if body is not None:
        yield block("record", *_record(passage, body, language))


def _decided(body: Passing | None, language: str) -> Iterator[tuple[str, str]]:
    if isinstance(body, LateEntry):
        yield "entered_by", body.entered_by
        yield "paper", body.paper
        yield "reason", body.reason
        yield "second_officer", body.second_officer
    elif body is not None:
        yield "second_officer", body.second_officer
        yield "reason", body.reason
        grounds = (code_words(code, f"refusal.{code}", language) for code in body.grounds)
        yield "grounds", "; ".join(grounds)


def _record(passage: Passage, body: Passing, language: str) -> Iterator[tuple[str, str]]:
    yield "recorded_at", format_moment(body.recorded_at.astimezone(), language)
    yield "clock", code_words(body.clock.value, f"clock_quality.{body.clock.value}", language)
    yield "sequence", format_number(passage.sequence, language)
    yield "entry", passage.entry
    yield "inspection", passage.inspection
    if isinstance(body, CheckFacts):
        yield "group", body.group
        yield "policy", f"{body.policy_id} ({body.rules_version})" if body.policy_id else ""
        yield (
            "lists",
            ", ".join(
                f"{code_words(one.name, f'feed.{one.name}', language)} {format_number(one.version, language)}"
                for one in body.lists
            ),
        )


def _chip(chip: ChipFacts, language: str) -> Iterator[Said]:
    yield outcome_fact(chip.outcome, language)
    if chip.authenticity:
        yield copy_fact(chip.authenticity, language)
    if chip.passive:
        yield verdict_fact(chip.passive, language)
    if (same := agreement_fact(chip.agrees, (), language)) is not None:
        yield same
    said = (
        ("protocol", chip.access.upper()),
        ("issuer", chip.issuer),
        ("signer", chip.signer),
        ("portrait_sha256", chip.portrait_sha256.hex()),
        ("error", chip.error),
    )
    yield from (Said(text(f"chip.{name}", language), value) for name, value in said if value)


def _visa(visa: VisaFacts, language: str) -> Iterator[tuple[str, str]]:
    yield "visa_id", visa.visa_id
    yield "issuer", visa.issuer
    yield "signer", visa.signer
    yield "signature", code_words(visa.signature, f"signature.{visa.signature}", language)
    yield "seen_at_centre", text(f"movements.{'yes' if visa.seen_at_centre else 'no'}", language)
    yield "valid_from", _day(visa.valid_from, language)
    yield "valid_until", _day(visa.valid_until, language)
    yield "entries", format_number(visa.entries, language) if visa.entries else ""
    yield "uses_before", format_number(visa.uses_before, language)


def _face(face: FaceFacts, language: str) -> Said:
    zone = code_words(face.zone, f"zone.{face.zone}", language)
    label = code_words(face.reference, f"reference.{face.reference}", language)
    return Said(label, f"{zone} ({format_number(face.distance, language, decimals=3)})")


def _params(agent: Agent, check: CheckFacts) -> tuple[dict[str, str], ...]:
    """What each finding's words are filled with; empty where it cannot be told. Raises StoreError.

    The entry has the codes only: the rest is computed again from the evidence, where the policy that was in force is
    still the one here and comes to the same findings.
    """
    unknown: tuple[dict[str, str], ...] = ({},) * len(check.findings)
    policy = agent.policy()
    data = agent.evidence.get(check.evidence) if check.evidence is not None else None
    if data is None or policy.policy_id != check.policy_id:
        return unknown
    try:
        verdict = decide(reader(Evidence)(data), policy)
    except (msgspec.MsgspecError, InspectionError):
        return unknown
    if [finding.code for finding in verdict.findings] != [fact.code for fact in check.findings]:
        return unknown
    return tuple(dict(finding.params) for finding in verdict.findings)


def _finding(fact: FindingFact, params: dict[str, str], language: str) -> FindingLine:
    words = code_words(fact.code, f"finding.{fact.code}.title", language, **params)
    return FindingLine(fact.code, fact.severity, words)


def _correction(one: Correction, language: str) -> CorrectionLine:
    changes = tuple(
        Said(
            code_words(field, f"movements.{field.rpartition('.')[2]}", language),
            _changed(field, value, one, language),
        )
        for field, value in sorted(one.changes.items())
    )
    return CorrectionLine(one.occurred_at, one.officer, one.second_officer, one.reason, one.annuls, changes)


def _changed(field: str, value: str, one: Correction, language: str) -> str:
    """A corrected value in words; one that cannot be read stays as the journal has it."""
    match field.removeprefix("document."):
        case "direction" | "decision" as name:
            return code_words(value, f"{name}.{value}", language)
        case "birth":
            return partial_date(birth_date(value, one.occurred_at.date()), language)
        case "expiry":
            return partial_date(expiry_date(value, one.occurred_at.date()), language)
        case "occurred_at":
            try:
                return format_moment(datetime.fromisoformat(value).astimezone(), language)
            except ValueError:
                return value
    return value


def _day(day: date | None, language: str) -> str:
    return format_date(day, language) if day is not None else ""
