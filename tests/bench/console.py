"""The officers' pages in a true Chromium: what a first visit loads, and from a key or click to the painted answer.

Every moment is the browser's own: from the event in the one page to the first frame of the next that shows what was
asked for. A key waits 70 ms in the page by design, to see whether it is a scanner that types.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from office_world import PASSWORD, Office, quantiles
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from border_agent.console.assets import Assets
from border_agent.demo.officer import Officer

CHROMIUM = "/usr/bin/chromium"
COOKIE = "__Host-borne"
VISITS = 9
ROUNDS = 40
WAITING = 12
"""Rows in the queue while it is measured."""
PLAIN = "a picture of the same server"
STATIC = Assets().url("mark.svg")

_WATCH = """
(() => {
  for (const sign of ["keydown", "click"])
    addEventListener(sign, (event) => {
      if (event.isTrusted && window.top === window) window.name = String(performance.timeOrigin + event.timeStamp);
    }, true);
  const look = () => {
    const wanted = sessionStorage.getItem("bench");
    if (wanted && !document.querySelector(wanted)) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => { window.painted = performance.timeOrigin + performance.now(); }));
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", look); else look();
})();
"""
"""Which selector shows the answer stands in the session's storage; the event's moment passes in the window's name."""

Figure = tuple[str, float, str, str, float]


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="borne-") as name, Office(Path(name), 1) as office:
        office.start()
        url, number = office.world.url, office.numbers[0]
        with Officer(url, office.world.ca) as officer:
            officer.activate(number, office.world.codes[number], PASSWORD)
            cookie = officer.http.cookies[COOKIE]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            yield from _loads(office, browser, cookie)
            with _signed_in(office, browser, cookie) as context:
                yield from _acts(office, context)
            browser.close()


def _loads(office: Office, browser: Browser, cookie: str) -> Iterator[Figure]:
    """Each visit with an empty cache."""
    for _ in range(WAITING):
        office.publish()
    plain = [_load(office, browser, "", STATIC) for _ in range(VISITS)]
    base, _ = quantiles([ready for ready, _, _ in plain])
    for what, path, token in (("sign-in", "/sign-in", ""), (f"queue of {WAITING}", "/", cookie)):
        visits = [_load(office, browser, token, path) for _ in range(VISITS)]
        _, sent, whole = visits[-1]
        yield f"{what}, first load: transferred", sent / 1000, "kB", "what it holds uncompressed", sent / whole
        for share, value in zip(("p50", "p95"), quantiles([ready for ready, _, _ in visits]), strict=True):
            yield f"{what}, first load: to DOMContentLoaded, {share}", value, "ms", f"{PLAIN}, p50", value / base


def _load(office: Office, browser: Browser, cookie: str, path: str) -> tuple[float, float, float]:
    """Milliseconds to DOMContentLoaded; bytes on the wire, headers included; bytes uncompressed."""
    with _signed_in(office, browser, cookie) as context:
        page = context.new_page()
        session = context.new_cdp_session(page)
        sizes: dict[str, list[float]] = {"sent": [], "whole": []}
        session.on("Network.loadingFinished", lambda event: sizes["sent"].append(event["encodedDataLength"]))
        session.on("Network.dataReceived", lambda event: sizes["whole"].append(event["dataLength"]))
        session.send("Network.enable")
        page.goto(office.world.url + path)
        page.wait_for_timeout(300)
        ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        return float(ready), sum(sizes["sent"]), sum(sizes["whole"])


def _acts(office: Office, context: BrowserContext) -> Iterator[Figure]:
    page = context.new_page()
    page.goto(f"{office.world.url}/")
    plain = []
    for number in range(ROUNDS):
        page.goto(f"{office.world.url}/help")
        page.evaluate(
            "(path) => { const link = document.createElement('a'); link.href = path; link.id = 'bench';"
            " link.textContent = 'bench'; document.querySelector('main').prepend(link); }",
            f"{STATIC}?{number}",  # not from the browser's cache
        )
        plain.append(_painted(page, "", lambda: page.locator("#bench").click()))
    base, _ = quantiles(plain)
    yield "click to paint: a picture, p50", base, "ms", "itself", 1.0
    opened, decided, filtered = [], [], []
    for number in range(ROUNDS):
        inspection, _ = office.publish()
        page.goto(f"{office.world.url}/")
        row = page.locator(f"#row-{inspection} a")
        row.wait_for()
        filtered.append(
            _painted(
                page,
                '[aria-current="page"][href="/?show=waiting"]',
                lambda: page.locator('.tabs a[href="/?show=waiting"]').click(),
            )
        )
        opened.append(_painted(page, "[data-proposed]", lambda row=row: row.click()))
        key = page.locator("[data-proposed]").get_attribute("data-key")
        assert key is not None, number
        decided.append(_painted(page, "#in-hand .message.good", lambda key=key: page.keyboard.press(key)))
    for what, taken in (
        ("queue filtered, click to paint", filtered),
        ("inspection opened, click to paint", opened),
        ("decided, key to paint of “recorded”", decided),
    ):
        for share, value in zip(("p50", "p95"), quantiles(taken), strict=True):
            yield f"{what}, {share}", value, "ms", f"click to paint: {PLAIN}, p50", value / base


def _painted(page: Page, shows: str, act: Any) -> float:
    """Milliseconds from the act to the first frame of the next page that shows it."""
    page.evaluate("(wanted) => sessionStorage.setItem('bench', wanted)", shows)
    with page.expect_navigation():
        act()
    page.wait_for_function("window.painted")
    return float(page.evaluate("window.painted - Number(window.name)"))


@contextlib.contextmanager
def _signed_in(office: Office, browser: Browser, cookie: str) -> Iterator[BrowserContext]:
    """A browser that nobody has used; signed in where a cookie is given."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
    context.add_init_script(_WATCH)
    if cookie:
        given: Any = {"name": COOKIE, "value": cookie, "url": office.world.url, "secure": True, "httpOnly": True}
        context.add_cookies([given | {"sameSite": "Strict"}])
    try:
        yield context
    finally:
        context.close()


if __name__ == "__main__":
    for what, value, unit, baseline, ratio in measure():
        print(f"{what:<58} {value:>10.3f} {unit:<4} {ratio:>6.2f} x {baseline}", flush=True)
