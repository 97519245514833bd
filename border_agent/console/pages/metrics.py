"""`/metrics`: figures for Prometheus, for whoever has the token; no session, and nothing where none is configured."""

from __future__ import annotations

import hmac
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from border_agent.agent.metrics import MEDIA_TYPE
from border_agent.config import ConfigError
from border_agent.console.app import Console

LARGEST_TOKEN = 256
LEAST_TOKEN = 16


def routes(console: Console) -> list[Route]:
    """The figures. Raises ConfigError for a token's file that is no good."""
    agent, section = console.agent, console.agent.config.console
    token = read_token(agent.config.path(section.metrics_token)) if section and section.metrics_token else b""

    async def metrics(request: Request) -> Response:
        if not token:
            return PlainTextResponse("", 404)
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        # Both sides as bytes: comparing text refuses what is not ASCII with an exception.
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("utf-8", "replace"), token):
            return PlainTextResponse("", 401, {"WWW-Authenticate": "Bearer"})
        return Response(await run_in_threadpool(agent.metrics.text), media_type=MEDIA_TYPE)

    return [Route("/metrics", metrics)]


def read_token(file: Path) -> bytes:
    """The token of a file, without the line's end. Raises ConfigError: one that is too short would be guessed."""
    try:
        token = file.read_bytes()[: LARGEST_TOKEN + 2].strip()
    except OSError as error:
        raise ConfigError(str(file), error.strerror or str(error)) from None
    if not LEAST_TOKEN <= len(token) <= LARGEST_TOKEN or not token.isascii():
        raise ConfigError(str(file), f"a token has {LEAST_TOKEN} to {LARGEST_TOKEN} ASCII characters")
    return token
