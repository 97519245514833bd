"""While signed in: the idle lock, signs of life, signing out, one's own settings, the live stream."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from border_agent.agent.officers.values import SignInRefused
from border_agent.api.serving import STATUS
from border_agent.console.app import Console
from border_agent.console.forms import field, peer, read_form, secret
from border_agent.console.guard import COOKIE, set_cookie
from border_agent.console.tokens import new_visitor
from border_agent.console.visit import Visit
from border_agent.console.whence import local_path, with_next
from border_agent.words import error_text


def routes(console: Console) -> list[Route]:
    """`/lock`, `/here`, `/sign-out`, `/settings`, `/help`, `/events`."""
    pages, page = _Session(console), console.page
    return [
        Route("/lock", page(pages.lock, touch=False, locked=True)),
        Route("/lock", page(pages.unlock, touch=False, locked=True), methods=["POST"]),
        Route("/lock/now", page(pages.lock_now, touch=False, locked=True), methods=["POST"]),
        Route("/here", page(pages.here), methods=["POST"]),
        Route("/sign-out", page(pages.sign_out, touch=False, locked=True), methods=["POST"]),
        Route("/settings", page(pages.settings)),
        Route("/settings/language", page(pages.language), methods=["POST"]),
        Route("/settings/theme", page(pages.theme), methods=["POST"]),
        Route("/settings/counter", page(pages.counter), methods=["POST"]),
        Route("/help", page(pages.help)),
        Route("/events", page(console.live.events, touch=False)),
    ]


class _Session:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._agent = console.agent
        self._officers = console.agent.officers

    async def lock(self, request: Request, visit: Visit) -> Response:
        next_ = local_path(request.query_params.get("next", "/"))
        if not visit.officer.locked:
            return RedirectResponse(next_, 303)
        return self._console.render(visit, "lock.html", next=next_, refused="")

    async def unlock(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        next_ = local_path(field(form, "next", 500))
        try:
            await run_in_threadpool(
                self._officers.unlock, _token(request), secret(form, "password"), peer=peer(request)
            )
        except SignInRefused as error:
            refused = error_text(error, visit.language)
            return self._console.render(visit, "lock.html", STATUS[error.code], next=next_, refused=refused)
        return RedirectResponse(next_, 303)

    async def lock_now(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        await run_in_threadpool(self._officers.lock, _token(request))
        return self._console.go(visit, with_next("/lock", local_path(field(form, "next", 500))))

    async def here(self, request: Request, visit: Visit) -> Response:
        return Response(status_code=204)

    async def sign_out(self, request: Request, visit: Visit) -> Response:
        await run_in_threadpool(self._agent.counter.leave_all, visit.officer.key)
        await run_in_threadpool(self._officers.sign_out, _token(request))
        response = self._console.go(visit, "/sign-in")
        set_cookie(response, new_visitor())
        return response

    async def settings(self, request: Request, visit: Visit) -> Response:
        keys = await run_in_threadpool(self._officers.keys, visit.officer)
        return self._console.render(visit, "settings.html", keys=keys)

    async def language(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        await run_in_threadpool(self._officers.set_language, _token(request), field(form, "language", 8))
        return self._console.go(visit, field(form, "next", 500) or "/settings")

    async def theme(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        await run_in_threadpool(self._officers.set_theme, _token(request), field(form, "theme", 16))
        return self._console.go(visit, "/settings")

    async def counter(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        await run_in_threadpool(self._officers.set_counter, _token(request), field(form, "counter", 32))
        self._console.say(visit, "console.settings.saved")
        return self._console.go(visit, "/settings")

    async def help(self, request: Request, visit: Visit) -> Response:
        return self._console.render(visit, "help.html")


def _token(request: Request) -> str:
    return request.cookies.get(COOKIE, "")
