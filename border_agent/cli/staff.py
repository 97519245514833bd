"""`borne staff …`: who may sign in at the kiosk's maintenance screen."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from border_agent.agent.staff import CodesDiffer, StaffFile, StaffRole, require_good_code
from border_agent.cli.base import LANGUAGE, BorneGroup, json_option, print_json, t
from border_agent.words import format_date

file_option = click.option(
    "--file", "-f", required=True, type=click.Path(dir_okay=False, path_type=Path), help=t("cli.staff.option.file")
)
number_option = click.option("--number", required=True, help=t("cli.staff.option.number"))


@click.group(cls=BorneGroup, help=t("cli.staff"))
def staff() -> None:
    pass


@staff.command(help=t("cli.staff.add"))
@file_option
@number_option
@click.option("--name", required=True, help=t("cli.staff.option.name"))
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in StaffRole]),
    help=t("cli.staff.option.role"),
)
def add(file: Path, number: str, name: str, role: str) -> None:
    code = _ask(t("cli.staff.code"))
    require_good_code(code, number)
    if _ask(t("cli.staff.code_again")) != code:
        raise CodesDiffer(number)
    StaffFile(file).add(number, name, StaffRole(role), code, datetime.now(UTC))
    click.echo(t("cli.staff.added", number=number, name=name, role=t(f"staff_role.{role}")))


@staff.command(name="list", help=t("cli.staff.list"))
@file_option
@json_option
def list_staff(file: Path, as_json: bool) -> None:
    entries = StaffFile(file).entries()
    if as_json:
        people = [
            {"number": one.number, "name": one.name, "role": one.role, "created": one.created} for one in entries
        ]
        print_json({"staff": people})
        return
    for one in entries:
        created = format_date(one.created.date(), LANGUAGE)
        click.echo(f"{one.number:<8}  {one.name}  {t(f'staff_role.{one.role.value}')}  {created}")
    if not entries:
        click.echo(t("cli.staff.nobody"))


@staff.command(help=t("cli.staff.remove"))
@file_option
@number_option
def remove(file: Path, number: str) -> None:
    StaffFile(file).remove(number)
    click.echo(t("cli.staff.removed", number=number))


def _ask(prompt: str) -> str:
    """A code, unseen at a terminal, else a line of standard input. Never an option: a command line stands in the
    shell's history and in everybody's list of processes."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\n")
