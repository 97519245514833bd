"""The frame of every page in a true browser: signing in, keys, the watch, the lock, the bell, weight, contrast."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from border_agent.agent.officers.values import Theme
from border_agent.words import text
from tests.console.conftest import OpenTab, Sight
from tests.console.console_kit import OFFICER, PASSWORD, SUPERVISOR, Post, running

FIRST_LOAD = 100_000
LATER_PAGE = 20_000


def live(page: Page) -> str:
    return str(page.evaluate("document.documentElement.dataset.live"))


def wait_live(page: Page, state: str, seconds: float = 8.0) -> float:
    begun = time.monotonic()
    page.wait_for_function("s => document.documentElement.dataset.live === s", arg=state, timeout=seconds * 1000)
    return time.monotonic() - begun


def weigh(page: Page) -> list[int]:
    """Bytes on the wire, headers included, of everything asked for from now on."""
    weights: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: weights.append(int(event["encodedDataLength"])))
    return weights


@pytest.mark.parametrize("language", ["fr", pytest.param("en", marks=pytest.mark.whole)])
def test_the_first_day_at_work_by_keyboard_alone(post: Post, tab: OpenTab, language: str, sight: Sight) -> None:
    person = post.publish(OFFICER, name="ÉBODÉ Jean", language=language)
    page = tab(path="/", language="fr-FR" if language == "fr" else "en-GB")
    assert page.locator("html").get_attribute("lang") == language
    page.goto(post.url + f"/activate?language={language}")
    page.keyboard.type(person.number)
    page.keyboard.press("Tab")
    page.keyboard.type(person.code)
    page.keyboard.press("Enter")
    expect(page.locator("#secret")).to_have_text(person.secret)
    for words in (PASSWORD, PASSWORD, person.shows()):
        page.keyboard.type(words)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(post.url + "/")
    wait_live(page, "on")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/settings")
    expect(page.locator(".person")).to_contain_text("ÉBODÉ Jean")
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url("**/lock?next=/settings")
    page.keyboard.type("not it")
    sight.allowed.append("401")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(text("error.officer.refused", language).split(".")[0])
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings")
    page.locator(".person summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=text("console.sign_out", language)).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in")


def test_the_weight_of_the_first_page_and_of_later_ones(post: Post, chromium: Browser, tab: OpenTab) -> None:
    person = post.officer(SUPERVISOR)
    page = tab(path="")
    weights = weigh(page)
    page.goto(post.url + "/")
    page.get_by_label(text("console.number", "fr")).fill(person.number)
    page.get_by_label(text("console.password", "fr")).fill(PASSWORD)
    page.get_by_label(text("console.code", "fr")).fill(person.shows())
    page.keyboard.press("Enter")
    page.wait_for_url(post.url + "/")
    wait_live(page, "on")
    page.wait_for_load_state("load")
    assert 10_000 < sum(weights) <= FIRST_LOAD, weights
    print(f"first load, sign-in and queue together: {sum(weights)} bytes")
    for path in ("/settings", "/help", "/", "/state", "/officers"):
        weights.clear()
        page.goto(post.url + path)
        wait_live(page, "on")
        assert 500 < sum(weights) <= LATER_PAGE, (path, weights)
        print(f"{path}: {sum(weights)} bytes")


def test_keys_are_shown_and_can_be_turned_off(post: Post, tab: OpenTab) -> None:
    page = tab(post.officer())
    page.keyboard.press("?")
    dialog = page.locator("#keys")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text(text("console.menu.queue", "fr"))
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    # What is typed into a field is text.
    page.get_by_label(text("console.settings.counter", "fr"), exact=True).fill("")
    page.keyboard.type("g?h")
    expect(dialog).not_to_be_visible()
    page.get_by_label(text("console.settings.single_keys", "fr")).uncheck()
    page.locator("h1").click()
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.reload()
    page.keyboard.press("?")
    expect(dialog).not_to_be_visible()
    assert page.url.endswith("/settings")


def test_the_bar_follows_the_device(post: Post, tab: OpenTab) -> None:
    page = tab(post.officer())
    wait_live(page, "on")
    before = page.locator("#bar a[href='/state/unsent']").inner_text()
    post.agent.acts.note("1000", "something_else")
    expect(page.locator("#bar a[href='/state/unsent']")).not_to_have_text(before, timeout=5000)
    words = page.locator("#bar .chip").all_inner_texts()
    assert all(len(word.split()) >= 2 for word in words), words
    assert page.locator("#bar .chip svg").count() == len(words)


def test_a_silent_device_is_not_shown_as_it_was(chromium: Browser, quick_passwords: None) -> None:
    """The agent is held still, as a pulled cable would hold the stream, and then ended."""
    with tempfile.TemporaryDirectory(prefix="borne-") as name, running(Path(name)) as post:
        person = post.officer()
        token, _ = post.agent.officers.sign_in(person.number, PASSWORD, person.shows())
        context = chromium.new_context(ignore_https_errors=True)
        cookie = {"name": "__Host-borne", "value": token, "url": post.url, "secure": True, "httpOnly": True}
        context.add_cookies([cookie | {"sameSite": "Strict"}])  # type: ignore[list-item]
        page = context.new_page()
        page.goto(post.url + "/help")
        wait_live(page, "on")
        expect(page.locator("#bar")).to_be_visible()
        with post.console.bar._lock:
            assert wait_live(page, "lost", 12) < 10
            expect(page.locator("#bar")).not_to_be_visible()
            expect(page.get_by_role("alert")).to_contain_text(text("console.lost", "fr"))
        wait_live(page, "on", 10)
        expect(page.locator("#bar")).to_be_visible()
        expect(page.locator("#lost")).to_have_text("")
        post.server.stop()
        assert wait_live(page, "lost", 8) < 5
        context.close()


def test_whoever_is_suspended_sees_the_sign_in_page(post: Post, tab: OpenTab, sight: Sight) -> None:
    person = post.officer()
    page = tab(person, path="/help")
    wait_live(page, "on")
    post.suspend(person)
    page.wait_for_url("**/sign-in?next=/help", timeout=6000)
    assert page.locator(".menu").count() == 0


def test_the_idle_lock_comes_by_itself_and_goes_back(post: Post, tab: OpenTab) -> None:
    post.rule(idle_lock_minutes=1)
    try:
        person = post.officer()
        page = tab(person, path="/help")
        wait_live(page, "on")
        page.keyboard.press("Shift")
        # The browser's clock is turned: half a minute before the lock it says so, and a key keeps the session.
        page.evaluate("document.body.dataset.lockSeconds = '20'")
        expect(page.locator("#idle")).to_be_visible()
        page.keyboard.press("Shift")
        page.evaluate("document.body.dataset.lockSeconds = '60'")
        expect(page.locator("#idle")).not_to_be_visible()
        post.agent.officers.lock(token_in(page))
        page.wait_for_url("**/lock?next=/help", timeout=6000)
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/help")
    finally:
        post.rule()


def token_in(page: Page) -> str:
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "__Host-borne"]
    return cookie["value"]


def test_a_call_rings_in_one_tab_until_somebody_goes(post: Post, tab: OpenTab) -> None:
    page = tab(post.officer(), path="/help")
    other = page.context.new_page()
    other.goto(post.url + "/settings")
    for one in (page, other):
        wait_live(one, "on")
    page.locator("h1").click()
    call = post.agent.kiosk.calls.raise_call("")
    expect(page.locator("#calls")).to_contain_text(text("console.call.go", "fr"))
    expect(other.locator("#calls")).to_be_visible()
    page.wait_for_function("Number(document.documentElement.dataset.rung) >= 1", timeout=8000)
    assert page.title().startswith("(1) ")
    assert other.evaluate("document.documentElement.dataset.rung || ''") == ""
    page.keyboard.press("c")
    expect(page.locator("#calls .call.answered")).to_be_visible()
    assert post.agent.kiosk.calls.current is not None
    page.get_by_role("button", name=text("console.call.end", "fr")).click()
    expect(page.locator("#calls")).not_to_be_visible()
    expect(other.locator("#calls")).not_to_be_visible()
    assert post.agent.kiosk.calls.current is None
    assert call.id


def test_no_page_of_the_frame_is_wider_than_a_small_screen(post: Post, tab: OpenTab, sight: Sight) -> None:
    sight.allowed.append("404")
    person = post.officer(SUPERVISOR, name="NGUEMA-ESSONO OBIANG Marie Madeleine Joséphine")
    page = tab(person, viewport={"width": 1024, "height": 600})
    for path in ("/settings", "/help", "/", "/no-such-page"):
        page.goto(post.url + path)
        for width, height in ((1024, 600), (640, 480), (360, 640)):
            page.set_viewport_size({"width": width, "height": height})
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, (path, width, overflow)
        page.set_viewport_size({"width": 1024, "height": 600})


@pytest.mark.parametrize(
    "theme", [Theme.LIGHT, *(pytest.param(theme, marks=pytest.mark.whole) for theme in (Theme.DARK, Theme.CONTRAST))]
)
def test_axe_finds_nothing(post: Post, tab: OpenTab, sight: Sight, theme: Theme) -> None:
    sight.allowed.append("404")
    person = post.officer(SUPERVISOR)
    page = tab(person)
    post.agent.officers.set_theme(token_in(page), theme)
    post.agent.kiosk.calls.raise_call("")
    found = []
    for path in ("/settings", "/help", "/no-such-page"):
        page.goto(post.url + path)
        wait_live(page, "on")
        found += faults(page, path)
        page.keyboard.press("?")
        page.locator("#keys").wait_for()
        found += faults(page, f"{path} keys")
        page.keyboard.press("Escape")
    call = post.agent.kiosk.calls.current
    assert call is not None
    post.agent.kiosk.calls.end(call.id, "1000")
    post.agent.officers.lock(token_in(page))
    page.goto(post.url + "/lock")
    found += faults(page, "/lock")
    assert not found, "\n".join(found)


def test_axe_finds_nothing_before_signing_in(post: Post, tab: OpenTab) -> None:
    person = post.publish()
    page = tab(path="/sign-in")
    found = faults(page, "/sign-in")
    page.goto(post.url + "/activate")
    found += faults(page, "/activate")
    page.locator("[name=number]").fill(person.number)
    page.locator("[name=activation]").fill(person.code)
    page.keyboard.press("Enter")
    page.locator("#secret").wait_for()
    found += faults(page, "/activate 2")
    assert not found, "\n".join(found)


def faults(page: Page, where: str) -> list[str]:
    """What axe has against a page by WCAG 2.2 AA. Its script is the only one that is not from us."""
    options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    results = Axe().run(page, options=options)
    return [
        f"{where}: {found['id']}: {node['target']}: {node['failureSummary']}"
        for found in results.response["violations"]
        for node in found["nodes"]
    ]


def test_a_training_device_says_so_on_every_page(chromium: Browser, quick_passwords: None) -> None:
    with tempfile.TemporaryDirectory(prefix="borne-") as name, running(Path(name), training=True) as post:
        client, _ = post.signed_in()
        words = text("console.training", "fr")
        with client, post.client() as stranger:
            pages = [stranger.get("/sign-in"), stranger.get("/activate")]
            pages += [client.get(path) for path in ("/", "/settings", "/help", "/state", "/nothing")]
            assert all(words in page.text for page in pages)


def test_pages_work_without_scripts(post: Post, tab: OpenTab) -> None:
    page = tab(path="/", java_script_enabled=False)
    person = post.officer()
    page.locator("[name=number]").fill(person.number)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=code]").fill(person.shows())
    page.locator("button.primary").click()
    page.wait_for_url(post.url + "/")
    expect(page.locator(".still")).to_be_visible()
    refresh = page.content()
    assert 'http-equiv="refresh"' in refresh
    page.goto(post.url + "/settings")
    page.locator("[name=counter]").fill("G7")
    page.locator("form[action='/settings/counter'] button").click()
    expect(page.locator("#messages")).to_contain_text(text("console.settings.saved", "fr"))
    expect(page.locator(".person-counter")).to_have_text("G7")
    page.reload()
    expect(page.locator("#messages")).to_have_text("")
