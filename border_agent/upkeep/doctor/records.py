"""What the device has to say and what it has been told: entries not yet acknowledged, and how old the lists are.

The agent is asked where it answers. Where it does not, the store is read as it lies there, if its key is at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from border_agent.config import Config
from border_agent.store.errors import StoreDamaged, StoreError, WrongKey
from border_agent.store.sqlcipher import connect, translated
from border_agent.store.streams import current_stream, moment
from border_agent.upkeep.credentials import KeyUnreadable, store_key
from border_agent.upkeep.doctor.patient import Json, Patient
from border_agent.upkeep.doctor.values import Found, found
from mqtt_schemas.feeds import Feed

UNSENT_WARN: Final = timedelta(days=1)
"""A night without a line is an ordinary night."""
UNSENT_FAIL: Final = timedelta(days=7)
STALE: Final = timedelta(hours=72)
_NEEDED: Final = (Feed.POLICY, Feed.TRUST)
"""Without these every traveller goes to an officer."""


class Known(Struct, frozen=True, kw_only=True):
    """Counts and lists, from wherever they could be had."""

    unsent: int
    recorded: int
    acknowledged_at: datetime | None
    lists: dict[str, tuple[datetime, datetime]]
    """Issued and expires, by name."""
    problems: tuple[Json, ...] = ()


def check_records(patient: Patient) -> Iterator[Found]:
    config = patient.config
    if config is None:
        return
    path = config.path(config.store.path)
    try:
        known = _of_agent(patient.agent.state) if patient.agent.state else _of_store(config)
    except KeyUnreadable as error:
        yield found("journal.unknown", str(path), error.detail)
        return
    except (StoreDamaged, WrongKey) as error:
        yield found("store.unreadable", str(path), f"{error.code} {error.detail}")
        return
    except StoreError as error:
        # Locked, or on a disk that this process may not write to: a log of SQLite's wants to be opened for writing.
        yield found("journal.unknown", str(path), f"{error.code} {error.detail}")
        return
    if known is None:
        yield found("journal.none", str(path))
        return
    now = patient.machine.now()
    for problem in known.problems:
        yield found("line.problem", problem["code"], problem.get("detail", ""), problem=problem["code"])
    yield _journal(known, str(path), now)
    yield from _lists(known, now)


def _of_agent(state: Json) -> Known:
    line = state["line"]
    return Known(
        unsent=line["unacknowledged"],
        recorded=line["last_sequence"],
        acknowledged_at=moment(line["last_ack_at"]),
        lists={name: (_at(one["issued"]), _at(one["expires"])) for name, one in state["lists"].items()},
        problems=tuple(line["problems"]),
    )


def _of_store(config: Config) -> Known | None:
    """Nothing is migrated and nothing written. None where there is no store yet, or it has no journal."""
    path = config.path(config.store.path)
    if not path.exists():
        return None
    connection: Any = connect(path, store_key(config))
    try:
        with translated(path):
            connection.execute("PRAGMA query_only = ON")
            stream = current_stream(connection)
            rows = connection.execute("SELECT name, issued, expires FROM feed WHERE version > 0").fetchall()
    finally:
        connection.close()
    if stream is None:
        return None
    return Known(
        unsent=stream.sequence - stream.acknowledged,
        recorded=stream.sequence,
        acknowledged_at=stream.acknowledged_at,
        lists={name: (_at(issued), _at(expires)) for name, issued, expires in rows},
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _journal(known: Known, where: str, now: datetime) -> Found:
    last = known.acknowledged_at
    detail = f"{known.unsent} of {known.recorded}, last acknowledgement {last.isoformat() if last else 'none'}"
    counts = {"unsent": known.unsent, "recorded": known.recorded, "days": (now - last).days if last else 0}
    if known.unsent and last is not None and now - last > UNSENT_FAIL:
        return found("journal.unsent_long", where, detail, **counts)
    if known.unsent and (last is None or now - last > UNSENT_WARN):
        return found("journal.unsent", where, detail, **counts)
    return found("journal.good", where, detail, **counts)


def _lists(known: Known, now: datetime) -> Iterator[Found]:
    missing = [feed.value for feed in _NEEDED if feed.value not in known.lists]
    if missing:
        yield found("lists.none", "lists", ", ".join(missing), lists=", ".join(missing))
    fine = not missing
    for name, (issued, expires) in sorted(known.lists.items()):
        if expires <= now:
            yield found("lists.expired", name, expires.isoformat(), list=name, since=expires)
            fine = False
        elif now - issued > STALE:
            hours = (now - issued) // timedelta(hours=1)
            yield found("lists.stale", name, f"{hours} h", list=name, hours=hours)
            fine = False
    if fine:
        yield found("lists.good", "lists", ", ".join(sorted(known.lists)))
