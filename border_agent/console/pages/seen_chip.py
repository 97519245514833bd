"""The document's chip on the inspection page, in plain words: was it read, is it an original, who signed it. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from border_agent.console.pages.marked import MarkedLine, differing, marked
from border_agent.console.pages.seen_facts import Said, known_word
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome
from border_agent.documents.mrz import Mrz
from border_agent.faces import ReferenceKind
from border_agent.inspection.chip import differing_fields, is_original, may_be_copy, portrait_kind
from border_agent.inspection.evidence import ChipEvidence
from border_agent.trust.passive.judgement import PassiveFinding, PassiveJudgement, PassiveVerdict
from border_agent.words import format_moment, has, text

TONE_OF_VERDICT = {
    PassiveVerdict.TRUSTED: "good",
    PassiveVerdict.NO_TRUST_ANCHOR: "warn",
    PassiveVerdict.EXPIRED: "warn",
    PassiveVerdict.INVALID: "bad",
    PassiveVerdict.REVOKED: "bad",
}
_TONE_OF_OUTCOME = {ChipOutcome.read: "good", ChipOutcome.absent: "", ChipOutcome.hostile: "bad"}
_FILE = re.compile(r"\.(DG\d{1,2}|EF\.[A-Za-z]+)$")


class SeenNote(Struct, frozen=True):
    """One thing that passive authentication found. `detail` is a technician's: certificates, dates."""

    words: str
    detail: str


class SeenChip(Struct, frozen=True, kw_only=True):
    """What stands on the page of a chip that somebody tried to read."""

    facts: tuple[Said, ...]
    notes: tuple[SeenNote, ...]
    """Of the signature, in the order they were found."""
    page_lines: tuple[MarkedLine, ...]
    chip_lines: tuple[MarkedLine, ...]
    """The two zones with their differing characters marked; empty where they agree."""
    details: tuple[Said, ...]
    """For whoever looks closer: signer, protocol, files."""


def see_chip(chip: ChipEvidence, page: Mrz | None, language: str) -> SeenChip:
    """A chip, and the zone that was read of the page it belongs to."""
    passive = chip.passive
    differ = chip.agrees is False and page is not None and chip.mrz is not None
    places = differing(page.lines, chip.mrz.lines) if page and chip.mrz and differ else frozenset()
    return SeenChip(
        facts=tuple(_facts(chip, page, language)),
        notes=tuple(_note(one, language) for one in passive.findings) if passive is not None else (),
        page_lines=marked(page.lines, places) if page is not None and differ else (),
        chip_lines=marked(chip.mrz.lines, places) if chip.mrz is not None and differ else (),
        details=tuple(_details(chip, passive, language)),
    )


def outcome_fact(outcome: str, language: str) -> Said:
    """Whether the chip was read, by the outcome's code."""
    tone = _TONE_OF_OUTCOME.get(ChipOutcome(outcome), "warn") if outcome in set(ChipOutcome) else "warn"
    return Said(text("chip.outcome", language), known_word(f"chip_outcome.{outcome}", outcome, language), tone)


def verdict_fact(verdict: str, language: str) -> Said:
    """What the state's signature is worth, by the verdict's code."""
    tone = TONE_OF_VERDICT[PassiveVerdict(verdict)] if verdict in set(PassiveVerdict) else "warn"
    return Said(text("chip.signature", language), known_word(f"chip_signature.{verdict}", verdict, language), tone)


def copy_fact(authenticity: str, language: str) -> Said:
    """Whether it is a copy, by the code of what the chip proved."""
    known = authenticity in set(ChipAuthenticity)
    proved = known and ChipAuthenticity(authenticity).proved
    tone = "good" if proved else "bad" if authenticity == ChipAuthenticity.failed else ""
    word = "proved" if proved else authenticity
    return Said(text("chip.copy", language), known_word(f"chip_copy.{word}", authenticity, language), tone)


