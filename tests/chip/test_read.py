"""Reading a chip from beginning to end: the order, what is told meanwhile, and going on after a loss."""

from __future__ import annotations

import pytest

from border_agent.documents.chip.budget import Allowance
from border_agent.documents.chip.passwords import CanPassword, MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import (
    ChipAuthenticity,
    ChipOutcome,
    ChipProgress,
    ChipReading,
    ChipReadPolicy,
    ChipStage,
)
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.faults import Fault, FaultKind
from border_agent.specimens.chip.personalise import cloned, with_faults
from border_agent.specimens.chip.profile import (
    ActiveAuthenticationOffer,
    ActiveKind,
    ChipAuthenticationOffer,
    ChipProfile,
    PaceOffer,
)
from border_agent.specimens.chip.sample import ACTIVE, BAC_ONLY, MAPPED, MODERN, sample_booklet, sample_holder
from tests.chip.cards import Lying

OLD_SHORT = ChipProfile(pace=(PaceOffer(),), chip_authentication=ChipAuthenticationOffer(), extended=False)
PROFILES = {
    "bac": (BAC_ONLY, "bac", ChipAuthenticity.unsupported, ""),
    "pace, ca": (MODERN, "pace-gm", ChipAuthenticity.proved_ca, "DG14"),
    "pace-cam": (MAPPED, "pace-cam", ChipAuthenticity.proved_cam, "EF.CardSecurity"),
    "bac, aa": (ACTIVE, "bac", ChipAuthenticity.proved_aa, "DG15"),
    "short apdus": (OLD_SHORT, "pace-gm", ChipAuthenticity.proved_ca, "DG14"),
}


def read(card: Lying, **options: object) -> ChipReading:
    return read_chip(card.open, MrzPassword(card.booklet.mrz_information), **options)  # type: ignore[arg-type]


def everything(booklet: Booklet) -> dict[str, bytes]:
    """What a reading must bring: every file but those about lengths."""
    return {name: content for name, content in booklet.files.items() if name != "EF.ATR/INFO"}


@pytest.mark.parametrize(("profile", "access", "authenticity", "proof_file"), PROFILES.values(), ids=PROFILES)
def test_a_chip_is_read(profile: ChipProfile, access: str, authenticity: ChipAuthenticity, proof_file: str) -> None:
    booklet = sample_booklet(profile)
    reading = read(Lying(booklet))
    assert (reading.outcome, reading.error) == (ChipOutcome.read, "")
    assert (reading.access, reading.authenticity, reading.proof_file) == (access, authenticity, proof_file)
    assert reading.files == everything(booklet)
    assert reading.mrz_lines[1][:9] == "U27182818"
    assert not reading.missing
    assert not reading.pace_failed
    assert not reading.access_differs


@pytest.mark.parametrize("profile", [MODERN, MAPPED, ACTIVE], ids=["ca", "cam", "aa"])
def test_a_copy_is_told_and_read_all_the_same(profile: ChipProfile) -> None:
    booklet = cloned(sample_booklet(profile))
    reading = read(Lying(booklet))
    assert reading.outcome is ChipOutcome.read
    assert reading.authenticity is ChipAuthenticity.failed
    assert reading.files == everything(booklet)


def test_chip_authentication_comes_before_active_authentication_and_before_the_portrait() -> None:
    both = ChipProfile(
        chip_authentication=ChipAuthenticationOffer(),
        active_authentication=ActiveAuthenticationOffer(kind=ActiveKind.RSA),
    )
    told: list[ChipProgress] = []
    reading = read(Lying(sample_booklet(both)), progress=told.append)
    assert reading.authenticity is ChipAuthenticity.proved_ca
    stages = [one.stage for one in told]
    assert stages.index(ChipStage.authentication) < next(i for i, one in enumerate(told) if one.file == "DG2")


def test_the_card_access_number_opens_pace_and_nothing_else() -> None:
    card = Lying(sample_booklet(MODERN))
    assert read_chip(card.open, CanPassword("271828")).access == "pace-gm"
    refused = read_chip(card.open, CanPassword("271829"))
    assert (refused.outcome, refused.error) == (ChipOutcome.access_refused, "chip.access_refused")
    without = read_chip(Lying(sample_booklet(BAC_ONLY)).open, CanPassword("271828"))
    assert (without.outcome, without.error) == (ChipOutcome.unreadable, "chip.unsupported")


@pytest.mark.parametrize("profile", [MODERN, BAC_ONLY], ids=["pace", "bac"])
def test_another_documents_lines_are_refused(profile: ChipProfile) -> None:
    reading = read_chip(Lying(sample_booklet(profile)).open, MrzPassword("L898902C<369080619406236"))
    assert (reading.outcome, reading.error) == (ChipOutcome.access_refused, "chip.access_refused")
    assert reading.authenticity is ChipAuthenticity.untried
    assert set(reading.files) <= {"EF.CardAccess"}


def test_a_failed_pace_is_the_end_unless_the_policy_allows_more() -> None:
    booklet = with_faults(sample_booklet(MODERN), Fault(kind=FaultKind.PACE_BROKEN, status=0x6300))
    assert read(Lying(booklet)).outcome is ChipOutcome.access_refused
    reading = read(Lying(booklet), policy=ChipReadPolicy(bac_after_pace=True))
    assert (reading.outcome, reading.access, reading.pace_failed) == (ChipOutcome.read, "bac", True)
    assert reading.files == everything(booklet)


