"""The application: routes, rights, errors as codes with words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from border_agent.agent.case import Case
from border_agent.agent.desk import NoSuchInspection
from border_agent.agent.runtime import Agent
from border_agent.api.peer import Right, right_of
from border_agent.api.views import case_view, error_view, recorded_view, state_view, traveller_view
from border_agent.errors import BorneError
from border_agent.inspection.errors import InspectionClosed
from border_agent.inspection.evidence import Step
from mqtt_schemas.entries import Decision, Direction

_log = logging.getLogger(__name__)

LARGEST_BODY = 16384
HEARTBEAT_SECONDS = 15.0

_STATUS = {
    "api.not_allowed": 403,
    "api.bad_request": 400,
    "inspection.unknown": 404,
    "inspection.busy": 409,
    "inspection.wrong_phase": 409,
    "inspection.closed": 409,
    "inspection.not_ready": 409,
    "inspection.override_needs_reason": 422,
    "inspection.officer_required": 422,
    "inspection.unknown_rules": 409,
    "inspection.visa_used_meanwhile": 409,
    "store.full": 507,
}
_JSON = "application/json"
_NO_STORE = {"Cache-Control": "no-store"}

B = TypeVar("B", bound=Struct)
Handler = Callable[[Request], Awaitable[Response]]


class NotAllowed(BorneError):
    """The caller's user id has no right to this."""

    code = "api.not_allowed"


class BadRequest(BorneError):
    """The request's body is not what the call takes."""

    code = "api.bad_request"


Word = Annotated[str, Meta(max_length=64)]
"""Ends in a journal entry, which has bounds: what could not be recorded must not be begun."""


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
            Route("/v1/inspections", api.guarded(api.inspections)),
            Route("/v1/inspections", api.guarded(api.start, Right.KIOSK), methods=["POST"]),
            Route(one, api.guarded(api.inspection, Right.KIOSK)),
            Route(one + "/events", api.guarded(api.events, Right.KIOSK)),
            Route(one + "/skip", api.guarded(api.skip, Right.KIOSK), methods=["POST"]),
            Route(one + "/cancel", api.guarded(api.cancel, Right.KIOSK), methods=["POST"]),
            Route(one + "/decision", api.guarded(api.decide), methods=["POST"]),
        ]
    )


class _Api:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def guarded(self, handler: Handler, least: Right = Right.OFFICER) -> Handler:
        """A handler that runs only for callers with the right to it, and whose errors become answers."""

        async def answer(request: Request) -> Response:
            right = right_of(getattr(request.state, "uid", None), self._agent.config.api)
            request.state.right = right
            try:
                if right is Right.NONE or (least is Right.OFFICER and right is not Right.OFFICER):
                    raise NotAllowed(request.url.path, "this user id may not")
                return await handler(request)
            except ClientDisconnect:
                return Response(status_code=400)
            except BorneError as error:
                # Of its own request a kiosk may learn what is wrong with it; of anything else the code alone.
                open_ = right is Right.OFFICER or isinstance(error, NotAllowed | BadRequest)
                return _json(error_view(error, details=open_), _STATUS.get(error.code, 500))

        return answer

    async def capabilities(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self._agent.capabilities))

    async def state(self, request: Request) -> Response:
        return _json(state_view(await run_in_threadpool(self._agent.state)))

    async def verify(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self._agent.verify_journal))

    async def inspections(self, request: Request) -> Response:
        return _json({"inspections": [case_view(case) for case in self._agent.desk.cases()]})

    async def start(self, request: Request) -> Response:
        body = await _body(request, StartBody)
        if body.direction is Direction.UNKNOWN:
            raise BadRequest("direction", "entry or exit")
        case = await run_in_threadpool(
            self._agent.desk.start,
            direction=body.direction,
            purpose=body.purpose,
            group=body.group,
            accompanied=body.accompanied,
        )
        return _json(_view(request, case), 201)

    async def inspection(self, request: Request) -> Response:
        try:
            return _json(_view(request, await self._case(request)))
        except NoSuchInspection:
            if request.state.right is Right.OFFICER:
                found = await run_in_threadpool(self._agent.desk.recorded, request.path_params["id"])
                if found is not None:
                    return _json(recorded_view(found))
            raise

    async def skip(self, request: Request) -> Response:
        body = await _body(request, SkipBody)
        case = await run_in_threadpool(self._agent.desk.skip, request.path_params["id"], body.step)
        return _json(_view(request, case))

    async def cancel(self, request: Request) -> Response:
        # A kiosk's window may give up what it began; what waits for an officer is no longer the traveller's to end.
        kiosk = request.state.right is not Right.OFFICER
        case = await run_in_threadpool(self._agent.desk.cancel, request.path_params["id"], only_collecting=kiosk)
        return _json(_view(request, case))

    async def decide(self, request: Request) -> Response:
        body = await _body(request, DecisionBody)
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
            return _json(recorded_view(found))
        return _json(_view(request, case))

    async def events(self, request: Request) -> Response:
        case = await self._case(request)
        return StreamingResponse(self._stream(request, case.id), media_type="text/event-stream", headers=_NO_STORE)

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
    return case_view(case) if request.state.right is Right.OFFICER else traveller_view(case)


async def _body(request: Request, kind: type[B]) -> B:
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST_BODY:
            raise BadRequest("body", f"more than {LARGEST_BODY} bytes")
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("body", str(error)[:200]) from None


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, _NO_STORE, _JSON)
