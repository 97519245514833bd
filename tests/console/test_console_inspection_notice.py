"""The refusal notice, from a journal entry: without a browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from border_agent.console.pages.seen_notice import NoNotice, SeenNotice, notice_number, see_notice
from border_agent.inspection.slip import slip_code
from mqtt_schemas.entries import ClockQuality, Decision, Direction, DocumentFacts, Inspection, Movement, VisaFacts
from mqtt_schemas.records import Policy, RefusalNotice

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
PLAIN = Policy(policy_id="p", rules_version=1, country="UTO", issuers=(), regimes=())
OWN = {
    "fr": RefusalNotice(authority="République d’Utopie", legal_basis="Loi n° 12", appeal="Tribunal, 30 jours"),
    "en": RefusalNotice(authority="Republic of Utopia", legal_basis="Act 12", appeal="Court, 30 days"),
}


def refusal(**changes: Any) -> Movement:
    facts: dict[str, Any] = {
        "id": "a" * 32,
        "inspection_id": "5" * 32,
        "occurred_at": NOW,
        "recorded_at": NOW,
        "clock": ClockQuality.SYNCHRONISED,
        "direction": Direction.ENTRY,
        "document": DocumentFacts(
            format="TD3", lines=(), issuer="GHA", number="G1234567", nationality="GHA", surname="MENSAH",
            given_names="AMA ESI", birth="850402", sex="F",
        ),
        "visa": VisaFacts(visa_id="00112233445566aa", issuer="UTO", signature="valid", seen_at_centre=True),
        "proposal": Decision.REFUSE,
        "decision": Decision.REFUSE,
        "officer": "4711",
        "second_officer": "4712",
        "reason": "visa d’un autre passeport",
        "grounds": ("no_visa", "purpose_unproven"),
    }  # fmt: skip
    return Movement(**(facts | changes))


def sheet(entry: object, policy: Policy = PLAIN) -> SeenNotice:
    return see_notice(entry, policy, device="post-1", sequence=42, place="Utopia-Nord", local=NOW)


def test_it_names_the_person_the_grounds_and_the_officers() -> None:
    notice = sheet(refusal())
    facts = {line.labels[0]: line.values[0].replace("\N{NO-BREAK SPACE}", " ") for line in notice.facts}
    assert facts["Nom"] == "MENSAH" and facts["Date de naissance"] == "02/04/1985" and facts["Lieu"] == "Utopia-Nord"
    assert facts["Visa"] == "UTO 00112233445566aa" and facts["Document de voyage"] == "GHA G1234567"
    assert [ground.code for ground in notice.grounds if ground.applies] == ["no_visa", "purpose_unproven"]
    assert (notice.officer, notice.second_officer, notice.remarks) == ("4711", "4712", "visa d’un autre passeport")


def test_both_languages_say_it_side_by_side() -> None:
    notice = sheet(refusal())
    assert all(french and english and french != english for french, english in (g.words for g in notice.grounds))
    (birth,) = [line for line in notice.facts if line.labels[0] == "Date de naissance"]
    assert birth.values[1].replace("\N{NO-BREAK SPACE}", " ") == "2 Apr 1985"


def test_the_country_s_own_words_come_from_its_policy() -> None:
    notice = sheet(
        refusal(), Policy(policy_id="p", rules_version=1, country="UTO", issuers=(), regimes=(), notice=OWN)
    )
    assert notice.authority == ("République d’Utopie", "Republic of Utopia")
    assert notice.appeal == ("Tribunal, 30 jours", "Court, 30 days") and notice.legal_basis == ("Loi n° 12", "Act 12")
    bare = sheet(refusal())
    assert bare.authority[0] == "Police aux frontières" and bare.legal_basis == ("", "") and bare.appeal[1]


def test_its_number_is_one_of_its_kind() -> None:
    assert sheet(refusal()).number == notice_number("post-1", 42, "5" * 32) == f"post-1/000042/{slip_code('5' * 32)}"
    assert notice_number("post-1", 42, "6" * 32) != notice_number("post-1", 42, "5" * 32)


@pytest.mark.parametrize("decision", [Decision.ADMIT, Decision.REFER, Decision.UNKNOWN])
def test_nothing_but_a_refusal_has_one(decision: Decision) -> None:
    with pytest.raises(NoNotice):
        sheet(refusal(decision=decision))
    with pytest.raises(NoNotice):
        sheet(None)


def test_a_referral_entry_has_none() -> None:
    referred = refusal()
    entry = Inspection(**{name: getattr(referred, name) for name in referred.__struct_fields__}, outcome="referred")
    with pytest.raises(NoNotice):
        sheet(entry)


def test_without_a_document_it_is_still_a_sheet() -> None:
    notice = sheet(refusal(document=None, visa=None))
    assert [line.labels[1] for line in notice.facts] == ["Place", "Date and time"]
