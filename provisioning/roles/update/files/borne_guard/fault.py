"""Why the guard says no."""

from __future__ import annotations


class Fault(Exception):
    """`code` is stable and has words (see `words`); `where` names the thing concerned, `detail` is for the log."""

    def __init__(self, code: str, where: str = "", detail: str = "") -> None:
        self.code = code
        self.where = where
        self.detail = detail
        super().__init__(": ".join(part for part in (code, where, detail) if part))
