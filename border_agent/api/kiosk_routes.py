"""The traveller's window: what it is told of the device, its signs of life, its slips."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.runtime import Agent
from border_agent.agent.slips import MOST_ROWS, WIDEST
from border_agent.agent.window import SignOfLife
from border_agent.api.peer import Right
from border_agent.api.serving import BadRequest, as_json, guarded, read_body, read_bytes


def kiosk_routes(agent: Agent) -> list[Route]:
    """Routes under `/v1/kiosk`, and an inspection's slip."""

    async def status(request: Request) -> Response:
        return as_json(await run_in_threadpool(agent.kiosk.status))

    async def alive(request: Request) -> Response:
        sign = await read_body(request, SignOfLife)
        await run_in_threadpool(agent.kiosk.window.alive, sign)
        return await status(request)

    async def slip(request: Request) -> Response:
        width, height = _number(request, "width", WIDEST), _number(request, "height", MOST_ROWS)
        if width % 8:
            raise BadRequest("width", "a multiple of 8")
        rows = await read_bytes(request, width // 8 * height)
        if len(rows) != width // 8 * height:
            raise BadRequest("body", f"{len(rows)} bytes are not {height} rows of {width} dots")
        left = await run_in_threadpool(agent.kiosk.slips.print_slip, request.path_params["id"], rows, width)
        return as_json({"printed": True, "left": left})

    api = agent.config.api
    return [
        Route("/v1/kiosk", guarded(api, status, Right.KIOSK)),
        Route("/v1/kiosk/alive", guarded(api, alive, Right.KIOSK), methods=["POST"]),
        Route("/v1/inspections/{id}/slip", guarded(api, slip, Right.KIOSK), methods=["POST"]),
    ]


def _number(request: Request, name: str, most: int) -> int:
    """A number of the query, from 1 to `most`. Raises BadRequest."""
    written = request.query_params.get(name, "")
    # At most as many digits as a number in range has: Python's int() takes long ones, and other scripts' digits.
    if not (written.isascii() and written.isdigit() and len(written) <= len(str(most))):
        raise BadRequest(name, f"a number from 1 to {most}")
    number = int(written)
    if not 1 <= number <= most:
        raise BadRequest(name, f"a number from 1 to {most}")
    return number
