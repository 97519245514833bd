"""A whole post in true browsers: a kiosk's travellers at two officers' pages, in both languages, the line cut."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from border_agent.console.guard import COOKIE
from border_agent.demo.counter import Arrival, arrive
from border_agent.demo.officer import Officer
from border_agent.demo.post_world import KIOSKS, PostWorld
from border_agent.demo.stay import PASSWORD
from mqtt_schemas.centre.reports import movements

ALBUM = Path("build/specimens")


class Hall:
    """The post, its travellers, and officers' tabs."""

    def __init__(self, world: PostWorld, arrivals: list[Arrival], browser: Browser) -> None:
        self.world = world
        self.arrivals = {arrival.number: arrival for arrival in arrivals}
        self._browser = browser

    def tab(self, number: str) -> Page:
        """Somebody's tab, after a first sign-in by the forms; how a browser signs in is another test's matter."""
        with Officer(self.world.url, self.world.ca) as officer:
            officer.activate(number, self.world.codes[number], PASSWORD)
            token = officer.http.cookies[COOKIE]
        context = self._browser.new_context(ignore_https_errors=True, viewport={"width": 1024, "height": 600})
        context.add_cookies([{"name": COOKIE, "value": token, "url": self.world.url, "secure": True}])
        page = context.new_page()
        page.goto(self.world.url + "/")
        return page

    def unacknowledged(self) -> int:
        state = self.world.counter.wait_for("state", lambda _: True)
        return int(state["line"]["unacknowledged"])


@pytest.fixture(scope="module")
def hall(chromium: Browser) -> Iterator[Hall]:
    with (
        tempfile.TemporaryDirectory(prefix="borne-") as folder,
        PostWorld(Path(folder), ALBUM, kiosks=KIOSKS[:1]) as world,
    ):
        yield Hall(world, world.start(), chromium)


def test_two_officers_two_languages_and_a_line_that_fails(hall: Hall) -> None:
    world, kiosk = hall.world, hall.world.kiosks[0]
    awa, samuel = hall.tab("1001"), hall.tab("1002")
    expect(awa.locator("html")).to_have_attribute("lang", "fr")
    expect(samuel.locator("html")).to_have_attribute("lang", "en")

    # What the kiosk has found is on both screens, without a reload.
    case = arrive(kiosk, hall.arrivals[1])
    for page in (awa, samuel):
        expect(page.locator(f"#row-{case['id']}")).to_contain_text("TRAORE OUSMANE", timeout=10_000)
    expect(awa.locator(f"#row-{case['id']}")).to_contain_text("Admettre")
    expect(samuel.locator(f"#row-{case['id']}")).to_contain_text("Admit")

    # One of them opens it; the other one reads who has it, and cannot decide.
    awa.locator(f"#row-{case['id']} a").click()
    expect(awa.locator("[data-proposed=admit]")).to_be_visible()
    samuel.goto(f"{world.url}/inspections/{case['id']}")
    expect(samuel.locator("main")).to_contain_text("DIALLO Awa")
    expect(samuel.locator("[data-proposed]")).to_have_count(0)

    # The line to the centre is cut while the page is open: the bar says so, the decision is recorded all the same.
    world.national.broker.kill()
    expect(awa.locator("#bar")).to_contain_text("coupée", timeout=20_000)
    awa.keyboard.press("a")
    expect(awa.locator(".message.good")).to_contain_text("Enregistré", timeout=10_000)
    expect(samuel.locator("main")).to_contain_text("Admit", timeout=10_000)
    assert hall.unacknowledged() >= 1

    # A refused traveller, in English, the line still down: grounds, and the notice in both languages.
    case = arrive(kiosk, hall.arrivals[2])
    samuel.goto(world.url + "/")
    samuel.locator("#find, [name=typed], [type=search]").first.fill(case["slip"])
    samuel.keyboard.press("Enter")
    expect(samuel.locator("main")).to_contain_text("OKONKWO")
    samuel.keyboard.press("r")
    expect(samuel.locator("[name=grounds]").first).to_be_visible()
    if not samuel.locator("[name=grounds]:checked").count():
        samuel.locator("[name=grounds]").first.check()
    samuel.locator("form.confirm button.primary").click()
    expect(samuel.locator(".message.good")).to_be_visible(timeout=10_000)
    samuel.keyboard.press("i")
    expect(samuel.locator("body")).to_contain_text("REFUS", ignore_case=True)
    expect(samuel.locator("body")).to_contain_text("Border Police Directorate")

    # The line comes back: the bar says so, and the centre has both, once each.
    world.national.broker.start()
    expect(awa.locator("#bar")).to_contain_text("tout est reçu", timeout=30_000)
    for appliance in world.appliances:
        appliance.wait_for("acknowledgements", lambda now: now["line"]["unacknowledged"] == 0)
    found = sorted((row.surname, row.decision) for row in movements(world.national.centre_folder))
    assert found == [("OKONKWO", "refuse"), ("TRAORE", "admit")]
