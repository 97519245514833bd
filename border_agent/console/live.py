"""What pages show live: sections of HTML, sent anew by server-sent events whenever they have changed.

    Section("queue", keys=("queue",), roles=..., render=show)
    def show(visit: Visit, about: str) -> str: return console.rendering.text(visit, "_queue.html", live=True, ...)

A page that wants one says so in its block `live`: `queue`, or `inspection:<id>`; several, separated by commas. The
section's template is one element with an id and `hx-swap-oob="outerMorph"`. It is rendered in the officer's own
language and rights, from the session as it is at that moment. The bar and the calls go to every page.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from border_agent.agent.calls import HUB_KEY as CALLS_KEY
from border_agent.agent.hub import Hub
from border_agent.agent.officers.values import SignedOut
from border_agent.api.serving import HEARTBEAT_SECONDS, NO_STORE, BadRequest
from border_agent.console.errors import TooMany
from border_agent.console.guard import COOKIE, Guard
from border_agent.console.rendering import Rendering
from border_agent.console.visit import Visit
from border_agent.errors import BorneError
from mqtt_schemas.records import OfficerRole

OFFICERS_KEY: Final = "officers"
"""Published where somebody is suspended, or the list of officers has changed."""
PULSE_SECONDS: Final = 2.0
"""How often a stream says that it is there. A page that has heard nothing for three of them says so itself."""
SETTLE_SECONDS: Final = 0.1
"""Changes that come so close together are sent together."""
MOST_SECTIONS: Final = 4
MOST_STREAMS: Final = 200
MOST_OF_ONE: Final = 12
CLOSING: Final = "console-closing"
ALWAYS: Final = (OFFICERS_KEY, CALLS_KEY, CLOSING)
"""Hub keys every stream listens to."""


class Section(Struct, frozen=True):
    """A part of a page that is kept up to date."""

    name: str
    keys: tuple[str, ...]
    """Hub keys whose change may change it; `{about}` is filled with what the page asked for."""
    render: Callable[[Visit, str], str]
    """Called in a thread of its own, with what stands after the colon."""
    roles: tuple[OfficerRole, ...] = ()
    """Who may see it; nobody named: everybody who has signed in."""


class Live:
    """The streams of one console."""

    def __init__(self, hub: Hub, guard: Guard, rendering: Rendering) -> None:
        self._hub = hub
        self._guard = guard
        self._rendering = rendering
        self._sections: dict[str, Section] = {}
        self._open: dict[str, int] = {}
        self._closing = False

    def add(self, section: Section) -> None:
        self._sections[section.name] = section

    def close(self) -> None:
        """End every stream, so that nothing has to be cut off."""
        self._closing = True
        self._hub.publish(CLOSING)

    @property
    def streams(self) -> int:
        """How many are open."""
        return sum(self._open.values())

    async def events(self, request: Request, visit: Visit) -> Response:
        """`/events?show=…`. Raises BadRequest, TooMany."""
        wanted = self._wanted(request.query_params.get("show", ""), visit)
        key = visit.officer.key
        if self.streams >= MOST_STREAMS or self._open.get(key, 0) >= MOST_OF_ONE:
            raise TooMany(key[:8])
        stream = self._stream(request, key, wanted)
        return StreamingResponse(
            stream, media_type="text/event-stream", headers={**NO_STORE, "X-Accel-Buffering": "no"}
        )

    def _wanted(self, show: str, visit: Visit) -> list[tuple[Section, str]]:
        names = [name for name in show.split(",") if name]
        if len(names) > MOST_SECTIONS:
            raise BadRequest("show", f"more than {MOST_SECTIONS}")
        wanted = []
        for name, _, about in (entry.partition(":") for entry in names):
            section = self._sections.get(name)
            if section is None or len(about) > 64:
                raise BadRequest("show", name[:64])
            if not section.roles or visit.may(*section.roles):
                wanted.append((section, about))
        return wanted

    async def _stream(self, request: Request, key: str, wanted: list[tuple[Section, str]]) -> AsyncIterator[bytes]:
        token = request.cookies.get(COOKIE, "")
        keys = {*ALWAYS, *(one.format(about=about) for section, about in wanted for one in section.keys)}
        self._open[key] = self._open.get(key, 0) + 1
        sent: dict[str, str] = {}
        csrf = ""
        quiet_since = time.monotonic()
        try:
            with self._hub.listen(*keys) as changed:
                while not self._closing:
                    changed.clear()
                    visit, end = await run_in_threadpool(self._present, request, token, csrf)
                    if visit is None:
                        yield f"event: {end}\ndata: {end}\n\n".encode()
                        return
                    csrf = visit.csrf
                    parts = await run_in_threadpool(self._render, visit, wanted)
                    fresh = [text for name, text in parts.items() if sent.get(name) != text]
                    sent = parts
                    for text in fresh:
                        yield _message(text)
                    if fresh:
                        quiet_since = time.monotonic()
                    yield b"event: pulse\ndata: .\n\n"
                    if time.monotonic() - quiet_since >= HEARTBEAT_SECONDS:
                        quiet_since = time.monotonic()
                        yield b": alive\n\n"
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(changed.wait(), PULSE_SECONDS)
                        await asyncio.sleep(SETTLE_SECONDS)
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    def _present(self, request: Request, token: str, csrf: str) -> tuple[Visit | None, str]:
        """The session as it is now; None, and why, where the stream has to end."""
        try:
            visit = self._guard.visit_of(request, self._guard.session(token), csrf)
        except SignedOut:
            return None, "ended"
        return (None, "locked") if visit.officer.locked else (visit, "")

    def _render(self, visit: Visit, wanted: list[tuple[Section, str]]) -> dict[str, str]:
        parts = {
            "bar": self._rendering.text(visit, "_bar.html", live=True),
            "calls": self._rendering.text(visit, "_calls.html", live=True),
        }
        for section, about in wanted:
            if section.roles and not visit.may(*section.roles):
                continue
            with contextlib.suppress(BorneError):  # what is shown is over; its page says so when it is asked for
                parts[f"{section.name}:{about}"] = section.render(visit, about)
        return parts


def _message(text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
    return f"{lines}\n".encode()
