"""Where a request comes from, as a path of this console that can be opened again."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.routing import Match

LARGEST_PATH: Final = 500


def local_path(path: str, otherwise: str = "/") -> str:
    """Where to go on: a path of this console, or `otherwise`. Nobody is led to another site."""
    if not path.startswith("/") or path.startswith("//") or len(path) > LARGEST_PATH:
        return otherwise
    # Browsers read a backslash as a slash, and skip control characters and spaces.
    if any(character == "\\" or ord(character) <= 32 or ord(character) == 127 for character in path):
        return otherwise
    try:
        parts = urlsplit(path)
    except ValueError:
        return otherwise
    return path if not parts.scheme and not parts.netloc else otherwise


def with_next(where: str, back: str) -> str:
    """A path that leads back to another one."""
    return f"{where}?next={quote(back, safe='/')}" if back != "/" else where


def here(request: Request) -> str:
    """The page that is open: of a script's request the one it stands on, of a form's the one above."""
    if request.headers.get("hx-request") == "true":
        parts = urlsplit(request.headers.get("hx-current-url", ""))
        return local_path(parts.path + (f"?{parts.query}" if parts.query else ""))
    if request.method in ("GET", "HEAD"):
        query = request.url.query
        return local_path(request.url.path + (f"?{query}" if query else ""))
    return _page_above(request)


def _page_above(request: Request) -> str:
    path = request.url.path
    while path not in ("", "/"):
        scope = {**request.scope, "path": path, "method": "GET"}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return local_path(path)
        path = path.rpartition("/")[0]
    return "/"
