"""An officer's browser without a screen: pages by HTTPS, their forms filled in and sent, as a person's would be."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import pyotp
from msgspec import Struct

from border_agent.demo.parts import DemoFailed

PATIENCE_SECONDS = 60.0
CONFLICT = 409
PATIENCE_CODES = 2
STEP_SECONDS = 30.0
"""Of an authenticator: a code serves for one step, and a device takes its neighbours."""
LATE_SECONDS = 5.0
"""So late in a step its neighbour might be too old when it arrives."""
_RECORDED = 'class="message good"'
_OPEN = re.compile(r'href="/inspections/([0-9a-f]{32})"')
_PROPOSED = re.compile(r' data-proposed="([a-z]+)"')


class Form(Struct):
    """One form of a page."""

    action: str
    fields: dict[str, list[str]]
    """Fields with the values they come with; of buttons to choose from those that are checked."""
    choices: dict[str, list[str]]
    """What there is to choose from."""


class Page(Struct, frozen=True):
    """What came back."""

    path: str
    status: int
    text: str
    forms: tuple[Form, ...]

    def form(self, action: str) -> Form:
        """The form that goes to a path ending so. Raises DemoFailed."""
        for form in self.forms:
            if form.action.partition("?")[0].endswith(action):
                return form
        raise DemoFailed(self.path, f"no form for {action} (status {self.status})")


class Officer:
    """One person's browser. A context manager."""

    def __init__(self, url: str, ca: Path) -> None:
        self.http = httpx.Client(
            base_url=url,
            verify=ssl.create_default_context(cafile=str(ca)),
            follow_redirects=True,
            timeout=PATIENCE_SECONDS,
        )
        self.number = ""
        self.password = ""
        self.secret = ""
        """Of the authenticator."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def activate(self, number: str, code: str, password: str) -> Page:
        """The first sign-in: the code from the centre, a password of one's own, the authenticator."""
        page = self.send(self.get("/activate"), "/activate", {"number": number, "activation": code})
        self.number, self.password = number, password
        self.secret = _between(page.text, 'id="secret">', "<").replace(" ", "")
        # The last half minute's code: what the authenticator shows now stays good for the next sign-in.
        left = STEP_SECONDS - time.time() % STEP_SECONDS
        if left < LATE_SECONDS:
            time.sleep(left)
        given = {"password": password, "again": password, "code": self.code(-1)}
        page = self.send(page, "/activate/finish", given)
        if page.path == "/activate/finish":
            raise DemoFailed(number, "the first sign-in was refused")
        return page

    def sign_in(self, number: str, password: str, secret: str) -> Page:
        """With a password and what the authenticator shows; waits where its last code was used already."""
        self.number, self.password, self.secret = number, password, secret
        for _ in range(PATIENCE_CODES):
            page = self.get("/sign-in")
            page = self.send(page, "/sign-in", {"number": number, "password": password, "code": self.code()})
            if page.path != "/sign-in":
                return page
            # A code serves once: the next comes with the next half minute.
            time.sleep(STEP_SECONDS + 0.5 - time.time() % STEP_SECONDS)
        raise DemoFailed(number, "the sign-in was refused")

    def sign_out(self) -> None:
        """Leave; the authenticator and the password stay."""
        self.send(self.get("/settings"), "/sign-out", {})

    def waiting(self) -> tuple[str, ...]:
        """Ids of the inspections in the queue that nobody has in hand, who has waited longest first."""
        return tuple(dict.fromkeys(_OPEN.findall(self.get("/?show=waiting").text)))

    def proposal(self, page: Page) -> str:
        """What the machine proposes, as an inspection's page marks it. Raises DemoFailed."""
        found = _PROPOSED.search(page.text)
        if found is None:
            raise DemoFailed(page.path, f"no proposal (status {page.status})")
        return found[1]

    def decide(self, inspection: str, decision: str = "", *, reason: str = "") -> str:
        """Open a traveller's page and decide; empty: as is proposed. The decision once its page says that it is
        recorded; empty where somebody else has the traveller in hand."""
        page = self.get(f"/inspections/{inspection}")
        if _PROPOSED.search(page.text) is None:
            return ""
        decision = decision or self.proposal(page)
        action = f"/inspections/{inspection}/decide/{decision}"
        given: dict[str, str | list[str]] = {}
        if not any(form.action == action for form in page.forms):
            page = self.get(action)
            if page.status == CONFLICT:
                return ""
            form = page.form(action)
            if form.choices.get("grounds") and not form.fields.get("grounds"):
                given["grounds"] = form.choices["grounds"][:1]
            if reason:
                given["reason"] = reason
        page = self.send(page, action, given)
        return decision if page.path == f"/inspections/{inspection}" and _RECORDED in page.text else ""

    def code(self, steps: int = 0) -> str:
        """What the authenticator shows now, or so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time() + steps * STEP_SECONDS))

    def get(self, path: str) -> Page:
        """A page."""
        return _page(self.http.get(path))

    def send(self, page: Page, action: str, values: Mapping[str, str | list[str]]) -> Page:
        """One of a page's forms, filled in."""
        form = page.form(action)
        return _page(self.http.post(form.action, data={**form.fields, **values}))


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._written: list[str] | None = None
        """Values of the text area that is being read."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        name, value, form = found.get("name", ""), found.get("value", ""), self._open
        if tag == "form":
            self._open = Form(found.get("action", ""), {}, {})
            self.forms.append(self._open)
        elif form is None or not name:
            return
        elif tag == "textarea":
            self._written = form.fields.setdefault(name, [])
            self._written.append("")
        elif tag == "input":
            chosen = found.get("type") in ("radio", "checkbox")
            if chosen:
                form.choices.setdefault(name, []).append(value or "on")
            if not chosen or "checked" in found:
                form.fields.setdefault(name, []).append(value or ("on" if chosen else ""))

    def handle_data(self, data: str) -> None:
        if self._written is not None:
            self._written[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._written is not None:
            self._written[-1] = self._written[-1].removeprefix("\n")  # as browsers read it
            self._written = None
        elif tag == "form":
            self._open = None


def forms_of(html: str) -> tuple[Form, ...]:
    """The forms of a page, in their order."""
    reader = _Forms()
    reader.feed(html)
    return tuple(reader.forms)


def _page(response: httpx.Response) -> Page:
    return Page(response.url.path, response.status_code, response.text, forms_of(response.text))


def _between(text: str, before: str, after: str) -> str:
    _, found, rest = text.partition(before)
    if not found:
        raise DemoFailed("page", f"no {before}")
    return rest.partition(after)[0].strip()
