"""What the inspection page shows of a case, to this person, in this language. Pure: values in, words out.

The page's template only lays out what stands here. Moments stay moments, as the page writes them in the post's own
time. What there is nothing of is left out: no empty frame stands for a chip that was not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

from border_agent.agent.case import Case
from border_agent.console.pages.marked import MarkedLine, marked
from border_agent.console.pages.seen_chip import SeenChip, see_chip
from border_agent.console.pages.seen_facts import (
    Said,
    age_words,
    known_word,
    partial_date,
    see_journey,
    see_lists,
    see_stay,
    see_visa,
)
from border_agent.console.pages.seen_queue import TONE_OF_PROPOSAL
from border_agent.console.pages.watching import SeenHit, advice_of, see_hits
from border_agent.documents.mrz import PartialDate
from border_agent.faces import FaceComparison, ReferenceKind, Zone
from border_agent.inspection.characters import fields_at
from border_agent.inspection.evidence import DocumentEvidence, DocumentSource, Evidence
from border_agent.inspection.findings import Finding, Severity
from border_agent.inspection.machine import Phase
from border_agent.inspection.verdict import Verdict
from border_agent.words import WordsError, format_number, text
from mqtt_schemas.post import PictureKind
from mqtt_schemas.records import OfficerRole

TONES = {Severity.INFO: "note", Severity.REFER: "warn", Severity.REFUSE: "bad"}
"""How loud a severity looks; the word stands beside it, so that nothing hangs on a colour."""

PICTURE_ORDER = (PictureKind.PAGE, PictureKind.CHIP, PictureKind.VISA, PictureKind.LIVE)

PICTURE_OF = {
    ReferenceKind.chip: PictureKind.CHIP,
    ReferenceKind.chip_unvouched: PictureKind.CHIP,
    ReferenceKind.visa_record: PictureKind.VISA,
    ReferenceKind.printed: PictureKind.PAGE,
}
_TONE_OF_ZONE = {Zone.match: "good", Zone.doubt: "warn", Zone.no_match: "bad"}


class SeenFinding(Struct, frozen=True, kw_only=True):
    code: str
    title: str
    advice: str
    rule: str
    """Which rule said so: the finding's code, the rules' version, the policy."""


class SeenSeverity(Struct, frozen=True, kw_only=True):
    """The findings of one severity."""

    severity: Severity
    tone: str
    word: str
    findings: tuple[SeenFinding, ...]


class SeenPicture(Struct, frozen=True):
    kind: PictureKind
    caption: str


class SeenPair(Struct, frozen=True, kw_only=True):
    """The live face against one reference."""

    reference: PictureKind
    caption: str
    zone: str
    tone: str
    distance: str
    thresholds: str
    provisional: bool
    shown: bool
    """Both pictures are there to be laid over each other."""


class SeenTraveller(Struct, frozen=True, kw_only=True):
    """The head of the page. Empty texts where no document was read."""

    surname: str
    given_names: str
    nationality: str
    number: str
    birth: str
    age: str
    facts: tuple[Said, ...]
    lines: tuple[str, ...]
    marked: tuple[MarkedLine, ...] = ()
    """The same with the characters marked of which the camera was not certain."""
    typed: bool = False
    """An officer typed the lines."""
    seen_by_camera: bool = False
    uncertain: bool = False


class SeenCase(Struct, frozen=True, kw_only=True):
    """One inspection's page, but for what other parts answer: earlier movements, companions, in whose hands it is."""

    id: str
    slip: str
    origin: str
    begun_at: datetime
    phase: Phase
    direction: str
    traveller: SeenTraveller
    proposal: str
    """`admit`, `refer`, `refuse`; empty: none yet."""
    tone: str
    proposal_word: str
    findings: tuple[SeenSeverity, ...]
    pictures: tuple[SeenPicture, ...]
    pairs: tuple[SeenPair, ...]
    chip: SeenChip | None
    """None: nobody tried to read one."""
    visa: tuple[Said, ...]
    stay: tuple[Said, ...]
    hits: tuple[SeenHit, ...]
    lists: tuple[Said, ...]
    journey: tuple[Said, ...]
    timings: tuple[Said, ...]


def see(case: Case, roles: frozenset[OfficerRole], language: str) -> SeenCase:
    """The page of a case."""
    evidence, verdict = case.inspection.evidence, case.inspection.verdict
    return SeenCase(
        id=case.id,
        slip=case.slip,
        origin=case.origin,
        begun_at=evidence.started_at,
        phase=case.phase,
        direction=text(f"direction.{evidence.direction.value}", language),
        traveller=see_traveller(evidence, language),
        proposal=verdict.proposal.value if verdict is not None else "",
        tone=TONE_OF_PROPOSAL[verdict.proposal] if verdict is not None else "",
        proposal_word=text(f"verdict.{verdict.proposal.value}", language) if verdict is not None else "",
        findings=see_findings(verdict, evidence, roles, language) if verdict is not None else (),
        pictures=tuple(
            SeenPicture(kind, text(f"picture.{kind.value}", language))
            for kind in PICTURE_ORDER
            if kind in case.pictures
        ),
        pairs=see_pairs(evidence, case.pictures, language),
        chip=see_chip(evidence.chip, evidence.mrz, language) if evidence.chip is not None else None,
        visa=see_visa(evidence.visa, language) if evidence.visa is not None else (),
        stay=see_stay(evidence, verdict, language),
        hits=see_hits(evidence.hits, roles, language),
        lists=see_lists(evidence, language),
        journey=see_journey(evidence, verdict, language),
        timings=tuple(
            Said(_step_word(step, language), text("case.milliseconds", language, ms=round(ms)))
            for step, ms in case.step_ms.items()
        ),
    )


