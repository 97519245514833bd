"""`/officers`: a supervisor's people: who may sign in, until when, who is signed in; extend, suspend, lift, end."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.officers.values import PersonView
from border_agent.console.app import Console
from border_agent.console.errors import NoSuchPage
from border_agent.console.forms import field, read_form
from border_agent.console.live import OFFICERS_KEY
from border_agent.console.menu import SUPERVISOR
from border_agent.console.visit import Visit
from border_agent.words import format_date
from mqtt_schemas.records import OfficerState

LONGEST_REASON = 500
_NUMBER = re.compile(r"[0-9]{4,8}")


def routes(console: Console) -> list[Route]:
    """The list, and what can be done about one person."""
    officers = console.agent.officers

    async def people(request: Request, visit: Visit) -> Response:
        found = await run_in_threadpool(officers.people)
        signed_in = await run_in_threadpool(officers.sessions)
        rows = [(person, standing(person)) for person in found]
        return console.render(visit, "officers.html", rows=rows, signed_in=signed_in, own=visit.officer.number)

    async def extend(request: Request, visit: Visit) -> Response:
        number = _number(request)
        until = await run_in_threadpool(officers.extend, visit.officer, number)
        day = format_date(until.astimezone(), visit.language)
        console.say(visit, "people.extended", number=number, day=day)
        return console.go(visit, "/officers")

    async def ask_suspend(request: Request, visit: Visit) -> Response:
        number = _number(request)
        found = await run_in_threadpool(officers.people)
        person = next((one for one in found if one.number == number), None)
        if person is None:
            raise NoSuchPage("officers")
        return console.render(visit, "suspend.html", person=person, most=LONGEST_REASON)

    async def suspend(request: Request, visit: Visit) -> Response:
        number = _number(request)
        reason = field(await read_form(request), "reason", LONGEST_REASON, lines=True)
        await run_in_threadpool(officers.suspend, visit.officer, number, reason)
        console.agent.hub.publish(OFFICERS_KEY)
        console.say(visit, "people.suspended", number=number)
        return console.go(visit, "/officers")

    async def lift(request: Request, visit: Visit) -> Response:
        number = _number(request)
        await run_in_threadpool(officers.lift, visit.officer, number)
        console.say(visit, "people.lifted", number=number)
        return console.go(visit, "/officers")

    async def end(request: Request, visit: Visit) -> Response:
        number = _number(request)
        await run_in_threadpool(officers.end_sessions, visit.officer, number)
        console.say(visit, "people.ended", number=number)
        return console.go(visit, "/officers")

    one = "/officers/{number}"
    return [
        Route("/officers", console.page(people, SUPERVISOR)),
        Route(f"{one}/extend", console.page(extend, SUPERVISOR), methods=["POST"]),
        Route(f"{one}/suspend", console.page(ask_suspend, SUPERVISOR)),
        Route(f"{one}/suspend", console.page(suspend, SUPERVISOR), methods=["POST"]),
        Route(f"{one}/lift", console.page(lift, SUPERVISOR), methods=["POST"]),
        Route(f"{one}/end", console.page(end, SUPERVISOR), methods=["POST"]),
    ]


def standing(person: PersonView) -> str:
    """The one word that says whether this person can sign in here; words `people.standing.<word>`."""
    if person.state is not OfficerState.ACTIVE:
        return "retired" if person.state is OfficerState.RETIRED else "stopped"
    if person.suspended_at is not None:
        return "suspended"
    if not person.activated:
        return "not_activated"
    if person.expired:
        return "expired"
    return "locked" if person.locked_seconds else "active"


def _number(request: Request) -> str:
    number: str = request.path_params["number"]
    if not _NUMBER.fullmatch(number):
        raise NoSuchPage("officers")
    return number
