"""The console of one agent: its pages put together, and what every page needs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from border_agent.agent.runtime import Agent
from border_agent.console import pages
from border_agent.console.armour import Armour
from border_agent.console.assets import Assets
from border_agent.console.bar import Bar
from border_agent.console.errors import NoSuchPage
from border_agent.console.guard import Endpoint, Guard, Handler
from border_agent.console.live import Live
from border_agent.console.messages import Message, Messages
from border_agent.console.rendering import Rendering
from border_agent.console.visit import Visit
from border_agent.console.whence import local_path
from mqtt_schemas.records import OfficerRole


class Console:
    """What pages stand on.

        def routes(console: Console) -> list[Route]:
            async def late(request: Request, visit: Visit) -> Response:
                return console.render(visit, "late.html", rows=...)

            return [Route("/late", console.page(late, *DECIDERS))]

        def sections(console: Console) -> list[Section]: ...    what `/events` keeps up to date (see `live`)

    Calls that wait (store, desk, officers) belong into `run_in_threadpool`.
    """

    def __init__(self, agent: Agent) -> None:
        config = agent.config
        assert config.console is not None
        self.agent = agent
        self.assets = Assets()
        self.bar = Bar(agent)
        self.messages = Messages()
        self.rendering = Rendering(config, self.assets, self.messages)
        self.guard = Guard(agent, self.rendering, self.bar)
        self.live = Live(agent.hub, self.guard, self.rendering)
        modules = [
            importlib.import_module(f"{pages.__name__}.{found.name}")
            for found in pkgutil.iter_modules(pages.__path__)
        ]
        for module in modules:
            for section in module.sections(self) if hasattr(module, "sections") else ():
                self.live.add(section)
        app = Starlette(
            routes=[
                Route("/static/{name:path}", self.assets.answer),
                *(route for module in modules if hasattr(module, "routes") for route in module.routes(self)),
            ],
            middleware=[Middleware(GZipMiddleware, compresslevel=6)],
            exception_handlers={HTTPException: self._refused},
        )
        self.app: ASGIApp = Armour(app, config.console.names)

    def page(self, handler: Handler, *roles: OfficerRole, touch: bool = True, locked: bool = False) -> Endpoint:
        """An endpoint for people signed in with one of these roles; see `Guard.page`."""
        return self.guard.page(handler, *roles, touch=touch, locked=locked)

    def render(
        self,
        visit: Visit,
        template: str,
        /,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A template as an answer; one whose name begins with `_` is a fragment."""
        return self.rendering.page(visit, template, status, headers, **values)

    def say(self, visit: Visit, key: str, /, *, good: bool = True, **params: object) -> None:
        """A message that the next page shows this session, once."""
        texts = {name: str(value) for name, value in params.items()}
        self.messages.put(visit.officer.key, Message(key, texts, good))

    def go(self, visit: Visit, path: str) -> Response:
        """After an act: to another page of this console, by a script's request as by a form's."""
        path = local_path(path)
        if visit.fragment:
            return Response(status_code=200, headers={"HX-Redirect": quote(path, safe="/?&=%#:")})
        return RedirectResponse(path, 303)

    async def _refused(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        answer = await self.guard.refused(request, NoSuchPage(request.url.path[:200]), status)
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update(error.headers)
        return answer
