"""The refusal notice, to be printed: from the journal, so that it can be printed again next year."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.console.app import Console
from border_agent.console.menu import DECIDERS
from border_agent.console.pages.seen_notice import SIDES, NoNotice, SeenNotice, see_notice
from border_agent.console.visit import Visit
from border_agent.words import text


def routes(console: Console) -> list[Route]:
    page = _Notice(console)
    return [Route("/inspections/{id:str}/notice", console.page(page.show, *DECIDERS))]


class _Notice:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._agent = console.agent

    async def show(self, request: Request, visit: Visit) -> Response:
        notice = await run_in_threadpool(self._notice, request.path_params["id"])
        values = {"notice": notice, "id": request.path_params["id"], "sides": SIDES, "said": _said}
        return self._console.render(visit, "notice.html", **values)

    def _notice(self, inspection: str) -> SeenNotice:
        passage = self._agent.passages.of_inspection(inspection)
        if passage is None or passage.annulled:
            raise NoNotice(inspection[:64])
        device = self._agent.config.device
        return see_notice(
            self._agent.passages.entry(passage.entry),
            self._agent.policy(),
            device=device.id,
            sequence=passage.sequence,
            place=device.post or self._agent.config.kiosk.counter,
            local=passage.occurred_at.astimezone(),
        )


def _said(key: str, side: str, /, **params: object) -> str:
    """A text in one of the sheet's languages, whichever the page's is."""
    return text(key, side, **params)
