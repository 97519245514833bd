"""`borne inspect`: one traveller at the terminal, through the same local API as every other client."""

from __future__ import annotations

import time
from typing import Any

import click
from rich.console import Console

from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from border_agent.cli.base import LANGUAGE, BorneCommand, json_option, print_json, t
from border_agent.words import has, text

Json = dict[str, Any]

ASK_AGAIN_SECONDS = 20.0
"""How long a decision is asked for again when its answer was lost: an agent that was killed is back by then."""

_LETTERS = {"a": "admit", "o": "refer", "r": "refuse"}
_COLOURS = {"admit": "green", "refer": "yellow", "refuse": "red"}


@click.command(cls=BorneCommand, help=t("cli.inspect"))
@click.option("--socket", required=True, help=t("cli.option.socket"))
@click.option("--officer", required=True, help=t("cli.inspect.officer"))
@click.option("--exit", "is_exit", is_flag=True, help=t("cli.inspect.exit"))
@click.option("--purpose", default="", help=t("cli.inspect.purpose"))
@click.option("--group", default="", help=t("cli.inspect.group"))
@click.option("--accompanied", is_flag=True, help=t("cli.inspect.accompanied"))
@click.option("--yes", is_flag=True, help=t("cli.inspect.yes"))
@json_option
@click.pass_context
def inspect(
    context: click.Context,
    socket: str,
    officer: str,
    is_exit: bool,
    purpose: str,
    group: str,
    accompanied: bool,
    yes: bool,
    as_json: bool,
) -> None:
    console = Console(stderr=True, highlight=False)
    with AgentClient(socket) as agent:
        direction = "exit" if is_exit else "entry"
        case = agent.start(direction=direction, purpose=purpose, group=group, accompanied=accompanied)
        try:
            case = _follow(agent, case, console)
            _show(case, console)
            decision, reason = _ask(case, yes=yes)
        except (click.Abort, KeyboardInterrupt):
            agent.cancel(case["id"])
            console.print(t("cli.inspect.cancelled"))
            context.exit(1)
        if not decision:
            case = agent.cancel(case["id"])
            console.print(t("cli.inspect.cancelled"))
        else:
            case = _decide(agent, case, decision, officer, reason, console)
    if as_json:
        print_json(case)
    context.exit(0 if case.get("receipt") and case["decision"] == "admit" else 1)


def _follow(agent: AgentClient, case: Json, console: Console) -> Json:
    """Show each step as it begins, until the machine has a proposal or the inspection has ended."""
    step = ""
    for now in agent.events(case["id"]):
        if now["phase"] != "collecting":
            return now
        if now["step"] and now["step"] != step:  # none before the first is asked for, and after the last
            step = now["step"]
            console.print(t("cli.inspect.waiting", step=t(f"step.{step}")))
    raise AgentGone("events", "the stream ended before the proposal")


def _show(case: Json, console: Console) -> None:
    document = case["document"]
    if document:
        console.print(
            f"[bold]{document['surname']} {document['given_names']}[/] {document['nationality']} {document['number']}"
        )
    console.print(f"[bold]{t('cli.inspect.findings')}[/]")
    for finding in case["findings"]:
        colour = {"refuse": "red", "refer": "yellow"}.get(finding["severity"], "dim")
        console.print(f"  [{colour}]{finding['title'][LANGUAGE]}[/]  [dim]{finding['code']}[/]")
        console.print(f"    {finding['advice'][LANGUAGE]}")
    if not case["findings"]:
        console.print(f"  {t('cli.inspect.none')}")
    if case["proposal"]:
        word = t(f"verdict.{case['proposal']}")
        console.print(f"[bold {_COLOURS[case['proposal']]}]{t('cli.inspect.proposal', proposal=word)}[/]")


def _ask(case: Json, *, yes: bool) -> tuple[str, str]:
    """The officer's decision and, where it differs from the proposal, the reason; nothing: given up."""
    if case["phase"] != "proposed":
        return "", ""
    if yes:
        return case["proposal"], ""
    letter = click.prompt(t("cli.inspect.ask"), type=click.Choice([*_LETTERS, "q"]), show_choices=False, err=True)
    if letter == "q":
        return "", ""
    decision = _LETTERS[letter]
    reason = "" if decision == case["proposal"] else click.prompt(t("cli.inspect.reason"), err=True)
    return decision, reason


def _recorded(agent: AgentClient, inspection: str, decision: str, officer: str, reason: str) -> Json:
    """The decision's receipt. Where the answer is lost it is asked for again: the same decision is recorded once.

    Raises ApiRefused, and then it is not recorded; AgentGone, and then nobody knows.
    """
    deadline = time.monotonic() + ASK_AGAIN_SECONDS
    while True:
        try:
            return agent.decide(inspection, decision, officer, reason)
        except AgentGone:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _decide(agent: AgentClient, case: Json, decision: str, officer: str, reason: str, console: Console) -> Json:
    try:
        case = {**case, **_recorded(agent, case["id"], decision, officer, reason)}
    except ApiRefused as error:
        key = f"error.{error.reason}"
        detail = text(key, LANGUAGE) if has(key) else str(error)
        console.print(f"[bold red]{t('cli.inspect.not_recorded', detail=detail)}[/]")
        return case
    except AgentGone:
        console.print(f"[bold red]{t('cli.inspect.unsure', inspection=case['id'])}[/]")
        return case
    word = t(f"verdict.{decision}")
    console.print(t("cli.inspect.recorded", decision=word, sequence=case["receipt"]["sequence"]))
    return case
