"""`borne centre conflicts …`: visas that were used too often, and a file that proves it."""

from __future__ import annotations

from pathlib import Path

import click

from border_agent.cli.base import LANGUAGE, BorneGroup, folder_option, json_option, print_json, t
from border_agent.words import format_moment
from mqtt_schemas.centre import conflict_reports


@click.group(cls=BorneGroup, help=t("cli.centre.conflicts"))
def conflicts() -> None:
    pass


@conflicts.command(name="list", help=t("cli.centre.conflicts.list"))
@folder_option
@json_option
@click.pass_context
def list_conflicts(context: click.Context, folder: Path, as_json: bool) -> None:
    found = conflict_reports.conflicts(folder)
    standing = [conflict for conflict in found if not conflict.withdrawn_at]
    if as_json:
        print_json({"conflicts": found, "count": len(standing)})
    elif not found:
        click.echo(t("cli.centre.conflicts.none"))
    for conflict in () if as_json else found:
        word = "withdrawn" if conflict.withdrawn_at else "stands"
        click.echo(
            t(
                f"cli.centre.conflicts.{word}",
                number=conflict.number,
                visa=conflict.visa,
                allowed=conflict.allowed,
                made=conflict.made,
            )
        )
        for use in conflict.uses:
            click.echo(f"    {format_moment(use.at, LANGUAGE)}  {use.post}  {use.device}  {use.sequence}")
    context.exit(1 if standing else 0)


@conflicts.command(help=t("cli.centre.conflicts.export"))
@folder_option
@click.argument("number", type=click.IntRange(1))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def export(folder: Path, number: int, file: Path, as_json: bool) -> None:
    conflict = conflict_reports.export_conflict(folder, number, file)
    if as_json:
        print_json(conflict)
    else:
        click.echo(t("cli.centre.conflicts.exported", number=number, entries=len(conflict.uses)))
