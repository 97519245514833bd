"""Pages of the console looked at by code: see `page_checks`. All of them, in every theme and size: `make screens`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from border_agent.agent.officers.values import Theme
from border_agent.console.guard import COOKIE
from border_agent.inspection.verdict import Proposal
from border_agent.words import languages
from tests.console.console_kit import OFFICER, PASSWORD, SUPERVISOR, Post
from tests.console.inspection_kit import EXPIRED, REGIMES, proposing
from tests.console.page_checks import Sight, axe, check, walk

SMALL = {"width": 1024, "height": 600}
PAGES = {
    "/": Theme.LIGHT,
    "/inspections/{case}": Theme.DARK,
    "/inspections/{case}/decide/refuse": Theme.CONTRAST,
    "/late": Theme.LIGHT,
    "/lookups": Theme.DARK,
    "/statistics": Theme.CONTRAST,
    "/state/line": Theme.DARK,
}
PARTS = """const [main, h1, button, field] = ["main", "h1", "main button", "main [name=counter]"]
    .map((one) => document.querySelector(one)), cover = h1.appendChild(document.createElement("b"))"""
HAS_COME = "() => document.documentElement.dataset.live === 'on'"

LOOKED_AT = {
    "scrolls sideways": "main.style.width = '2000px'",
    "is cut off by": "Object.assign(h1.style, { height: '6px', overflow: 'hidden' })",
    "ends in an ellipsis": (
        "Object.assign(button.style, { width: '40px', overflow: 'hidden', textOverflow: 'ellipsis' })"
    ),
    "reaches over the edge": "Object.assign(h1.style, { position: 'relative', left: '-90px' })",
    "lies under": "Object.assign(cover.style, { position: 'absolute', inset: '0', background: '#fff' })",
    "is too narrow": "Object.assign(field, { value: 'far too long for it' }).style.width = '40px'",
    "is a target of": "Object.assign(button.style, { minHeight: '0', height: '12px', padding: '0' })",
    "the edge of": "field.style.borderColor = '#eee'",
    "shows no picture": "main.append(Object.assign(new Image(20, 20), { src: 'data:image/png;base64,AAAA' }))",
    "is a key": "h1.textContent = 'console.settings'",
    "has an unfilled place": "h1.textContent = '{count} entrées'",
    "is not written as French": "h1.textContent = 'Attention :'",
    "is not in fr: officer": "h1.textContent = 'Officer'",
    "is not in fr: settings": "h1.title = 'settings'",
    "not marked as fr": "document.documentElement.lang = 'en'",
}
BY_AXE = {
    "color-contrast": "h1.style.color = '#aaa'",
    "axe label": "main.append(document.createElement('input'))",
}
BY_KEYBOARD = {
    "not reached": "button.inert = true",
    "no focus to be seen": "button.style.outline = 'none'",
    "its focus has a contrast": "button.style.outlineColor = 'rgb(240, 240, 235)'",
    "nothing of it is in sight": (
        "Object.assign(cover.style, { position: 'fixed', inset: '0', background: '#fff', zIndex: 99 })"
    ),
}
SEEN_TO_DO = {
    "asks": "new Image().src = 'https://elsewhere.example/'",
    "console: ": "document.head.append(Object.assign(document.createElement('style'), { textContent: 'p {}' }))",
    "script: ": "setTimeout(() => { throw new Error('broken'); })",
}
"""What each check must say, and how the settings' page is spoilt for it."""


@pytest.fixture
def post_with_rules(post: Post) -> Iterator[Post]:
    post.rule(regimes=REGIMES, policy_id="uto-2026")
    yield post
    for case in post.agent.desk.cases():
        post.agent.desk.cancel(case.id)


def opened(post: Post, chromium: Browser, language: str, theme: Theme = Theme.LIGHT) -> tuple[Page, Sight, str]:
    person = post.officer(OFFICER, SUPERVISOR, language=language)
    token, _ = post.agent.officers.sign_in(person.number, PASSWORD, person.shows())
    post.agent.officers.set_theme(token, theme)
    context = chromium.new_context(ignore_https_errors=True, viewport=SMALL)
    cookie = {"name": COOKIE, "value": token, "url": post.url, "secure": True, "httpOnly": True}
    context.add_cookies([cookie | {"sameSite": "Strict"}])  # type: ignore[list-item]
    page = context.new_page()
    return page, Sight(page, post.url.partition("://")[2]), token


@pytest.mark.timeout(240)
@pytest.mark.whole
@pytest.mark.parametrize("language", languages())
def test_no_page_has_a_fault(post_with_rules: Post, chromium: Browser, language: str) -> None:
    case = proposing(post_with_rules, Proposal.REFUSE, EXPIRED)
    page, sight, token = opened(post_with_rules, chromium, language)
    wrong = {}
    for path, theme in PAGES.items():
        post_with_rules.agent.officers.set_theme(token, theme)
        page.goto(post_with_rules.url + path.format(case=case.id))
        page.wait_for_function(HAS_COME)
        faults = [*check(page, language), *axe(page), *walk(page), *sight.faults()]
        if faults:
            wrong[path] = faults
    page.context.close()
    assert wrong == {}


@pytest.mark.timeout(240)
@pytest.mark.whole
def test_the_checks_see_faults(post: Post, chromium: Browser) -> None:
    """A check that never fails proves nothing: each is shown a page that breaks it."""
    page, sight, _ = opened(post, chromium, "fr")
    checks: tuple[tuple[dict[str, str], Callable[[], Iterable[str]]], ...] = (
        (LOOKED_AT, lambda: check(page, "fr")),
        (BY_AXE, lambda: axe(page)),
        (BY_KEYBOARD, lambda: walk(page)),
        (SEEN_TO_DO, sight.faults),
    )
    blind = {}
    for breaks, looks in checks:
        for fault, spoil in breaks.items():
            page.goto(post.url + "/settings")
            page.wait_for_function(HAS_COME)
            assert breaks is BY_KEYBOARD or not list(looks())
            page.evaluate(f"() => {{ {PARTS}; {spoil}; }}")
            page.wait_for_timeout(50)
            found = list(looks())
            if not any(fault in one for one in found):
                blind[fault] = found
    page.context.close()
    assert blind == {}
