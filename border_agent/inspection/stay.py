"""Exit control: how long the stay was that an exit ends. In days of UTC, and in doubt for the traveller."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from border_agent.inspection.evidence import StayEvidence


def stay_of(entered_at: datetime, entry: str, allowed_days: int, today: date, *, post: str = "") -> StayEvidence:
    """The stay of somebody who entered then and leaves today.

    The day of entry is not counted: whoever enters on the 1st for 30 days and leaves on the 31st has not overstayed.
    `allowed_days` 0, or so many that they end beyond the calendar: no limit.
    """
    entered = entered_at.astimezone(UTC)
    try:
        until = entered.date() + timedelta(days=allowed_days) if allowed_days > 0 else None
    except OverflowError:
        until = None
    return StayEvidence(
        entered_at=entered,
        entry=entry,
        allowed_days=max(0, allowed_days),
        until=until,
        overstay_days=max(0, (today - until).days) if until is not None else 0,
        post=post,
    )
