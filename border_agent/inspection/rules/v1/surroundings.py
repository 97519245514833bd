"""Rules on what the device knew and how well it knew the time: lists, clock, watch-list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from border_agent.inspection.evidence import Evidence, ListAnswer, WatchHit
from border_agent.inspection.findings import Finding, finding
from mqtt_schemas.entries import ClockQuality
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import Handling, Policy

DEFAULT_STALE_HOURS = 72
_ALWAYS = (Feed.POLICY, Feed.WATCHLIST)
_FOR_VISAS = (Feed.TRUST, Feed.VISAS)
_TOLERANCE = timedelta(minutes=10)
"""Clocks of centre and device may differ by so much without saying anything."""
_CORRECTED = 2.0
_WENT_BACK = 300.0
"""Seconds back: a time server's correction from the first, a clock nobody can rely on from the second."""

_FINDING_OF_HANDLING = {
    Handling.STOP: "watchlist.stop",
    Handling.DISCREET: "watchlist.discreet",
    Handling.INFORM: "watchlist.inform",
    Handling.UNKNOWN: "watchlist.hit",
}


def list_findings(evidence: Evidence, policy: Policy, *, visa_weighed: bool) -> Iterator[Finding]:
    """Feeds this decision rests on that are missing, expired or stale."""
    answers = {answer.name: answer for answer in evidence.lists}
    for feed in (*_ALWAYS, *_FOR_VISAS) if visa_weighed else _ALWAYS:
        answer = answers.get(feed)
        if answer is None:
            yield finding("list.missing", feed=feed)
        else:
            yield from _age(answer, evidence, policy)
    authorities = answers.get(Feed.CSCA)
    if authorities is not None and evidence.chip is not None and evidence.chip.passive is not None:
        # Without the list no chip has an anchor, and that is a finding already.
        yield from _age(authorities, evidence, policy)


def clock_findings(evidence: Evidence) -> Iterator[Finding]:
    """What the clock is worth."""
    clock = evidence.clock
    if clock.quality in (ClockQuality.DOUBTFUL, ClockQuality.UNKNOWN):
        yield finding("clock.doubtful")
    elif clock.quality is ClockQuality.HOLDOVER:
        yield finding("clock.holdover")
    back = max(clock.went_back_seconds, (evidence.started_at - clock.at).total_seconds())
    if back >= _WENT_BACK:
        yield finding("clock.went_back", seconds=str(round(back)))
    elif back >= _CORRECTED:
        yield finding("clock.corrected", seconds=str(round(back)))
    if clock.jumped_seconds > 0:
        yield finding("clock.jumped", seconds=str(round(clock.jumped_seconds)))


def watch_findings(evidence: Evidence) -> Iterator[Finding]:
    """Hits in the watch-list: always an officer's, never a machine's refusal."""
    for hit in evidence.hits:
        yield finding(
            _watch_code(hit),
            record=hit.record.record_id,
            grounds=hit.record.grounds or "unstated",
            matched_on=hit.matched_on,
        )


def _watch_code(hit: WatchHit) -> str:
    named = bool(hit.record.surname or hit.record.given_names)
    if not named and hit.record.handling is not Handling.DISCREET:
        return "watchlist.document"
    return _FINDING_OF_HANDLING[hit.record.handling]


def _age(answer: ListAnswer, evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    now = evidence.clock.at
    if answer.issued > now + _TOLERANCE:
        yield finding("clock.behind", feed=answer.name)
    hours = policy.list_stale_hours.get(answer.name, DEFAULT_STALE_HOURS)
    if answer.expires is not None and answer.expires <= now:
        yield finding("list.expired", feed=answer.name, since=answer.expires.isoformat())
    elif now - answer.issued > timedelta(hours=hours):
        age = (now - answer.issued) // timedelta(hours=1)
        yield finding("list.stale", feed=answer.name, hours=str(age))
