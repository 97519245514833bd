"""Chips that mean harm, or are broken: each reading ends within its allowance, with a typed outcome."""

from __future__ import annotations

import time

import pytest

from border_agent.documents.chip.budget import Allowance
from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome, ChipReading
from border_agent.specimens.chip.faults import Fault, FaultKind
from border_agent.specimens.chip.personalise import with_faults
from border_agent.specimens.chip.profile import ChipProfile
from border_agent.specimens.chip.sample import ACTIVE, MODERN, sample_booklet
from tests.chip.cards import Lying

SECONDS = 1.0
LATE = 0.2
"""Seconds a slow answer takes, and so by how much a reading may be late."""
BUSY = 1.0
"""Seconds that a busy machine may add."""


def read(fault: Fault, profile: ChipProfile = MODERN) -> ChipReading:
    card = Lying(with_faults(sample_booklet(profile), fault))
    password = MrzPassword(card.booklet.mrz_information)
    began = time.monotonic()
    reading = read_chip(card.open, password, allowance=Allowance(seconds=SECONDS))
    assert time.monotonic() - began < SECONDS + LATE + BUSY
    return reading


IN_A_FILE = (
    FaultKind.ENDLESS_FILE,
    FaultKind.LENGTH_BOMB,
    FaultKind.NESTED_BOMB,
    FaultKind.TRUNCATED,
    FaultKind.MISSING,
)
FROM_ANY_COMMAND = [kind for kind in FaultKind if kind not in IN_A_FILE]
BROKEN = [
    FaultKind.BAD_MAC,
    FaultKind.NO_MAC,
    FaultKind.NO_STATUS,
    FaultKind.WRONG_SSC,
    FaultKind.NOISE,
    FaultKind.OVERLONG,
]
FILES = ["EF.CardAccess", "EF.COM", "EF.SOD", "DG1", "DG14", "DG2", "DG11"]


@pytest.mark.parametrize("kind", FROM_ANY_COMMAND)
def test_a_fault_from_any_command_on_ends_the_reading(kind: FaultKind) -> None:
    step = 5 if kind is not FaultKind.SLOW else 12
    for at in range(1 + FROM_ANY_COMMAND.index(kind) % step, 45, step):
        reading = read(Fault(kind=kind, at=at, seconds=LATE))
        assert reading.outcome is ChipOutcome.read or reading.error, at


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", IN_A_FILE)
def test_a_fault_in_a_file_ends_with_an_outcome(kind: FaultKind, file: str) -> None:
    reading = read(Fault(kind=kind, file=file))
    assert reading.outcome in (ChipOutcome.read, ChipOutcome.unreadable, ChipOutcome.hostile)
    if kind in (FaultKind.TRUNCATED, FaultKind.MISSING):
        assert reading.outcome is not ChipOutcome.hostile
        assert file not in reading.files


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_secure_messaging_is_hostile(kind: FaultKind) -> None:
    reading = read(Fault(kind=kind, file="DG1"))
    assert (reading.outcome, reading.error) == (ChipOutcome.hostile, "chip.messaging")
    assert "DG1" not in reading.files


def test_a_length_bomb_is_refused_at_its_head() -> None:
    reading = read(Fault(kind=FaultKind.LENGTH_BOMB, file="DG2"))
    assert (reading.outcome, reading.error) == (ChipOutcome.hostile, "chip.protocol")
    assert reading.apdus < 40


def test_what_lies_behind_a_file_is_not_read() -> None:
    reading = read(Fault(kind=FaultKind.ENDLESS_FILE, file="DG2"))
    assert reading.outcome is ChipOutcome.read
    assert len(reading.files["DG2"]) < 20_000


def test_a_slow_chip_is_left_when_the_time_is_up() -> None:
    reading = read(Fault(kind=FaultKind.SLOW, seconds=LATE))
    assert (reading.outcome, reading.error) == (ChipOutcome.timed_out, "chip.budget")
    assert 4 <= reading.apdus <= 6


def test_a_file_that_breaks_the_session_twice_is_done_without() -> None:
    """Some chips answer what they will not give with a bare status word, and the session is over."""
    reading = read(Fault(kind=FaultKind.STATUS, file="DG11", status=0x6982))
    assert (reading.outcome, reading.missing, reading.resumed) == (ChipOutcome.read, ("DG11",), 2)
    assert {"DG2", "DG7", "DG12"} <= set(reading.files)


def test_one_that_holds_dg1_back_is_not_read() -> None:
    reading = read(Fault(kind=FaultKind.STATUS, file="DG1", status=0x6982))
    assert (reading.outcome, reading.error) == (ChipOutcome.hostile, "chip.messaging")


def test_keys_that_are_hidden_leave_authenticity_open() -> None:
    """Nothing on the chip says that it should have proved itself: EF.SOD does, for passive authentication to see."""
    reading = read(Fault(kind=FaultKind.HIDDEN_KEYS), ACTIVE)
    assert (reading.outcome, reading.authenticity) == (ChipOutcome.read, ChipAuthenticity.unsupported)
    assert not {"DG14", "DG15"} & set(reading.files)
    assert reading.missing == ("DG14", "DG15")  # by EF.SOD


def test_a_chip_that_refuses_the_key_it_took_before_is_lost() -> None:
    reading = read(Fault(kind=FaultKind.STATUS, at=30))
    assert (reading.outcome, reading.error) == (ChipOutcome.lost, "chip.pace_failed")