def see_traveller(evidence: Evidence, language: str) -> SeenTraveller:
    """Who the document says that this is."""
    mrz, today = evidence.mrz, evidence.clock.today
    if evidence.document is None or mrz is None:
        return SeenTraveller(
            surname="", given_names="", nationality="", number="", birth="", age="", facts=(), lines=()
        )
    facts = [
        Said(text("case.document", language), f"{mrz.document_code} {mrz.issuer}".strip()),
        Said(text("case.expiry", language), partial_date(mrz.expiry, language), _expiry_tone(mrz.expiry, today)),
        Said(text("case.sex", language), text(f"sex.{mrz.sex.lower()}", language)),
    ]
    if not mrz.checks_ok:
        wrong = ",".join(check.field for check in mrz.checks if not check.ok)
        facts.append(
            Said(text("case.check_digits", language), text("case.digits_wrong", language, fields=wrong), "bad")
        )
    if evidence.document.uncertain:
        facts.append(_uncertain(evidence.document, language))
    return SeenTraveller(
        surname=mrz.surname.upper(),
        given_names=mrz.given_names.upper(),
        nationality=mrz.nationality,
        number=mrz.number,
        birth=partial_date(mrz.birth, language),
        age=age_words(mrz.birth, today, language),
        facts=tuple(facts),
        lines=mrz.lines,
        marked=marked(mrz.lines, frozenset(evidence.document.uncertain)),
        typed=evidence.document.typed,
        seen_by_camera=evidence.document.source is DocumentSource.CAMERA and not evidence.document.typed,
        uncertain=bool(evidence.document.uncertain),
    )


def see_findings(
    verdict: Verdict, evidence: Evidence, roles: frozenset[OfficerRole], language: str
) -> tuple[SeenSeverity, ...]:
    """The findings by severity, the worst first."""
    out = []
    for severity in sorted(Severity, key=lambda one: -one.rank):
        said = [
            _finding(finding, verdict, evidence, roles, language)
            for finding in verdict.findings
            if finding.severity is severity
        ]
        if said:
            word = text(f"severity.{severity.value}", language)
            out.append(SeenSeverity(severity=severity, tone=TONES[severity], word=word, findings=tuple(said)))
    return tuple(out)


def see_pairs(evidence: Evidence, pictures: Iterable[PictureKind], language: str) -> tuple[SeenPair, ...]:
    """The comparisons of the live face, in the order they were made."""
    face, there = evidence.face, set(pictures)
    return tuple(_pair(one, there, language) for one in face.comparisons) if face is not None else ()


def _finding(
    finding: Finding, verdict: Verdict, evidence: Evidence, roles: frozenset[OfficerRole], language: str
) -> SeenFinding:
    try:
        title = text(f"finding.{finding.code}.title", language, **finding.params)
        advice = advice_of(finding, evidence.hits, roles, language)
    except WordsError:
        # Of a newer part, or of an older one that said less: its name says more than nothing.
        title, advice = finding.code, ""
    return SeenFinding(
        code=finding.code,
        title=title,
        advice=advice,
        rule=text("case.rule", language, code=finding.code, rules=verdict.rules_version, policy=verdict.policy_id),
    )


def _pair(one: FaceComparison, there: set[PictureKind], language: str) -> SeenPair:
    picture = PICTURE_OF[one.reference]
    return SeenPair(
        reference=picture,
        caption=text(f"face_reference.{one.reference.value}", language),
        zone=text(f"face_zone.{one.zone.value}", language),
        tone=_TONE_OF_ZONE[one.zone],
        distance=format_number(one.distance, language, decimals=3),
        thresholds=text("case.thresholds", language, same=one.match_threshold, doubt=one.doubt_threshold),
        provisional=one.provisional,
        shown={picture, PictureKind.LIVE} <= there,
    )


def _uncertain(document: DocumentEvidence, language: str) -> Said:
    assert document.mrz is not None
    fields = ",".join(fields_at(document.mrz.format, document.uncertain))
    return Said(text("case.camera", language), text("case.camera_uncertain", language, fields=fields), "warn")


def _step_word(step: str, language: str) -> str:
    if step in ("commit", "decide"):
        return text(f"case.{step}", language)
    return known_word(f"step.{step}", step, language)


def _expiry_tone(expiry: PartialDate, today: date) -> str:
    return "bad" if expiry.known is not None and expiry.known < today else ""
