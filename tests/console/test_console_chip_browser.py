"""A chip on the officer's page in a true Chromium: in sight, in both languages, and its progress while it is read."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec import structs
from playwright.sync_api import expect

from border_agent.agent.case import Case
from border_agent.agent.chip_step import ChipShown, ShownStage
from border_agent.inspection.evidence import DocumentEvidence, DocumentSource
from border_agent.inspection.machine import Phase
from border_agent.trust.passive.judgement import PassiveVerdict
from border_agent.words import languages, text
from tests.console.conftest import OpenTab, Sight
from tests.console.console_kit import Post
from tests.console.inspection_kit import REGIMES, found
from tests.inspection.inspection_cases import chip, passport, signed

MINE = passport(nationality="BFA", issuer="BFA", number="P1234567")
OTHER = passport(nationality="BFA", issuer="BFA", number="P1234561", surname="Mensa")
SIZES = ((1600, 1000), (1024, 600))

expect.set_options(timeout=15_000)


@pytest.fixture(autouse=True)
def quiet(post: Post, sight: Sight) -> None:
    sight.allowed.append("Failed to fetch")
    post.rule(regimes=REGIMES)


def spoilt(post: Post) -> Case:
    """The longest words there are: everything about this chip is wrong."""
    held = chip(
        mrz=OTHER,
        agrees=False,
        passive=signed(PassiveVerdict.INVALID, "sod.hash.DG2", "dsc.expired_now", "crl.stale", "sod.weak_hash"),
        pace_failed=True,
        access="bac",
        withheld=("DG14",),
        missing=("DG11",),
    )
    document = DocumentEvidence(
        mrz=MINE, source=DocumentSource.CAMERA, confidence=0.4, uncertain=((0, 5), (0, 6), (1, 3))
    )
    return found(post, chip=held, document=document)


@pytest.mark.parametrize("language", languages())
def test_a_spoilt_chip_fits_and_can_be_read_by_everybody(post: Post, tab: OpenTab, language: str) -> None:
    page = tab(post.officer(language=language), path=f"/inspections/{spoilt(post).id}")
    page.get_by_text(text("chip.details", language)).click()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert Axe().run(page).response["violations"] == []
    expect(page.locator("mark").first).to_be_visible()
    shown = page.locator('img[src$="/pictures/chip"]').first
    assert shown.evaluate("image => image.naturalWidth") > 0


@pytest.mark.parametrize("language", languages())
def test_progress_comes_by_itself(post: Post, tab: OpenTab, language: str) -> None:
    person = post.officer(language=language)
    case = found(post, chip=chip())
    reading = structs.replace(
        case,
        inspection=structs.replace(case.inspection, phase=Phase.COLLECTING, verdict=None),
        chip=ChipShown(ShownStage.FILES, 0.2),
    )
    post.agent.desk._replace(reading)
    page = tab(person, path=f"/inspections/{case.id}")
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", "20")
    assert Axe().run(page).response["violations"] == []
    post.agent.desk._replace(structs.replace(reading, chip=ChipShown(ShownStage.AUTHENTICATION, 0.7)))
    expect(bar).to_have_attribute("value", "70")
    expect(page.get_by_label(text("chip.reading", language, percent=70))).to_be_visible()
    post.agent.desk._replace(case)
    page.wait_for_selector(".inspection")
