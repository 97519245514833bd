"""What the console shows of a chip, and of a zone that a camera read: without a browser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from border_agent.agent.case import Case
from border_agent.agent.chip_step import ChipShown, ShownStage
from border_agent.agent.devices import DeviceRole, DeviceView
from border_agent.console.pages.entries import _chip as chip_of_entry
from border_agent.console.pages.marked import Piece, differing, marked
from border_agent.console.pages.seen import see_traveller
from border_agent.console.pages.seen_chip import SeenChip, see_chip
from border_agent.console.pages.seen_facts import Said
from border_agent.console.pages.seen_steps import see_steps
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome
from border_agent.inspection.evidence import DocumentEvidence, DocumentSource, Step
from border_agent.inspection.machine import Inspection, Phase
from border_agent.trust.passive.judgement import PassiveFinding, PassiveJudgement, PassiveVerdict
from border_agent.words import has, languages
from firmware_bridge.roles import DeviceState
from mqtt_schemas.entries import ChipFacts
from tests.inspection.inspection_cases import chip, good, passport, unread

LINES = st.lists(st.text("AB<01", max_size=8), max_size=3).map(tuple)


def seen(language: str = "en", **changes: Any) -> SeenChip:
    return see_chip(chip(**changes), passport(), language)


def fact(page: SeenChip, label: str) -> Said:
    (found,) = [one for one in page.facts if one.label == label]
    return found


def test_a_good_chip_in_plain_words() -> None:
    page = seen()
    assert {one.label: one.tone for one in page.facts} == {
        "Reading": "good",
        "Access": "",
        "Original or copy": "good",
        "State’s signature": "good",
        "Against the page": "good",
        "The chip’s photo": "",
    }
    assert fact(page, "Original or copy").value == "original: the chip proved it"
    assert page.page_lines == () and page.chip_lines == ()


@pytest.mark.parametrize(
    ("changes", "label", "tone", "words"),
    [
        ({"authenticity": ChipAuthenticity.failed}, "Original or copy", "bad", "copy: the proof failed"),
        ({"authenticity": ChipAuthenticity.unsupported}, "Original or copy", "", "cannot be told"),
        ({"pace_failed": True, "access": "bac"}, "Access", "bad", "new protection failed"),
        ({"access_differs": True, "access": "bac"}, "Access", "bad", "hid its new protection"),
        ({"access": "bac"}, "Access", "", "the older way"),
        ({"portrait_error": "lds.no_face"}, "The chip’s photo", "warn", "cannot be shown"),
        ({"portrait_sha256": ""}, "The chip’s photo", "warn", "none"),
    ],
)
def test_what_is_wrong_with_a_chip_stands_out(changes: dict[str, Any], label: str, tone: str, words: str) -> None:
    found = fact(seen(**changes), label)
    assert found.tone == tone and words in found.value


@pytest.mark.parametrize(
    ("verdict", "tone"),
    [
        (PassiveVerdict.TRUSTED, "good"),
        (PassiveVerdict.NO_TRUST_ANCHOR, "warn"),
        (PassiveVerdict.EXPIRED, "warn"),
        (PassiveVerdict.INVALID, "bad"),
        (PassiveVerdict.REVOKED, "bad"),
    ],
)
@pytest.mark.parametrize("language", languages())
def test_every_verdict_has_its_words_and_its_tone(language: str, verdict: PassiveVerdict, tone: str) -> None:
    page = seen(language, passive=PassiveJudgement(verdict=verdict, issuer="UT"))
    (found,) = [one for one in page.facts if one.label in ("State’s signature", "Signature de l’État")]
    assert found.tone == tone and found.value != verdict.value


def test_a_key_that_the_chip_hides_makes_it_a_copy() -> None:
    hidden = fact(seen(authenticity=ChipAuthenticity.unsupported, withheld=("DG14",)), "Original or copy")
    assert hidden.tone == "bad" and "hides the proof" in hidden.value
    unsigned = fact(seen(proof_signed=False), "Original or copy")
    assert unsigned.tone == "warn" and "did not sign" in unsigned.value


def test_what_the_signatures_check_found_is_said_in_words() -> None:
    findings = (PassiveFinding("sod.hash.DG2"), PassiveFinding("dsc.expired_now", "2026-01-01"))
    page = seen(passive=PassiveJudgement(verdict=PassiveVerdict.INVALID, findings=findings))
    assert page.notes[0].words == "DG2 was altered after it was signed."
    assert page.notes[1].detail == "2026-01-01"


def test_findings_of_a_newer_part_are_shown_by_their_code() -> None:
    passive = PassiveJudgement(verdict=PassiveVerdict.INVALID, findings=(PassiveFinding("sod.of_2036", "x"),))
    (note,) = seen(passive=passive).notes
    assert (note.words, note.detail) == ("sod.of_2036", "x")


def test_signer_authority_and_files_are_there_for_whoever_looks_closer() -> None:
    passive = PassiveJudgement(
        verdict=PassiveVerdict.TRUSTED,
        issuer="UT",
        signer="DS 1",
        signer_serial="0a",
        anchor="CSCA",
        hashes_checked=("DG1", "DG2"),
    )
    details = {one.label: one.value for one in seen(passive=passive, missing=("DG11",), attempts=2).details}
    assert (details["Signer"], details["Authority"], details["State of the signer"]) == ("DS 1", "CSCA", "UT")
    assert (details["Files found intact"], details["Files missing"], details["Attempts"]) == ("DG1, DG2", "DG11", "2")


def test_a_chip_that_was_not_read_says_so_and_claims_nothing() -> None:
    for outcome in (one for one in ChipOutcome if one is not ChipOutcome.read):
        evidence = unread(outcome, "chip.access_refused").chip
        assert evidence is not None
        page = see_chip(evidence, passport(), "en")
        assert [one.label for one in page.facts] == ["Reading"], outcome
        assert has(f"chip_outcome.{outcome.value}", "fr")


def test_what_differs_from_the_page_is_marked_character_by_character() -> None:
    page = see_chip(chip(agrees=False, mrz=passport(number="G1234561")), passport(), "en")
    assert fact(page, "Against the page").value == "different: passport number"
    on_page, in_chip = (
        "".join(p.text for p in line if p.marked) for line in (page.page_lines[1], page.chip_lines[1])
    )
    assert on_page[0] == "7" and in_chip[0] == "1"
    assert not [piece for piece in page.page_lines[0] if piece.marked]


@given(LINES, LINES)
def test_marks_are_where_two_zones_differ_and_nothing_is_lost(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    places = differing(one, other)
    assert differing(other, one) == places
    assert places or "".join(one) == "".join(other)
    for lines in (one, other):
        drawn = marked(lines, places)
        assert tuple("".join(piece.text for piece in line) for line in drawn) == lines
        for row, line in enumerate(drawn):
            at = 0
            for piece in line:
                assert {(row, at + step) in places for step in range(len(piece.text))} == {piece.marked}
                at += len(piece.text)


def test_what_the_camera_was_not_certain_of_is_marked_at_the_head() -> None:
    document = DocumentEvidence(
        mrz=passport(), source=DocumentSource.CAMERA, confidence=0.41, uncertain=((0, 5), (0, 6))
    )
    head = see_traveller(good(document=document), "en")
    assert head.seen_by_camera and head.uncertain
    (said,) = [one for one in head.facts if one.tone == "warn"]
    assert said.value == "not certain: name"
    assert head.marked[0][1] == Piece(passport().lines[0][5:7], True)
    typed = structs.replace(document, typed=True, uncertain=())
    assert not see_traveller(good(document=typed), "en").seen_by_camera


def case(stage: ShownStage | None, *, phase: Phase = Phase.COLLECTING, **changes: Any) -> Case:
    inspection = Inspection(evidence=good(**changes), can=(Step.DOCUMENT, Step.CHIP), phase=phase)
    shown = ChipShown(stage, 0.42) if stage is not None else None
    return Case(inspection=inspection, chip=shown, open_steps=(Step.CHIP,), answered=(Step.DOCUMENT,))


READER = DeviceView(role=DeviceRole.CHIP_READER, state=DeviceState.ready)


@pytest.mark.parametrize("language", languages())
def test_progress_while_it_is_read_and_not_afterwards(language: str) -> None:
    during = see_steps(case(ShownStage.FILES), [READER], language).chip
    assert during is not None and during.percent == 42 and "42" in during.words
    waiting = see_steps(case(ShownStage.WAITING), [READER], language).chip
    assert waiting is not None and "42" not in waiting.words
    assert see_steps(case(ShownStage.DONE), [READER], language).chip is None
    assert see_steps(case(None), [READER], language).chip is None
    assert see_steps(case(ShownStage.FILES, phase=Phase.PROPOSED), [READER], language).chip is None


def test_it_can_be_read_again_where_there_is_a_reader() -> None:
    assert see_steps(case(None, chip=chip()), [READER], "en").again
    assert not see_steps(case(None, chip=chip()), [], "en").again
    assert not see_steps(case(None), [READER], "en").again


def test_the_step_names_its_device() -> None:
    away = DeviceView(role=DeviceRole.CHIP_READER, state=DeviceState.absent)
    seen_steps = see_steps(structs.replace(case(None), step=Step.CHIP), [away], "fr")
    assert seen_steps.missing == ("Lecteur de puces",)
    assert seen_steps.ask


@pytest.mark.parametrize("language", languages())
def test_an_entry_says_what_its_chip_was_worth(language: str) -> None:
    facts = ChipFacts(
        outcome="read", access="pace-cam", authenticity="proved_cam", passive="invalid", issuer="UT", agrees=False
    )
    tones = [one.tone for one in chip_of_entry(facts, language)]
    assert tones[:4] == ["good", "good", "bad", "bad"]
    newer = ChipFacts(outcome="of_2036", authenticity="of_2036", passive="of_2036")
    assert [one.value for one in chip_of_entry(newer, language)] == ["of_2036"] * 3
