"""Rules on the chip: what it proves, what it does not, and that evidence without one decides as it always did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from inspection_cases import (
    NOW,
    POLICY,
    POLICY_CHIPS,
    TODAY,
    chip,
    compared,
    face,
    good,
    listed,
    lists,
    passport,
    signed,
    unread,
    with_chip,
)
from msgspec import structs

from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome
from border_agent.documents.mrz import Mrz, MrzFormat, build_mrz, parse_mrz
from border_agent.faces import ReferenceKind, Zone
from border_agent.inspection import DocumentEvidence, DocumentSource, Evidence, Step, decide, wanted_steps
from border_agent.inspection.characters import fields_at
from border_agent.inspection.chip import (
    differing_fields,
    is_original,
    may_be_copy,
    may_have_chip,
    portrait_kind,
)
from border_agent.inspection.evidence import CHIP_SKIPPED
from border_agent.trust.passive.judgement import PassiveVerdict
from mqtt_schemas.records import ChipPolicy, ChipWish, Policy


def chip_codes(evidence: Evidence, policy: Policy = POLICY) -> tuple[str, ...]:
    return tuple(code for code in decide(evidence, policy).codes if code.startswith("chip."))


def wishing(wish: ChipWish, *required: str) -> Policy:
    return structs.replace(POLICY, chip=ChipPolicy(wanted=wish, required_for=required))


def test_a_good_chip_is_one_quiet_finding() -> None:
    verdict = decide(good(chip=chip()), POLICY)
    assert chip_codes(good(chip=chip())) == ("chip.verified",)
    assert (verdict.proposal, decide(good(), POLICY).proposal) == ("admit", "admit")


@pytest.mark.parametrize("wish", list(ChipWish))
def test_without_chip_evidence_nothing_is_said_unless_one_is_required(wish: ChipWish) -> None:
    assert decide(good(), wishing(wish)).findings == decide(good(), POLICY).findings
    assert chip_codes(good(), wishing(wish, "*")) == ("chip.required",)


@pytest.mark.parametrize(
    ("codes", "named"), [(("GHA",), True), (("*",), True), (("UTO",), False), ((), False), (("UTO", "GHA"), True)]
)
def test_a_chip_is_required_of_nationalities_and_issuers(codes: tuple[str, ...], named: bool) -> None:
    policy = wishing(ChipWish.ALWAYS, *codes)
    assert ("chip.required" in chip_codes(good(), policy)) is named
    foreign = good(document=DocumentEvidence(mrz=passport(nationality="TGO")))
    assert ("chip.required" in chip_codes(foreign, policy)) is named


def test_a_required_chip_that_was_read_is_enough_and_one_that_was_not_says_why() -> None:
    assert chip_codes(good(chip=chip()), POLICY_CHIPS) == ("chip.verified",)
    verdict = decide(unread(ChipOutcome.absent, CHIP_SKIPPED), POLICY_CHIPS)
    assert verdict.proposal == "refer"
    assert {item.code: item.params for item in verdict.findings if item.code.startswith("chip.")} == {
        "chip.required": {"reason": CHIP_SKIPPED},
        "chip.not_read": {"reason": CHIP_SKIPPED},
    }


@pytest.mark.parametrize(
    ("outcome", "code", "proposal"),
    [
        (ChipOutcome.absent, "chip.not_read", "admit"),
        (ChipOutcome.lost, "chip.not_read", "admit"),
        (ChipOutcome.timed_out, "chip.not_read", "admit"),
        (ChipOutcome.access_refused, "chip.access_refused", "refer"),
        (ChipOutcome.hostile, "chip.hostile", "refer"),
    ],
)
def test_a_chip_that_was_not_read(outcome: ChipOutcome, code: str, proposal: str) -> None:
    verdict = decide(unread(outcome), POLICY)
    assert (chip_codes(unread(outcome)), verdict.proposal) == ((code,), proposal)


def test_no_chip_refuses_anybody() -> None:
    worst = with_chip(
        mrz=passport(number="X7654321"),
        agrees=False,
        passive=signed(PassiveVerdict.INVALID, "sod.hash.DG1"),
        authenticity=ChipAuthenticity.failed,
        pace_failed=True,
        portrait_error="lds.no_face",
    )
    assert decide(worst, POLICY).proposal == "refer"


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"passive": None, "proof_signed": False}, ("chip.invalid", "chip.not_authenticated")),
        ({"mrz": None, "agrees": None}, ("chip.invalid",)),
        ({"mrz": passport(surname="Owusu"), "agrees": False}, ("chip.mrz_differs",)),
        ({"authenticity": ChipAuthenticity.failed}, ("chip.cloned",)),
        ({"passive": signed(PassiveVerdict.TRUSTED, "sod.hash_missing.DG11")}, ("chip.invalid",)),
        ({"passive": signed(PassiveVerdict.NO_TRUST_ANCHOR, "dsc.signature")}, ("chip.invalid",)),
        ({"passive": signed(PassiveVerdict.EXPIRED, "csca.expired")}, ("chip.signer_expired_now",)),
        ({"access_differs": True}, ("chip.downgraded", "chip.verified")),
        ({"authenticity": ChipAuthenticity.untried}, ("chip.not_authenticated", "chip.verified")),
    ],
)
def test_what_a_chip_that_was_read_says(changes: dict[str, Any], codes: tuple[str, ...]) -> None:
    assert sorted(chip_codes(with_chip(**changes))) == sorted(codes)


def test_a_proof_counts_only_with_a_key_that_was_signed() -> None:
    assert is_original(chip())
    unsigned = chip(proof_signed=False)
    assert not is_original(unsigned)
    assert "chip.not_authenticated" in chip_codes(good(chip=unsigned))
    assert is_original(chip(authenticity=ChipAuthenticity.proved_cam))
    assert not is_original(chip(authenticity=ChipAuthenticity.unsupported))


def test_a_copy_that_hides_its_key_is_a_copy() -> None:
    """A clone leaves the file with the key away, and so is asked for no proof."""
    hidden = chip(authenticity=ChipAuthenticity.unsupported, proof_signed=False, withheld=("DG14",))
    assert may_be_copy(hidden)
    assert "chip.cloned" in chip_codes(good(chip=hidden))
    assert portrait_kind(hidden) is ReferenceKind.chip_unvouched
    # Another key that the state signed has proved it all the same.
    assert not may_be_copy(chip(withheld=("DG15",)))
    assert may_be_copy(chip(proof_signed=False, withheld=("DG15",)))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ReferenceKind.chip),
        ({"authenticity": ChipAuthenticity.unsupported}, ReferenceKind.chip),
        ({"authenticity": ChipAuthenticity.failed}, ReferenceKind.chip_unvouched),
        ({"agrees": False}, ReferenceKind.chip_unvouched),
        ({"agrees": None}, ReferenceKind.chip_unvouched),
        ({"passive": None}, ReferenceKind.chip_unvouched),
        ({"passive": signed(PassiveVerdict.NO_TRUST_ANCHOR)}, ReferenceKind.chip_unvouched),
        ({"passive": signed(PassiveVerdict.EXPIRED)}, ReferenceKind.chip_unvouched),
        ({"passive": signed(hashes=("DG1", "DG14"))}, ReferenceKind.chip_unvouched),
        ({"portrait_sha256": ""}, None),
        ({"outcome": ChipOutcome.lost}, None),
    ],
)
def test_what_the_portrait_is_worth(changes: dict[str, Any], kind: ReferenceKind | None) -> None:
    assert portrait_kind(chip(**changes)) is kind


def test_an_unvouched_portrait_never_admits_alone_and_a_vouched_one_may() -> None:
    alone = structs.replace(POLICY, admit_without_officer=True)
    by_chip = structs.replace(face(compared(kind=ReferenceKind.chip)), chip=chip())
    assert decide(by_chip, alone).officer_required is False
    unvouched = structs.replace(face(compared(kind=ReferenceKind.chip_unvouched)), chip=chip(agrees=False))
    assert decide(unvouched, alone).officer_required is True


def test_a_chip_and_a_page_with_different_faces_disagree() -> None:
    both = face(compared(kind=ReferenceKind.chip), compared(Zone.no_match, ReferenceKind.printed))
    assert "face.references_disagree" in decide(structs.replace(both, chip=chip()), POLICY).codes


@pytest.mark.parametrize(
    ("format", "code", "carries"),
    [
        (MrzFormat.TD3, "P", True),
        (MrzFormat.TD3, "PD", True),
        (MrzFormat.TD2, "I", True),
        (MrzFormat.TD1, "AC", True),
        (MrzFormat.MRVA, "V", False),
        (MrzFormat.MRVB, "V", False),
    ],
)
def test_kinds_that_may_carry_a_chip(format: MrzFormat, code: str, carries: bool) -> None:
    mrz = passport(format=format, document_code=code)
    assert may_have_chip(mrz) is carries
    steps = wanted_steps(good(document=DocumentEvidence(mrz=mrz)), POLICY)
    assert (Step.CHIP in steps) is carries


def test_a_chip_is_no_step_before_the_zone_or_where_nobody_wants_it() -> None:
    assert Step.CHIP not in wanted_steps(good(document=None), POLICY)
    assert Step.CHIP not in wanted_steps(good(), wishing(ChipWish.NEVER))
    assert Step.CHIP in wanted_steps(good(), wishing(ChipWish.UNKNOWN))


def test_zones_are_compared_field_by_field() -> None:
    page = passport()
    assert differing_fields(page, page) == ()
    assert differing_fields(page, passport(surname="Owusu", number="G7654321")) == ("name", "number")
    lines = build_mrz(
        MrzFormat.TD3,
        document_code="P",
        issuer="GHA",
        surname="Mensah",
        given_names="Ama Esi",
        number="G1234567",
        nationality="GHA",
        birth=page.birth.known,
        sex="F",
        expiry=page.expiry.known,
    )
    # The digit of an empty field may be a filler or a nought: the same document.
    other = lines[1][:42] + ("0" if lines[1][42] == "<" else "<") + lines[1][43]
    assert differing_fields(page, zone(lines[0], other)) == ()


def zone(*lines: str) -> Mrz:
    return parse_mrz("\n".join(lines), today=TODAY)


def test_uncertain_characters_are_an_officers_until_the_chip_says_the_same() -> None:
    camera = DocumentEvidence(
        mrz=passport(), source=DocumentSource.CAMERA, confidence=0.4, uncertain=((0, 6), (1, 12))
    )
    (found,) = (item for item in decide(good(document=camera), POLICY).findings if item.code == "document.uncertain")
    assert found.params == {"fields": "name,nationality"}
    assert "document.uncertain" not in decide(good(document=camera, chip=chip()), POLICY).codes
    differing = chip(mrz=passport(surname="Mensab"), agrees=False)
    assert "document.uncertain" in decide(good(document=camera, chip=differing), POLICY).codes
    certain = structs.replace(camera, uncertain=(), confidence=0.97)
    assert "document.uncertain" not in decide(good(document=certain), POLICY).codes


def test_places_of_characters_are_fields() -> None:
    assert fields_at(MrzFormat.TD3, [(0, 0), (0, 44), (5, 1), (-1, 2)]) == ("document_code",)
    assert fields_at(MrzFormat.TD3, [(1, 43), (1, 9), (1, 42)]) == ("number", "optional", "composite")
    assert fields_at(MrzFormat.TD1, [(2, 3), (1, 20), (0, 14)]) == ("name", "number", "optional2")
    for format in MrzFormat:
        assert fields_at(format, []) == ()


def test_a_stale_list_of_authorities_is_said_where_a_chip_was_judged() -> None:
    stale = (*lists(), listed("csca", hours=200))
    assert "list.stale" not in decide(good(lists=stale), POLICY).codes
    assert "list.stale" in decide(good(lists=stale, chip=chip()), POLICY).codes
    assert (
        "list.expired"
        in decide(good(lists=(*lists(), listed("csca", expires=NOW - timedelta(1))), chip=chip()), POLICY).codes
    )
    assert "list.missing" not in decide(good(chip=chip()), POLICY).codes
