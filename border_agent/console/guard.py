"""Who may open which page, asked at every request: session, idle lock, roles, tokens of forms, errors in words."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from border_agent.agent.officers.values import Session, SignedOut
from border_agent.agent.runtime import Agent
from border_agent.api.serving import STATUS
from border_agent.console.bar import Bar
from border_agent.console.errors import Fault, FormRefused, NotForRole
from border_agent.console.forms import read_form
from border_agent.console.rendering import Rendering
from border_agent.console.tokens import VisitorSecrets, fits, is_visitor, mask, new_visitor
from border_agent.console.visit import Visit
from border_agent.console.whence import here, local_path, with_next
from border_agent.errors import BorneError
from border_agent.words import DEFAULT_LANGUAGE, error_text, languages
from mqtt_schemas.records import OfficerRole

_log = logging.getLogger(__name__)

COOKIE: Final = "__Host-borne"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"

Handler = Callable[[Request, Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Guard:
    """Makes endpoints of handlers."""

    def __init__(self, agent: Agent, rendering: Rendering, bar: Bar) -> None:
        self._agent = agent
        self._rendering = rendering
        self._bar = bar
        self._visitors = VisitorSecrets()

    def page(self, handler: Handler, *roles: OfficerRole, touch: bool = True, locked: bool = False) -> Endpoint:
        """An endpoint for people who have signed in and have one of these roles (none named: any).

        `touch`: whether asking for it is a sign that somebody is there; not so for what a page asks for by itself.
        `locked`: open while the idle lock holds.
        """

        async def answer(request: Request) -> Response:
            token = request.cookies.get(COOKIE, "")
            if not token or is_visitor(token):
                return _sent_away(request, "/sign-in")
            try:
                visit = await run_in_threadpool(self._visit, request, token, touch=touch)
            except SignedOut:
                return _sent_away(request, "/sign-in")
            except BorneError as error:
                return self.error(self.stranger(request)[0], error, STATUS.get(error.code, 500))
            if visit.officer.locked and not locked:
                return _sent_away(request, "/lock")

            async def run() -> Response:
                if roles and not visit.may(*roles):
                    raise NotForRole(request.url.path, visit.officer.number)
                await _require_token(request, visit)
                return await handler(request, visit)

            return await self._answered(request, visit, run)

        return answer

    def open(self, handler: Handler) -> Endpoint:
        """An endpoint of the pages before signing in. Forms need a token here too; whoever has signed in has passed
        these pages, and must not lose the session by opening them."""

        async def answer(request: Request) -> Response:
            if await self._signed_in(request):
                return RedirectResponse(local_path(request.query_params.get("next", "/")), 303)
            visit, fresh = self.stranger(request)

            async def run() -> Response:
                await _require_token(request, visit)
                return await handler(request, visit)

            response = await self._answered(request, visit, run)
            if fresh and "set-cookie" not in response.headers:
                set_cookie(response, fresh)
            return response

        return answer

    def stranger(self, request: Request) -> tuple[Visit, str]:
        """The visit of somebody who has not signed in, and the cookie to give out; empty: it has one."""
        cookie = request.cookies.get(COOKIE, "")
        fresh = "" if is_visitor(cookie) else new_visitor()
        secret = self._visitors.of(fresh or cookie)
        visit = Visit(
            request=request,
            session=None,
            secret=secret,
            csrf=mask(secret),
            language=_wished(request),
        )
        return visit, fresh

    async def _signed_in(self, request: Request) -> bool:
        """Whether this browser has a session that is not over."""
        token = request.cookies.get(COOKIE, "")
        if not token or is_visitor(token):
            return False
        try:
            await run_in_threadpool(self._agent.officers.session, token, touch=False)
        except SignedOut:
            return False
        return True

    async def refused(self, request: Request, error: BorneError, status: int) -> Response:
        """An error page outside of every handler: no such page, wrong method."""
        token = request.cookies.get(COOKIE, "")
        visit, _ = self.stranger(request)
        if token and not is_visitor(token):
            try:
                seen = await run_in_threadpool(self._visit, request, token, touch=False)
                visit = visit if seen.officer.locked else seen
            except BorneError:
                pass
        return self.error(visit, error, status)

    def error(self, visit: Visit, error: BorneError, status: int) -> Response:
        """What is wrong and what to do, as a page, or as a message beside what the page shows."""
        values: dict[str, Any] = {
            "code": error.code,
            "words": error_text(error, visit.language),
            "number_of_status": str(status),
        }
        if not visit.fragment:
            return self._rendering.page(visit, "error.html", status, **values)
        headers = {"HX-Retarget": "#messages", "HX-Reswap": "innerHTML"}
        return self._rendering.page(visit, "_error.html", status, headers, **values)

    def session(self, token: str) -> Session:
        """The session of a cookie, without counting as a sign of life. Raises SignedOut."""
        return self._agent.officers.session(token, touch=False)

    def _visit(self, request: Request, token: str, *, touch: bool) -> Visit:
        return self.visit_of(request, self._agent.officers.session(token, touch=touch))

    def visit_of(self, request: Request, session: Session, csrf: str = "") -> Visit:
        """The visit of a session. Reads the store: not for the event loop's thread. `csrf`: one given out before."""
        deciding = session.roles & {OfficerRole.OFFICER, OfficerRole.SUPERVISOR}
        return Visit(
            request=request,
            session=session,
            secret=session.csrf,
            csrf=csrf if fits(csrf, session.csrf) else mask(session.csrf),
            language=session.language if session.language in languages() else DEFAULT_LANGUAGE,
            theme=session.theme.value,
            bar=self._bar.view(),
            calls=tuple(self._agent.counter.calls()) if deciding and not session.locked else (),
        )

    async def _answered(self, request: Request, visit: Visit, run: Callable[[], Awaitable[Response]]) -> Response:
        try:
            return await run()
        except SignedOut:
            return _sent_away(request, "/sign-in")
        except ClientDisconnect:
            return Response(status_code=400)
        except BorneError as error:
            return self.error(visit, error, STATUS.get(error.code, 500))
        except HTTPException:
            raise
        except Exception:
            # The log must not hold what a traveller's name did to a template: the place, not the values.
            incident = secrets.token_hex(4)
            _log.exception("incident %s: %s", incident, request.scope.get("path", ""))
            return self.error(visit, Fault(incident), 500)


