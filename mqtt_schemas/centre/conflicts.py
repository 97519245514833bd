"""Conflicts: visas that were used more often than they allow.

They are found when the last of the entries is here, in whatever order they came: posts that were cut off could not
know of each other. A conflict is never deleted; where corrections take the use back, it is withdrawn.
"""

from __future__ import annotations

from datetime import datetime

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.centre.uses import Counted
from mqtt_schemas.centre.values import AlarmCode, AlarmNote

_MOST_NAMED = 4


def judge(database: Database, counted: Counted, at: datetime) -> AlarmNote | None:
    """Note what a visa's uses come to; the alarm to raise where it is a conflict that is new, or grew."""
    row = database.one("SELECT uses, withdrawn_at, entries FROM conflict WHERE visa = ?", [counted.visa])
    if not counted.overused:
        if row is not None and row[1] is None:
            database.execute(
                "UPDATE conflict SET withdrawn_at = ?1, changed_at = ?1, uses = ?2 WHERE visa = ?3",
                [stamp(at), counted.made, counted.visa],
            )
        return None
    if row is not None and tuple(row) == (counted.made, None, counted.allowed):
        return None
    database.execute(
        "INSERT INTO conflict (visa, entries, uses, found_at, changed_at) VALUES (?1, ?2, ?3, ?4, ?4)"
        " ON CONFLICT (visa) DO UPDATE SET entries = excluded.entries, uses = excluded.uses,"
        " changed_at = excluded.changed_at, withdrawn_at = NULL",
        [counted.visa, counted.allowed, counted.made, stamp(at)],
    )
    if row is not None and row[1] is None and counted.made <= int(row[0]):
        return None
    named = "; ".join(f"{use.device} {stamp(use.at)}" for use in counted.uses[:_MOST_NAMED])
    return AlarmNote(AlarmCode.DOUBLE_USE, f"{counted.made} of {counted.allowed}: {named}", counted.visa)
