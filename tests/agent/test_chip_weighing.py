"""What a reading is worth, whatever a hostile chip has put into its files: always evidence, never an exception."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from border_agent.agent.chip_weighing import portrait_of, weighed_reading
from border_agent.agent.chip_work import read_policy
from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome, ChipReading
from border_agent.documents.mrz import mrz_information, parse_mrz
from border_agent.inspection.evidence import ChipEvidence
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.sample import MAPPED, MODERN, sample_booklet, sample_lines, sample_pki
from border_agent.trust.passive import CscaStore
from mqtt_schemas.records import ChipPolicy, ChipWish

NOW = datetime.now(UTC)
PAGE = parse_mrz("\n".join(sample_lines()), today=NOW.date())
EMPTY = CscaStore.from_certificates(())


@pytest.fixture
def authorities() -> CscaStore:
    return good_reading()[1]


def read(profile: Any = MODERN, **named: Any) -> ChipReading:
    chip = VirtualChip(sample_booklet(profile, **named))
    information = mrz_information(PAGE)
    assert information is not None
    reading = read_chip(lambda _: chip, MrzPassword(information))
    assert reading.outcome is ChipOutcome.read, reading.error
    return reading


@cache
def good_reading() -> tuple[ChipReading, CscaStore]:
    return read(), CscaStore.from_certificates(sample_pki().csca_certificates())


@pytest.fixture
def modern() -> ChipReading:
    return good_reading()[0]


def test_every_file_stands_in_the_evidence_by_its_hash(modern: ChipReading, authorities: CscaStore) -> None:
    evidence = weighed_reading(modern, PAGE, authorities, NOW)
    assert evidence.files.keys() == modern.files.keys()
    assert all(len(digest) == 64 for digest in evidence.files.values())
    assert (evidence.agrees, evidence.proof_signed, evidence.withheld) == (True, True, ())
    assert {"total", "judging"} <= evidence.ms.keys()


def test_a_proof_by_an_unsigned_key_is_none(modern: ChipReading, authorities: CscaStore) -> None:
    other = modern.files["DG14"][:-1] + bytes([modern.files["DG14"][-1] ^ 1])
    forged = structs.replace(modern, files=modern.files | {"DG14": other})
    evidence = weighed_reading(forged, PAGE, authorities, NOW)
    assert evidence.authenticity is ChipAuthenticity.proved_ca
    assert evidence.proof_signed is False


def test_a_mapped_proof_stands_on_the_card_s_own_security_file(authorities: CscaStore) -> None:
    reading = read(MAPPED)
    assert reading.proof_file == "EF.CardSecurity"
    assert weighed_reading(reading, PAGE, authorities, NOW).proof_signed is True
    assert weighed_reading(reading, PAGE, EMPTY, NOW).proof_signed is False
    without = structs.replace(reading, files={name: d for name, d in reading.files.items() if "Card" not in name})
    assert weighed_reading(without, PAGE, authorities, NOW).proof_signed is False


def test_a_key_file_that_was_signed_and_not_shown_is_withheld(modern: ChipReading, authorities: CscaStore) -> None:
    hidden = structs.replace(
        modern,
        authenticity=ChipAuthenticity.unsupported,
        files={name: data for name, data in modern.files.items() if name != "DG14"},
    )
    assert weighed_reading(hidden, PAGE, authorities, NOW).withheld == ("DG14",)


def test_a_portrait_is_there_or_it_is_said_why(modern: ChipReading) -> None:
    image, error = portrait_of(modern)
    assert image is not None
    assert error == ""
    without = structs.replace(modern, files={"DG1": b""})
    assert portrait_of(without) == (None, "chip.file_missing")
    rubbish = structs.replace(modern, files={"DG2": b"\x75\x02\x00\x00"})
    assert portrait_of(rubbish) == (None, "lds.malformed")
    assert portrait_of(ChipReading(outcome=ChipOutcome.absent)) == (None, "")


@given(
    st.dictionaries(
        st.sampled_from(["EF.SOD", "EF.COM", "DG1", "DG2", "DG14", "DG99", "DGx"]), st.binary(max_size=200)
    ),
    st.lists(st.text(max_size=60), max_size=4),
    st.sampled_from(list(ChipAuthenticity)),
)
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_evidence(files: dict[str, bytes], rows: list[str], authenticity: ChipAuthenticity) -> None:
    reading = ChipReading(
        outcome=ChipOutcome.read, files=files, mrz_lines=tuple(rows), authenticity=authenticity, proof_file="DG14"
    )
    evidence = weighed_reading(reading, PAGE, EMPTY, NOW)
    assert isinstance(evidence, ChipEvidence)
    assert evidence.proof_signed is False
    portrait_of(reading)


@given(st.sampled_from(["EF.SOD", "DG1", "DG2", "DG14"]), st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_bent_byte_is_noticed(name: str, place: int, bend: int) -> None:
    modern, store = good_reading()
    data = bytearray(modern.files[name])
    data[place % len(data)] ^= bend
    bent = structs.replace(modern, files=modern.files | {name: bytes(data)})
    evidence = weighed_reading(bent, PAGE, store, NOW)
    portrait_of(bent)
    assert evidence.passive is not None
    if name != "EF.SOD":  # of a signature's file some bytes are no part of what is signed
        assert evidence.passive.verdict.value == "invalid"


def test_a_country_s_wishes_reach_the_reader() -> None:
    wishes = ChipPolicy(
        wanted=ChipWish.ALWAYS,
        bac_after_failed_pace=True,
        extra_files=("DG11", "DG3", "DG2", "DG12", "DG11"),
    )
    policy = read_policy(wishes, 20.0)
    assert (policy.files, policy.bac_after_pace, policy.wait) == (("DG11", "DG12"), True, 20.0)
    assert read_policy(ChipPolicy(), 20.0).wait == 5.0
    assert read_policy(ChipPolicy(), 2.0).wait == 2.0
    assert read_policy(ChipPolicy(), 20.0).files == ()
