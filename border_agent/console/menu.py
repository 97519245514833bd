"""What the console offers whom: its pages by role, with the keys that open them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from mqtt_schemas.records import OfficerRole

OFFICER, SUPERVISOR, TECHNICIAN, AUDITOR, READER = (
    OfficerRole.OFFICER,
    OfficerRole.SUPERVISOR,
    OfficerRole.TECHNICIAN,
    OfficerRole.AUDITOR,
    OfficerRole.READER,
)
DECIDERS: Final = (OFFICER, SUPERVISOR)
EVERYBODY: Final = (OFFICER, SUPERVISOR, TECHNICIAN, AUDITOR, READER)


class Entry(Struct, frozen=True):
    """One page of the menu; its words are `console.menu.<name>`."""

    name: str
    path: str
    key: str
    """Pressed after `g`."""
    roles: tuple[OfficerRole, ...]


MENU: Final = (
    Entry("queue", "/", "q", (OFFICER, SUPERVISOR, READER)),
    Entry("lookups", "/lookups", "r", DECIDERS),
    Entry("movements", "/movements", "m", (*DECIDERS, AUDITOR)),
    Entry("late", "/late", "p", DECIDERS),
    Entry("statistics", "/statistics", "s", (SUPERVISOR, AUDITOR, READER)),
    Entry("officers", "/officers", "a", (SUPERVISOR,)),
    Entry("journal", "/journal", "j", (AUDITOR,)),
    Entry("health", "/health", "e", (TECHNICIAN,)),
    Entry("log", "/log", "l", (TECHNICIAN,)),
    Entry("drills", "/drills", "x", (TECHNICIAN,)),
    Entry("state", "/state", "t", EVERYBODY),
)


def home(roles: frozenset[OfficerRole]) -> str:
    """The page somebody of these roles begins at."""
    return next((entry.path for entry in MENU if roles & set(entry.roles)), "/settings")
