"""The chip at the desk: read beside everything else, weighed, compared, read again. The traveller always goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from chip_kit import CHIPS, Sight, Tray, able, lay_page, trusting, with_tray
from conftest import Start
from desk_kit import in_force, proposal
from msgspec import structs

from border_agent.agent.chip_reader import NoChipReader
from border_agent.agent.chip_step import ShownStage
from border_agent.agent.desk import NoDocument
from border_agent.agent.guidance import Guidance
from border_agent.agent.runtime import Agent
from border_agent.api.client import AgentClient
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome
from border_agent.inspection.errors import InspectionClosed
from border_agent.inspection.evidence import CHIP_NO_KEY, CHIP_SKIPPED, Evidence, Step
from border_agent.inspection.machine import Phase
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.faults import Fault, FaultKind
from border_agent.specimens.chip.personalise import cloned
from border_agent.specimens.chip.pki import SignerCondition
from border_agent.specimens.chip.sample import (
    ACTIVE,
    BAC_ONLY,
    MAPPED,
    MODERN,
    sample_booklet,
    sample_lines,
    sample_pki,
)
from firmware_bridge.roles import DeviceState
from mqtt_schemas.entries import Decision, read_entry
from mqtt_schemas.post import PictureKind
from mqtt_schemas.records import ChipPolicy, ChipWish, Policy, Regime, RegimeRule

POLICY = Policy(
    policy_id="utopia-chips",
    rules_version=1,
    country="UTO",
    issuers=("UTO",),
    regimes=(RegimeRule(nationality="*", regime=Regime.NATIONAL),),
)
SECONDS = 20.0


@pytest.fixture
def tray(monkeypatch: pytest.MonkeyPatch) -> Tray:
    return with_tray(monkeypatch)


@pytest.fixture
def desk(start: Start, tray: Tray, monkeypatch: pytest.MonkeyPatch) -> tuple[Agent, AgentClient]:
    """A device that can read documents, chips and faces, and trusts Utopia and Mali."""
    agent, client = start(CHIPS)
    in_force(agent, monkeypatch, POLICY)
    trusting(agent, sample_pki().csca_certificates(), sample_pki().crls())
    able(agent, Step.DOCUMENT, Step.CHIP, Step.PAGE, chip=SECONDS, page=0.3)
    return agent, client


def chip_of(*arguments: Any, **named: Any) -> VirtualChip:
    return VirtualChip(sample_booklet(*arguments, **named))


def inspected(agent: Agent, tray: Tray, chip: VirtualChip | None, lines: tuple[str, ...] = ()) -> Any:
    tray.lay_down(chip)
    case = agent.desk.start()
    lay_page(agent, lines or sample_lines())
    return proposal(agent, case.id)


def codes(case: Any) -> set[str]:
    return {code for code in case.inspection.verdict.codes if code.startswith(("chip.", "inspection.problem"))}


@pytest.mark.parametrize(
    ("profile", "access", "authenticity"),
    [
        (MODERN, "pace-gm", ChipAuthenticity.proved_ca),
        (BAC_ONLY, "bac", ChipAuthenticity.unsupported),
        (ACTIVE, "bac", ChipAuthenticity.proved_aa),
        (MAPPED, "pace-cam", ChipAuthenticity.proved_cam),
    ],
    ids=["modern", "bac", "active", "mapped"],
)
def test_a_good_chip_is_read_and_believed(
    desk: tuple[Agent, AgentClient], tray: Tray, profile: Any, access: str, authenticity: ChipAuthenticity
) -> None:
    agent, client = desk
    case = inspected(agent, tray, chip_of(profile))
    chip = case.inspection.evidence.chip
    assert (chip.outcome, chip.access, chip.authenticity) == (ChipOutcome.read, access, authenticity), chip.error
    assert chip.agrees is True
    assert chip.passive.verdict.value == "trusted", chip.passive.findings
    assert {"EF.SOD", "DG1", "DG2"} <= chip.files.keys()
    expected = {"chip.verified"} | ({"chip.not_authenticated"} if not authenticity.proved else set())
    assert codes(case) == expected
    assert (case.chip.stage, case.chip.fraction) == (ShownStage.DONE, 1.0)
    assert PictureKind.CHIP in case.pictures
    shown = client.inspection(case.id)
    assert shown["chip"]["portrait"] == "chip"
    assert shown["chip"]["original"] is authenticity.proved
    assert shown["chip"]["passive"]["verdict"] == "trusted"
    assert shown["document"]["source"] == "reader"


@pytest.mark.parametrize(
    ("chip", "found"),
    [
        (lambda: VirtualChip(cloned(sample_booklet(MODERN))), "chip.cloned"),
        (lambda: VirtualChip(cloned(sample_booklet(ACTIVE))), "chip.cloned"),
        (lambda: chip_of(MODERN, faults=(Fault(kind=FaultKind.HIDDEN_KEYS),)), "chip.cloned"),
        (lambda: chip_of(MODERN, faults=(Fault(kind=FaultKind.PACE_STRIPPED),)), "chip.downgraded"),
        (lambda: chip_of(MODERN, condition=SignerCondition.REVOKED), "chip.signer_revoked"),
        (lambda: chip_of(MODERN, condition=SignerCondition.EXPIRED), "chip.signer_expired"),
        (lambda: chip_of(MODERN, condition=SignerCondition.LAPSED), "chip.signer_expired_now"),
        (lambda: chip_of(MODERN, country="ML"), "chip.invalid"),
        (lambda: chip_of(MODERN, faults=(Fault(kind=FaultKind.ENDLESS_MORE, at=3),)), "chip.hostile"),
        (lambda: chip_of(MODERN, faults=(Fault(kind=FaultKind.NO_MAC, at=12),)), "chip.hostile"),
    ],
    ids=[
        "clone",
        "active-clone",
        "hidden",
        "stripped",
        "revoked",
        "expired",
        "lapsed",
        "foreign",
        "endless",
        "no-mac",
    ],
)
def test_what_is_wrong_with_a_chip_reaches_the_officer(
    desk: tuple[Agent, AgentClient], tray: Tray, chip: Callable[[], VirtualChip], found: str
) -> None:
    agent, _ = desk
    laid = chip()
    trusting(agent, sample_pki().csca_certificates(), sample_pki().crls())  # which now know of the signer
    case = inspected(agent, tray, laid)
    assert found in codes(case), (codes(case), case.inspection.evidence.chip)


def test_another_documents_chip_does_not_open(desk: tuple[Agent, AgentClient], tray: Tray) -> None:
    agent, _ = desk
    case = inspected(agent, tray, chip_of(MODERN), sample_lines(number="U00000001"))
    assert case.inspection.evidence.chip.outcome is ChipOutcome.access_refused
    assert "chip.access_refused" in codes(case)


def test_without_a_list_of_authorities_a_chip_is_neither_good_nor_forged(
    start: Start, tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = start(CHIPS)
    in_force(agent, monkeypatch, POLICY)
    able(agent, Step.DOCUMENT, Step.CHIP)
    case = inspected(agent, tray, chip_of(MODERN))
    assert codes(case) == {"chip.no_trust_anchor"}
    # The list comes: the same chip is believed, without a restart.
    trusting(agent, sample_pki().csca_certificates())
    assert "chip.verified" in codes(inspected(agent, tray, chip_of(MODERN)))


def test_a_chip_that_is_not_there_is_waited_for_briefly_or_as_long_as_the_policy_wants(
    desk: tuple[Agent, AgentClient], tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = desk
    monkeypatch.setattr("border_agent.agent.chip_work.BRIEF_SECONDS", 0.3)
    begun = time.monotonic()
    case = inspected(agent, tray, None)
    assert time.monotonic() - begun < 5.0
    assert case.inspection.evidence.chip.outcome is ChipOutcome.absent
    assert codes(case) == {"chip.not_read"}
    always = structs.replace(POLICY, chip=ChipPolicy(wanted=ChipWish.ALWAYS, required_for=("UTO",)))
    in_force(agent, monkeypatch, always)
    begun = time.monotonic()
    able(agent, Step.DOCUMENT, Step.CHIP, chip=1.2)
    case = inspected(agent, tray, None)
    assert time.monotonic() - begun >= 1.0
    assert codes(case) == {"chip.not_read", "chip.required"}


def test_nobodys_chip_is_read_where_the_policy_says_never(
    desk: tuple[Agent, AgentClient], tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = desk
    in_force(agent, monkeypatch, structs.replace(POLICY, chip=ChipPolicy(wanted=ChipWish.NEVER)))
    case = inspected(agent, tray, chip_of(MODERN))
    assert (case.inspection.evidence.chip, case.chip, tray.asked) == (None, None, 0)


def test_the_traveller_is_told_where_the_passport_belongs(desk: tuple[Agent, AgentClient], tray: Tray) -> None:
    agent, client = desk
    able(agent, Step.DOCUMENT, Step.CHIP)
    case = agent.desk.start()
    lay_page(agent, sample_lines())
    wait(lambda: told(agent, case.id) is Guidance.CHIP_PUT)
    assert agent.desk.case(case.id).step is Step.CHIP
    # From the third file on it is pulled; back after a moment.
    chip = chip_of(MODERN, faults=(Fault(kind=FaultKind.PULLED, at=18, times=1),))
    tray.lay_down(chip)
    done = proposal(agent, case.id)
    assert done.inspection.evidence.chip.read
    traveller = AgentClient(client._socket, as_kiosk=True)
    view = traveller.inspection(case.id)
    assert view["chip"] == {"stage": "done", "fraction": 1.0}
    assert "chip" in view["answered"]
    assert "passive" not in str(view)


def test_progress_rises_and_the_page_is_looked_at_meanwhile(desk: tuple[Agent, AgentClient], tray: Tray) -> None:
    agent, client = desk
    slow = chip_of(MODERN, faults=(Fault(kind=FaultKind.SLOW, seconds=0.03),))
    tray.lay_down(slow)
    case = agent.desk.start()
    lay_page(agent, sample_lines())
    seen = []
    for now in client.events(case.id):
        seen += [now] if now["chip_progress"] else []
        if now["phase"] != "collecting":
            break
    fractions = [now["chip_progress"]["fraction"] for now in seen]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 4
    assert {"access", "files"} <= {now["chip_progress"]["stage"] for now in seen}
    assert "page" in {now["step"] for now in seen} | set(seen[0]["answered"])
    assert seen[-1]["answered"] == ["document", "chip", "page"]
    assert [now["guidance"]["code"] for now in seen if now["step"] == "chip" and now["guidance"]][
        -1
    ] == "chip.reading"


def test_the_face_waits_for_the_chip_and_is_compared_with_it_first(
    desk: tuple[Agent, AgentClient], tray: Tray
) -> None:
    agent, _ = desk
    agent.desk._answers.compare = compared  # type: ignore[method-assign]
    able(agent, Step.DOCUMENT, Step.CHIP, Step.PAGE, Step.FACE)
    slow = chip_of(MODERN, faults=(Fault(kind=FaultKind.SLOW, seconds=0.02),))
    case = inspected(agent, tray, slow)
    kinds = [comparison.reference.value for comparison in case.inspection.evidence.face.comparisons]
    assert kinds == ["chip", "printed"]
    assert "face.reference_unvouched" not in case.inspection.verdict.codes


def test_a_chip_nobody_vouches_for_is_compared_as_such(
    desk: tuple[Agent, AgentClient], tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = desk
    agent.desk._answers.compare = compared  # type: ignore[method-assign]
    able(agent, Step.DOCUMENT, Step.CHIP, Step.FACE)
    case = inspected(agent, tray, VirtualChip(cloned(sample_booklet(MODERN))))
    (comparison,) = case.inspection.evidence.face.comparisons
    assert comparison.reference.value == "chip_unvouched"
    assert "face.reference_unvouched" in case.inspection.verdict.codes


def test_an_officer_reads_the_chip_again_and_the_kept_face_is_compared(
    desk: tuple[Agent, AgentClient], tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = desk
    agent.desk._answers.compare = compared  # type: ignore[method-assign]
    monkeypatch.setattr("border_agent.agent.chip_work.BRIEF_SECONDS", 0.2)
    sight = Sight()
    able(agent, Step.DOCUMENT, Step.CHIP, Step.PAGE, Step.FACE, sight=sight)
    first = inspected(agent, tray, None)
    assert [one.reference.value for one in first.inspection.evidence.face.comparisons] == ["printed"]
    tray.lay_down(chip_of(MODERN))
    client.read_chip(first.id)
    again = proposal(agent, first.id)
    evidence = again.inspection.evidence
    assert (evidence.chip.read, evidence.chip.attempts) == (True, 2)
    assert [one.reference.value for one in evidence.face.comparisons] == ["printed", "chip"]
    assert "chip.verified" in codes(again)
    assert again.proposed_at == first.proposed_at
    # And once more, taken away: what was read stays.
    tray.lay_down(None)
    agent.desk.read_chip_again(first.id)
    last = proposal(agent, first.id)
    assert (last.inspection.evidence.chip.read, last.inspection.evidence.chip.attempts) == (True, 3)
    decided = agent.desk.decide(last.id, Decision.ADMIT, "4711", "seen")
    with pytest.raises(InspectionClosed):
        agent.desk.read_chip_again(decided.id)


def test_a_chip_cannot_be_asked_for_without_document_or_reader(
    desk: tuple[Agent, AgentClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = desk
    case = agent.desk.start()
    with pytest.raises(NoDocument):
        agent.desk.read_chip_again(case.id)
    monkeypatch.setattr(agent.desk, "_chips", None)
    with pytest.raises(NoChipReader):
        agent.desk.read_chip_again(case.id)
    agent.desk.cancel(case.id)


def test_skipping_and_cancelling_end_the_reading(desk: tuple[Agent, AgentClient], tray: Tray) -> None:
    agent, _ = desk
    able(agent, Step.DOCUMENT, Step.CHIP)
    tray.lay_down(chip_of(MODERN, faults=(Fault(kind=FaultKind.SLOW, seconds=0.5),)))
    case = agent.desk.start()
    lay_page(agent, sample_lines())
    wait(lambda: agent.desk.case(case.id).chip is not None)
    agent.desk.skip(case.id, Step.CHIP)
    skipped = proposal(agent, case.id)
    assert skipped.inspection.evidence.chip.error == CHIP_SKIPPED
    assert (skipped.inspection.evidence.skipped, skipped.chip.stage) == ((), ShownStage.DONE)
    case = agent.desk.start()
    lay_page(agent, sample_lines())
    wait(lambda: agent.desk.case(case.id).chip is not None)
    assert agent.desk.cancel(case.id).phase is Phase.CANCELLED
    # The next traveller's chip is read, whatever became of the one before.
    assert inspected(agent, tray, chip_of(MODERN)).inspection.evidence.chip.read


def test_a_reader_that_died_is_a_problem_and_no_outage(desk: tuple[Agent, AgentClient], tray: Tray) -> None:
    agent, client = desk
    tray.state = DeviceState.absent
    begun = time.monotonic()
    case = inspected(agent, tray, chip_of(MODERN))
    assert time.monotonic() - begun < 5.0
    assert case.inspection.evidence.chip.error == "chip.no_reader"
    assert codes(case) == {"chip.not_read", "inspection.problem"}
    assert client.kiosk()["in_service"] is True
    assert {"role": "chip_reader", "state": "absent"} in client.kiosk()["devices"]
    assert client.test_device("chip_reader") == {"device": "chip_reader", "passed": False, "code": "device.absent"}
    tray.state = DeviceState.ready
    assert client.test_device("chip_reader")["passed"] is True


def test_a_zone_that_gives_no_key_is_said(desk: tuple[Agent, AgentClient], tray: Tray) -> None:
    agent, _ = desk
    first, second = sample_lines()
    broken = second[:13] + "999999" + second[19:]
    case = inspected(agent, tray, chip_of(MODERN), (first, broken))
    assert case.inspection.evidence.chip.error == CHIP_NO_KEY
    assert tray.asked == 0


def test_a_fault_of_our_own_goes_on_without_the_chip(
    desk: tuple[Agent, AgentClient], tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = desk

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("border_agent.agent.chip_work.weighed_reading", broken)
    case = inspected(agent, tray, chip_of(MODERN))
    assert (case.inspection.evidence.chip.outcome, case.inspection.evidence.chip.error) == (
        ChipOutcome.absent,
        "chip.failed",
    )


def test_what_the_journal_keeps_of_a_chip(desk: tuple[Agent, AgentClient], tray: Tray) -> None:
    agent, _ = desk
    case = inspected(agent, tray, chip_of(MODERN))
    agent.desk.decide(case.id, Decision.ADMIT, "4711", "seen")
    segment = agent.journal.entries_after(0, 1000, 2**24)
    movement = next(entry for body in segment.bodies if (entry := read_entry(body)).__class__.__name__ == "Movement")
    assert (movement.chip.outcome, movement.chip.passive, movement.chip.authenticity) == (
        "read",
        "trusted",
        "proved_ca",
    )
    assert (movement.chip.issuer, movement.chip.agrees, len(movement.chip.portrait_sha256)) == ("UT", True, 32)
    assert movement.document.source == "reader"
    stored = agent.evidence.get(movement.evidence)
    assert stored is not None
    assert len(stored) < 16_384
    assert msgspec.json.decode(stored, type=Evidence).pictures["chip"] == movement.chip.portrait_sha256.hex()
    assert agent.evidence.get(movement.chip.portrait_sha256) in sample_booklet(MODERN).files["DG2"]
    assert "borne_chip_readings_total" in agent.metrics.text().decode()


def compared(reference: Any, probes: Any, kind: Any) -> Any:
    from border_agent.faces import FaceComparison, Zone

    return FaceComparison(
        zone=Zone.match,
        distance=0.3,
        reference=kind,
        match_threshold=0.437,
        doubt_threshold=0.6,
        calibration="test",
        calibration_sha256="ab" * 32,
        provisional=False,
        model="dlib",
        model_sha256="cd" * 32,
        frames=len(probes),
        quality=None,
    )


def told(agent: Agent, inspection: str) -> Guidance | None:
    guidance = agent.desk.case(inspection).guidance
    return guidance.code if guidance is not None else None


def wait(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
