"""The application: routes, rights, errors as codes with words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from border_agent.agent.case import Case
from border_agent.agent.desk import NoSuchInspection
from border_agent.agent.metrics import MEDIA_TYPE
from border_agent.agent.runtime import Agent
from border_agent.api.call_routes import call_routes
from border_agent.api.kiosk_routes import kiosk_routes
from border_agent.api.list_routes import list_routes
from border_agent.api.peer import Right
from border_agent.api.serving import (
    HEARTBEAT_SECONDS,
    NO_STORE,
    BadRequest,
    Handler,
    Word,
    as_json,
    guarded,
    read_body,
)
from border_agent.api.staff_routes import staff_routes
from border_agent.api.traveller_routes import traveller_routes
from border_agent.api.views import case_view, recorded_view, state_view, view
from border_agent.inspection.errors import InspectionClosed
from border_agent.inspection.evidence import Step
from border_agent.inspection.slip import read_slip_code
from mqtt_schemas.entries import Decision, Direction


class StartBody(Struct, frozen=True, forbid_unknown_fields=True):
    direction: Direction = Direction.ENTRY
    purpose: Word = ""
    group: Word = ""
    accompanied: bool = False


class SkipBody(Struct, frozen=True, forbid_unknown_fields=True):
    step: Step


class DecisionBody(Struct, frozen=True, forbid_unknown_fields=True):
    decision: Decision
    officer: str
    reason: str = ""


def create_app(agent: Agent) -> Starlette:
    """The local API over a running agent."""
    api = _Api(agent)
    one = "/v1/inspections/{id}"
    return Starlette(
        routes=[
            Route("/v1/capabilities", api.guarded(api.capabilities, Right.KIOSK)),
            Route("/v1/state", api.guarded(api.state)),
            Route("/v1/journal/verify", api.guarded(api.verify)),
            Route("/v1/metrics", api.guarded(api.metrics)),
            Route("/v1/inspections", api.guarded(api.inspections)),
            Route("/v1/inspections", api.guarded(api.start, Right.KIOSK), methods=["POST"]),
            Route(one, api.guarded(api.inspection, Right.KIOSK)),
            Route(one + "/events", api.guarded(api.events, Right.KIOSK)),
            Route(one + "/skip", api.guarded(api.skip, Right.KIOSK), methods=["POST"]),
            Route(one + "/chip", api.guarded(api.read_chip), methods=["POST"]),
            Route(one + "/cancel", api.guarded(api.cancel, Right.KIOSK), methods=["POST"]),
            Route(one + "/decision", api.guarded(api.decide), methods=["POST"]),
            *kiosk_routes(agent),
            *call_routes(agent),
            *staff_routes(agent),
            *list_routes(agent),
            *traveller_routes(agent),
        ]
    )


class _Api:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def guarded(self, handler: Handler, least: Right = Right.OFFICER) -> Handler:
        return guarded(self._agent.config.api, handler, least)

    async def capabilities(self, request: Request) -> Response:
        return as_json(await run_in_threadpool(self._agent.capabilities))

    async def state(self, request: Request) -> Response:
        return as_json(state_view(await run_in_threadpool(self._agent.state)))

    async def verify(self, request: Request) -> Response:
        return as_json(await run_in_threadpool(self._agent.verify_journal))

    async def metrics(self, request: Request) -> Response:
        text = await run_in_threadpool(self._agent.metrics.text)
        return Response(text, headers=NO_STORE, media_type=MEDIA_TYPE)

    async def inspections(self, request: Request) -> Response:
        typed = request.query_params.get("slip")
        code = read_slip_code(typed) if typed is not None else ""
        cases = [case for case in self._agent.desk.cases() if code in ("", case.slip)]
        return as_json({"inspections": [case_view(case) for case in cases]})

    async def start(self, request: Request) -> Response:
        body = await read_body(request, StartBody)
        if body.direction is Direction.UNKNOWN:
            raise BadRequest("direction", "entry or exit")
        case = await run_in_threadpool(
            self._agent.desk.start,
            direction=body.direction,
            purpose=body.purpose,
            group=body.group,
            accompanied=body.accompanied,
        )
        return as_json(_view(request, case), 201)

    async def inspection(self, request: Request) -> Response:
        try:
            return as_json(_view(request, await self._case(request)))
        except NoSuchInspection:
            if request.state.right is Right.OFFICER:
                found = await run_in_threadpool(self._agent.desk.recorded, request.path_params["id"])
                if found is not None:
                    return as_json(recorded_view(found))
            raise

    async def skip(self, request: Request) -> Response:
        body = await read_body(request, SkipBody)
        case = await run_in_threadpool(self._agent.desk.skip, request.path_params["id"], body.step)
        return as_json(_view(request, case))

    async def read_chip(self, request: Request) -> Response:
        case = await run_in_threadpool(self._agent.desk.read_chip_again, request.path_params["id"])
        return as_json(_view(request, case))

    async def cancel(self, request: Request) -> Response:
        # A kiosk's window may give up what it began; what waits for an officer is no longer the traveller's to end.
        kiosk = request.state.right is not Right.OFFICER
        case = await run_in_threadpool(self._agent.desk.cancel, request.path_params["id"], only_collecting=kiosk)
        return as_json(_view(request, case))

    async def decide(self, request: Request) -> Response:
        body = await read_body(request, DecisionBody)
        if body.decision is Decision.UNKNOWN or not 1 <= len(body.officer) <= 64 or len(body.reason) > 1000:
            raise BadRequest("decision", "decision, officer (1 to 64 characters), reason (at most 1000)")
        inspection = request.path_params["id"]
        try:
            case = await run_in_threadpool(
                self._agent.desk.decide, inspection, body.decision, body.officer, body.reason
            )
        except NoSuchInspection:
            # Asked again because the answer was lost, and the agent has been started again meanwhile.
            found = await run_in_threadpool(self._agent.desk.recorded, inspection)
            if found is None:
                raise
            if (found.decision, found.officer) != (body.decision.value, body.officer.strip()):
                raise InspectionClosed(inspection, found.decision) from None
            return as_json(recorded_view(found))
        return as_json(_view(request, case))

    async def events(self, request: Request) -> Response:
        case = await self._case(request)
        return StreamingResponse(self._stream(request, case.id), media_type="text/event-stream", headers=NO_STORE)

    async def _stream(self, request: Request, inspection: str) -> AsyncIterator[bytes]:
        sent, name = b"", "snapshot"
        with self._agent.hub.listen(inspection) as changed:
            while True:
                changed.clear()
                try:
                    case = await run_in_threadpool(self._agent.desk.case, inspection)
                except NoSuchInspection:
                    return
                view = msgspec.json.encode(_view(request, case))
                if view != sent:
                    yield b"event: " + name.encode() + b"\ndata: " + view + b"\n\n"
                    sent, name = view, "change"
                if case.ended:
                    return
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": alive\n\n"

    async def _case(self, request: Request) -> Case:
        return await run_in_threadpool(self._agent.desk.case, request.path_params["id"])


def _view(request: Request, case: Case) -> dict[str, Any]:
    return view(request.state.right, case)
