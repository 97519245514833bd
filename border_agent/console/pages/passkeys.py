"""Security keys: questions for the browser, keys of one's own. The answers come with the forms they belong to."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.officers.values import KeyChallenge, KeyRefused, Session
from border_agent.api.serving import as_json
from border_agent.console.app import Console
from border_agent.console.forms import field, key_answer, read_form
from border_agent.console.visit import Visit


def routes(console: Console) -> list[Route]:
    """`/sign-in/key`, `/second/key`, `/settings/keys…`."""
    officers = console.agent.officers

    def question(request: Request, number: str, session: Session | None) -> KeyChallenge:
        host, origin = _place(request)
        return officers.key_question(number, host=host, origin=origin, session=session)

    async def for_sign_in(request: Request, visit: Visit) -> Response:
        number = field(await read_form(request), "number", 16)
        return as_json(await run_in_threadpool(question, request, number, None))

    async def for_second(request: Request, visit: Visit) -> Response:
        number = field(await read_form(request), "number", 16)
        return as_json(await run_in_threadpool(question, request, number, visit.officer))

    async def for_adding(request: Request, visit: Visit) -> Response:
        host, origin = _place(request)
        return as_json(await run_in_threadpool(officers.key_registration, visit.officer, host=host, origin=origin))

    async def add(request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        answer = key_answer(form)
        if answer is None:
            raise KeyRefused(visit.officer.number, "no answer")
        await run_in_threadpool(officers.add_key, visit.officer, answer, field(form, "name", 64))
        console.say(visit, "console.settings.key_saved")
        return console.go(visit, "/settings")

    async def remove(request: Request, visit: Visit) -> Response:
        key = field(await read_form(request), "key", 2048)
        await run_in_threadpool(officers.remove_key, visit.officer, key)
        console.say(visit, "console.settings.key_removed")
        return console.go(visit, "/settings")

    return [
        Route("/sign-in/key", console.guard.open(for_sign_in), methods=["POST"]),
        Route("/second/key", console.page(for_second), methods=["POST"]),
        Route("/settings/keys/question", console.page(for_adding), methods=["POST"]),
        Route("/settings/keys/add", console.page(add), methods=["POST"]),
        Route("/settings/keys/remove", console.page(remove), methods=["POST"]),
    ]


def _place(request: Request) -> tuple[str, str]:
    """Where the browser is. The host's name was checked before anything else (see `armour`)."""
    return request.url.hostname or "", f"https://{request.headers.get('host', '')}"
