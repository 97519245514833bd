"""Before signing in: the sign-in itself and, the first time, the activation. Both work with the line down."""

from __future__ import annotations

import base64
import io
from typing import Final

import segno
from msgspec import structs
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from border_agent.agent.officers.values import Activating, CodeWrong, PasswordRefused, SignInLocked
from border_agent.api.serving import STATUS
from border_agent.console.app import Console
from border_agent.console.errors import PasswordsDiffer
from border_agent.console.forms import field, key_answer, peer, read_form, secret
from border_agent.console.guard import set_cookie
from border_agent.console.menu import home
from border_agent.console.rendering import SECRET
from border_agent.console.visit import Visit
from border_agent.console.whence import local_path
from border_agent.errors import BorneError
from border_agent.words import error_text, languages

LONGEST_PATH: Final = 500


def routes(console: Console) -> list[Route]:
    """`/sign-in` and `/activate`."""
    pages, open_ = _Entrance(console), console.guard.open
    return [
        Route("/sign-in", open_(pages.sign_in)),
        Route("/sign-in", open_(pages.signing_in), methods=["POST"]),
        Route("/activate", open_(pages.activate)),
        Route("/activate", open_(pages.activation), methods=["POST"]),
        Route("/activate/finish", open_(pages.finish), methods=["POST"]),
    ]


class _Entrance:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._officers = console.agent.officers

    async def sign_in(self, request: Request, visit: Visit) -> Response:
        return self._sign_in(visit, next_=local_path(request.query_params.get("next", "/")))

    async def signing_in(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        visit = _spoken(visit, form)
        next_ = local_path(field(form, "next", LONGEST_PATH))
        number, counter = field(form, "number", 16), field(form, "counter", 32)
        try:
            token, session = await run_in_threadpool(
                self._officers.sign_in,
                number,
                secret(form, "password"),
                field(form, "code", 16),
                counter=counter,
                peer=peer(request),
                key=key_answer(form),
            )
        except BorneError as error:
            return self._sign_in(visit, next_=next_, number=number, counter=counter, error=error)
        response = RedirectResponse(next_ if next_ != "/" else home(session.roles), 303)
        set_cookie(response, token)
        return response

    async def activate(self, request: Request, visit: Visit) -> Response:
        return self._activate(visit)

    async def activation(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        visit = _spoken(visit, form)
        number = field(form, "number", 16)
        try:
            found = await run_in_threadpool(
                self._officers.activation, number, field(form, "activation", 64), peer=peer(request)
            )
        except BorneError as error:
            return self._activate(visit, number=number, error=error)
        return self._finish(visit, found)

    async def finish(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        visit = _spoken(visit, form)
        token, password = field(form, "token", 128), secret(form, "password")
        try:
            if password != secret(form, "again"):
                raise PasswordsDiffer("password")
            signed, session = await run_in_threadpool(
                self._officers.activate, token, password, field(form, "code", 16), peer=peer(request)
            )
        except (PasswordRefused, PasswordsDiffer, CodeWrong) as error:
            return await self._again(visit, token, error)
        except BorneError as error:
            return self._activate(visit, error=error)
        response = RedirectResponse(home(session.roles), 303)
        set_cookie(response, signed)
        return response

    async def _again(self, visit: Visit, token: str, error: BorneError) -> Response:
        try:
            return self._finish(visit, await run_in_threadpool(self._officers.activating, token), error=error)
        except BorneError as over:
            return self._activate(visit, error=over)

    def _sign_in(
        self, visit: Visit, *, next_: str, number: str = "", counter: str = "", error: BorneError | None = None
    ) -> Response:
        headers = {"Retry-After": str(error.seconds)} if isinstance(error, SignInLocked) else {}
        return self._console.render(
            visit,
            "sign_in.html",
            _status(error),
            headers,
            next=next_,
            number_typed=number,
            counter=counter,
            refused=_words(visit, error),
        )

    def _activate(self, visit: Visit, *, number: str = "", error: BorneError | None = None) -> Response:
        return self._console.render(
            visit, "activate.html", _status(error), number_typed=number, refused=_words(visit, error)
        )

    def _finish(self, visit: Visit, found: Activating, *, error: BorneError | None = None) -> Response:
        """The page with the authenticator's secret: kept out of compression, out of caches, out of addresses."""
        return self._console.render(
            visit,
            "activate_finish.html",
            _status(error),
            SECRET,
            activating=found,
            picture=_qr(found.uri),
            refused=_words(visit, error),
        )


def _spoken(visit: Visit, form: FormData) -> Visit:
    """The language goes along with the form: before signing in nothing else remembers it."""
    wish = field(form, "language", 8)
    return structs.replace(visit, language=wish) if wish in languages() else visit


def _status(error: BorneError | None) -> int:
    return STATUS.get(error.code, 500) if error is not None else 200


def _words(visit: Visit, error: BorneError | None) -> str:
    return error_text(error, visit.language) if error is not None else ""


def _qr(uri: str) -> str:
    """The code as a picture inside the page, so that it is at no address."""
    file = io.BytesIO()
    segno.make(uri, error="m").save(file, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False)
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()
