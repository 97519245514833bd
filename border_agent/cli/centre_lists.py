"""`borne centre lists …`: lists for a stick."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from border_agent.cli.base import LANGUAGE, BorneGroup, json_option, print_json, t
from border_agent.words import format_moment
from mqtt_schemas.centre.exporting import export_lists
from mqtt_schemas.feeds import Feed

MOST_DAYS = 60


@click.group(cls=BorneGroup, help=t("cli.centre.lists"))
def lists() -> None:
    pass


@lists.command(help=t("cli.centre.lists.export"))
@click.option(
    "--folder", "-f", required=True, type=click.Path(file_okay=False, path_type=Path), help=t("cli.option.folder")
)
@click.option("--for", "devices", multiple=True, help=t("cli.centre.lists.option.for"))
@click.option("--all", "everybody", is_flag=True, help=t("cli.centre.lists.option.all"))
@click.option(
    "--out",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help=t("cli.centre.lists.option.out"),
)
@click.option("--feed", "feeds", multiple=True, type=click.Choice([*Feed]), help=t("cli.centre.lists.option.feed"))
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help=t("cli.centre.lists.option.since"),
)
@click.option("--days", type=click.IntRange(1, MOST_DAYS), help=t("cli.centre.lists.option.days"))
@json_option
def export(
    folder: Path,
    devices: tuple[str, ...],
    everybody: bool,
    out: Path,
    feeds: tuple[str, ...],
    since: datetime | None,
    days: int | None,
    as_json: bool,
) -> None:
    if bool(devices) == everybody:
        raise click.UsageError(t("cli.centre.lists.for_or_all"))
    begin = since.replace(tzinfo=UTC) if since is not None else None
    report = export_lists(folder, out, devices=devices, feeds=feeds, since=begin, days=days or 0)
    if as_json:
        print_json(report)
        return
    click.echo(
        t(
            "cli.centre.lists.exported",
            file=out,
            megabytes=max(1, report.size // 1_000_000),
            devices=len(report.devices),
            until=format_moment(report.expires, LANGUAGE),
        )
    )
    for one in report.feeds:
        click.echo(t("cli.centre.lists.one", name=t(f"feed.{one.feed}"), first=one.first, version=one.version))
    if report.without:
        click.echo(t("cli.centre.lists.without", devices=", ".join(report.without)))
