"""Every page of the console and the states it has: by whom it is opened, and how."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from playwright.sync_api import Page

from border_agent.console.bar import Topic
from tests.console.console_stage import (
    AUDITOR,
    NEW,
    NOBODY,
    OFFICER,
    OTHER,
    READER,
    SUPERVISOR,
    TECHNICIAN,
    TYPED,
    Stage,
)

Open = Callable[[Stage, Page], None]


class Screen(Struct, frozen=True, kw_only=True):
    """One page in one state."""

    name: str
    who: str
    open: Open
    status: int = 200
    """Of the last answer."""
    after: Callable[[Stage, Page], None] | None = None
    """What has to be put back before the next one."""


def at(path: str) -> Open:
    """A page by its address; places name the stage's ids."""

    def go(stage: Stage, page: Page) -> None:
        page.goto(stage.url + path.format(**stage.ids))

    return go


def then(first: Open, *steps: Callable[[Page], object]) -> Open:
    """A page, and what is done on it."""

    def go(stage: Stage, page: Page) -> None:
        first(stage, page)
        for step in steps:
            step(page)

    return go


def click(selector: str) -> Callable[[Page], object]:
    return lambda page: page.locator(selector).first.click()


def fill(**fields: str) -> Callable[[Page], object]:
    """Fields by their names."""

    def write(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f"main [name={name}]:visible").first.fill(value)

    return write


def press(key: str) -> Callable[[Page], object]:
    return lambda page: page.keyboard.press(key)


def submit(selector: str) -> Callable[[Page], object]:
    """Send the form of a field past the browser's own checks, as one without them would."""

    def send(page: Page) -> None:
        with page.expect_navigation():
            page.locator(f"main form:has({selector})").first.evaluate("form => form.submit()")

    return send


def back(stage: Stage, page: Page) -> None:
    stage.leave(page)


def _first_sign_in(stage: Stage, page: Page) -> None:
    at("/activate")(stage, page)
    fill(number=NEW, activation=stage.code)(page)
    submit("[name=activation]")(page)


def _locked(stage: Stage, page: Page) -> None:
    stage.send(page, "/lock/now", next="/")
    at("/lock")(stage, page)


def _held(path: str) -> Open:
    """While another officer has the traveller in hand."""

    def go(stage: Stage, page: Page) -> None:
        stage.tab(OTHER).goto(f"{stage.url}/inspections/{stage.ids['held']}")
        at(path)(stage, page)

    return go


def _given_back(stage: Stage, page: Page) -> None:
    stage.leave(stage.tab(OTHER))
    stage.tab(OTHER).goto("about:blank")


def _ringing(stage: Stage, page: Page) -> None:
    stage.ring()
    at("/")(stage, page)


def _outage(stage: Stage, page: Page) -> None:
    stage.send(page, "/drills", kind="outage", minutes="10")
    at("/drills")(stage, page)


def _outage_over(stage: Stage, page: Page) -> None:
    stage.send(page, "/drills/stop")
    stage.wait(lambda: "/drills/stop" not in stage.ask(page, "/drills").text(), "drill")


def _verified(stage: Stage, page: Page) -> None:
    stage.send(page, "/journal/verify")
    stage.wait(lambda: 'class="message good"' in stage.ask(page, "/journal").text(), "verification")
    at("/journal")(stage, page)


def _suspended(stage: Stage, page: Page) -> None:
    stage.send(page, f"/officers/{NEW}/suspend", reason=TYPED[3])
    at("/officers")(stage, page)


def _lifted(stage: Stage, page: Page) -> None:
    stage.send(page, f"/officers/{NEW}/lift")


ENTRANCE = (
    Screen(name="sign-in", who=NOBODY, open=at("/sign-in")),
    Screen(
        name="sign-in-refused",
        who=NOBODY,
        open=then(
            at("/sign-in"), fill(number="7777", password="un mot de passe", code="123456"), submit("[name=number]")
        ),
        status=401,
    ),
    Screen(name="activate", who=NOBODY, open=at("/activate")),
    Screen(name="activate-finish", who=NOBODY, open=_first_sign_in),
    Screen(name="lock", who=READER, open=_locked),
    Screen(name="settings", who=OFFICER, open=at("/settings")),
    Screen(name="help", who=OFFICER, open=at("/help")),
    Screen(name="keys", who=SUPERVISOR, open=then(at("/help"), press("?"))),
    Screen(name="person-menu", who=SUPERVISOR, open=then(at("/help"), click(".person summary"))),
)

QUEUE = (
    Screen(name="queue", who=OFFICER, open=at("/")),
    Screen(name="queue-start", who=OFFICER, open=then(at("/"), press("n"))),
    Screen(
        name="queue-not-found",
        who=OFFICER,
        open=then(at("/"), fill(typed="ZK7-42Q"), submit("[name=typed]")),
        status=404,
    ),
    Screen(name="queue-none", who=OTHER, open=at("/?show=mine")),
    Screen(name="queue-reader", who=READER, open=at("/")),
    Screen(name="queue-call", who=OFFICER, open=_ringing, after=lambda stage, page: stage.quiet()),
    Screen(name="collecting", who=OFFICER, open=at("/inspections/{collecting}")),
    Screen(
        name="collecting-typed",
        who=OFFICER,
        open=then(
            at("/inspections/{collecting}"),
            press("t"),
            fill(lines="P<TCDHAROUN<<ZENABA<<<<<<<<<<<<<<<<<<<<<<<<<\nR0391846"),
            lambda page: page.wait_for_timeout(900),
        ),
    ),
)