def test_a_card_access_that_hides_pace_is_seen_in_dg14() -> None:
    booklet = with_faults(sample_booklet(MODERN), Fault(kind=FaultKind.PACE_STRIPPED))
    reading = read(Lying(booklet))
    assert (reading.outcome, reading.access) == (ChipOutcome.read, "bac")
    assert reading.access_differs


def test_progress_only_rises_and_ends_at_one() -> None:
    told: list[ChipProgress] = []
    reading = read(Lying(sample_booklet(OLD_SHORT), pulls=frozenset({20, 60}), away=1), progress=told.append)
    assert reading.outcome is ChipOutcome.read
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert (told[-1].fraction, told[-1].stage) == (1.0, ChipStage.done)
    portrait = [one for one in told if one.file == "DG2" and one.bytes_total]
    assert portrait[-1].bytes_read == portrait[-1].bytes_total == len(reading.files["DG2"])
    assert [one.fraction for one in told if one.waiting][0] == 0.0
    assert sum(one.waiting for one in told) == 3  # for the card, and after each loss


def test_only_what_is_wanted_is_read() -> None:
    reading = read(Lying(sample_booklet(MODERN)), policy=ChipReadPolicy(files=("DG11",), portrait=False))
    assert set(reading.files) == {"EF.CardAccess", "EF.COM", "EF.SOD", "DG1", "DG14", "DG11"}


def test_no_card_is_an_outcome() -> None:
    reading = read_chip(lambda _: None, CanPassword("271828"), policy=ChipReadPolicy(wait=0.0))
    assert (reading.outcome, reading.error, reading.apdus) == (ChipOutcome.absent, "", 0)


def test_a_reading_can_be_cancelled() -> None:
    card = Lying(sample_booklet(MODERN))
    reading = read(card, cancelled=lambda: card.commands >= 15)
    assert (reading.outcome, reading.error) == (ChipOutcome.timed_out, "chip.budget")
    assert card.commands == 15


LOSSES = {
    "ca, command lost": (MODERN, False, False),
    "ca, answer lost": (MODERN, True, False),
    "ca, silent": (MODERN, False, True),
    "cam, command lost": (MAPPED, False, False),
    "aa, answer lost": (ACTIVE, True, False),
}


@pytest.mark.parametrize(("profile", "seen", "silent"), LOSSES.values(), ids=LOSSES)
def test_contact_lost_at_every_command_is_taken_up_again(profile: ChipProfile, seen: bool, silent: bool) -> None:
    booklet = sample_booklet(profile, holder=sample_holder(size=6_000, details=False))
    whole = Lying(booklet)
    expected = read(whole)
    for command in range(1, whole.commands + 1):
        card = Lying(booklet, pulls=frozenset({command}), seen=seen, silent=silent)
        reading = read(card)
        assert reading.outcome is ChipOutcome.read, command
        assert (reading.files, reading.authenticity) == (expected.files, expected.authenticity), command
        assert (reading.resumed, card.openings) == (1, 2), command


def test_reading_goes_on_at_the_byte_it_stopped_at() -> None:
    booklet = sample_booklet(OLD_SHORT)
    whole = Lying(booklet)
    read(whole)
    card = Lying(booklet, pulls=frozenset({whole.commands // 2}))
    read(card)
    # Access, authentication and one SELECT a second time; none of the pieces of DG2.
    assert card.commands - whole.commands < 20


def test_a_card_that_does_not_come_back_is_lost() -> None:
    card = Lying(sample_booklet(MODERN), pulls=frozenset({25}), away=10**6)
    reading = read(card, policy=ChipReadPolicy(wait=1.0))
    assert (reading.outcome, reading.error) == (ChipOutcome.lost, "chip.lost")
    assert "DG1" in reading.files


def test_a_card_that_is_lost_too_often_is_lost() -> None:
    card = Lying(sample_booklet(MODERN), pulls=frozenset(range(25, 10_000)))
    reading = read(card, policy=ChipReadPolicy(resumes=2))
    assert (reading.outcome, reading.resumed) == (ChipOutcome.lost, 3)


def test_a_reader_that_cannot_pass_long_answers_on_gets_short_ones() -> None:
    class ShortReader(Lying):
        def transmit(self, apdu: bytes) -> bytes:
            if len(apdu) > 5 and apdu[4] == 0 and apdu[1] == 0xB0:  # extended length
                self.pulls = frozenset({self.commands + 1})
            return super().transmit(apdu)

    booklet = sample_booklet(MODERN)
    reading = read(ShortReader(booklet))
    assert (reading.outcome, reading.resumed) == (ChipOutcome.read, 1)
    assert reading.files == everything(booklet)


def test_a_lost_contact_does_not_cost_the_long_answers() -> None:
    booklet = sample_booklet(MODERN)
    whole = Lying(booklet)
    read(whole)
    card = Lying(booklet, pulls=frozenset({16}))
    read(card)
    assert card.commands < 2 * whole.commands


def test_the_allowance_counts_commands_and_bytes() -> None:
    card = Lying(sample_booklet(OLD_SHORT))
    assert read(card, allowance=Allowance(apdus=30)).outcome is ChipOutcome.timed_out
    assert card.commands == 30
    reading = read(Lying(sample_booklet(OLD_SHORT)), allowance=Allowance(octets=5_000))
    assert (reading.outcome, reading.error) == (ChipOutcome.timed_out, "chip.budget")