def set_cookie(response: Response, value: str) -> None:
    """The one cookie: ends with the browser, never leaves TLS, no script reads it, no other site sends it."""
    response.set_cookie(COOKIE, value, path="/", secure=True, httponly=True, samesite="strict")


async def _require_token(request: Request, visit: Visit) -> None:
    if request.method in ("GET", "HEAD"):
        return
    # Under our referrer policy browsers send `null` from our own forms; the token tells those of others apart.
    if request.headers.get("origin", "null") not in ("null", f"https://{request.headers.get('host', '')}"):
        raise FormRefused(request.url.path, "another origin")
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        value = (await read_form(request)).get(CSRF_FIELD, "")
        given = value if isinstance(value, str) else ""
    if not fits(given, visit.secret):
        raise FormRefused(request.url.path)


def _wished(request: Request) -> str:
    """The language of somebody who has not signed in: chosen on the page, else the browser's."""
    wish = request.query_params.get("language", "")
    if wish in languages():
        return wish
    for part in request.headers.get("accept-language", "")[:200].split(","):
        code = part.partition(";")[0].strip()[:2].lower()
        if code in languages():
            return code
    return DEFAULT_LANGUAGE


def _sent_away(request: Request, where: str) -> Response:
    """To sign in or unlock, and then back to what was open."""
    target = with_next(where, here(request))
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)
