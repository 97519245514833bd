"""`borne lists …`: the lists of this device, and bringing newer ones on a stick."""

from __future__ import annotations

from pathlib import Path

import click

from border_agent.cli.base import LANGUAGE, BorneGroup, json_option, print_json, t
from border_agent.cli.device import config_option, credentials_option
from border_agent.config import load_config
from border_agent.reporting.stick import REFUSED, StickReport
from border_agent.upkeep import stick
from border_agent.words import format_moment


@click.group(cls=BorneGroup, help=t("cli.lists"))
def lists() -> None:
    pass


@lists.command(name="import", help=t("cli.lists.import"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
@credentials_option
@json_option
@click.pass_context
def import_file(context: click.Context, file: Path, config: Path, folder: Path, as_json: bool) -> None:
    report = stick.bring(load_config(config), file, folder)
    if as_json:
        print_json({"ok": report.ok, "made_at": report.made_at, "keys": report.keys_version, "lists": report.feeds})
    else:
        _say(report)
    context.exit(0 if report.ok else 1)


@lists.command(help=t("cli.lists.show"))
@config_option
@credentials_option
@json_option
@click.pass_context
def show(context: click.Context, config: Path, folder: Path, as_json: bool) -> None:
    found = stick.ages(load_config(config), folder)
    if as_json:
        print_json({"fresh": found.fresh, "lists": found.lists, "missing": found.missing})
    else:
        for one in found.lists:
            key = "cli.lists.expired" if one.expired else "cli.lists.fresh"
            until = format_moment(one.expires, LANGUAGE)
            click.echo(t(key, name=t(f"feed.{one.feed}"), version=one.version, until=until))
        for feed in found.missing:
            click.echo(t("cli.lists.missing", name=t(f"feed.{feed}")))
    context.exit(0 if found.fresh else 1)


def _say(report: StickReport) -> None:
    click.echo(t("cli.lists.made_at", when=format_moment(report.made_at, LANGUAGE)))
    for one in report.feeds:
        name = t(f"feed.{one.feed}")
        outcome = t(f"cli.lists.outcome.{one.outcome.value}", name=name, before=one.before, version=one.version)
        click.echo(outcome)
        if one.expired and one.outcome not in REFUSED:
            click.echo("    " + t("cli.lists.old", until=format_moment(one.expires, LANGUAGE)))
