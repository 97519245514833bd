"""The files browsers load: read once, named by their contents, compressed once.

A request never names a file on the disk: only the names made here exist, so there is no path to climb.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

FOLDER: Final = Path(__file__).parent / "static"
KINDS: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
FOREVER: Final = "public, max-age=31536000, immutable"


class Asset(Struct, frozen=True):
    """One file."""

    url: str
    kind: str
    plain: bytes
    packed: bytes


class Assets:
    """Every file of `static/` that browsers may have."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._by_name = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in KINDS
        }
        self._by_url = {asset.url: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """The address of a file of `static/`. Raises KeyError: a template names what is not there."""
        return self._by_name[name].url

    async def answer(self, request: Request) -> Response:
        """The file of an address; 404 for any other."""
        asset = self._by_url.get(request.url.path)
        if asset is None:
            return Response(status_code=404)
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        body = asset.plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"], body = "gzip", asset.packed
        return Response(body, headers=headers, media_type=asset.kind)


def _read(path: Path) -> Asset:
    plain = path.read_bytes()
    url = f"/static/{path.stem}.{sha256(plain).hexdigest()[:12]}{path.suffix}"
    return Asset(url, KINDS[path.suffix], plain, gzip.compress(plain, 9, mtime=0))
