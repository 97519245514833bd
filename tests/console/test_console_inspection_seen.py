"""What the inspection page shows of a case, to whom, in which language: without a browser."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec import structs

from border_agent.agent.case import Case
from border_agent.console.pages.seen import SeenCase, see
from border_agent.console.pages.seen_facts import Said, age_words, partial_date
from border_agent.documents.mrz import PartialDate
from border_agent.faces import ReferenceKind, Zone
from border_agent.inspection.decide import decide
from border_agent.inspection.evidence import DocumentEvidence, Evidence, FaceEvidence, StayEvidence
from border_agent.inspection.findings import Finding, Severity
from border_agent.inspection.machine import Inspection, Phase
from border_agent.inspection.stay import stay_of
from border_agent.trust import SignatureVerdict
from border_agent.words import format_moment, languages
from mqtt_schemas.entries import Direction
from mqtt_schemas.post import PictureKind
from mqtt_schemas.records import Handling, OfficerRole, VisaUseFact
from tests.inspection.inspection_cases import (
    NOW,
    POLICY,
    TODAY,
    compared,
    doc,
    good,
    hit,
    judged,
    partial,
    passport,
    record,
    sealed,
    with_check_wrong,
    with_document,
    with_visa,
)

OFFICER, SUPERVISOR = frozenset({OfficerRole.OFFICER}), frozenset({OfficerRole.SUPERVISOR})
ALL_PICTURES = (PictureKind.LIVE, PictureKind.VISA, PictureKind.PAGE)


def case_of(evidence: Evidence, **changes: Any) -> Case:
    inspection = Inspection(evidence=evidence, can=(), phase=Phase.PROPOSED, verdict=decide(evidence, POLICY))
    return Case(inspection=inspection, **({"pictures": ALL_PICTURES} | changes))


def seen(
    evidence: Evidence, roles: frozenset[OfficerRole] = OFFICER, language: str = "en", **changes: Any
) -> SeenCase:
    return see(case_of(evidence, **changes), roles, language)


def said(lines: tuple[Said, ...]) -> dict[str, str]:
    return {line.label: line.value.replace("\N{NO-BREAK SPACE}", " ") for line in lines}


def every_word(page: SeenCase) -> str:
    return repr(page)


def test_the_head_says_who_this_is_in_capitals() -> None:
    page = seen(good())
    who = page.traveller
    assert (who.surname, who.given_names) == ("MENSAH", "AMA ESI")
    assert (who.nationality, who.number, who.age) == ("GHA", "G1234567", "41 years old")
    assert who.birth.replace("\N{NO-BREAK SPACE}", " ") == "2 Apr 1985"
    assert who.lines == passport().lines


def test_a_wrong_check_digit_stands_at_the_head() -> None:
    (wrong,) = [fact for fact in seen(with_document(with_check_wrong(passport()))).traveller.facts if fact.tone]
    assert wrong.tone == "bad" and "date of birth" in wrong.value


def test_without_a_document_nothing_is_made_up() -> None:
    page = seen(good(document=None, visa=None, face=None), pictures=())
    assert page.traveller.facts == () and page.traveller.surname == "" and page.traveller.lines == ()
    assert page.pictures == () and page.pairs == () and page.visa == ()
    assert page.proposal == "refer"


def test_a_picture_there_is_not_is_left_out() -> None:
    assert [picture.kind for picture in seen(good()).pictures] == [
        PictureKind.PAGE,
        PictureKind.VISA,
        PictureKind.LIVE,
    ]
    assert [picture.kind for picture in seen(good(), pictures=(PictureKind.CHIP,)).pictures] == [PictureKind.CHIP]


def test_findings_come_worst_first_each_with_its_rule() -> None:
    page = seen(with_visa(sealed(valid_until=TODAY - timedelta(3)), record=record(uses=0), judgement=judged()))
    assert [group.severity for group in page.findings] == sorted(
        (group.severity for group in page.findings), key=lambda one: -one.rank
    )
    worst = page.findings[0]
    assert worst.severity is Severity.REFUSE and worst.tone == "bad"
    assert {finding.code for finding in worst.findings} == {"visa.expired"}
    assert worst.findings[0].rule == "Finding visa.expired · rules 1 · policy utopia-2026-1"
    assert worst.findings[0].advice


def test_a_finding_of_a_newer_part_is_shown_by_its_code() -> None:
    case = case_of(good())
    assert case.inspection.verdict is not None
    verdict = structs.replace(case.inspection.verdict, findings=(Finding("visa.of_2036", Severity.REFER),))
    page = see(structs.replace(case, inspection=structs.replace(case.inspection, verdict=verdict)), OFFICER, "fr")
    assert [finding.title for finding in page.findings[0].findings] == ["visa.of_2036"]


def test_a_comparison_says_zone_distance_and_that_it_is_provisional() -> None:
    (pair,) = seen(
        good(face=FaceEvidence(comparisons=(compared(Zone.doubt, provisional=True),))), language="fr"
    ).pairs
    assert (pair.zone, pair.tone, pair.distance, pair.provisional) == ("doute", "warn", "0,500", True)
    assert pair.reference is PictureKind.VISA and pair.shown
    assert "0,437" in pair.thresholds and "0,6" in pair.thresholds


def test_faces_are_laid_over_each_other_only_where_both_are_there() -> None:
    face = FaceEvidence(comparisons=(compared(kind=ReferenceKind.chip), compared(kind=ReferenceKind.printed)))
    assert [pair.shown for pair in seen(good(face=face)).pairs] == [False, True]
    assert [pair.shown for pair in seen(good(face=face), pictures=(PictureKind.PAGE,)).pairs] == [False, False]


def test_the_visa_counts_here_and_at_the_centre() -> None:
    visa = said(seen(with_visa(sealed(entries=2), record=record(uses=1), uses_here=1)).visa)
    assert visa["Number of entries allowed"] == "2"
    assert (visa["Entries made here"], visa["Entries known to the data centre"]) == ("1", "1")
    assert visa["Valid until"] == "31 Jan 2027"


def test_entries_made_elsewhere_are_named() -> None:
    there = VisaUseFact(entry="e" * 32, device="post-2", post="north", at=NOW)
    lines = seen(with_visa(record=record(uses=1, used=(there,)), uses_elsewhere=(there,))).visa
    assert [line.value for line in lines if line.label == "Entry elsewhere"] == [
        f"{format_moment(NOW.astimezone(), 'en')} at north"
    ]


def test_a_stay_that_began_elsewhere_says_where() -> None:
    stay = stay_of(NOW - timedelta(days=40), "e" * 32, 30, NOW.date(), post="north")
    lines = said(seen(good(direction=Direction.EXIT, stay=stay)).stay)
    assert lines["Entered"].endswith(" at north")


def test_unlimited_and_not_stated_are_not_the_same() -> None:
    assert said(seen(with_visa(sealed(entries=0))).visa)["Number of entries allowed"] == "unlimited"
    unstated = said(seen(with_visa(sealed(entries=0, entries_stated=False))).visa)
    assert unstated["Number of entries allowed"] == "not stated"


def test_a_forged_signature_stands_out() -> None:
    lines = {line.label: line for line in seen(with_visa(judgement=judged(SignatureVerdict.FORGED))).visa}
    assert (lines["Signed by"].value, lines["Signed by"].tone) == ("Signature not valid", "bad")


def test_of_an_entry_it_says_until_when() -> None:
    stay = said(seen(good()).stay)
    assert stay == {"Length of stay allowed": "30 days", "Stay until": "22 Dec 2026"}


def test_of_an_exit_it_says_how_much_too_long() -> None:
    late = StayEvidence(
        entered_at=NOW - timedelta(40), entry="e", allowed_days=30, until=TODAY - timedelta(10), overstay_days=10
    )
    lines = seen(good(direction=Direction.EXIT, stay=late)).stay
    assert said(lines)["Overstay"] == "10 days too long" and lines[-1].tone == "bad"
    in_time = structs.replace(late, until=TODAY, overstay_days=0)
    assert seen(good(direction=Direction.EXIT, stay=in_time)).stay[-1].tone == "good"
    (unknown,) = seen(good(direction=Direction.EXIT, stay=StayEvidence())).stay
    assert unknown.value == "not known to this device"


def test_lists_and_clock_are_named_with_their_versions() -> None:
    lists = said(seen(good()).lists)
    assert lists["visa list"] == "version 7, of 22 Nov 2026"
    assert lists["Clock"] == "Clock set by a time server"


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("named", [True, False])
def test_a_discreet_hit_tells_an_officer_what_to_do_and_nothing_else(language: str, named: bool) -> None:
    evidence = good(hits=(hit(Handling.DISCREET, named=named, grounds="arrest_warrant"),))
    officers, supervisors = seen(evidence, OFFICER, language), seen(evidence, SUPERVISOR, language)
    secret = ("W-1", "mandat", "warrant")
    assert not [word for word in secret if word in every_word(officers)]
    assert officers.hits[0].instruction and officers.hits[0].record == ""
    assert "W-1" in every_word(supervisors) and (
        "mandat" in every_word(supervisors) or "warrant" in every_word(supervisors)
    )


@pytest.mark.parametrize("handling", [Handling.STOP, Handling.INFORM])
def test_open_hits_are_shown_with_their_grounds(handling: Handling) -> None:
    (shown,) = seen(good(hits=(hit(handling),))).hits
    assert shown.grounds == "Grounds: wanted person" and shown.record == "Record W-1" and "MENSAH" in shown.who


def test_readers_and_technicians_see_no_hit_at_all() -> None:
    evidence = good(hits=(hit(Handling.STOP),))
    for role in (OfficerRole.READER, OfficerRole.TECHNICIAN, OfficerRole.AUDITOR):
        page = seen(evidence, frozenset({role}))
        assert page.hits == () and "W-1" not in every_word(page) and "wanted" not in every_word(page)


def test_typed_lines_say_so() -> None:
    page = seen(good(document=DocumentEvidence(mrz=passport(), typed=True)))
    assert page.traveller.typed


def test_a_hostile_name_stays_a_text() -> None:
    page = seen(doc(surname="<script>alert(1)</script>", given_names="{{7*7}}"))
    assert page.traveller.surname == "<SCRIPT>ALERT(1)</SCRIPT>" and page.traveller.given_names == "{{7*7}}"


@pytest.mark.parametrize(
    ("birth", "date_words", "age"),
    [
        (partial(1985, None, None), "··/··/1985", "about 41 years old"),
        (partial(1985, 4, None), "··/04/1985", "about 41 years old"),
        (partial(None, 4, 2), "02/04/····", ""),
        (PartialDate(None, 13, 2, "851302", False), "impossible date (851302)", ""),
    ],
)
def test_dates_with_unknown_parts(birth: PartialDate, date_words: str, age: str) -> None:
    assert partial_date(birth, "en") == date_words
    assert age_words(birth, TODAY, "en") == age


def test_an_age_turns_on_the_birthday() -> None:
    born = PartialDate(2000, 11, 22, "001122", True)
    assert age_words(born, date(2026, 11, 21), "en") == "25 years old"
    assert age_words(born, date(2026, 11, 22), "en") == "26 years old"


@pytest.mark.parametrize("language", languages())
def test_every_case_has_words_in_both_languages(language: str) -> None:
    for evidence in (
        good(),
        good(visa=None, face=None, document=None),
        good(hits=(hit(),), purpose="tourism", answers={"address": "Hôtel du Lac", "purpose": "tourism"}),
        good(direction=Direction.EXIT, stay=StayEvidence()),
    ):
        page = seen(evidence, OFFICER, language, step_ms={"document": 12.4, "commit": 3.0, "later": 1.0})
        assert page.proposal_word and page.direction and page.timings[0].value
