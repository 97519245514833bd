"""What of a hit each role may see.

The list's owner says how a hit is handled. Where it is to be discreet, who stands at the counter learns what to do
and nothing else: not why, not who asked, not under which number, nor by what it was found. What this version does not
know is treated as the strictest it knows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from mqtt_schemas.records import Handling, OfficerRole, WatchRecord

_OPEN: Final = frozenset({Handling.STOP, Handling.INFORM})


class ShownHit(Struct, frozen=True, kw_only=True):
    """A hit as one person may see it."""

    handling: Handling
    """What to do: always shown."""
    record: WatchRecord | None = None
    """The whole line; None: this person sees the instruction only, so also no score and nothing of the match."""


def shown(record: WatchRecord, roles: Collection[OfficerRole]) -> ShownHit | None:
    """The hit as somebody with these roles may see it; None: not at all, as if there were none."""
    if OfficerRole.SUPERVISOR in roles:
        return ShownHit(handling=record.handling, record=record)
    if OfficerRole.OFFICER in roles:
        return ShownHit(handling=record.handling, record=record if record.handling in _OPEN else None)
    return None
