"""Releases on this device: what the guard does, asked from within the release that runs.

The guard (provisioning, role `update`) stands outside every release and brings its own words, in both languages; this
only runs it and hands on what it says.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from border_agent.errors import BorneError

GUARD = Path("/usr/lib/borne/guard")
SETTINGS = Path("/etc/borne/update.json")
ROLLED_BACK = "rolled_back"


class NoGuard(BorneError):
    """There is no guard on this machine, or it does not answer as one."""

    code = "update.no_guard"


class Answer(Struct, frozen=True, kw_only=True):
    """What the guard said."""

    code: int
    """0 good, 1 the answer is no, 2 unreadable."""
    words: dict[str, str]
    """In French (`fr`) and English (`en`)."""
    told: dict[str, Any]
    """All of it: `phase`, `target`, `previous`, `reason` …"""


def ask_guard(words: Sequence[str | Path], *, guard: Path = GUARD, settings: Path = SETTINGS) -> Answer:
    """Have the guard do something and wait for it. Raises NoGuard."""
    try:
        ran = subprocess.run(
            [guard, "--settings", settings, *words, "--json"], check=False, capture_output=True, text=True
        )
        told = msgspec.json.decode(ran.stdout, type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        raise NoGuard(str(guard), str(error)) from None
    return Answer(code=ran.returncode, words=told.get("words", {}), told=told)
