"""The agent's own errors: what (the code, with its words), where, and the detail a technician needs."""

from __future__ import annotations

from typing import ClassVar


class BorneError(Exception):
    """Base of every error the agent raises on purpose.

    `code` is stable and is the key of the words a person reads (`error.<code>`, French and English).
    `where` names the thing concerned (a file, a device, a field); `detail` is for the log.
    """

    code: ClassVar[str] = "borne"

    def __init__(self, where: str, detail: str = "") -> None:
        self.where = where
        self.detail = detail
        super().__init__(f"{self.code}: {where}" + (f": {detail}" if detail else ""))
