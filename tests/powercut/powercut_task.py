"""What a program is told to do, and what it says it has told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Told = Mapping[str, Any]
"""A mark: under `told` what kind it is, and what was promised; bytes as hexadecimal text."""


class Task(Struct, frozen=True, kw_only=True):
    """One life of a program, or of an image that is judged."""

    folder: str
    key: bytes
    """Of the store, where it has one."""
    journal_key: bytes
    seed: int
    life: int = 0
    """How many power cuts it has lived through."""
    size: int = 60
    """Decisions, or groups of messages."""
    control: str = ""
    """A fault put in, to see that it is found. `normal`, `off`: the database's `synchronous`; `early`: it is told,
    and then committed."""
