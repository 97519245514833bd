"""Every fault, read by the terminal: each ends as it should, in a value, and soon."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from border_agent.documents.chip.passwords import CanPassword, MrzPassword, Password
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome, ChipReading, ChipReadPolicy
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.faults import Fault, FaultKind
from border_agent.specimens.chip.personalise import cloned, with_faults, with_files
from border_agent.specimens.chip.pki import SignerCondition
from border_agent.specimens.chip.sample import (
    ACTIVE,
    BAC_ONLY,
    MAPPED,
    MODERN,
    sample_booklet,
    sample_holder,
    sample_lines,
    sample_pki,
    today,
    years_before,
)
from border_agent.specimens.chip.wrong import Endless
from border_agent.trust.passive import CscaStore, PassiveJudgement, PassiveVerdict, judge_card_security, judge_sod
from firmware_bridge.errors import CardGone, CardSilent

OPENED = 16
"""An APDU by which the modern sample has been opened, and nothing but EF.COM read."""
SOON = 6.0
"""Seconds in which every one of these must end, on a busy machine."""
QUIET = ChipReadPolicy(wait=0.1)


def read(booklet: Booklet, password: Password | None = None, policy: ChipReadPolicy = QUIET) -> ChipReading:
    """What the terminal makes of it."""
    chip = VirtualChip(booklet)

    def opener(_: float) -> VirtualChip:
        chip.power(on=False)
        chip.power(on=True)
        return chip

    began = time.monotonic()
    reading = read_chip(opener, password or MrzPassword(booklet.mrz_information), policy=policy)
    assert time.monotonic() - began < SOON
    return reading


def read_with(booklet: Booklet, *faults: Fault) -> ChipReading:
    return read(with_faults(booklet, *faults))


@pytest.fixture(scope="module")
def modern() -> Booklet:
    return sample_booklet(MODERN)


@pytest.fixture(scope="module")
def basic() -> Booklet:
    return sample_booklet(BAC_ONLY)


def in_application(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.startswith("DG") or name in ("EF.COM", "EF.SOD")}


# --- the wire --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "outcome", "error"),
    [
        (Fault(kind=FaultKind.PULLED, at=3), "lost", "chip.lost"),
        (Fault(kind=FaultKind.PULLED, at=OPENED), "lost", "chip.lost"),
        (Fault(kind=FaultKind.SILENT, at=3), "lost", "chip.lost"),
        (Fault(kind=FaultKind.SILENT, file="DG2"), "lost", "chip.lost"),
        (Fault(kind=FaultKind.SLOW, seconds=0.01), "read", ""),
        (Fault(kind=FaultKind.STATUS, at=3), "unreadable", "chip.protocol"),
        (Fault(kind=FaultKind.STATUS, at=1), "unreadable", "chip.protocol"),
        (Fault(kind=FaultKind.PROTECTED_STATUS, file="DG1"), "unreadable", "chip.protocol"),
        (Fault(kind=FaultKind.BAD_MAC, at=OPENED), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.BAD_MAC, file="DG2"), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.BAD_MAC, at=OPENED, times=1), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.NO_MAC, at=OPENED), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.NO_STATUS, at=OPENED), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.WRONG_SSC, at=OPENED, times=1), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.REPLAYED, at=OPENED, times=1), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.ENDLESS_MORE, at=3), "hostile", "chip.protocol"),
        (Fault(kind=FaultKind.ENDLESS_MORE, file="DG2"), "hostile", "chip.protocol"),
        (Fault(kind=FaultKind.ENDLESS_LENGTH, at=3), "unreadable", "chip.protocol"),
        (Fault(kind=FaultKind.OVERLONG, at=3), "hostile", "chip.protocol"),
        (Fault(kind=FaultKind.OVERLONG, file="DG2"), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.SHORT, at=OPENED), "hostile", "chip.protocol"),
        (Fault(kind=FaultKind.NOISE, at=OPENED), "hostile", "chip.messaging"),
        (Fault(kind=FaultKind.LENGTH_BOMB, file="DG2"), "hostile", "chip.protocol"),
        (Fault(kind=FaultKind.LENGTH_BOMB, file="EF.SOD"), "hostile", "chip.protocol"),
        (Fault(kind=FaultKind.PACE_BROKEN), "access_refused", "chip.pace_failed"),
        (Fault(kind=FaultKind.PACE_BROKEN, status=0x6300), "access_refused", "chip.access_refused"),
    ],
    ids=lambda value: f"{value.kind}-{value.file or value.at}" if isinstance(value, Fault) else "",
)
def test_each_fault_of_the_wire_ends_as_it_should(fault: Fault, outcome: str, error: str, modern: Booklet) -> None:
    reading = read_with(modern, fault)
    assert (reading.outcome, reading.error) == (outcome, error)


@pytest.mark.parametrize(
    "kind", [FaultKind.TRUNCATED, FaultKind.MISSING, FaultKind.PROTECTED_STATUS, FaultKind.ENDLESS_LENGTH]
)
def test_a_portrait_that_cannot_be_had_is_missing_and_the_rest_is_read(kind: FaultKind, modern: Booklet) -> None:
    reading = read_with(modern, Fault(kind=kind, file="DG2"))
    assert reading.outcome is ChipOutcome.read
    assert "DG2" in reading.missing
    assert "DG2" not in reading.files
    assert {"EF.SOD", "DG1", "DG14"} <= set(reading.files)


def test_what_stands_behind_a_file_is_not_read(modern: Booklet) -> None:
    reading = read_with(modern, Fault(kind=FaultKind.ENDLESS_FILE, file="DG2"))
    assert reading.files["DG2"] == modern.files["DG2"]


@pytest.mark.parametrize("booklet", ["modern", "basic"])
def test_a_card_pulled_at_any_command_and_put_back_is_read_to_the_end(
    booklet: str, request: pytest.FixtureRequest
) -> None:
    whole: Booklet = request.getfixturevalue(booklet)
    commands = read(whole).apdus
    step = 1 if booklet == "modern" else 9
    for number in range(1, commands + 1, step):
        reading = read_with(whole, Fault(kind=FaultKind.PULLED, at=number, times=1))
        assert reading.outcome is ChipOutcome.read, number
        assert in_application(reading.files) == in_application(whole.files), number
        assert reading.resumed == 1, number
        assert reading.missing == (), number


def test_a_card_that_comes_and_goes_is_given_up(modern: Booklet) -> None:
    pulled = [Fault(kind=FaultKind.PULLED, at=number, times=1) for number in range(12, 200, 12)]
    assert read_with(modern, *pulled).outcome is ChipOutcome.lost


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            Fault,
            kind=st.sampled_from([kind for kind in FaultKind if kind is not FaultKind.SLOW]),
            at=st.integers(1, 60),
            times=st.integers(0, 3),
            file=st.sampled_from(["", "DG1", "DG2", "DG14", "EF.SOD", "EF.COM"]),
            status=st.integers(0, 0xFFFF),
        ),
        max_size=3,
    )
)
def test_no_mixture_of_faults_gets_more_than_an_outcome(faults: list[Fault]) -> None:
    reading = read_with(_ANY, *faults)
    assert reading.outcome in ChipOutcome
    if not faults:
        assert in_application(reading.files) == in_application(_ANY.files)


# --- access ----------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_refused_by_pace_and_by_basic_access(modern: Booklet, basic: Booklet) -> None:
    wrong = MrzPassword(modern.mrz_information.replace("U", "V", 1))
    assert read(modern, wrong).outcome is ChipOutcome.access_refused
    assert read(modern, CanPassword("000000")).error == "chip.access_refused"
    assert read(basic, wrong).outcome is ChipOutcome.access_refused
    assert read(modern, CanPassword(MODERN.can)).outcome is ChipOutcome.read


def test_after_a_failed_pace_comes_basic_access_only_by_policy(modern: Booklet) -> None:
    broken = with_faults(modern, Fault(kind=FaultKind.PACE_BROKEN))
    assert read(broken).error == "chip.pace_failed"
    reading = read(broken, policy=msgspec.structs.replace(QUIET, bac_after_pace=True))
    assert (reading.outcome, reading.access, reading.pace_failed) == ("read", "bac", True)


def test_pace_taken_out_of_cardaccess_is_seen_in_dg14(modern: Booklet) -> None:
    reading = read_with(modern, Fault(kind=FaultKind.PACE_STRIPPED))
    assert (reading.outcome, reading.access, reading.access_differs) == ("read", "bac", True)
    assert not read(modern).access_differs


# --- copies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "proved"),
    [
        (MODERN, ChipAuthenticity.proved_ca),
        (MAPPED, ChipAuthenticity.proved_cam),
        (ACTIVE, ChipAuthenticity.proved_aa),
    ],
    ids=["ca", "cam", "aa"],
)
def test_a_clone_fails_where_the_true_chip_proves_itself(profile: object, proved: ChipAuthenticity) -> None:
    assert isinstance(profile, type(MODERN))
    booklet = sample_booklet(profile)
    assert read(booklet).authenticity is proved
    reading = read(cloned(booklet))
    assert reading.authenticity is ChipAuthenticity.failed
    assert judged(booklet, reading).verdict is PassiveVerdict.TRUSTED


def test_a_clone_that_hides_its_keys_lacks_what_its_security_object_names() -> None:
    for profile in (MODERN, ACTIVE):
        clone = cloned(sample_booklet(profile))
        reading = read_with(clone, Fault(kind=FaultKind.HIDDEN_KEYS))
        hidden = {"DG14", "DG15"} & set(clone.files)
        assert not reading.authenticity.proved
        assert hidden <= set(reading.missing)
        assert not hidden & set(reading.files)


def test_a_basic_chip_has_nothing_to_prove_itself_with(basic: Booklet) -> None:
    assert read(basic).authenticity is ChipAuthenticity.unsupported


# --- content ---------------------------------------------------------------------------------------------------


def judged(booklet: Booklet, reading: ChipReading | None = None, issuer: str = "UTO") -> PassiveJudgement:
    """Passive authentication of what was read, with everything that is published."""
    pki = sample_pki()
    store = CscaStore.from_certificates(pki.csca_certificates(), pki.crls())
    files = reading.files if reading is not None else booklet.files
    groups = {int(name[2:]): data for name, data in files.items() if name.startswith("DG")}
    return judge_sod(files["EF.SOD"], groups, store, at=today(), dg1_issuer=issuer)


def codes(judgement: PassiveJudgement) -> set[str]:
    return {finding.code for finding in judgement.findings}


def test_a_file_changed_after_signing(modern: Booklet) -> None:
    for name in ("DG1", "DG2", "DG11", "DG14"):
        changed = with_files(modern, {name: modern.files[name][:-1] + bytes((modern.files[name][-1] ^ 1,))})
        judgement = judged(changed)
        assert judgement.verdict is PassiveVerdict.INVALID
        assert f"sod.hash.{name}" in codes(judgement)


def test_signers_that_should_not_have_signed() -> None:
    expired = sample_booklet(condition=SignerCondition.EXPIRED)
    assert judged(expired).verdict is PassiveVerdict.EXPIRED
    assert "dsc.not_valid_at_signing" in codes(judged(expired))
    lapsed = judged(sample_booklet(condition=SignerCondition.LAPSED, signed=years_before(today(), 1)))
    assert "dsc.expired_now" in codes(lapsed)
    assert "dsc.not_valid_at_signing" not in codes(lapsed)
    revoked = sample_booklet(condition=SignerCondition.REVOKED)
    assert judged(revoked).verdict is PassiveVerdict.REVOKED


def test_signers_of_another_state_and_of_a_state_in_no_list() -> None:
    foreign = judged(sample_booklet(country="ML"))
    assert foreign.verdict is PassiveVerdict.INVALID
    assert "sod.issuer_differs" in codes(foreign)
    chad = sample_booklet(country="TD", holder=sample_holder(sample_lines(issuer="TCD")))
    assert judged(chad, issuer="TCD").verdict is PassiveVerdict.NO_TRUST_ANCHOR


def test_the_file_of_the_mapping_key_is_signed_too() -> None:
    pki = sample_pki()
    store = CscaStore.from_certificates(pki.csca_certificates(), pki.crls())
    file = sample_booklet(MAPPED).files["EF.CardSecurity"]
    assert judge_card_security(file, store, at=today()).verdict is PassiveVerdict.TRUSTED
    place = file.index(bytes.fromhex("04007F000702020102")) + 20  # within the static key
    bent = file[:place] + bytes((file[place] ^ 1,)) + file[place + 1 :]
    assert judge_card_security(bent, store, at=today()).verdict is PassiveVerdict.INVALID


def test_a_chip_of_other_lines_than_the_page() -> None:
    other = sample_lines(number="U31415926")
    booklet = sample_booklet(printed=other)
    reading = read(booklet)
    assert reading.outcome is ChipOutcome.read
    assert reading.mrz_lines == sample_lines()
    assert reading.mrz_lines != other


# --- the faults themselves -------------------------------------------------------------------------------------


def test_a_pulled_card_is_gone_until_it_is_put_back(modern: Booklet) -> None:
    chip = VirtualChip(with_faults(modern, Fault(kind=FaultKind.PULLED, at=2, times=1)))
    free = bytes.fromhex("00A4020C02011C")
    assert chip.transmit(free) == b"\x90\x00"
    for _ in range(3):
        with pytest.raises(CardGone):
            chip.transmit(free)
    chip.reset()
    assert chip.transmit(free) == b"\x90\x00"


def test_a_silent_card_says_nothing_more(modern: Booklet) -> None:
    chip = VirtualChip(with_faults(modern, Fault(kind=FaultKind.SILENT, at=1, times=1)))
    with pytest.raises(CardSilent):
        chip.transmit(b"\0\xb0\0\0\0")
    with pytest.raises(CardGone):
        chip.transmit(b"\0\xb0\0\0\0")


def test_faults_added_later_count_from_there(modern: Booklet) -> None:
    chip = VirtualChip(modern)
    free = bytes.fromhex("00A4020C02011C")
    chip.transmit(free)
    chip.wrongs.add(Fault(kind=FaultKind.STATUS, at=2, times=1, status=0x6581))
    assert [chip.transmit(free).hex() for _ in range(3)] == ["9000", "6581", "9000"]


def test_an_endless_file_never_ends() -> None:
    endless = Endless(b"\x75\x03abc")
    assert endless[0:8] == b"\x75\x03abc\0\0\0"
    assert endless[1 << 30 : (1 << 30) + 4] == bytes(4)
    assert len(endless) > 1 << 35


_ANY = sample_booklet(MODERN)
