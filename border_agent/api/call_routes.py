"""Calls for an officer: the kiosk raises and withdraws them, officers hear, answer and end them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from border_agent.agent.calls import HUB_KEY, Call
from border_agent.agent.runtime import Agent
from border_agent.api.peer import Right
from border_agent.api.serving import HEARTBEAT_SECONDS, NO_STORE, as_json, guarded, read_body
from border_agent.inspection.slip import slip_code


class CallBody(Struct, frozen=True, forbid_unknown_fields=True):
    inspection: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?(?!\n)$")] = ""


class OfficerBody(Struct, frozen=True, forbid_unknown_fields=True):
    officer: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")]


def call_routes(agent: Agent) -> list[Route]:
    """Routes under `/v1/calls`."""
    calls = agent.kiosk.calls

    async def raise_call(request: Request) -> Response:
        body = await read_body(request, CallBody)
        return as_json(_for_kiosk(await run_in_threadpool(calls.raise_call, body.inspection)), 201)

    async def withdraw(request: Request) -> Response:
        return as_json(_for_kiosk(await run_in_threadpool(calls.withdraw, request.path_params["id"])))

    async def answer(request: Request) -> Response:
        body = await read_body(request, OfficerBody)
        return as_json(view(await run_in_threadpool(calls.answer, request.path_params["id"], body.officer)))

    async def end(request: Request) -> Response:
        body = await read_body(request, OfficerBody)
        return as_json(view(await run_in_threadpool(calls.end, request.path_params["id"], body.officer)))

    async def open_calls(request: Request) -> Response:
        return as_json(snapshot())

    async def events(request: Request) -> Response:
        return StreamingResponse(stream(), media_type="text/event-stream", headers=NO_STORE)

    async def stream() -> AsyncIterator[bytes]:
        sent, name = b"", "snapshot"
        with agent.hub.listen(HUB_KEY) as changed:
            while True:
                changed.clear()
                now = msgspec.json.encode(snapshot())
                if now != sent:
                    yield b"event: " + name.encode() + b"\ndata: " + now + b"\n\n"
                    sent, name = now, "change"
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": alive\n\n"

    def snapshot() -> dict[str, Any]:
        call = calls.current
        return {"calls": [view(call)] if call is not None else []}

    def view(call: Call) -> dict[str, Any]:
        """For officers: with the place to go to, and the code on the traveller's slip."""
        kiosk, device = agent.config.kiosk, agent.config.device
        return {
            **msgspec.structs.asdict(call),
            "slip": slip_code(call.inspection) if call.inspection else "",
            "device": device.id,
            "post": device.post,
            "gate": kiosk.gate,
            "counter": kiosk.counter,
        }

    api = agent.config.api
    one = "/v1/calls/{id}"
    return [
        Route("/v1/calls", guarded(api, open_calls)),
        Route("/v1/calls", guarded(api, raise_call, Right.KIOSK), methods=["POST"]),
        Route("/v1/calls/events", guarded(api, events)),
        Route(one + "/withdraw", guarded(api, withdraw, Right.KIOSK), methods=["POST"]),
        Route(one + "/answer", guarded(api, answer), methods=["POST"]),
        Route(one + "/end", guarded(api, end), methods=["POST"]),
    ]


def _for_kiosk(call: Call) -> dict[str, Any]:
    return {"id": call.id, "state": call.state}
