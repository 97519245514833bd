"""The pages in a true browser: live progress, keys only, axe, and nothing wider than the screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from mqtt_schemas.records import Handling, OfficerRole
from tests.console.conftest import OpenTab
from tests.console.console_kit import Post
from tests.console.pages_kit import travellers, watch_list, watched

PAGES = {
    OfficerRole.OFFICER: (
        "/lookups",
        "/movements",
        "/movements/{entry}",
        "/state",
        "/state/line",
        "/state/watchlist",
    ),
    OfficerRole.SUPERVISOR: ("/statistics", "/officers", "/evidence/{evidence}", "/journal/acts"),
    OfficerRole.TECHNICIAN: ("/health", "/health/restart", "/log", "/drills", "/state/decoders"),
    OfficerRole.AUDITOR: ("/journal",),
}


@pytest.mark.whole
@pytest.mark.parametrize("role", PAGES)
@pytest.mark.parametrize(("language", "theme"), [("fr", "light"), ("en", "dark")])
def test_every_page_is_accessible_and_fits(
    post: Post, tab: OpenTab, role: OfficerRole, language: str, theme: str
) -> None:
    entry, evidence = travellers(post)
    person = post.officer(role, language=language)
    page = tab(person)
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    for path in PAGES[role]:
        page.goto(post.url + path.format(entry=entry.id, evidence=evidence))
        found = Axe().run(page).response["violations"]
        assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in found], path
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, path
        assert page.locator("h1").count() == 1, path


def test_a_drill_goes_on_before_the_technicians_eyes(post: Post, tab: OpenTab) -> None:
    page = tab(post.officer(OfficerRole.TECHNICIAN), path="/drills")
    page.locator("form", has=page.locator("input[value=outage]")).get_by_role("button").click()
    expect(page.locator("#drills progress")).to_be_visible()
    expect(page.locator("#bar")).to_contain_text("exercice")
    page.get_by_role("button", name="Arrêter l’exercice").click()
    expect(page.locator("#drills progress")).to_have_count(0)
    page.locator("form", has=page.locator("input[value=tamper]")).get_by_role("button").click()
    expect(page.locator("#drills")).to_contain_text("L’octet changé a été trouvé")


def test_a_verification_is_followed_without_asking_again(post: Post, tab: OpenTab) -> None:
    page = tab(post.officer(OfficerRole.AUDITOR), path="/journal")
    page.get_by_role("button", name="Vérifier maintenant").click()
    expect(page.locator("#verification")).to_contain_text("Le journal est entier")


def test_a_look_up_by_keys_alone(post: Post, tab: OpenTab) -> None:
    watch_list(post, watched(Handling.STOP))
    page = tab(post.officer(OfficerRole.OFFICER), path="/state")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(post.url + "/lookups")
    page.keyboard.press("/")
    page.keyboard.type("ADEBAYO KOFFI")
    page.keyboard.press("Enter")
    expect(page.locator("#hits")).to_contain_text("SECRET-stop-1")
    assert "ADEBAYO" not in page.url


def test_an_export_is_downloaded(post: Post, tab: OpenTab) -> None:
    page = tab(post.officer(OfficerRole.AUDITOR), path="/journal")
    with page.expect_download() as told:
        page.get_by_role("button", name="Télécharger").click()
    assert told.value.suggested_filename.startswith("journal-test-device-1-")
