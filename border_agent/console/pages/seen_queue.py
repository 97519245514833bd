"""What the queue's page shows of the post's rows. Pure: rows, roles, language and the moment in, words out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from border_agent.agent.leases import Holder
from border_agent.agent.post.values import PostDevice, Presence
from border_agent.agent.rows import Row
from border_agent.inspection.findings import REGISTRY, Severity
from border_agent.inspection.machine import Phase
from border_agent.inspection.verdict import Proposal
from border_agent.words import text
from border_agent.words.catalogue import catalogue
from mqtt_schemas.records import OfficerRole

TONE_OF_PROPOSAL = {Proposal.ADMIT: "good", Proposal.REFER: "warn", Proposal.REFUSE: "bad"}
LONG_WAIT_MINUTES = 15
"""From here on a waiting time stands out."""
MOST_SHOWN = 60
"""Rows on the page; the filters and the search box reach the others."""

_WATCHED = "watchlist."
_FROM_FIRST_PLACE = re.compile(r"[\s,.:\N{NO-BREAK SPACE}(«]*\{.*", re.DOTALL)
_CLAUSES = re.compile(r"[,:.]")


class Filter(StrEnum):
    """Which rows the page shows."""

    ALL = "all"
    WAITING = "waiting"
    """For an officer."""
    MINE = "mine"
    REFUSE = "refuse"
    REFER = "refer"
    ADMIT = "admit"


class SeenRow(Struct, frozen=True, kw_only=True):
    id: str
    slip: str
    place: str
    own: bool
    direction: str
    name: str
    """SURNAME GIVEN NAMES as in the machine-readable zone; empty: no document was read yet."""
    nationality: str
    collecting: bool
    state: str
    """The step, or what is proposed, in words."""
    tone: str
    reason: str
    """The worst finding, short; empty: none, or none this person may see."""
    waits: str
    minutes: int
    long: bool
    since: datetime
    holder: str
    mine: bool
    group: str
    """Slip code of the first of the group; empty: alone."""


def see_rows(
    rows: Iterable[Row],
    roles: frozenset[OfficerRole],
    language: str,
    *,
    now: datetime,
    session: str,
    device: str,
    which: Filter = Filter.ALL,
) -> tuple[SeenRow, ...]:
    """The rows to show, in their order. `session`: key of the visitor's session; `device`: this one."""
    every = tuple(rows)
    slips = {row.id: row.slip for row in every}
    leaders = {row.group for row in every if row.group}
    return tuple(
        _row(row, roles, language, now=now, session=session, device=device, group=_group(row, slips, leaders))
        for row in every
        if _fits(row, which, session)
    )


def counts(rows: Iterable[Row], session: str) -> dict[Filter, int]:
    """How many rows each filter would show."""
    every = tuple(rows)
    return {which: sum(_fits(row, which, session) for row in every) for which in Filter}


def short_reason(codes: Iterable[str], roles: frozenset[OfficerRole], language: str) -> str:
    """The worst finding in a few words: its own, or its title up to the first place that data would fill."""
    may_know = bool(roles & {OfficerRole.OFFICER, OfficerRole.SUPERVISOR})
    texts = catalogue(language)
    for code in codes:
        kind = REGISTRY.get(code)
        if kind is None or kind.severity is Severity.INFO or (code.startswith(_WATCHED) and not may_know):
            continue
        own = f"queue.reason.{code}"
        return texts[own] if own in texts else short_title(texts[f"finding.{code}.title"])
    return ""


def short_title(title: str) -> str:
    """A finding's title without the places it has: up to its first clause where one comes before the first place."""
    place = title.find("{")
    if place < 0:
        return title
    clause = _CLAUSES.search(title, 0, place)
    return title[: clause.start()].rstrip() if clause else _FROM_FIRST_PLACE.sub("…", title)


class SeenKiosk(Struct, frozen=True):
    """A kiosk of the post, in its strip."""

    name: str
    tone: str
    words: str


def see_kiosks(devices: Iterable[PostDevice], language: str) -> tuple[SeenKiosk, ...]:
    """How the post's kiosks are, by name."""
    kiosks = sorted((one for one in devices if one.role == "kiosk"), key=lambda one: (one.gate, one.device))
    return tuple(_kiosk(one, language) for one in kiosks)


def holder_words(holder: Holder | None, language: str) -> str:
    """Who has a traveller in hand, as the queue says it; empty: nobody."""
    if holder is None:
        return ""
    who = holder.name or text("queue.officer_number", language, number=holder.number)
    return f"{who} · {holder.counter}" if holder.counter else who


def wait_words(minutes: int, language: str) -> str:
    """How long: under a minute, minutes, or hours and minutes."""
    if minutes < 1:
        return text("queue.just_now", language)
    if minutes < 60:
        return text("queue.minutes", language, minutes=minutes)
    return text("queue.hours", language, hours=minutes // 60, minutes=f"{minutes % 60:02d}")


def _kiosk(device: PostDevice, language: str) -> SeenKiosk:
    if device.presence is not Presence.HERE:
        known = device.presence is not Presence.UNKNOWN
        said, tone = ("away", "bad") if known else ("unknown", "note")
    elif not device.in_service:
        said, tone = "out_of_service", "bad"
    else:
        said, tone = ("collecting" if device.collecting else "in_service"), "good"
    words = [text(f"queue.kiosk.{said}", language)]
    if device.waiting:
        words.append(text("queue.kiosk.waiting", language, waiting=device.waiting))
    return SeenKiosk(device.gate or device.device, tone, ", ".join(words))


def _row(
    row: Row, roles: frozenset[OfficerRole], language: str, *, now: datetime, session: str, device: str, group: str
) -> SeenRow:
    collecting = row.phase is Phase.COLLECTING
    since = row.finished_at or row.begun_at
    minutes = max(0, int((now - since).total_seconds() // 60))
    if collecting:
        state = text(f"step.{row.step.value}", language) if row.step is not None else text("queue.working", language)
    else:
        state = text(f"queue.proposal.{row.proposal.value}", language) if row.proposal is not None else ""
    return SeenRow(
        id=row.id,
        slip=row.slip,
        place=row.gate or (text("queue.this_counter", language) if row.origin == device else row.origin),
        own=row.own,
        direction=text(f"direction.{row.direction.value}", language),
        name=" ".join((row.surname, row.given_names)).strip().upper(),
        nationality=row.nationality,
        collecting=collecting,
        state=state,
        tone=TONE_OF_PROPOSAL[row.proposal] if row.proposal is not None and not collecting else "",
        reason=short_reason(row.codes, roles, language),
        waits=wait_words(minutes, language),
        minutes=minutes,
        long=not collecting and minutes >= LONG_WAIT_MINUTES,
        since=since,
        holder=holder_words(row.holder, language),
        mine=_mine(row, session),
        group=group,
    )


def _group(row: Row, slips: dict[str, str], leaders: set[str]) -> str:
    if row.group:
        return slips.get(row.group, "")
    return row.slip if row.id in leaders else ""


def _mine(row: Row, session: str) -> bool:
    return row.holder is not None and bool(session) and row.holder.session == session


def _fits(row: Row, which: Filter, session: str) -> bool:
    waiting = row.phase is Phase.PROPOSED
    match which:
        case Filter.ALL:
            return True
        case Filter.WAITING:
            return waiting and row.holder is None
        case Filter.MINE:
            return _mine(row, session)
        case _:
            return waiting and row.proposal is not None and row.proposal.value == which.value
