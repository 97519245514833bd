"""Fixtures of the console's tests: one device for all, a true browser, and what must be true of every page."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.console.console_kit import COOKIE, PASSWORD, Person, Post, running

CHROMIUM = "/usr/bin/chromium"


def _quick(code: str) -> str:
    kdf = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=1, lanes=1, memory_cost=64)
    return kdf.derive_phc_encoded(code.encode())


@pytest.fixture(scope="module")
def quick_passwords() -> Iterator[None]:
    """Argon2id of 64 KiB: what a password costs is the officers' tests' matter."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("credentials", "activation"):
            patch.setattr(f"border_agent.agent.officers.{module}.hash_code", _quick)
        yield


@pytest.fixture(scope="module")
def post(quick_passwords: None) -> Iterator[Post]:
    """One device a file; every test brings officers of its own."""
    with tempfile.TemporaryDirectory(prefix="borne-") as name, running(Path(name)) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One a file: Playwright runs once in a process, and card and dossier are drawn by it, too."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Sight:
    """What a browser was seen to do. `check` is asked at the end of every test that has one."""

    hosts: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    """Parts of messages that a test provokes on purpose."""

    def watch(self, page: Page) -> None:
        page.on("request", self._asked)
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.hosts.add(request.url.split("/")[2])

    def _message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def check(self, own: str) -> None:
        assert self.hosts <= {own}
        assert not [text for text in self.said if not any(part in text for part in self.allowed)]


OpenTab = Callable[..., Page]


@pytest.fixture
def sight() -> Sight:
    return Sight()


@pytest.fixture
def tab(chromium: Browser, post: Post, sight: Sight) -> Iterator[OpenTab]:
    """Opens a tab of a fresh browser, signed in as somebody if one is given. No violation, no foreign host."""
    contexts: list[BrowserContext] = []

    def open_tab(
        person: Person | None = None, *, path: str = "/settings", language: str = "fr-FR", **more: object
    ) -> Page:
        options: dict[str, object] = {"viewport": {"width": 1024, "height": 600}, "locale": language}
        context = chromium.new_context(ignore_https_errors=True, **(options | more))  # type: ignore[arg-type]
        contexts.append(context)
        if person is not None:
            token, _ = post.agent.officers.sign_in(person.number, PASSWORD, person.shows())
            cookie = {"name": COOKIE, "value": token, "url": post.url, "secure": True, "httpOnly": True}
            context.add_cookies([cookie | {"sameSite": "Strict"}])  # type: ignore[list-item]
        page = context.new_page()
        page.set_default_timeout(15_000)
        sight.watch(page)
        if path:
            page.goto(post.url + path)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    sight.check(post.url.split("/")[2])
