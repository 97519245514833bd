"""The queue: who waits for an officer at this post, who is being inspected, and what opens them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.desk import QUEUE
from border_agent.agent.post.values import POST_KEY
from border_agent.agent.rows import Row
from border_agent.console.app import Console
from border_agent.console.forms import checked, field, one_of, read_form
from border_agent.console.live import Section
from border_agent.console.menu import DECIDERS, READER
from border_agent.console.pages.seen_queue import MOST_SHOWN, Filter, counts, see_kiosks, see_rows
from border_agent.console.visit import Visit
from border_agent.inspection.slip import NoSlipCode, read_slip
from mqtt_schemas.entries import Direction

PURPOSES = ("tourism", "business", "family", "transit", "study", "work", "crew", "other")
LONGEST_TYPED = 64


def routes(console: Console) -> list[Route]:
    page = _Queue(console)
    return [
        Route("/", console.page(page.show, *DECIDERS, READER)),
        Route("/find", console.page(page.find, *DECIDERS), methods=["POST"]),
        Route("/inspections", console.page(page.start, *DECIDERS), methods=["POST"]),
    ]


def sections(console: Console) -> list[Section]:
    page = _Queue(console)
    return [Section("queue", keys=(QUEUE, POST_KEY), render=page.section, roles=(*DECIDERS, READER))]


class _Queue:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._agent = console.agent

    async def show(self, request: Request, visit: Visit) -> Response:
        which = _filter(request.query_params.get("show", ""))
        values = await run_in_threadpool(self._values, visit, which)
        return self._console.render(visit, "queue.html", **values, **self._start_values(values["rows"]))

    async def find(self, request: Request, visit: Visit) -> Response:
        typed = field(await read_form(request), "typed", LONGEST_TYPED)
        row = await run_in_threadpool(self._agent.counter.find, typed)
        if row is not None:
            return self._console.go(visit, f"/inspections/{row.id}")
        values = await run_in_threadpool(self._values, visit, Filter.ALL)
        lost = {"not_found": typed, "slip": typed if _is_slip(typed) else ""}
        start = self._start_values(values["rows"])
        return self._console.render(visit, "queue.html", 404, **{**values, **start, **lost})

    async def start(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        direction = Direction(one_of("direction", field(form, "direction"), ("entry", "exit")))
        purpose = one_of("purpose", field(form, "purpose"), ("", *PURPOSES))
        group = field(form, "group", 32)
        case = await run_in_threadpool(
            self._agent.counter.start,
            visit.officer,
            direction=direction,
            purpose=purpose,
            group=await run_in_threadpool(self._leader, group) if group else "",
            accompanied=bool(field(form, "accompanied")),
            slip=field(form, "slip", LONGEST_TYPED),
        )
        return self._console.go(visit, f"/inspections/{case.id}")

    def section(self, visit: Visit, about: str) -> str:
        """The live part of the page. `about`: the filter."""
        return self._console.rendering.text(visit, "_queue.html", live=True, **self._values(visit, _filter(about)))

    def _values(self, visit: Visit, which: Filter) -> dict[str, Any]:
        rows = self._agent.counter.rows()
        session = visit.officer.key
        seen = see_rows(
            rows,
            visit.officer.roles,
            visit.language,
            now=datetime.now(UTC),
            session=session,
            device=self._agent.config.device.id,
            which=which,
        )
        return {
            "rows": seen[:MOST_SHOWN],
            "more": max(0, len(seen) - MOST_SHOWN),
            "which": which.value,
            "filters": counts(rows, session),
            "deciding": visit.may(*DECIDERS),
            "kiosks": see_kiosks(self._agent.counter.devices(), visit.language),
            "not_found": "",
            "slip": "",
        }

    def _start_values(self, rows: tuple[Any, ...]) -> dict[str, Any]:
        return {
            "purposes": PURPOSES,
            "companions": [row for row in rows if row.name],
        }

    def _leader(self, inspection: str) -> str:
        """The first of the group that a chosen companion belongs to."""
        row: Row | None = next((one for one in self._agent.counter.rows() if one.id == inspection), None)
        return row.group or row.id if row is not None else checked("group", inspection, 32)


def _filter(value: str) -> Filter:
    return Filter(value) if value in set(Filter) else Filter.ALL


def _is_slip(typed: str) -> bool:
    try:
        read_slip(typed)
    except NoSlipCode:
        return False
    return True
