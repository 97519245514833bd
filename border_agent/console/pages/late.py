"""Days on paper: each form becomes a movement of the journal, on the date written on it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.mending import LateFacts, TimeRefused, ValueRefused
from border_agent.api.serving import STATUS
from border_agent.console.app import Console
from border_agent.console.forms import field, read_form
from border_agent.console.menu import DECIDERS
from border_agent.console.pages.decision import SECOND_REFUSED, second_officer
from border_agent.console.pages.typed import MOST_TYPED, see_lines, typed_lines
from border_agent.console.visit import Visit
from border_agent.documents.mrz import MrzError
from border_agent.inspection.errors import SameOfficer
from border_agent.store import Passage
from border_agent.words import error_text, has, text
from mqtt_schemas.entries import Decision, Direction, LateEntry
from mqtt_schemas.records import FourEyes

MOST_TODAY = 100
TEXTS = (
    "paper", "date", "time", "direction", "decision", "decided_by", "reason", "stay_days", "visa_id",
    "surname", "given_names", "number", "issuer", "nationality", "birth", "expiry", "second_number",
)  # fmt: skip
"""Fields of the form that are shown again where something is missing; a password never is."""


class Refused(Struct, frozen=True):
    """What is wrong with the form, and where."""

    words: str
    field: str = ""


def routes(console: Console) -> list[Route]:
    page = _Late(console)
    return [
        Route("/late", console.page(page.show, *DECIDERS)),
        Route("/late", console.page(page.enter, *DECIDERS), methods=["POST"]),
    ]


class _Late:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._agent = console.agent

    async def show(self, request: Request, visit: Visit) -> Response:
        filled = dict.fromkeys(TEXTS, "") | {"direction": "entry", "decision": "admit", "stay_days": "0"}
        return await run_in_threadpool(self._page, visit, filled, "")

    async def enter(self, request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        filled = {name: field(form, name, 1000 if name == "reason" else 100) for name in TEXTS}
        lines = field(form, "lines", MOST_TYPED, lines=True)
        return await run_in_threadpool(self._entered, visit, form, filled, lines)

    def _entered(self, visit: Visit, form: FormData, filled: dict[str, str], lines: str) -> Response:
        facts = late_facts(filled, typed_lines(lines), visit.language)
        if isinstance(facts, Refused):
            return self._page(visit, filled, lines, facts, 422)
        second = ""
        try:
            if self._second_wanted():
                second = second_officer(self._agent, visit, form, facts.paper)
            passage = self._agent.mending.late_entry(facts, officer=visit.officer.number, second_officer=second)
        except (ValueRefused, TimeRefused, MrzError, SameOfficer, *SECOND_REFUSED) as error:
            wrong = Refused(error_text(error, visit.language), error.where.removeprefix("document."))
            return self._page(visit, filled, lines, wrong, STATUS.get(error.code, 422))
        self._console.say(visit, "late.recorded", paper=facts.paper, sequence=passage.sequence)
        return self._console.go(visit, "/late")

    def _page(
        self, visit: Visit, filled: dict[str, str], lines: str, refused: Refused | None = None, status: int = 200
    ) -> Response:
        today = datetime.now(UTC).date()
        values: dict[str, Any] = {
            "filled": filled,
            "typed": lines,
            "checked": see_lines(lines, today, visit.language) if lines.strip() else None,
            "refused": refused,
            "second": FourEyes.LATE_ENTRY.value if self._second_wanted() else "",
            "today": self._today(),
            "latest": datetime.now().astimezone().date().isoformat(),
        }
        return self._console.render(visit, "late.html", status, **values)

    def _second_wanted(self) -> bool:
        return FourEyes.LATE_ENTRY in self._agent.policy().second_officer

    def _today(self) -> list[tuple[Passage, LateEntry]]:
        """What was entered today, by the post's own day, the latest first."""
        today, found = datetime.now().astimezone().date(), []
        for passage in self._agent.passages.late(MOST_TODAY):
            entry = self._agent.passages.entry(passage.entry)
            if isinstance(entry, LateEntry) and entry.recorded_at.astimezone().date() == today:
                found.append((passage, entry))
        return found


def late_facts(filled: dict[str, str], lines: tuple[str, ...], language: str) -> LateFacts | Refused:
    """The form's facts, or what is missing. What each value may be is held by `Mending`."""
    for name in ("paper", "decided_by", "reason"):
        if not filled[name]:
            return Refused(text(f"late.error.{name}", language), name)
    occurred_at = local_moment(filled["date"], filled["time"])
    if occurred_at is None:
        return Refused(text("late.error.date", language), "date")
    if not lines and not (filled["surname"] and filled["number"] and filled["issuer"]):
        return Refused(text("late.error.document", language), "lines")
    if not filled["stay_days"].isdecimal() and filled["stay_days"]:
        return Refused(text("late.error.stay_days", language), "stay_days")
    written = () if lines else ("issuer", "number", "nationality", "surname", "given_names", "birth", "expiry")
    return LateFacts(
        direction=Direction(filled["direction"]),
        decision=Decision(filled["decision"]),
        occurred_at=occurred_at,
        decided_by=filled["decided_by"],
        paper=filled["paper"],
        reason=filled["reason"],
        lines=lines,
        visa_id=filled["visa_id"],
        stay_days=int(filled["stay_days"] or "0"),
        **{name: filled[name] for name in written},
    )


def local_moment(day: str, clock: str) -> datetime | None:
    """A moment of the post's own time; None where it is none."""
    try:
        return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock)).astimezone()
    except (ValueError, OverflowError):
        return None


def field_words(name: str, language: str) -> str:
    """A field's name as the forms say it."""
    key = f"correct.field.{name.removeprefix('document.')}"
    return text(key, language) if has(key, language) else name
