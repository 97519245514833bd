"""What an inspection takes from its traveller, and shows them: answers to questions, and their own picture."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import anyio
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from border_agent.agent.preview import Preview
from border_agent.agent.runtime import Agent
from border_agent.api.frames import MEDIA_TYPE, PreviewFrame, write_frame
from border_agent.api.peer import Right
from border_agent.api.serving import NO_STORE, as_json, guarded, read_body
from border_agent.api.views import view

_log = logging.getLogger(__name__)

DEAF_SECONDS = 2.0
"""A window that takes no frame for so long gets no more, and its place is another one's."""


class AnswerBody(Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    value: str


def traveller_routes(agent: Agent) -> list[Route]:
    """Routes under `/v1/inspections/{id}` that a traveller's window uses while the inspection collects."""

    async def answer(request: Request) -> Response:
        body = await read_body(request, AnswerBody)
        case = await run_in_threadpool(agent.desk.answer, request.path_params["id"], body.key, body.value)
        return as_json(view(request.state.right, case))

    async def preview(request: Request) -> Response:
        return PreviewResponse(await run_in_threadpool(agent.previews.open, request.path_params["id"]))

    api = agent.config.api
    one = "/v1/inspections/{id}"
    return [
        Route(one + "/answers", guarded(api, answer, Right.KIOSK), methods=["POST"]),
        Route(one + "/preview", guarded(api, preview, Right.KIOSK)),
    ]


class PreviewResponse(StreamingResponse):
    """A preview's frames until it is over, or the window has gone or is deaf; then its place is free."""

    def __init__(self, preview: Preview) -> None:
        self._preview = preview
        super().__init__(self._frames(), media_type=MEDIA_TYPE, headers=NO_STORE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(DEAF_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            _log.info("a window takes no more frames; its preview is ended")
        finally:
            self._preview.close()

    async def _frames(self) -> AsyncIterator[bytes]:
        while (frame := await run_in_threadpool(self._preview.frame)) is not None:
            yield write_frame(PreviewFrame(frame.width, frame.height, frame.pixels))
