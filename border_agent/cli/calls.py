"""`borne calls`: officers hear at a terminal that a traveller needs somebody, and answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from border_agent.api.client import AgentClient, AgentGone
from border_agent.cli.base import LANGUAGE, BorneCommand, json_option, print_json, say_error, t
from border_agent.words import format_time

Json = dict[str, Any]

AGAIN_SECONDS = 2.0
"""Between two attempts to reach an agent that is gone."""


@click.command(cls=BorneCommand, help=t("cli.calls"))
@click.option("--socket", required=True, help=t("cli.option.socket"))
@click.option("--follow", is_flag=True, help=t("cli.calls.follow"))
@click.option("--answer", metavar="ID", help=t("cli.calls.answer"))
@click.option("--end", metavar="ID", help=t("cli.calls.end"))
@click.option("--officer", default="", help=t("cli.calls.officer"))
@json_option
def calls(socket: str, follow: bool, answer: str | None, end: str | None, officer: str, as_json: bool) -> None:
    if follow + (answer is not None) + (end is not None) > 1:
        raise click.UsageError(t("cli.calls.one"))
    if (answer or end) and not officer:
        raise click.MissingParameter(param_hint="--officer")
    if follow:
        _follow(socket, as_json=as_json)
    with AgentClient(socket) as agent:
        if answer is not None:
            found: Sequence[Json] = [agent.answer_call(answer, officer)]
        elif end is not None:
            found = [agent.end_call(end, officer)]
        else:
            found = agent.calls()
    _print(found, as_json=as_json)


def _follow(socket: str, *, as_json: bool) -> None:
    """Every change until interrupted; whoever listens for calls must not have to start this again with the agent."""
    known: dict[str, Json] = {}
    gone = False
    while True:
        try:
            with AgentClient(socket) as agent:
                for now in agent.call_events():
                    gone = False
                    _print_changes(known, now, as_json=as_json)
                    known = {call["id"]: call for call in now}
        except AgentGone as error:
            if not gone:
                say_error(error)
            gone = True
        time.sleep(AGAIN_SECONDS)


def _print_changes(known: dict[str, Json], now: Sequence[Json], *, as_json: bool) -> None:
    fresh = [call for call in now if call["id"] not in known]
    if as_json:
        print_json({"calls": now})
    else:
        for call in now:
            if known.get(call["id"]) != call:
                click.echo(_line(call))
        for call_id in known.keys() - {call["id"] for call in now}:
            click.echo(t("cli.calls.over", call=call_id))
    if any(call["state"] == "raised" for call in fresh):
        click.echo("\a", nl=False, err=True)  # the terminal rings


def _print(found: Sequence[Json], *, as_json: bool) -> None:
    if as_json:
        print_json({"calls": found})
        return
    for call in found:
        click.echo(_line(call))
    if not found:
        click.echo(t("cli.calls.none"))


def _line(call: Json) -> str:
    at = format_time(datetime.fromisoformat(call["raised_at"]).astimezone(), LANGUAGE)
    place = " ".join(filter(None, (call["device"], call["gate"], call["counter"])))
    state = t(f"call_state.{call['state']}")
    return "  ".join(filter(None, (at, call["id"], place, state, call["officer"], call["slip"])))
