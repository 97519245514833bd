"""Staff at the kiosk: signing in, and the maintenance screen.

Maintenance takes a token in the header `X-Borne-Staff`, or an officer's right to the socket.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.devices import DeviceRole
from border_agent.agent.runtime import Agent
from border_agent.agent.staff import LONGEST_CODE, StaffNumber
from border_agent.api.peer import Right
from border_agent.api.serving import as_json, guarded, read_body

TOKEN_HEADER = "X-Borne-Staff"  # noqa: S105  (the header's name)


class SignInBody(Struct, frozen=True, forbid_unknown_fields=True):
    number: StaffNumber
    code: Annotated[str, Meta(max_length=LONGEST_CODE)]


class TestBody(Struct, frozen=True, forbid_unknown_fields=True):
    device: DeviceRole


def staff_routes(agent: Agent) -> list[Route]:
    """Routes under `/v1/staff` and `/v1/maintenance`."""

    async def sign_in(request: Request) -> Response:
        body = await read_body(request, SignInBody)
        return as_json(await run_in_threadpool(agent.sessions.sign_in, body.number, body.code))

    async def sign_out(request: Request) -> Response:
        await run_in_threadpool(agent.sessions.sign_out, token(request))
        return as_json({})

    async def report(request: Request) -> Response:
        await by(request, act=False)
        return as_json(await run_in_threadpool(agent.maintenance.report))

    async def test(request: Request) -> Response:
        number = await by(request, act=True)
        body = await read_body(request, TestBody)
        return as_json(await run_in_threadpool(agent.maintenance.test, body.device, number))

    async def reboot(request: Request) -> Response:
        number = await by(request, act=True)
        await run_in_threadpool(agent.maintenance.reboot, number)
        return as_json({"rebooting": True})

    async def by(request: Request, *, act: bool) -> str:
        """The number of whoever asks; empty: an officer, by the socket's right. Raises StaffRefused."""
        if request.state.right is Right.OFFICER and not token(request):
            return ""
        return await run_in_threadpool(agent.sessions.require, token(request), act=act)

    def token(request: Request) -> str:
        return request.headers.get(TOKEN_HEADER, "")

    api = agent.config.api
    return [
        Route("/v1/staff/sign-in", guarded(api, sign_in, Right.KIOSK), methods=["POST"]),
        Route("/v1/staff/sign-out", guarded(api, sign_out, Right.KIOSK), methods=["POST"]),
        Route("/v1/maintenance", guarded(api, report, Right.KIOSK)),
        Route("/v1/maintenance/test", guarded(api, test, Right.KIOSK), methods=["POST"]),
        Route("/v1/maintenance/reboot", guarded(api, reboot, Right.KIOSK), methods=["POST"]),
    ]