def agreement_fact(agrees: bool | None, fields: tuple[str, ...], language: str) -> Said | None:
    """Whether it says what is printed; None where there was nothing to compare."""
    if agrees is None:
        return None
    if agrees:
        words = text("chip.same", language)
    else:
        words = text("chip.differs", language, fields=",".join(fields)) if fields else text("chip.other", language)
    return Said(text("chip.page", language), words, "good" if agrees else "bad")


def _facts(chip: ChipEvidence, page: Mrz | None, language: str) -> list[Said]:
    facts = [outcome_fact(chip.outcome.value, language)]
    if chip.access:
        facts.append(_access(chip, language))
    if chip.read or chip.authenticity is not ChipAuthenticity.untried:
        facts.append(_copy(chip, language))
    if chip.passive is not None:
        facts.append(verdict_fact(chip.passive.verdict.value, language))
    fields = differing_fields(page, chip.mrz) if page is not None and chip.mrz is not None else ()
    if (same := agreement_fact(chip.agrees, fields, language)) is not None:
        facts.append(same)
    if chip.read:
        facts.append(_portrait(chip, language))
    return facts


def _copy(chip: ChipEvidence, language: str) -> Said:
    said = copy_fact(chip.authenticity.value, language)
    if chip.authenticity is ChipAuthenticity.failed or is_original(chip):
        return said
    if may_be_copy(chip):
        return Said(said.label, text("chip_copy.withheld", language), "bad")
    # Anybody can make a key and prove to have it: the state has to have signed it.
    return Said(said.label, text("chip_copy.unsigned", language), "warn") if chip.authenticity.proved else said


def _access(chip: ChipEvidence, language: str) -> Said:
    label = text("chip.access", language)
    if chip.pace_failed or chip.access_differs:
        key = "chip_access.pace_hidden" if chip.access_differs else "chip_access.pace_failed"
        return Said(label, text(key, language), "bad")
    return Said(label, text(f"chip_access.{'bac' if chip.access == 'bac' else 'pace'}", language))


def _portrait(chip: ChipEvidence, language: str) -> Said:
    label, kind = text("picture.chip", language), portrait_kind(chip)
    if chip.portrait_error:
        return Said(label, text("chip_portrait.unreadable", language), "warn")
    if kind is None:
        return Said(label, text("chip_portrait.none", language), "warn")
    vouched = kind is ReferenceKind.chip
    return Said(
        label, text(f"chip_portrait.{'vouched' if vouched else 'unvouched'}", language), "" if vouched else "warn"
    )


def _details(chip: ChipEvidence, passive: PassiveJudgement | None, language: str) -> list[Said]:
    if passive is None:
        signed: list[tuple[str, str]] = []
    else:
        at = passive.signed_at
        signed = [
            ("issuer", passive.issuer),
            ("signer", passive.signer),
            ("serial", passive.signer_serial),
            ("anchor", passive.anchor),
            ("signed_at", format_moment(at.astimezone(), language) if at is not None else ""),
            ("hashes", ", ".join(passive.hashes_checked)),
        ]
    proof = chip.authenticity if chip.authenticity.proved else None
    lines = [
        ("protocol", chip.access.upper()),
        ("proof", text(f"chip_proof.{proof.value}", language) if proof is not None else ""),
        *signed,
        ("files", ", ".join(chip.files)),
        ("missing", ", ".join(chip.missing)),
        ("error", chip.error),
        ("attempts", str(chip.attempts) if chip.attempts > 1 else ""),
    ]
    return [Said(text(f"chip.{name}", language), value) for name, value in lines if value]


def _note(found: PassiveFinding, language: str) -> SeenNote:
    file = _FILE.search(found.code)
    key = f"passive.{(found.code[: file.start()] if file else found.code).lower()}"
    words = text(key, language, file=file[1] if file else "") if has(key, language) else found.code
    return SeenNote(words, found.detail)
