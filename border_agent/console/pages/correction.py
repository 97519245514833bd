"""Putting a movement right: the entry stays, another one says what holds. Officers their own, supervisors any."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.mending import (
    CORRECTABLE,
    AlreadyAnnulled,
    FieldNotCorrectable,
    NoSuchEntry,
    NothingChanged,
    TimeRefused,
    ValueRefused,
)
from border_agent.api.serving import STATUS
from border_agent.console.app import Console
from border_agent.console.forms import field, read_form
from border_agent.console.menu import DECIDERS
from border_agent.console.pages.decision import SECOND_REFUSED, second_officer
from border_agent.console.pages.late import field_words, local_moment
from border_agent.console.pages.seen_facts import partial_date
from border_agent.console.visit import Visit
from border_agent.documents.mrz import MrzError
from border_agent.documents.mrz.dates import birth_date
from border_agent.errors import BorneError
from border_agent.inspection.errors import SameOfficer
from border_agent.store import Passage
from border_agent.words import error_text, has, text
from mqtt_schemas.entries import LateEntry
from mqtt_schemas.records import FourEyes, OfficerRole

MOMENT = "occurred_at"
FIELDS = tuple(name for name in CORRECTABLE if name != MOMENT)
OTHERS = ("date", "time", "reason", "annul", "second_number")
CHOICES = {"direction": ("entry", "exit"), "decision": ("admit", "refuse")}
KINDS = {"document.birth": "date", "document.expiry": "date", "stay_days": "number"}
"""Kinds of `<input>`."""
_REFUSED = (
    ValueRefused, TimeRefused, FieldNotCorrectable, NothingChanged, AlreadyAnnulled, SameOfficer, MrzError,
    *SECOND_REFUSED,
)  # fmt: skip


class NotYourMovement(BorneError):
    """An officer puts right what that officer decided or entered; a supervisor anything."""

    code = "mending.not_yours"


class SeenField(Struct, frozen=True, kw_only=True):
    """One field of the form."""

    name: str
    words: str
    now: str
    kind: str
    choices: tuple[tuple[str, str], ...]


def routes(console: Console) -> list[Route]:
    page = _Correction(console)
    path = "/movements/{entry:str}/correct"
    return [
        Route(path, console.page(page.show, *DECIDERS)),
        Route(path, console.page(page.correct, *DECIDERS), methods=["POST"]),
    ]


class _Correction:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._agent = console.agent

    async def show(self, request: Request, visit: Visit) -> Response:
        passage = await run_in_threadpool(self._passage, request, visit)
        return await run_in_threadpool(self._page, visit, passage, dict.fromkeys((*FIELDS, *OTHERS), ""))

    async def correct(self, request: Request, visit: Visit) -> Response:
        passage = await run_in_threadpool(self._passage, request, visit)
        form = await read_form(request)
        filled = {name: field(form, name, 1000) for name in (*FIELDS, *OTHERS)}
        return await run_in_threadpool(self._corrected, visit, passage, filled, form)

    def _corrected(self, visit: Visit, passage: Passage, filled: dict[str, str], form: FormData) -> Response:
        if not filled["reason"]:
            return self._page(visit, passage, filled, text("correct.reason_needed", visit.language), 422)
        annuls, changes = bool(filled["annul"]), _changes(filled)
        if not annuls and not changes:
            return self._page(visit, passage, filled, text("correct.choose", visit.language), 422)
        second = ""
        try:
            if self._second_wanted():
                second = second_officer(self._agent, visit, form, passage.entry)
            self._agent.mending.correct(
                passage.entry,
                changes={} if annuls else changes,
                annuls=annuls,
                reason=filled["reason"],
                officer=visit.officer.number,
                second_officer=second,
            )
        except _REFUSED as error:
            words = error_text(error, visit.language)
            return self._page(visit, passage, filled, words, STATUS.get(error.code, 422))
        self._console.say(visit, "correct.annulled" if annuls else "correct.recorded")
        return self._console.go(visit, f"/movements/{passage.entry}")

    def _passage(self, request: Request, visit: Visit) -> Passage:
        """The movement, where this person may put it right. Raises NoSuchEntry, NotYourMovement."""
        entry = request.path_params["entry"]
        passage = self._agent.passages.by_entry(entry)
        if passage is None or passage.kind == "inspection":
            raise NoSuchEntry(entry[:64])
        if not visit.may(OfficerRole.SUPERVISOR) and visit.officer.number not in self._whose(passage):
            raise NotYourMovement(entry)
        return passage

    def _whose(self, passage: Passage) -> set[str]:
        """Who decided, and who entered it from paper."""
        entry = self._agent.passages.entry(passage.entry)
        return {passage.officer, entry.entered_by} if isinstance(entry, LateEntry) else {passage.officer}

    def _page(
        self, visit: Visit, passage: Passage, filled: dict[str, str], problem: str = "", status: int = 200
    ) -> Response:
        values: dict[str, Any] = {
            "passage": passage,
            "filled": filled,
            "problem": problem,
            "fields": _fields(passage, visit.language),
            "second": FourEyes.CORRECTION.value if self._second_wanted() else "",
            "latest": datetime.now().astimezone().date().isoformat(),
        }
        return self._console.render(visit, "correct.html", status, **values)

    def _second_wanted(self) -> bool:
        return FourEyes.CORRECTION in self._agent.policy().second_officer


def _changes(filled: dict[str, str]) -> dict[str, str]:
    """The fields that were filled in, as the journal writes them; a moment from its day and time at the post."""
    changes = {name: filled[name] for name in FIELDS if filled[name]}
    if filled["date"] or filled["time"]:
        at = local_moment(filled["date"], filled["time"])
        changes[MOMENT] = at.isoformat() if at is not None else filled["date"]
    return changes


def _fields(passage: Passage, language: str) -> list[SeenField]:
    """Every field that can be put right, with what it is now."""
    return [
        SeenField(
            name=name,
            words=field_words(name, language),
            now=_now(passage, name, language),
            kind=KINDS.get(name, "text"),
            choices=tuple((one, text(f"{name}.{one}", language)) for one in CHOICES.get(name, ())),
        )
        for name in FIELDS
    ]


def _now(passage: Passage, name: str, language: str) -> str:
    """The present value; empty where only the journal has it."""
    value = str(getattr(passage, name.removeprefix("document."), ""))
    if name == "document.birth" and value:
        return partial_date(birth_date(value, passage.occurred_at.date()), language)
    key = f"{name}.{value}"
    return text(key, language) if name in CHOICES and has(key, language) else value
