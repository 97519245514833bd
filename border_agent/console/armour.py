"""Around every answer: whom the console talks to at all, how much it reads, how often, and what browsers may do.

Nothing here knows of sessions. What is refused here is refused in plain words of both languages, before any page.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from border_agent.console.errors import FormRefused, TooLarge, TooMany, WrongHost, WrongMethod
from border_agent.errors import BorneError
from border_agent.words import error_text, languages

LARGEST_BODY: Final = 65536
BODY_SECONDS: Final = 20.0
RATE: Final = 40.0
BURST: Final = 240.0
"""Requests a second from one address, and how many at once: a page with its pictures is about twenty."""
MOST_PEERS: Final = 1024

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()",
}


class Armour:
    """The console's outermost layer."""

    def __init__(self, app: ASGIApp, names: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._rates = Rates(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
                out.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, dressed)
            return
        body = _Body(receive)
        try:
            await self._app(scope, body, dressed)
        except TooLarge:
            await _plain(TooLarge("body"), 413)(scope, receive, dressed)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        client = scope.get("client")
        if not self._rates.allow(client[0] if client else ""):
            return _plain(TooMany("address"), 429, {"Retry-After": "5"})
        if _host(headers.get("host", "")) not in self._names:
            return _plain(WrongHost("host"), 421)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _plain(WrongMethod("method"), 405, {"Allow": "GET, HEAD, POST"})
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return _from_elsewhere(scope, headers)
        try:
            announced = int(headers.get("content-length", "0"))
        except ValueError:
            announced = LARGEST_BODY + 1
        if announced > LARGEST_BODY:
            return _plain(TooLarge("body"), 413, {"Connection": "close"})
        return None


class Rates:
    """Requests by address: a bucket each, the longest unseen forgotten first."""

    def __init__(self, clock: Callable[[], float], rate: float = RATE, burst: float = BURST) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, peer: str) -> bool:
        now = self._clock()
        left, since = self._left.pop(peer, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1.0
        self._left[peer] = (left - 1.0 if allowed else left, now)
        while len(self._left) > MOST_PEERS:
            self._left.popitem(last=False)
        return allowed


class _Body:
    """`receive` with a bound, in bytes and in time: nobody holds a request open by a trickle."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = 0
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), BODY_SECONDS)
        except TimeoutError:
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._read > LARGEST_BODY:
                raise TooLarge("body", f"more than {LARGEST_BODY} bytes")
        return message


def _host(value: str) -> str:
    name = value.rpartition(":")[0] if value.rpartition(":")[2].isdigit() else value
    return name.strip("[]").rstrip(".").lower()


def _from_elsewhere(scope: Scope, headers: Headers) -> Response | None:
    """A link of another site: the browser leaves our cookie out, and would be given a new one over it. So the page is
    asked for again from here. Anything but opening a page is refused."""
    opening = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if scope["method"] != "GET" or not opening:
        return _plain(FormRefused("site"), 403)
    return HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0"><title>Borne</title>')


def _plain(error: BorneError, status: int, headers: dict[str, str] | None = None) -> Response:
    words = "\n".join(error_text(error, language) for language in languages())
    return PlainTextResponse(words + "\n", status, headers)
