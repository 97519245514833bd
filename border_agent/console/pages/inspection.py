"""One traveller's page: what is being read, what was found, who has the traveller in hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.case import Case
from border_agent.agent.desk import QUEUE, NoSuchInspection
from border_agent.agent.leases import Held
from border_agent.api.serving import BadRequest
from border_agent.console.app import Console
from border_agent.console.forms import field, one_of, read_form
from border_agent.console.live import Section
from border_agent.console.menu import DECIDERS
from border_agent.console.pages.choices import choices
from border_agent.console.pages.hands import hand_of
from border_agent.console.pages.near import near_hits
from border_agent.console.pages.seen import see
from border_agent.console.pages.seen_steps import see_steps
from border_agent.console.pages.typed import MOST_TYPED, see_lines, typed_lines
from border_agent.console.visit import Visit
from border_agent.inspection.evidence import Step
from border_agent.inspection.machine import Phase
from border_agent.store import Passage
from border_agent.words import text
from mqtt_schemas.post import PictureKind

ONE = "/inspections/{id:str}"


def routes(console: Console) -> list[Route]:
    page = _Inspection(console)
    post = ["POST"]
    return [
        Route(ONE, console.page(page.show, *DECIDERS)),
        Route(f"{ONE}/pictures/{{kind:str}}", console.page(page.picture, *DECIDERS)),
        Route(f"{ONE}/ready", console.page(page.ready, *DECIDERS, touch=False)),
        Route(f"{ONE}/take", console.page(page.take, *DECIDERS), methods=post),
        Route(f"{ONE}/keep", console.page(page.keep, *DECIDERS, touch=False), methods=post),
        Route(f"{ONE}/leave", console.page(page.leave, *DECIDERS), methods=post),
        Route(f"{ONE}/chip", console.page(page.chip, *DECIDERS), methods=post),
        Route(f"{ONE}/skip", console.page(page.skip, *DECIDERS), methods=post),
        Route(f"{ONE}/type", console.page(page.type, *DECIDERS), methods=post),
        Route(f"{ONE}/cancel", console.page(page.cancel, *DECIDERS), methods=post),
        Route("/lines", console.page(page.lines, *DECIDERS), methods=post),
    ]


def sections(console: Console) -> list[Section]:
    page = _Inspection(console)
    return [
        Section("collecting", keys=("{about}",), render=page.steps, roles=DECIDERS),
        Section("inspection", keys=("{about}", QUEUE), render=page.in_hand, roles=DECIDERS),
    ]


def _template(values: dict[str, Any]) -> str:
    return "collecting.html" if values["phase"] == Phase.COLLECTING.value else "inspection.html"


class _Inspection:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._agent = console.agent

    async def show(self, request: Request, visit: Visit) -> Response:
        """Opening a traveller's page takes the traveller in hand; where another officer has, it is read only."""
        inspection = request.path_params["id"]
        values = await run_in_threadpool(self._opened, inspection, visit)
        if values is None:
            return await run_in_threadpool(self._of_journal, inspection, visit)
        return self._console.render(visit, _template(values), **values)

    async def picture(self, request: Request, visit: Visit) -> Response:
        kind = one_of("kind", request.path_params["kind"], tuple(PictureKind))
        pictures = await run_in_threadpool(self._agent.desk.pictures, request.path_params["id"])
        jpeg = pictures.get(PictureKind(kind))
        if jpeg is None:
            raise NoSuchInspection(kind)
        headers = {"Content-Disposition": "inline", "Cache-Control": "no-store"}
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    async def take(self, request: Request, visit: Visit) -> Response:
        inspection = request.path_params["id"]
        await run_in_threadpool(self._agent.counter.take, inspection, visit.officer)
        return self._console.go(visit, f"/inspections/{inspection}")

    async def keep(self, request: Request, visit: Visit) -> Response:
        """The open page says that it is still there; the answer says whether the traveller is still in its hand."""
        inspection = request.path_params["id"]
        await run_in_threadpool(self._agent.counter.keep, inspection, visit.officer)
        holder = await run_in_threadpool(self._agent.counter.holder, inspection)
        return self._console.render(visit, "_hand.html", id=inspection, hand=hand_of(holder, visit), over=False)

    async def leave(self, request: Request, visit: Visit) -> Response:
        await run_in_threadpool(self._agent.counter.leave, request.path_params["id"], visit.officer)
        return self._console.go(visit, "/")

    async def chip(self, request: Request, visit: Visit) -> Response:
        """Read the chip again, by this counter's reader; the page follows it up to the new proposal."""
        inspection = request.path_params["id"]
        await run_in_threadpool(self._agent.counter.take, inspection, visit.officer)
        await run_in_threadpool(self._agent.counter.read_chip_again, inspection, visit.officer)
        return self._console.go(visit, f"/inspections/{inspection}")

    async def skip(self, request: Request, visit: Visit) -> Response:
        inspection = request.path_params["id"]
        step = Step(one_of("step", field(await read_form(request), "step"), tuple(Step)))
        await run_in_threadpool(self._agent.counter.take, inspection, visit.officer)
        await run_in_threadpool(self._agent.counter.skip, inspection, visit.officer, step)
        return self._console.go(visit, f"/inspections/{inspection}")

    async def type(self, request: Request, visit: Visit) -> Response:
        inspection = request.path_params["id"]
        typed = field(await read_form(request), "lines", MOST_TYPED, lines=True)
        seen = see_lines(typed, self._today(), visit.language)
        if not seen.usable:
            values = await run_in_threadpool(self._opened, inspection, visit)
            if values is None:
                raise NoSuchInspection(inspection[:64])
            values |= {"typed": typed, "checked": seen}
            return self._console.render(visit, _template(values), 422, **values)
        await run_in_threadpool(self._agent.counter.take, inspection, visit.officer)
        await run_in_threadpool(self._agent.counter.type_document, inspection, visit.officer, typed_lines(typed))
        return self._console.go(visit, f"/inspections/{inspection}")

    async def lines(self, request: Request, visit: Visit) -> Response:
        """Typed lines checked while they are typed. Nothing is kept of them."""
        typed = field(await read_form(request), "lines", MOST_TYPED, lines=True)
        return self._console.render(visit, "_lines.html", checked=see_lines(typed, self._today(), visit.language))

    async def cancel(self, request: Request, visit: Visit) -> Response:
        inspection = request.path_params["id"]
        await run_in_threadpool(self._agent.counter.take, inspection, visit.officer)
        case = await run_in_threadpool(self._agent.counter.cancel, inspection, visit.officer)
        if case.phase is Phase.CANCELLED:  # a kiosk's goes back to the queue
            self._console.say(visit, "decide.cancelled")
        return self._console.go(visit, "/")

    async def ready(self, request: Request, visit: Visit) -> Response:
        """Where a collecting page goes once there is a proposal."""
        return self._console.go(visit, f"/inspections/{request.path_params['id']}")

    def steps(self, visit: Visit, about: str) -> str:
        """The live part of a collecting page."""
        case = self._agent.desk.case(about)
        if case.phase is not Phase.COLLECTING:
            return self._console.rendering.text(visit, "_proposed.html", id=case.id, phase=case.phase.value)
        hand = hand_of(self._agent.counter.holder(about), visit)
        steps = see_steps(case, self._agent.kiosk.devices.views(), visit.language)
        return self._console.rendering.text(visit, "_steps.html", live=True, id=case.id, steps=steps, hand=hand)

    def in_hand(self, visit: Visit, about: str) -> str:
        """The live part of a proposed one: in whose hands, and whether it is over."""
        case = self._agent.desk.case(about)
        return self._console.rendering.text(visit, "_in_hand.html", live=True, **self._hand_values(case, visit))

    def _hand_values(self, case: Case, visit: Visit) -> dict[str, Any]:
        counter, verdict = self._agent.counter, case.inspection.verdict
        holder = None if case.ended else counter.holder(case.id)
        offered = choices(verdict.proposal, partial(counter.second_wanted, case)) if verdict is not None else ()
        return {
            "id": case.id,
            "phase": case.phase.value,
            "hand": hand_of(holder, visit),
            "choices": offered,
            "outcome": case.inspection.outcome,
            "receipt": case.receipt,
            "settled": text(f"decision.{case.settled_as.value}", visit.language) if case.settled_as else "",
        }

    def _opened(self, inspection: str, visit: Visit) -> dict[str, Any] | None:
        """Everything of the page; None: not held any more, or never."""
        counter = self._agent.counter
        try:
            case = counter.take(inspection, visit.officer)
        except Held:
            case = counter.look(inspection)
        except NoSuchInspection:
            return None
        return {**self._around(case, visit), **self._hand_values(case, visit)}

    def _around(self, case: Case, visit: Visit) -> dict[str, Any]:
        """The case and what other parts know of the traveller."""
        counter = self._agent.counter
        companions = counter.group(case)
        return {
            "case": see(case, visit.officer.roles, visit.language),
            "steps": see_steps(case, self._agent.kiosk.devices.views(), visit.language),
            "earlier": counter.history(case),
            "companions": companions,
            "gone_before": self._gone_before(case, {row.id for row in companions}),
            "near": near_hits(self._agent.watch, case.inspection.evidence, visit.officer.roles, visit.language),
            "typed": "",
            "checked": None,
        }

    def _gone_before(self, case: Case, waiting: set[str]) -> list[Passage]:
        """Those of the group about whom something is recorded already, each once, by what was recorded last."""
        first = case.inspection.evidence.group or case.id
        last = {passage.inspection: passage for passage in reversed(self._agent.passages.of_group(first))}
        return [one for one in last.values() if one.inspection not in {case.id, *waiting} and not one.annulled]

    def _of_journal(self, inspection: str, visit: Visit) -> Response:
        """An inspection of before the agent was started again: what the journal has. Raises NoSuchInspection."""
        if len(inspection) != 32 or not set(inspection) <= set("0123456789abcdef"):
            raise BadRequest("id", "no inspection's id")
        passage = self._agent.passages.of_inspection(inspection)
        if passage is None:
            raise NoSuchInspection(inspection)
        return self._console.go(visit, f"/movements/{passage.entry}")

    def _today(self) -> date:
        return datetime.now(UTC).date()
