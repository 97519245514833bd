"""A counter with a reader and a scanner of its own, in a true Chromium: live steps, a device pulled out, typing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from border_agent.inspection.machine import Phase
from firmware_bridge.roles import DeviceState
from firmware_bridge.virtual.launch import SerialTwin
from tests.agent.test_promises import lay_down, passport, until
from tests.console.conftest import Sight
from tests.console.console_kit import COOKIE, PASSWORD, Post, running
from tests.console.inspection_kit import REGIMES, movements

expect.set_options(timeout=15_000)  # on a busy machine


class Counter:
    """A post with twins of its devices, and an officer's page at it."""

    def __init__(self, post: Post, reader: SerialTwin) -> None:
        self.post = post
        self.reader = reader


@pytest.fixture(scope="module")
def counter(quick_passwords: None) -> Iterator[Counter]:
    with tempfile.TemporaryDirectory(prefix="borne-") as name:
        folder = Path(name)
        reader = SerialTwin(folder / "mrz")
        reader.start()
        devices = f"""\
[devices.document_reader]
name = "mrz"
port = "{reader.link}"
"""
        try:
            with running(folder, devices) as post:
                post.rule(regimes=REGIMES)
                until(lambda: post.agent.kiosk.devices.views()[0].state is DeviceState.ready)
                yield Counter(post, reader)
        finally:
            reader.stop()


def test_read_live_and_decided_by_keyboard(counter: Counter, chromium: Browser, sight: Sight) -> None:
    post, person = counter.post, counter.post.officer(language="en")
    token, _ = post.agent.officers.sign_in(person.number, PASSWORD, person.shows(), counter="G2")
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1024, "height": 600}, locale="en-GB")
    cookie = {"name": COOKIE, "value": token, "url": post.url, "secure": True, "httpOnly": True, "sameSite": "Strict"}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    page.set_default_timeout(15_000)
    sight.watch(page)
    try:
        page.goto(post.url)
        page.keyboard.press("n")
        expect(page.get_by_label("Entry")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/inspections/*")
        inspection = page.url.rpartition("/")[2]
        expect(page.locator(".step.now")).to_contain_text("Passport")
        expect(page.locator(".ask")).to_contain_text("Lay your passport open")

        lay_down(post.agent, b"P<UTOERIKSSON<<AN")  # half of it was in the reader
        expect(page.locator(".ask")).to_contain_text("Document not read")

        counter.reader.emit(passport())
        expect(page.get_by_role("heading", level=1)).to_contain_text("ERIKSSON", timeout=20_000)
        expect(page.get_by_role("heading", level=1)).to_contain_text("ANNA MARIA")
        page.keyboard.press("o")
        expect(page.locator("#in-hand")).to_contain_text("Recorded")
        case = post.agent.desk.case(inspection)
        assert case.phase is Phase.CONFIRMED and movements(post, case) == 1

        counter.reader.unplug()
        page.goto(post.url)
        page.keyboard.press("n")
        expect(page.get_by_label("Entry")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/inspections/*")
        until(lambda: post.agent.kiosk.devices.views()[0].state is not DeviceState.ready)
        page.reload()
        expect(page.locator("#steps")).to_contain_text("Device missing or out: Passport reader")
        page.keyboard.press("s")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Travel document not read")
        page.keyboard.press("t")
        expect(page.locator("#lines")).to_be_focused()
        page.locator("#lines").fill(passport("L8988901D").decode().replace("\r", "\n"))
        expect(page.locator("#lines-said .message")).to_be_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("ERIKSSON")
        expect(page.locator("main")).to_contain_text("Typed by hand")
    finally:
        counter.reader.plug()
        context.close()
    sight.check(post.url.split("/")[2])
