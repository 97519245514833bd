"""`borne centre …`: the reference data centre."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import click

from border_agent.cli.base import BorneGroup, json_option, print_json, t
from mqtt_schemas.centre import folder as centre_folder
from mqtt_schemas.centre import importing, proof, register, reports, service
from mqtt_schemas.feeds import Feed

folder_option = click.option(
    "--folder", "-f", required=True, type=click.Path(file_okay=False, path_type=Path), help=t("cli.option.folder")
)


@click.group(cls=BorneGroup, help=t("cli.centre"))
def centre() -> None:
    pass


@centre.command(help=t("cli.centre.init"))
@folder_option
@click.option("--broker", default="mqtts://localhost:8883", show_default=True, help=t("cli.centre.option.broker"))
@click.option("--authority", required=True, type=click.Path(path_type=Path), help=t("cli.centre.option.authority"))
@click.option(
    "--certificate", required=True, type=click.Path(path_type=Path), help=t("cli.centre.option.tls_certificate")
)
@click.option("--key", required=True, type=click.Path(path_type=Path), help=t("cli.centre.option.tls_key"))
@json_option
def init(folder: Path, broker: str, authority: Path, certificate: Path, key: Path, as_json: bool) -> None:
    address = urlsplit(broker)
    if address.scheme != "mqtts" or not address.hostname:
        raise click.BadParameter(broker, param_hint="--broker")
    settings = centre_folder.BrokerSettings(
        host=address.hostname,
        port=address.port or 8883,
        ca=str(authority.absolute()),
        certificate=str(certificate.absolute()),
        key=str(key.absolute()),
    )
    root = centre_folder.init(folder, settings)
    if as_json:
        print_json({"folder": str(folder), "root": root.hex()})
    else:
        click.echo(t("cli.centre.made", folder=folder, root=root.hex()))


@centre.command(help=t("cli.centre.run"))
@folder_option
def run(folder: Path) -> None:
    service.run(folder)


@centre.command(help=t("cli.centre.enrol"))
@folder_option
@click.argument("device")
@click.option("--post", required=True, help=t("cli.centre.option.post"))
@click.option("--journal-key", required=True, help=t("cli.centre.option.key"))
@json_option
def enrol(folder: Path, device: str, post: str, journal_key: str, as_json: bool) -> None:
    try:
        key = bytes.fromhex(journal_key)
    except ValueError:
        raise click.BadParameter(journal_key[:80], param_hint="--journal-key") from None
    register.enrol(folder, device, post, key)
    if as_json:
        print_json({"device": device, "post": post})
    else:
        click.echo(t("cli.centre.enrolled", device=device, post=post))


def _feed_group(feed: Feed) -> None:
    """`borne centre <feed> import FILE`: every list by the same code."""

    @centre.group(name=feed.value, cls=BorneGroup, help=t(f"cli.centre.{feed.value}"))
    def group() -> None:
        pass

    @group.command(name="import", help=t("cli.centre.import"))
    @folder_option
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--allow-empty", is_flag=True, help=t("cli.centre.option.allow_empty"))
    @json_option
    def import_file(folder: Path, file: Path, allow_empty: bool, as_json: bool) -> None:
        report = importing.import_feed(folder, feed.value, file, allow_empty=allow_empty)
        if as_json:
            print_json(report)
        else:
            numbers = {name: getattr(report, name) for name in ("version", "added", "changed", "deleted")}
            click.echo(t("cli.centre.imported", feed=feed.value, **numbers))


for _feed in Feed:
    _feed_group(_feed)


@centre.group(cls=BorneGroup, help=t("cli.centre.movements"))
def movements() -> None:
    pass


@movements.command(help=t("cli.centre.export"))
@folder_option
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in reports.ExportFormat]),
    default=reports.ExportFormat.CSV.value,
    show_default=True,
    help=t("cli.centre.option.format"),
)
@click.option(
    "--output", "-o", type=click.File("w", encoding="utf-8", atomic=True), help=t("cli.centre.option.output")
)
@click.pass_context
def export(context: click.Context, folder: Path, form: str, output: TextIO | None) -> None:
    target = output if output is not None else sys.stdout
    for line in reports.export_movements(folder, form):
        target.write(line)


@centre.command(help=t("cli.centre.alarms"))
@folder_option
@json_option
@click.pass_context
def alarms(context: click.Context, folder: Path, as_json: bool) -> None:
    found = reports.alarms(folder)
    if as_json:
        print_json({"alarms": found, "count": len(found)})
    elif not found:
        click.echo(t("cli.centre.alarms.none"))
    for alarm in () if as_json else found:
        click.echo(f"{alarm.last_at}  {alarm.device}  ×{alarm.times}  {t(f'alarm.{alarm.code}')}")
        click.echo(f"    {alarm.code}  {alarm.subject}  {alarm.latest or alarm.detail}")
    context.exit(1 if found else 0)


@centre.command(help=t("cli.centre.verify"))
@folder_option
@json_option
@click.pass_context
def verify(context: click.Context, folder: Path, as_json: bool) -> None:
    streams = proof.verify(folder)
    good = all(stream.ok for stream in streams)
    if as_json:
        print_json({"chain_ok": good, "streams": streams})
    elif good:
        total = sum(stream.entries for stream in streams)
        click.echo(t("cli.centre.verify.good", entries=total, streams=len(streams)))
    else:
        for stream in streams:
            if not stream.ok:
                detail = f"{stream.device} {stream.epoch}: {stream.problem}"
                click.echo(t("cli.centre.verify.broken", detail=detail))
    context.exit(0 if good else 1)
