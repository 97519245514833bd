"""`borne update …`: a signed release from a stick or a folder, staged, switched to, taken back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from border_agent.cli.base import LANGUAGE, BorneGroup, json_option, print_json, t
from border_agent.upkeep.update import GUARD, SETTINGS, Answer, ask_guard
from border_agent.words import format_date

guard_option = click.option(
    "--guard", type=click.Path(dir_okay=False, path_type=Path), default=GUARD, help=t("cli.update.option.guard")
)
settings_option = click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    default=SETTINGS,
    help=t("cli.update.option.settings"),
)
by_option = click.option("--by", default="", help=t("cli.update.option.by"))


@click.group(cls=BorneGroup, help=t("cli.update"))
def update() -> None:
    pass


@update.command(help=t("cli.update.stage"))
@click.argument("release", type=click.Path(exists=True, path_type=Path))
@click.option("--older", is_flag=True, help=t("cli.update.option.older"))
@by_option
@guard_option
@settings_option
@json_option
@click.pass_context
def stage(
    context: click.Context, release: Path, older: bool, by: str, guard: Path, settings: Path, as_json: bool
) -> None:
    words: list[str | Path] = ["stage", *(["--older"] if older else []), "--by", by, release.absolute()]
    answer = ask_guard(words, guard=guard, settings=settings)
    if answer.code == 0 and not as_json:
        click.echo(t("cli.update.staged", version=answer.told.get("version", "")))
    _end(context, answer, as_json)


@update.command(help=t("cli.update.apply"))
@click.option("--version", default="", help=t("cli.update.option.version"))
@click.option("--again", is_flag=True, help=t("cli.update.option.again"))
@by_option
@guard_option
@settings_option
@json_option
@click.pass_context
def apply(
    context: click.Context, version: str, again: bool, by: str, guard: Path, settings: Path, as_json: bool
) -> None:
    if not as_json:
        click.echo(t("cli.update.applying"), err=True)
    words = ["apply", "--version", version, *(["--again"] if again else []), "--by", by]
    _end(context, ask_guard(words, guard=guard, settings=settings), as_json)


@update.command(help=t("cli.update.rollback"))
@by_option
@guard_option
@settings_option
@json_option
@click.pass_context
def rollback(context: click.Context, by: str, guard: Path, settings: Path, as_json: bool) -> None:
    _end(context, ask_guard(["rollback", "--by", by], guard=guard, settings=settings), as_json)


@update.command(help=t("cli.update.status"))
@guard_option
@settings_option
@json_option
@click.pass_context
def status(context: click.Context, guard: Path, settings: Path, as_json: bool) -> None:
    answer = ask_guard(["status"], guard=guard, settings=settings)
    told = answer.told
    if answer.code == 0 and not as_json:
        built = datetime.fromisoformat(told["built"]).astimezone(UTC).date() if told.get("built") else None
        click.echo(
            t(
                "cli.update.runs",
                version=told.get("current") or "-",
                built=format_date(built, LANGUAGE) if built else "-",
                releases=", ".join(told.get("releases", ())),
            )
        )
    _end(context, answer, as_json)


def _end(context: click.Context, answer: Answer, as_json: bool) -> None:
    """Say what the guard said, and leave as it left."""
    if as_json:
        print_json(answer.told)
    elif answer.words:
        click.echo(answer.words[LANGUAGE], err=answer.code != 0)
        parts = [str(answer.told.get(name, "")) for name in ("code", "where", "reason", "detail")]
        if answer.code and any(parts):
            click.echo(f"  {': '.join(part for part in parts if part)}", err=True)
    context.exit(answer.code)
