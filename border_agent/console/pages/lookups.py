"""`/lookups`: the watch-list asked by an officer: a person by name, a document by number. It needs no line.

What is typed goes by POST and is written down nowhere: not in an address, not in the journal, which learns who asked
for what kind of thing and how much was found.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.lookups import PersonHit, SearchAnswer, shown
from border_agent.console.app import Console
from border_agent.console.forms import field, one_of, read_form
from border_agent.console.menu import DECIDERS
from border_agent.console.pages.entries import code_words
from border_agent.console.visit import Visit
from mqtt_schemas.records import Handling, OfficerRole

MOST_HITS = 20
TONE_OF_HANDLING = {Handling.STOP: "bad", Handling.INFORM: "warn", Handling.DISCREET: "warn"}


class Kind(StrEnum):
    PERSONS = "persons"
    DOCUMENTS = "documents"


class Typed(Struct, frozen=True, kw_only=True):
    """What the form holds, to be shown again."""

    kind: Kind = Kind.PERSONS
    name: str = ""
    year: str = ""
    month: str = ""
    day: str = ""
    number: str = ""
    issuer: str = ""

    @property
    def birth(self) -> str:
        """As the watch-list writes it, unknown parts as X; empty where nothing was typed."""
        if not (self.year or self.month or self.day):
            return ""
        return f"{_part(self.year, 4)}-{_part(self.month, 2)}-{_part(self.day, 2)}"

    @property
    def asks(self) -> bool:
        return bool(self.name if self.kind is Kind.PERSONS else self.number)


class SeenHit(Struct, frozen=True, kw_only=True):
    """One hit as far as this person may know it; empty texts are not to be seen."""

    tone: str
    handling: str
    instruction: str
    who: str = ""
    birth: str = ""
    document: str = ""
    grounds: str = ""
    record: str = ""
    matched_on: str = ""
    score: int | None = None


def routes(console: Console) -> list[Route]:
    """The empty form, and its answer."""
    agent = console.agent

    async def empty(request: Request, visit: Visit) -> Response:
        return _page(console, visit, Typed())

    async def search(request: Request, visit: Visit) -> Response:
        typed = _typed(await read_form(request))
        if not typed.asks:
            return _page(console, visit, typed, missing=True)
        if typed.kind is Kind.PERSONS:
            answer = await run_in_threadpool(agent.watch.persons, typed.name, typed.birth, MOST_HITS)
        else:
            answer = await run_in_threadpool(agent.watch.documents, typed.number, typed.issuer, MOST_HITS)
        details = {"kind": typed.kind.value, "hits": str(len(answer.hits))}
        await run_in_threadpool(agent.acts.note, visit.officer.number, "looked_up", "", details)
        return _page(console, visit, typed, answer)

    return [
        Route("/lookups", console.page(empty, *DECIDERS)),
        Route("/lookups", console.page(search, *DECIDERS), methods=["POST"]),
    ]


def see_hit(hit: PersonHit, roles: frozenset[OfficerRole], language: str) -> SeenHit | None:
    """A hit in words; None: this person must not know that there is one."""
    one = shown(hit.record, roles)
    if one is None:
        return None
    common: dict[str, Any] = {
        "tone": TONE_OF_HANDLING.get(one.handling, "bad"),
        "handling": code_words(one.handling.value, f"handling.{one.handling.value}", language),
        "instruction": code_words("", f"lookups.todo.{one.handling.value}", language),
    }
    record = one.record
    if record is None:
        return SeenHit(**common)
    return SeenHit(
        **common,
        who=" ".join(filter(None, (record.surname, record.given_names))),
        birth=record.birth,
        document=" ".join(filter(None, (record.document_issuer, record.document_number))),
        grounds=code_words(record.grounds, f"grounds.{record.grounds}", language) if record.grounds else "",
        record=record.record_id,
        matched_on=code_words(hit.matched_on, f"lookups.matched.{hit.matched_on}", language),
        score=hit.score,
    )


def _page(
    console: Console, visit: Visit, typed: Typed, answer: SearchAnswer | None = None, *, missing: bool = False
) -> Response:
    hits = answer.hits if answer is not None else ()
    seen = [one for one in (see_hit(hit, visit.officer.roles, visit.language) for hit in hits) if one is not None]
    unread = answer is not None and bool(typed.birth) and typed.kind is Kind.PERSONS and not answer.birth
    return console.render(
        visit,
        "lookups.html",
        typed=typed,
        answer=answer,
        hits=seen,
        missing=missing,
        unread=unread,
        full=len(hits) == MOST_HITS,
        ready=console.agent.watch.ready,
        size=console.agent.watch.size,
        version=console.agent.watch.version,
    )


def _typed(form: FormData) -> Typed:
    """Raises BadRequest."""
    return Typed(
        kind=Kind(one_of("kind", field(form, "kind", 16), list(Kind))),
        name=field(form, "name", 128),
        year=field(form, "year", 4),
        month=field(form, "month", 2),
        day=field(form, "day", 2),
        number=field(form, "number", 32),
        issuer=field(form, "issuer", 3),
    )


def _part(typed: str, width: int) -> str:
    return typed.rjust(width, "0") if typed else "X" * width
