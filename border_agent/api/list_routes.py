"""Lists from a stick: the file is handed over as it is, piece by piece; the agent reads no stick itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import RawIOBase
from typing import BinaryIO, cast

from anyio import from_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.runtime import Agent
from border_agent.api.serving import STATUS, as_json, guarded
from border_agent.api.views import error_view
from border_agent.errors import BorneError
from mqtt_schemas.errors import ContractError


def list_routes(agent: Agent) -> list[Route]:
    """Routes under `/v1/lists`."""

    async def bring(request: Request) -> Response:
        stream = request.stream()
        try:
            return as_json(await run_in_threadpool(agent.import_lists, cast(BinaryIO, _Body(stream))))
        except (ContractError, BorneError) as error:
            # To its end all the same: whoever still writes would hear of a broken pipe, and not of the reason.
            async for _ in stream:
                continue
            return as_json(error_view(error, details=True), STATUS.get(error.code, 422))

    return [Route("/v1/lists", guarded(agent.config.api, bring), methods=["POST"])]


class _Body(RawIOBase):
    """A request's body as a file, read in a worker's thread while the event loop fetches it."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self._held = bytearray()
        self._over = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end."""
        while not self._over and (size < 0 or len(self._held) < size):
            self._held += from_thread.run(self._piece)
        taken = bytes(self._held if size < 0 else self._held[:size])
        del self._held[: len(taken)]
        return taken

    async def _piece(self) -> bytes:
        async for piece in self._stream:
            return piece
        self._over = True
        return b""
