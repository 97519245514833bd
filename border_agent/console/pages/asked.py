"""What addresses ask for: days, page numbers, choices; each checked before anything is done with it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct
from starlette.requests import Request

from border_agent.api.serving import BadRequest
from border_agent.console.forms import checked
from border_agent.console.visit import Visit

MOST_PAGES = 1000
MOST_DAYS = 3660

E = TypeVar("E", bound=StrEnum)


class Span(Struct, frozen=True):
    """Days, both included, in the post's own time zone."""

    since: date
    until: date

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.since, time.min).astimezone()

    @property
    def ends(self) -> datetime:
        """The first moment that does not count any more."""
        return datetime.combine(self.until + timedelta(days=1), time.min).astimezone()


def today(visit: Visit) -> date:
    """The agent's own day: the machine's clock may be wrong."""
    at = visit.bar.at if visit.bar is not None else datetime.now().astimezone()
    return at.astimezone().date()


def word(request: Request, name: str, most: int = 64) -> str:
    """A text of the query. Raises BadRequest."""
    return checked(name, request.query_params.get(name, ""), most)


def day(name: str, written: str) -> date | None:
    """A day as a browser's date field gives it; None where it is empty. Raises BadRequest."""
    if not written:
        return None
    try:
        found = date.fromisoformat(written) if len(written) == 10 else None
    except ValueError:
        found = None
    # The calendar's ends leave no room for a time zone.
    if found is None or not 1900 <= found.year <= 9000:
        raise BadRequest(name, "a day: YYYY-MM-DD")
    return found


def span(request: Request, visit: Visit, days: int) -> Span:
    """`since` and `until` of the query; so many days up to today where they are missing. Raises BadRequest."""
    until = day("until", word(request, "until")) or today(visit)
    since = day("since", word(request, "since")) or until - timedelta(days=days - 1)
    if not timedelta(0) <= until - since <= timedelta(days=MOST_DAYS):
        raise BadRequest("until", "not before since, and at most ten years after it")
    return Span(since, until)


def page_number(request: Request) -> int:
    """`page` of the query, from 1. Raises BadRequest."""
    written = word(request, "page", 4) or "1"
    # Digits of other scripts are digits to Python too.
    if not (written.isascii() and written.isdigit()) or not 1 <= int(written) <= MOST_PAGES:
        raise BadRequest("page", f"a number from 1 to {MOST_PAGES}")
    return int(written)


def choice(request: Request, name: str, kind: type[E], *known: E) -> E | None:
    """One of the known values, None where nothing was chosen. Raises BadRequest."""
    written = word(request, name)
    if not written:
        return None
    found = next((one for one in known or kind if one.value == written), None)
    if found is None:
        raise BadRequest(name, "not one of the choices")
    return found
