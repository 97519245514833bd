"""A whole post, opened once for all the console's pictures, and one browser for each of its people.

with staged(folder, album) as stage:
    page = stage.tab("1001")
    page.goto(stage.url + "/")
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import APIResponse, Browser, Page, Playwright, sync_playwright

from border_agent.api.client import AgentClient
from border_agent.demo.chips import obstacle
from border_agent.demo.counter import hold_out
from border_agent.demo.flight import arrival_of
from border_agent.demo.officer import Officer
from border_agent.demo.post_world import PEOPLE
from border_agent.demo.stay import PASSWORD, OpenPost, SignIn, open_post
from border_agent.specimens.album import Album, build_all
from border_agent.specimens.cast import Traveller, cast
from border_agent.specimens.feeds import NOTICE
from mqtt_schemas.centre.officers import activate, put_officer
from mqtt_schemas.records import OfficerRole
from tests.console.page_checks import Sight

CHROMIUM = "/usr/bin/chromium"
OFFICER, OTHER, SUPERVISOR, TECHNICIAN, AUDITOR, READER = (person.number for person in PEOPLE)
NOBODY = ""
NEW = "6001"
"""Somebody who has not signed in yet."""
LEFT = 2
"""The traveller of the cast who has stayed too long, and leaves."""
TYPED = (
    "Coupure de courant",
    "Heure mal lue",
    "Visa non reconnu au poste",
    "Badge perdu",
    *(person.name for person in PEOPLE),
    *(words for notice in NOTICE.values() for words in (notice.authority, notice.legal_basis, notice.appeal)),
    "scanner",
    "SPECIMEN",
)
"""What people have written into forms, their names, the policy's own texts, a device's name, certificates' names."""
PATIENCE_SECONDS = 60.0
COOKIE = "__Host-borne"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Stage:
    """The post, its people's tabs, and who is who in its queue."""

    def __init__(self, opened: OpenPost, album: Album, browser: Browser) -> None:
        self.world = opened.world
        self.url = opened.world.url
        self.people = {one.person.number: one for one in opened.people}
        self.code = ""
        """With which `NEW` may sign in for the first time."""
        self.ids: dict[str, str] = {}
        """Inspections and entries by what they are to show."""
        self._album = album
        self._browser = browser
        self._tabs: dict[tuple[str, str], Page] = {}
        self._cookies: dict[str, str] = {}
        self.sights: dict[Page, Sight] = {}

    def tab(self, number: str, language: str = "") -> Page:
        """The tab of one of the people, signed in, in this language or the one they had; of nobody, one for each."""
        key = number, language if number == NOBODY else ""
        page = self._tabs.get(key)
        if page is None:
            page = self._tabs[key] = self.new_tab(self.url, self._cookies.get(number, ""), language)
            self.sights[page] = Sight(page, self.url.partition("://")[2])
        if number != NOBODY:
            self._unlocked(page, number)
            if language:
                self.send(page, "/settings/language", language=language, next="/settings")
        return page

    def ask(self, page: Page, path: str) -> APIResponse:
        """Ask for a page beside the one that is open."""
        return page.context.request.get(self.url + path)

    def send(self, page: Page, path: str, **fields: str) -> APIResponse:
        """Send a form beside the page that is open."""
        found = _CSRF.search(self.ask(page, "/help").text())
        assert found is not None, path
        return page.context.request.post(self.url + path, form={"csrf": found[1], **fields})

    def row(self, surname: str) -> str:
        """The inspection of somebody in the queue."""
        page, row = self.tab(READER), re.compile(rf'id="row-([0-9a-f]+)"(?:(?!id="row-).)*?{surname}', re.DOTALL)
        # A kiosk's travellers come over the post's network, a moment later.
        self.wait(lambda: row.search(self.ask(page, "/").text()) is not None, surname)
        found = row.search(self.ask(page, "/").text())
        assert found is not None
        return found[1]

    def traveller(self, number: int) -> Traveller:
        return cast(self._album.today)[number - 1]

    def prepare(self) -> None:
        """What the post has to have seen before its pages are drawn."""
        for name, surname in (
            ("admit", "HAROUN"),
            ("refer", "OUEDRAOGO"),
            ("refuse", "FERREIRA"),
            ("watched", "AGBEKO"),
            ("group", "SARR"),
            ("held", "NKOUMOU"),
            # Only where chips are read: elsewhere somebody with nothing to see of one.
            ("copied", "OUEDRAOGO" if obstacle() else "MBA OBIANG"),
        ):
            self.ids[name] = self.row(surname)
        self._enter_late()
        self.ids["exit"] = self._leave()
        officer = self.tab(OFFICER)
        self.quiet()
        group = self.ids["group"]
        sent = self.send(officer, "/inspections", direction="entry", purpose="", group=group, slip="")
        self.ids["collecting"] = sent.url.rpartition("/")[2]
        self._refuse(officer)
        self._new_officer()
        technician = self.tab(TECHNICIAN)
        for kind in ("tamper", "restore"):
            self.send(technician, "/drills", kind=kind, minutes="10")
            self.wait(lambda: "/drills/stop" not in self.ask(technician, "/drills").text(), f"drill {kind}")

    def ring(self) -> None:
        """Somebody at a kiosk calls for an officer."""
        with AgentClient(str(self.world.kiosks[0].socket), as_kiosk=True) as kiosk:
            kiosk.call_officer()
        page = self.tab(OFFICER)
        self.wait(lambda: "/answer" in self.ask(page, "/").text(), "call")

    def quiet(self) -> None:
        """End the calls."""
        page = self.tab(OFFICER)
        for call in set(re.findall(r'action="/calls/([^/"]+)/end"', self.ask(page, "/").text())):
            self.send(page, f"/calls/{call}/end", next="/")

    def cut(self) -> None:
        """Both lines of the post are cut: to the data centre and to its kiosks."""
        self.world.national.broker.stop()
        self.world.lan.stop()
        page = self.tab(OFFICER)
        self.wait(lambda: self.ask(page, "/").text().count('class="chip bad" href="/state/') >= 2, "outage")

    def leave(self, page: Page) -> None:
        """Give the traveller of the open page back to the queue."""
        found = re.search(r"/inspections/([0-9a-f]{32})", page.url)
        if found is not None:
            self.send(page, f"/inspections/{found[1]}/leave")

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(0.2)

    def new_tab(self, url: str, cookie: str, language: str) -> Page:
        """A browser of its own; with somebody's cookie."""
        context = self._browser.new_context(
            ignore_https_errors=True,
            locale="en-GB" if language == "en" else "fr-FR",
            color_scheme="light",
            viewport={"width": 1024, "height": 600},
        )
        if cookie:
            context.add_cookies(
                [
                    {
                        "name": COOKIE,
                        "value": cookie,
                        "url": url,
                        "secure": True,
                        "httpOnly": True,
                        "sameSite": "Strict",
                    }
                ]
            )
        page = context.new_page()
        page.set_default_timeout(20_000)
        return page

    def sign_in(self) -> None:
        """Everybody; a code serves once, so each may have to wait for the next, and all wait together."""

        def cookie(one: SignIn) -> str:
            with Officer(self.url, self.world.ca) as officer:
                officer.sign_in(one.person.number, PASSWORD, one.secret)
                return officer.http.cookies[COOKIE]

        with ThreadPoolExecutor(len(self.people)) as pool:
            found = pool.map(cookie, self.people.values())
        self._cookies = dict(zip(self.people, found, strict=True))

    def _unlocked(self, page: Page, number: str) -> None:
        if "/lock" in self.ask(page, "/settings").url:
            found = _CSRF.search(self.ask(page, "/lock").text())
            assert found is not None
            form = {"csrf": found[1], "next": "/settings", "password": PASSWORD}
            page.context.request.post(f"{self.url}/lock", form=form)

    def _enter_late(self) -> None:
        """An entry from paper, four months ago, for thirty days; then put right."""
        page, passport = self.tab(OFFICER), self.traveller(LEFT).passport
        at = datetime.now().astimezone() - timedelta(days=120)
        sent = self.send(
            page,
            "/late",
            paper="2026-0417",
            date=at.date().isoformat(),
            time="06:40",
            direction="entry",
            decision="admit",
            decided_by="1002",
            reason=TYPED[0],
            stay_days="30",
            lines="\n".join(passport.lines),
        )
        found = re.search(r'href="/movements/([0-9a-f]{32})/correct"', sent.text())
        assert found is not None, sent.text()
        self.ids["late"] = found[1]
        self.send(page, f"/movements/{found[1]}/correct", date=at.date().isoformat(), time="06:50", reason=TYPED[1])

    def _leave(self) -> str:
        """Whose stay is over shows the passport on the way out."""
        arrival = arrival_of(self._album, {}, self.traveller(LEFT))
        counter = self.world.counter
        with AgentClient(str(counter.socket)) as agent:
            case = agent.start(direction="exit")
            return str(hold_out(counter, agent, case["id"], arrival)["id"])

    def _refuse(self, page: Page) -> None:
        """A decision on record, with its notice."""
        queue = self.ask(page, "/").text()
        refused = self.row(next(name for name in ("MUKENDI", "RAMANATHAN", "TRAORE") if name in queue))
        self.ask(page, f"/inspections/{refused}")
        grounds = re.findall(
            r'name="grounds" value="([a-z_]+)"', self.ask(page, f"/inspections/{refused}/decide/refuse").text()
        )
        self.send(
            page,
            f"/inspections/{refused}/decide/refuse",
            grounds=grounds[2],
            reason=TYPED[2],
        )
        self.ids["recorded"] = refused
        found = re.search(r'href="/movements/([0-9a-f]{32})"', self.ask(page, "/movements").text())
        assert found is not None
        self.ids["movement"] = found[1]

    def _new_officer(self) -> None:
        centre = self.world.national.centre_folder
        put_officer(
            centre,
            NEW,
            name="ESSOMBA Marie-Noëlle",
            roles=(OfficerRole.OFFICER,),
            posts=(self.world.counter.post,),
            language="fr",
        )
        self.code = activate(centre, NEW).code
        page = self.tab(SUPERVISOR)
        self.wait(lambda: NEW in self.ask(page, "/officers").text(), "officers' list")


@contextlib.contextmanager
def staged(folder: Path, album: Path) -> Iterator[Stage]:
    """An open post with everybody signed in."""
    with _browser() as browser, open_post(folder, album, lambda *_, **__: None) as opened:
        stage = Stage(opened, build_all(album, datetime.now().date()), browser)
        stage.sign_in()
        yield stage


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
