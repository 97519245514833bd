"""What is looked at on every page by code: nothing cut off, all by keyboard, one language, WCAG 2.2 AA.

for fault in check(page, "fr"): ...
for fault in walk(page): ...
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request

from border_agent.words import keys, languages, text
from border_agent.words.catalogue import catalogue

THEMES = ("light", "dark", "contrast")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
SHORTEST_WORD = 3
TABS_EACH = 6
"""A date's field is passed by so many presses of the tab key at most."""

_PLACE = re.compile(r"\{[^{}]*\}")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_UNFILLED = re.compile(r"\{[a-z_]+[!:}]")
_TYPED = re.compile(r"\S*[\d@_/\\=<>|]\S*|\w+\.\w+")
"""Numbers, addresses, codes: data, whatever letters are in them."""
_FRENCH = re.compile(r"\w'\w|\w [:;?!»]|« ")


class Sight:
    """What one tab was seen to do, and what it said, since it was last asked."""

    def __init__(self, page: Page, host: str) -> None:
        self._host = host
        self._faults: list[str] = []
        page.on("request", self._asked)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._faults.append(f"script: {error}"))

    def faults(self, status: int = 200) -> list[str]:
        """Requests to others, errors, violations of the page's policy. `status`: of the page itself, and no fault."""
        found, self._faults = self._faults, []
        return [fault for fault in found if status < 400 or f"status of {status}" not in fault]

    def _asked(self, request: Request) -> None:
        scheme, _, rest = request.url.partition("://")
        if scheme != "data" and rest.partition("/")[0] != self._host:
            self._faults.append(f"asks {request.url[:80]}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._faults.append(f"console: {message.text[:300]}")


def check(page: Page, language: str, typed: Collection[str] = ()) -> Iterator[str]:
    """What is wrong with a page as it is drawn: places, sizes, words. Nothing: nothing.

    `typed`: what people have written, and names; of no language.
    """
    yield from page.evaluate(f"{SCRIPT}.look()")
    yield from in_language(page.evaluate(f"{SCRIPT}.words()"), language, typed)
    if page.evaluate("document.documentElement.lang") != language:
        yield f"the page is not marked as {language}"


def axe(page: Page, *, colours_only: bool = False) -> Iterator[str]:
    """What axe has against a page by WCAG 2.2 AA. `colours_only`: the one rule that a theme can change."""
    wanted: dict[str, Any] = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    if colours_only:
        wanted["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    for found in Axe().run(page, options=wanted).response["violations"]:
        for node in found["nodes"]:
            yield f"axe {found['id']}: {node['target']}: {' '.join(node['failureSummary'].split())[:300]}"


def walk(page: Page) -> Iterator[str]:
    """Go through the page by the tab key: every control is reached, in sight, and shows its focus."""
    stands = page.evaluate(f"{SCRIPT}.begin()")
    stops = page.evaluate(f"{SCRIPT}.stops()")
    names, wanted = dict(stops), Counter(what for what, _ in stops)
    reached: Counter[str] = Counter()
    for _ in range(TABS_EACH * wanted.total() + 20):
        if not stands:
            page.keyboard.press("Tab")
        stands = False
        now = page.evaluate(f"themes => {SCRIPT}.stop(themes)", list(THEMES))
        if now is None and not wanted - reached:
            break
        if now is None or now["again"]:
            continue
        what = now["what"]
        if reached[what] >= max(wanted[what], 1):
            break
        reached[what] += 1
        for fault in now["faults"]:
            yield f"tab stop {now['name']}: {fault}"
    for what in wanted - reached:
        yield f"tab stop {names[what]}: not reached"


def in_language(found: Iterable[dict[str, Any]], language: str, typed: Collection[str] = ()) -> Iterator[str]:
    """Texts in a language other than the one they are marked with; keys, unfilled places, careless signs."""
    for one in found:
        words, own = str(one["text"]), str(one["language"])
        for said in typed:
            words = words.replace(said, "")
        if words in keys(language) and "." in words:
            yield f"{words!r} is a key"
        if _UNFILLED.search(words):
            yield f"{words!r} has an unfilled place"
        if one["data"] or own not in languages():
            continue
        if own == "fr" and _FRENCH.search(words):
            yield f"{words[:80]!r} is not written as French is"
        foreign = sorted(set(_words(_TYPED.sub(" ", words))) & only_others(own))
        if foreign:
            yield f"{words[:80]!r} is not in {own}: {', '.join(foreign)}"


@cache
def only_others(language: str) -> frozenset[str]:
    """Words of the other languages' texts that none of this one's has."""
    own = {word for words in catalogue(language).values() for word in _words(words)}
    others = {
        word for one in languages() if one != language for words in catalogue(one).values() for word in _words(words)
    }
    return frozenset(others - own - _names())


@cache
def _names() -> frozenset[str]:
    """Languages are named in themselves."""
    return frozenset(word for one in languages() for word in _words(text(f"console.language.{one}", one)))


def _words(words: str) -> list[str]:
    found = _WORD.findall(_PLACE.sub(" ", words).casefold().replace("’", " "))
    return [word for word in found if len(word) >= SHORTEST_WORD]