INSPECTION = (
    *(
        Screen(name=f"inspection-{name}", who=OFFICER, open=at(f"/inspections/{{{name}}}"), after=back)
        for name in ("admit", "refer", "refuse", "exit", "group", "watched", "copied")
    ),
    Screen(name="inspection-watched-supervisor", who=SUPERVISOR, open=at("/inspections/{watched}"), after=back),
    Screen(
        name="inspection-chip",
        who=OFFICER,
        open=then(at("/inspections/{copied}"), click("details:has(.facts) summary")),
        after=back,
    ),
    Screen(name="inspection-held", who=OFFICER, open=_held("/inspections/{held}"), after=_given_back),
    Screen(
        name="inspection-zoom",
        who=OFFICER,
        open=then(
            at("/inspections/{admit}"),
            lambda page: page.locator("[data-zoom]").first.press("Enter"),
            lambda page: page.wait_for_timeout(300),
        ),
        after=back,
    ),
    Screen(
        name="inspection-compare",
        who=OFFICER,
        open=then(at("/inspections/{refer}"), click("details:has([data-overlay]) summary")),
        after=back,
    ),
    Screen(name="decide-refuse", who=OFFICER, open=at("/inspections/{refuse}/decide/refuse"), after=back),
    Screen(name="decide-reason", who=OFFICER, open=at("/inspections/{refer}/decide/admit"), after=back),
    Screen(name="decide-second", who=OFFICER, open=at("/inspections/{refuse}/decide/admit"), after=back),
    Screen(
        name="decide-second-refused",
        who=OFFICER,
        open=then(
            at("/inspections/{refuse}/decide/admit"),
            fill(reason="Laissez-passer", second_number="1001", second_password="x", second_code="000000"),
            submit("[name=reason]"),
        ),
        status=403,
        after=back,
    ),
    Screen(
        name="conflict", who=OFFICER, open=_held("/inspections/{held}/decide/admit"), status=409, after=_given_back
    ),
    Screen(name="recorded", who=OFFICER, open=at("/inspections/{recorded}")),
    Screen(name="notice", who=OFFICER, open=at("/inspections/{recorded}/notice")),
)

MOVEMENTS = (
    Screen(name="late", who=OFFICER, open=at("/late")),
    Screen(
        name="late-refused",
        who=OFFICER,
        open=then(at("/late"), fill(paper="2026-0418", decided_by="1002"), submit("[name=paper]")),
        status=422,
    ),
    Screen(name="movements", who=OFFICER, open=at("/movements")),
    Screen(name="movements-none", who=OFFICER, open=at("/movements?text=ZZZ")),
    Screen(name="movement", who=OFFICER, open=at("/movements/{movement}")),
    Screen(name="conflicts", who=OFFICER, open=at("/conflicts")),
    Screen(name="movement-late", who=AUDITOR, open=at("/movements/{late}")),
    Screen(name="correct", who=OFFICER, open=at("/movements/{movement}/correct")),
    Screen(name="lookups", who=OFFICER, open=at("/lookups")),
    Screen(
        name="lookups-hits",
        who=OFFICER,
        open=then(at("/lookups"), fill(name="OKONKWO CHUKWUEMEKA"), submit("[name=name]")),
    ),
    Screen(
        name="lookups-discreet",
        who=OFFICER,
        open=then(at("/lookups"), fill(name="AGBEKO KOSSI EDEM"), submit("[name=name]")),
    ),
    Screen(
        name="lookups-supervisor",
        who=SUPERVISOR,
        open=then(at("/lookups"), fill(name="AGBEKO KOSSI EDEM"), submit("[name=name]")),
    ),
    Screen(
        name="lookups-document",
        who=OFFICER,
        open=then(at("/lookups"), fill(number="19AK20417", issuer="CIV"), submit("[name=number]")),
    ),
    Screen(
        name="lookups-none",
        who=OFFICER,
        open=then(at("/lookups"), fill(name="NKOUMOU ELEONORE"), submit("[name=name]")),
    ),
)

HOUSE = (
    Screen(name="statistics", who=SUPERVISOR, open=at("/statistics")),
    Screen(name="state", who=OFFICER, open=at("/state")),
    *(Screen(name=f"state-{topic.value}", who=OFFICER, open=at(f"/state/{topic.value}")) for topic in Topic),
    Screen(name="officers", who=SUPERVISOR, open=at("/officers")),
    Screen(name="officers-suspend", who=SUPERVISOR, open=at("/officers/1002/suspend")),
    Screen(name="officers-suspended", who=SUPERVISOR, open=_suspended, after=_lifted),
    Screen(name="acts", who=SUPERVISOR, open=at("/journal/acts")),
    Screen(name="journal", who=AUDITOR, open=at("/journal")),
    Screen(name="journal-verified", who=AUDITOR, open=_verified),
    Screen(name="health", who=TECHNICIAN, open=at("/health")),
    Screen(name="restart", who=TECHNICIAN, open=at("/health/restart")),
    Screen(name="log", who=TECHNICIAN, open=at("/log")),
    Screen(name="drills", who=TECHNICIAN, open=at("/drills")),
    Screen(name="drills-running", who=TECHNICIAN, open=_outage, after=_outage_over),
    Screen(name="forbidden", who=OFFICER, open=at("/officers"), status=403),
    Screen(name="not-found", who=OFFICER, open=at("/nothing-here"), status=404),
)

SCREENS = (*ENTRANCE, *QUEUE, *INSPECTION, *MOVEMENTS, *HOUSE)

CUT_OFF = (
    Screen(name="outage-queue", who=OFFICER, open=at("/")),
    Screen(name="outage-inspection", who=OFFICER, open=at("/inspections/{admit}"), after=back),
    Screen(name="outage-state", who=OFFICER, open=at("/state/line")),
    Screen(name="outage-post", who=OFFICER, open=at("/state/post")),
)
"""Once the lines of the post are cut."""
