"""`borne centre evidence …`: records and pictures that devices have sent, and those that are still to come."""

from __future__ import annotations

import re
from pathlib import Path

import click

from border_agent.cli.base import LANGUAGE, BorneGroup, folder_option, json_option, print_json, t
from border_agent.words import format_number
from mqtt_schemas.centre.errors import NoSuchEvidence
from mqtt_schemas.centre.evidence import EvidenceBook
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.whole import whole_file

_NAME = re.compile(r"[0-9a-f]{64}")


@click.group(cls=BorneGroup, help=t("cli.centre.evidence"))
def evidence() -> None:
    pass


@evidence.command(name="list", help=t("cli.centre.evidence.list"))
@folder_option
@click.option("--device", default="", help=t("cli.centre.evidence.option.device"))
@click.option("--inspection", default="", help=t("cli.centre.evidence.option.inspection"))
@click.option("--missing", is_flag=True, help=t("cli.centre.evidence.option.missing"))
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1000, help=t("cli.centre.evidence.option.limit"))
@json_option
def list_evidence(folder: Path, device: str, inspection: str, missing: bool, limit: int, as_json: bool) -> None:
    with CentreFolder(folder).database() as database:
        found = EvidenceBook(database).items(device=device, inspection=inspection, missing=missing, limit=limit)
        items = list(found)
    if as_json:
        print_json({"evidence": items, "count": len(items)})
        return
    if not items:
        click.echo(t("cli.centre.evidence.none"))
    for item in items:
        word = "whole" if item.whole_at else "partly" if item.held else "named"
        click.echo(
            t(
                f"cli.centre.evidence.{word}",
                device=item.device,
                sequence=item.sequence,
                kind=item.kind,
                name=item.sha256,
                held=format_number(item.held, LANGUAGE),
                size=format_number(item.size, LANGUAGE),
            )
        )


@evidence.command(help=t("cli.centre.evidence.get"))
@folder_option
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def get(folder: Path, name: str, file: Path, as_json: bool) -> None:
    if not _NAME.fullmatch(name):
        raise click.BadParameter(name[:80], param_hint="NAME")
    with CentreFolder(folder).database() as database:
        data = EvidenceBook(database).get(bytes.fromhex(name))
    if data is None:
        raise NoSuchEvidence(name)
    with whole_file(file) as opened:
        opened.write(data)
    if as_json:
        print_json({"sha256": name, "size": len(data), "file": str(file)})
    else:
        click.echo(t("cli.centre.evidence.got", size=format_number(len(data), LANGUAGE), file=file))
