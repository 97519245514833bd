"""Watch-list hits on the inspection page: what each role may see of them, and nothing besides.

A finding's own advice names grounds and record, so it is never shown as it stands where a role may know only what to
do.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

from border_agent.agent.lookups import ShownHit, shown
from border_agent.inspection.evidence import WatchHit
from border_agent.inspection.findings import Finding
from border_agent.words import text
from mqtt_schemas.records import Handling, OfficerRole, WatchRecord

TONE_OF_HANDLING = {Handling.STOP: "bad", Handling.INFORM: "warn", Handling.DISCREET: "warn", Handling.UNKNOWN: "bad"}
WATCHED = "watchlist."


class SeenHit(Struct, frozen=True, kw_only=True):
    """One line of the watch-list, as far as this person may know it: what is empty is not to be seen."""

    handling: str
    tone: str
    instruction: str
    who: str = ""
    grounds: str = ""
    matched_on: str = ""
    record: str = ""


def see_hits(hits: Iterable[WatchHit], roles: frozenset[OfficerRole], language: str) -> tuple[SeenHit, ...]:
    """The hits this person may know of."""
    seen = ((hit, shown(hit.record, roles)) for hit in hits)
    return tuple(see_hit(one, hit.matched_on, language) for hit, one in seen if one is not None)


def see_hit(one: ShownHit, matched_on: str, language: str) -> SeenHit:
    """One hit in words; where this person may know the instruction only, nothing but the instruction."""
    record = one.record
    instruction = SeenHit(
        handling=text(f"handling.{one.handling.value}", language),
        tone=TONE_OF_HANDLING[one.handling],
        instruction=text(f"watch.{one.handling.value}", language),
    )
    if record is None:
        return instruction
    return structs.replace(
        instruction,
        who=_who(record),
        grounds=text("case.watch_grounds", language, grounds=record.grounds or "unstated"),
        matched_on=text("case.watch_found", language, matched_on=matched_on),
        record=text("case.watch_record", language, record=record.record_id),
    )


def advice_of(finding: Finding, hits: Iterable[WatchHit], roles: frozenset[OfficerRole], language: str) -> str:
    """A finding's advice; of one about the watch-list only what this person may know."""
    key = f"finding.{finding.code}.advice"
    if not finding.code.startswith(WATCHED):
        return text(key, language, **finding.params)
    hit = next((one for one in hits if one.record.record_id == finding.params.get("record")), None)
    may = shown(hit.record, roles) if hit is not None else None
    if may is None:
        return ""  # a hit whose line nobody has any more is as strict as there is
    if may.record is None:
        return text(f"watch.{may.handling.value}", language)
    return text(key, language, **finding.params)


def _who(record: WatchRecord) -> str:
    name = f"{record.surname} {record.given_names}".strip()
    document = f"{record.document_issuer} {record.document_number}".strip()
    return " · ".join(part for part in (name, record.birth, document) if part)
