"""The chips of the cast, read and judged: who is good, who is a copy, who is in no list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import cv2
import pytest

from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipReading
from border_agent.documents.mrz import mrz_information, parse_mrz
from border_agent.specimens.album import AlbumDamaged
from border_agent.specimens.cast import Chip, Traveller, cast, copied
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.booklets import make_booklet, make_pki
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.pki import SpecimenPki
from border_agent.specimens.chip.sample import sample_picture
from border_agent.specimens.feeds import csca_records
from border_agent.trust.passive import CscaStore, PassiveJudgement, judge_sod

TODAY = date(2026, 11, 26)
TRAVELLERS = {traveller.number: traveller for traveller in (*cast(TODAY), copied(TODAY))}
EXPECTED = {
    1: ("pace-gm", "proved_ca", "trusted"),
    2: ("bac", "proved_aa", "trusted"),
    3: ("pace-im", "proved_ca", "trusted"),
    5: ("bac", "unsupported", "no_trust_anchor"),
    6: ("pace-gm", "proved_ca", "trusted"),
    7: ("pace-gm", "proved_ca", "trusted"),
    9: ("pace-cam", "proved_cam", "trusted"),
    12: ("bac", "unsupported", "expired"),
    13: ("pace-gm", "proved_ca", "trusted"),
    14: ("pace-gm", "proved_ca", "no_trust_anchor"),
    15: ("pace-gm", "failed", "trusted"),
}
"""Access, whether it is the chip it says, and passive authentication, by traveller."""


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("faces") / "face.jpg"
    cv2.imwrite(str(file), sample_picture())
    return file


@pytest.fixture(scope="module")
def pki() -> SpecimenPki:
    return make_pki(TODAY)


@pytest.fixture(scope="module")
def booklets(portrait: Path, pki: SpecimenPki) -> dict[int, Booklet]:
    made = {number: make_booklet(one, portrait, pki) for number, one in TRAVELLERS.items()}
    return {number: booklet for number, booklet in made.items() if booklet is not None}


@pytest.fixture(scope="module")
def store(booklets: Mapping[int, Booklet], pki: SpecimenPki) -> CscaStore:
    records = csca_records(pki)
    return CscaStore.from_certificates(
        [record.certificate for record in records], [record.crl for record in records if record.crl]
    )


def read(traveller: Traveller, booklet: Booklet) -> ChipReading:
    """With the key the printed lines give, as at the counter."""
    password = mrz_information(parse_mrz("\n".join(traveller.passport.lines), today=TODAY))
    assert password is not None
    return read_chip(lambda _: VirtualChip(booklet), MrzPassword(password))


def judged(traveller: Traveller, reading: ChipReading, store: CscaStore) -> PassiveJudgement:
    groups = {int(name[2:]): data for name, data in reading.files.items() if name.startswith("DG")}
    return judge_sod(reading.files["EF.SOD"], groups, store, at=TODAY, dg1_issuer=traveller.passport.issuer)


def test_each_chip_is_what_the_story_wants(booklets: Mapping[int, Booklet], store: CscaStore) -> None:
    found = {}
    for number, booklet in booklets.items():
        traveller = TRAVELLERS[number]
        reading = read(traveller, booklet)
        assert reading.mrz_lines == traveller.passport.lines
        assert not reading.missing
        judgement = judged(traveller, reading, store)
        found[number] = (reading.access, reading.authenticity.value, judgement.verdict.value)
        codes = {finding.code for finding in judgement.findings}
        assert "dsc.not_valid_at_signing" not in codes
        assert ("dsc.expired_now" in codes) is (number == 12)
    assert found == EXPECTED


def test_passports_without_a_chip_have_no_booklet(booklets: Mapping[int, Booklet]) -> None:
    without = {number for number, one in TRAVELLERS.items() if one.passport.chip is Chip.NONE}
    assert without == set(TRAVELLERS) - set(booklets) == {4, 8, 10, 11}


def test_who_is_admitted_has_no_chip_that_speaks_against_it(booklets: Mapping[int, Booklet]) -> None:
    """The proposals of the story hold with and without a reader of chips."""
    for number, (_, authenticity, verdict) in EXPECTED.items():
        if TRAVELLERS[number].expected == "admit":
            assert authenticity != "failed"
            assert verdict in ("trusted", "no_trust_anchor")
    assert TRAVELLERS[15].expected == "refer"


def test_without_a_portrait_there_is_no_chip(pki: SpecimenPki, tmp_path: Path) -> None:
    with pytest.raises(AlbumDamaged):
        make_booklet(TRAVELLERS[1], tmp_path / "nobody.jpg", pki)
