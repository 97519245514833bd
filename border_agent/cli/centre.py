"""`borne centre …`: the reference data centre."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import click
import msgspec

from border_agent.cli.base import BorneGroup, folder_option, json_option, print_json, t
from border_agent.cli.centre_csca import load as load_csca
from mqtt_schemas.centre import folder as centre_folder
from mqtt_schemas.centre import importing, proof, register, reports, service
from mqtt_schemas.centre import officers as staff
from mqtt_schemas.centre.duties import PUBLISHES, Duties
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import OfficerRecord, OfficerRole

_GROUPS = {
    "authority": "border_agent.cli.centre_authority:authority",
    "keys": "border_agent.cli.centre_authority:keys",
    "devices": "border_agent.cli.centre_devices:devices",
    "lists": "border_agent.cli.centre_lists:lists",
    "conflicts": "border_agent.cli.centre_conflicts:conflicts",
    "evidence": "border_agent.cli.centre_evidence:evidence",
}


@click.group(cls=BorneGroup, lazy=_GROUPS, help=t("cli.centre"))
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
@click.option("--root-public", default="", help=t("cli.centre.option.root_public"))
@click.option("--store", default="", help=t("cli.centre.option.store"))
@json_option
def init(
    folder: Path,
    broker: str,
    authority: Path,
    certificate: Path,
    key: Path,
    root_public: str,
    store: str,
    as_json: bool,
) -> None:
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
    offline = _hexadecimal(root_public, "--root-public")
    if len(offline) not in (0, 32):
        raise click.BadParameter(root_public[:80], param_hint="--root-public")
    kept = centre_folder.StoreSettings(url=store)
    root = centre_folder.init(folder, settings, store=kept, root_public=offline)
    if as_json:
        print_json({"folder": str(folder), "root": root.hex()})
    elif offline:
        click.echo(t("cli.centre.awaits", folder=folder))
    else:
        click.echo(t("cli.centre.made", folder=folder, root=root.hex()))


@centre.command(help=t("cli.centre.run"))
@folder_option
@click.option("--shard", default="", help=t("cli.centre.option.shard"))
def run(folder: Path, shard: str) -> None:
    service.run(folder, Duties.of_shard(shard) if shard else Duties())


@centre.command(help=t("cli.centre.publish"))
@folder_option
def publish(folder: Path) -> None:
    service.run(folder, PUBLISHES)


@centre.command(help=t("cli.centre.renew_keys"))
@folder_option
@click.option(
    "--root", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=t("cli.centre.option.root")
)
@json_option
def renew_keys(folder: Path, root: Path | None, as_json: bool) -> None:
    version = centre_folder.renew_keys_document(folder, root=root)
    if as_json:
        print_json({"version": version})
    else:
        click.echo(t("cli.centre.renewed", version=version))


@centre.command(help=t("cli.centre.enrol"))
@folder_option
@click.argument("device")
@click.option("--post", required=True, help=t("cli.centre.option.post"))
@click.option("--journal-key", required=True, help=t("cli.centre.option.key"))
@click.option("--role", type=click.Choice(register.ROLES), help=t("cli.centre.option.role"))
@click.option("--sealing-key", default="", help=t("cli.centre.option.sealing_key"))
@json_option
def enrol(
    folder: Path, device: str, post: str, journal_key: str, role: str | None, sealing_key: str, as_json: bool
) -> None:
    key = _hexadecimal(journal_key, "--journal-key")
    sealing = _hexadecimal(sealing_key, "--sealing-key")
    register.enrol(folder, device, post, key, role=role or "", sealing_key=sealing)
    if as_json:
        print_json({"device": device, "post": post})
    else:
        click.echo(t("cli.centre.enrolled", device=device, post=post))


def _hexadecimal(text: str, option: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise click.BadParameter(text[:80], param_hint=option) from None


def _feed_group(feed: Feed) -> BorneGroup:
    """`borne centre <feed> import FILE`: every list by the same code."""

    group = BorneGroup(name=feed.value, help=t(f"cli.centre.{feed.value}"))
    centre.add_command(group)

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

    return group


_groups = {feed: _feed_group(feed) for feed in Feed if feed not in importing.MADE_HERE}
officers = _groups[Feed.OFFICERS]
_groups[Feed.CSCA].add_command(load_csca)


@officers.command(name="add", help=t("cli.centre.officers.add"))
@folder_option
@click.argument("number")
@click.option("--name", required=True, help=t("cli.centre.option.name"))
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in OfficerRole if role is not OfficerRole.UNKNOWN]),
    multiple=True,
    required=True,
    help=t("cli.centre.option.officer_role"),
)
@click.option("--post", "posts", multiple=True, required=True, help=t("cli.centre.option.officer_post"))
@click.option("--language", type=click.Choice(["fr", "en"]), help=t("cli.centre.option.language"))
@json_option
def add_officer(
    folder: Path,
    number: str,
    name: str,
    roles: tuple[str, ...],
    posts: tuple[str, ...],
    language: str | None,
    as_json: bool,
) -> None:
    record = staff.put_officer(folder, number, name=name, roles=roles, posts=posts, language=language or "")
    if as_json:
        print_json(_shown_officer(record))
    else:
        click.echo(t("cli.centre.officers.added", number=number, name=record.name))


@officers.command(name="list", help=t("cli.centre.officers.list"))
@folder_option
@json_option
def list_officers(folder: Path, as_json: bool) -> None:
    found = staff.officers(folder)
    if as_json:
        print_json({"officers": [_shown_officer(record) for record in found], "count": len(found)})
    elif not found:
        click.echo(t("cli.centre.officers.none"))
    for record in () if as_json else found:
        roles = ", ".join(t(f"officer_role.{role}") for role in record.roles)
        click.echo(f"{record.number}  {record.name}  {t(f'officer_state.{record.state}')}")
        click.echo(f"    {roles}  {', '.join(record.posts)}")


@officers.command(help=t("cli.centre.officers.activate"))
@folder_option
@click.argument("number")
@click.option(
    "--days",
    type=click.IntRange(1, staff.MOST_DAYS),
    default=staff.ACTIVATION_DAYS,
    show_default=True,
    help=t("cli.centre.option.days"),
)
@json_option
def activate(folder: Path, number: str, days: int, as_json: bool) -> None:
    made = staff.activate(folder, number, days=days)
    if as_json:
        print_json(made)
        return
    click.echo(t("cli.centre.officers.code", number=number, code=made.code, until=made.not_after.date()))
    click.echo(t("cli.centre.officers.serves", devices=", ".join(made.devices)))
    if made.posts_without:
        click.echo(t("cli.centre.officers.posts_without", posts=", ".join(made.posts_without)))


@officers.command(help=t("cli.centre.officers.suspend"))
@folder_option
@click.argument("number")
def suspend(folder: Path, number: str) -> None:
    staff.suspend(folder, number)
    click.echo(t("cli.centre.officers.suspended", number=number))


@officers.command(help=t("cli.centre.officers.reinstate"))
@folder_option
@click.argument("number")
def reinstate(folder: Path, number: str) -> None:
    staff.reinstate(folder, number)
    click.echo(t("cli.centre.officers.reinstated", number=number))


@officers.command(help=t("cli.centre.officers.retire"))
@folder_option
@click.argument("number")
def retire(folder: Path, number: str) -> None:
    staff.retire(folder, number)
    click.echo(t("cli.centre.officers.retired", number=number))


def _shown_officer(record: OfficerRecord) -> dict[str, object]:
    """A record without its boxes, which are for devices."""
    shown: dict[str, object] = msgspec.to_builtins(record)
    shown["activations"] = [sealed.device for sealed in record.activations]
    return shown


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
