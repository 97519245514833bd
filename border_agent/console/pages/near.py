"""Lines of the watch-list that resemble the traveller: a hint to look closer, never a finding."""

from __future__ import annotations

from msgspec import Struct

from border_agent.agent.lookups import WatchSearch, shown
from border_agent.console.pages.watching import SeenHit, see_hit
from border_agent.inspection.evidence import Evidence
from border_agent.words import text
from mqtt_schemas.records import OfficerRole

MOST_NEAR = 5


class NearHit(Struct, frozen=True):
    hit: SeenHit
    score: str
    """Empty where only the instruction may be seen."""


def near_hits(
    watch: WatchSearch, evidence: Evidence, roles: frozenset[OfficerRole], language: str
) -> tuple[NearHit, ...]:
    """The nearest lines that are no hits, as far as this person may know of them."""
    mrz = evidence.mrz
    if mrz is None or not watch.ready:
        return ()
    near = []
    for found in watch.near(mrz):
        one = shown(found.record, roles)
        if one is not None:
            score = text("case.watch_near_score", language, score=found.score) if one.record is not None else ""
            near.append(NearHit(see_hit(one, found.matched_on, language), score))
    return tuple(near[:MOST_NEAR])
