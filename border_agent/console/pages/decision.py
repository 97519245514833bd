"""Deciding: at one touch where it is as proposed, else with a reason, grounds, a second officer."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.case import Case
from border_agent.agent.counter import NotInHand, SecondOfficerWanted
from border_agent.agent.desk import NoSuchInspection
from border_agent.agent.leases import Held
from border_agent.agent.officers.values import (
    CredentialExpired,
    NotActivated,
    OfficerNotAllowed,
    SignInLocked,
    SignInRefused,
)
from border_agent.agent.post.errors import DecidedElsewhere
from border_agent.agent.runtime import Agent
from border_agent.api.serving import STATUS
from border_agent.console.app import Console
from border_agent.console.forms import field, fields, key_answer, one_of, read_form
from border_agent.console.menu import DECIDERS
from border_agent.console.pages.choices import KEYS, Choice, choice_of, missing
from border_agent.console.pages.hands import Hand
from border_agent.console.pages.refusals import GROUNDS, known, suggested
from border_agent.console.pages.seen import see
from border_agent.console.pages.seen_queue import holder_words
from border_agent.console.visit import Visit
from border_agent.errors import BorneError
from border_agent.inspection.errors import InspectionClosed, WrongPhase
from border_agent.inspection.machine import Phase
from border_agent.words import error_text, text
from mqtt_schemas.entries import Decision

LONGEST_REASON = 1000
SECOND_REFUSED = (
    SignInRefused,
    SignInLocked,
    OfficerNotAllowed,
    CredentialExpired,
    NotActivated,
    SecondOfficerWanted,
)
DECISIONS = tuple(decision.value for decision in KEYS)


class Filled(Struct, frozen=True, kw_only=True):
    """What the form holds; passwords and codes are never written back into a page."""

    reason: str = ""
    grounds: tuple[str, ...] = ()
    number: str = ""


def routes(console: Console) -> list[Route]:
    page = _Decision(console)
    path = "/inspections/{id:str}/decide/{decision:str}"
    return [
        Route(path, console.page(page.ask, *DECIDERS)),
        Route(path, console.page(page.decide, *DECIDERS), methods=["POST"]),
    ]


class _Decision:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._agent = console.agent

    async def ask(self, request: Request, visit: Visit) -> Response:
        """The page of one choice: what it still needs."""
        inspection, decision = _asked(request)
        try:
            case = await run_in_threadpool(self._agent.counter.take, inspection, visit.officer)
        except (Held, DecidedElsewhere) as error:
            return self._conflict(visit, inspection, error)
        if case.phase is not Phase.PROPOSED:
            return self._console.go(visit, f"/inspections/{inspection}")
        verdict = case.inspection.verdict
        grounds = suggested(verdict.findings) if verdict is not None and decision is Decision.REFUSE else ()
        return await run_in_threadpool(self._form, visit, case, decision, Filled(grounds=grounds))

    async def decide(self, request: Request, visit: Visit) -> Response:
        """Record it. The answer goes out after the durable commit, and is the page that says so."""
        inspection, decision = _asked(request)
        form = await read_form(request)
        filled = Filled(
            reason=field(form, "reason", LONGEST_REASON, lines=True),
            grounds=known(fields(form, "grounds", 40)) if decision is Decision.REFUSE else (),
            number=field(form, "second_number", 16),
        )
        return await run_in_threadpool(self._decided, visit, inspection, decision, filled, form)

    def _decided(self, visit: Visit, inspection: str, decision: Decision, filled: Filled, form: FormData) -> Response:
        try:
            case = self._agent.counter.look(inspection)
        except NoSuchInspection:
            # Decided before the agent was started again: its page knows where the journal has it.
            return self._console.go(visit, f"/inspections/{inspection}")
        choice = self._choice(case, decision)
        if case.phase is Phase.PROPOSED and choice is not None:
            wanted = missing(choice, filled.reason, filled.grounds)
            if wanted:
                return self._form(visit, case, decision, filled, text(wanted, visit.language), 422)
        second = ""
        try:
            if case.phase is Phase.PROPOSED:
                # Without scripts nothing says that the page is still open: if nobody else took it, it holds.
                self._agent.counter.take(inspection, visit.officer)
            if choice is not None and choice.second is not None and case.phase is Phase.PROPOSED:
                second = second_officer(self._agent, visit, form, inspection)
            self._agent.counter.decide(
                inspection,
                visit.officer,
                decision,
                reason=filled.reason,
                grounds=filled.grounds,
                second_officer=second,
            )
        except (Held, NotInHand, InspectionClosed, WrongPhase, DecidedElsewhere) as error:
            return self._conflict(visit, inspection, error)
        except SECOND_REFUSED as error:
            words = error_text(error, visit.language)
            return self._form(visit, case, decision, filled, words, STATUS.get(error.code, 422))
        return self._console.go(visit, f"/inspections/{inspection}")

    def _choice(self, case: Case, decision: Decision) -> Choice | None:
        verdict = case.inspection.verdict
        if verdict is None:
            return None
        return choice_of(decision, verdict.proposal, partial(self._agent.counter.second_wanted, case))

    def _form(
        self, visit: Visit, case: Case, decision: Decision, filled: Filled, problem: str = "", status: int = 200
    ) -> Response:
        values: dict[str, Any] = {
            "case": see(case, visit.officer.roles, visit.language),
            "choice": self._choice(case, decision),
            "decision": decision.value,
            "filled": filled,
            "all_grounds": GROUNDS,
            "problem": problem,
            "hand": Hand(mine=True, who=""),
        }
        return self._console.render(visit, "decide.html", status, **values)

    def _conflict(self, visit: Visit, inspection: str, error: BorneError) -> Response:
        """Somebody else, or this officer in another tab, was first: nothing of this was recorded."""
        if isinstance(error, Held):
            words = text("conflict.held", visit.language, who=holder_words(error.holder, visit.language))
        elif isinstance(error, NotInHand):
            words = text("conflict.other_tab", visit.language)
        else:
            words = text("conflict.closed", visit.language)
        return self._console.render(visit, "conflict.html", 409, id=inspection, words=words, code=error.code)


def second_officer(agent: Agent, visit: Visit, form: FormData, subject: str) -> str:
    """The number of the second officer who agrees in this form. Raises one of `SECOND_REFUSED`."""
    client = visit.request.client
    return agent.officers.second(
        visit.officer,
        field(form, "second_number", 16),
        field(form, "second_password", 200),
        field(form, "second_code", 16),
        subject=subject,
        peer=client.host if client is not None else "",
        key=key_answer(form),
    )


def _asked(request: Request) -> tuple[str, Decision]:
    decision = Decision(one_of("decision", request.path_params["decision"], DECISIONS))
    return request.path_params["id"], decision
