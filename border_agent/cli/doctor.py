"""`borne doctor`: what is wrong with this device, and what to do about it, in which order."""

from __future__ import annotations

import platform
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from border_agent.cli.base import LANGUAGE, BorneCommand, json_option, print_json, t
from border_agent.upkeep.doctor import Found, Report, State, examine

_MARKS = {
    State.FAIL: ("✗", "bold red"),
    State.WARN: ("!", "bold yellow"),
    State.OK: ("✓", "green"),
    State.SKIPPED: ("·", "dim"),
}
_INDENT = (0, 0, 0, 4)


@click.command(cls=BorneCommand, help=t("cli.doctor"))
@click.option(
    "--config",
    "-c",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),  # unreadable is a finding
    default=Path("/etc/borne/agent.toml"),
    show_default=True,
    help=t("cli.option.config"),
)
@click.option("--all", "-a", "everything", is_flag=True, help=t("cli.doctor.option.all"))
@json_option
@click.pass_context
def doctor(context: click.Context, config: Path, everything: bool, as_json: bool) -> None:
    report = examine(config)
    if as_json:
        print_json(report.as_json())
    else:
        _show(report, everything)
    context.exit(0 if report.ok else 1)


def _show(report: Report, everything: bool) -> None:
    console = Console(highlight=False, soft_wrap=False)
    console.print(
        Text(t("cli.doctor.title", device=report.device or platform.node(), software=report.software), style="bold")
    )
    console.print()
    to_do = (*report.of(State.FAIL), *report.of(State.WARN))
    for number, one in enumerate(to_do, 1):
        _tell(console, one, number)
    if everything:
        for state in (State.OK, State.SKIPPED):
            for one in report.of(state):
                _tell(console, one)
    key = "cli.doctor.good" if not to_do else "cli.doctor.works" if report.ok else "cli.doctor.bad"
    counts = {f"{state.value}": len(report.of(state)) for state in State}
    console.print()
    console.print(Text(t(key, **counts), style="bold"))
    console.print(Text(t("cli.doctor.counts", seconds=round(report.seconds, 1), **counts), style="dim"))


def _tell(console: Console, one: Found, number: int = 0) -> None:
    mark, style = _MARKS[one.state]
    words = Text(f"{number}. " if number else "  ", style="bold" if number else "")
    words.append(f"{mark} ", style)
    words.append(one.words[LANGUAGE])
    console.print(words)
    if advice := one.advice.get(LANGUAGE):
        console.print(Padding(Text(f"→ {advice}"), _INDENT))
    if number and (place := " — ".join(filter(None, (one.where, one.detail)))):
        console.print(Padding(Text(f"{one.code}  {place}", style="dim"), _INDENT))
