"""In whose hands a traveller is, as one visitor's page says it. Pure."""

from __future__ import annotations

from msgspec import Struct

from border_agent.agent.leases import Holder
from border_agent.console.pages.seen_queue import holder_words
from border_agent.console.visit import Visit


class Hand(Struct, frozen=True, kw_only=True):
    """Who has the traveller in hand."""

    mine: bool
    who: str
    """Somebody else; empty: nobody."""
    alone: bool = False
    """Taken without the post's network."""


def hand_of(holder: Holder | None, visit: Visit) -> Hand:
    """Who has it in hand, as this visitor is told."""
    if holder is None:
        return Hand(mine=False, who="")
    mine = holder.session == visit.officer.key
    return Hand(mine=mine, who="" if mine else holder_words(holder, visit.language), alone=mine and holder.alone)
