"""`borne device …`: the device's keys and certificates, and what its journal still has to send."""

from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography.x509 import Certificate

from border_agent.cli.base import LANGUAGE, BorneGroup, json_option, print_json, t
from border_agent.config import Role, load_config
from border_agent.reporting.enrolled import Enrolled
from border_agent.upkeep import credentials, unsent
from border_agent.upkeep.machine_facts import machine_facts
from border_agent.words import format_date
from mqtt_schemas.certificates import common_name, halfway, holds_key, server_names
from mqtt_schemas.enrolment import LARGEST_FILE, open_request

config_option = click.option(
    "--config",
    "-c",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("/etc/borne/agent.toml"),
    show_default=True,
    help=t("cli.option.config"),
)
credentials_option = click.option(
    "--credentials",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=credentials.DEFAULT_FOLDER,
    show_default=True,
    help=t("cli.device.option.credentials"),
)


@click.group(cls=BorneGroup, help=t("cli.device"))
def device() -> None:
    pass


@device.command(help=t("cli.device.keys"))
@credentials_option
@click.option("--plain", is_flag=True, help=t("cli.device.option.plain"))
@click.option(
    "--role", required=True, type=click.Choice([role.value for role in Role]), help=t("cli.device.option.role")
)
@json_option
def keys(folder: Path, plain: bool, role: str, as_json: bool) -> None:
    made = credentials.make(folder, role, plain=plain)
    if as_json:
        print_json(made)
        return
    click.echo(t("cli.device.keys.made", created=len(made.created), kept=len(made.kept)))
    click.echo(t(f"cli.device.sealed_to.{made.sealed_to}"))


@device.command(help=t("cli.device.request"))
@config_option
@credentials_option
@click.option(
    "--out", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help=t("cli.device.option.out")
)
@click.option("--renew", is_flag=True, help=t("cli.device.option.renew"))
@click.option("--name", "names", multiple=True, help=t("cli.device.option.name"))
@json_option
def request(config: Path, folder: Path, out: Path, renew: bool, names: tuple[str, ...], as_json: bool) -> None:
    loaded = load_config(config)
    enrolled = Enrolled(loaded)
    own = credentials.device_keys(loaded, folder)
    software = importlib.metadata.version("borne")
    payload = enrolled.request(
        own,
        datetime.now(UTC),
        renewal=renew,
        names=names,
        journal=unsent.standing(loaded, folder).end(),
        facts=machine_facts(software, plain=credentials.plain(loaded, folder)),
    )
    opened = open_request(payload)
    out.write_bytes(payload)
    if as_json:
        print_json({"device": enrolled.device, "post": enrolled.post, "code": opened.code, "file": str(out)})
        return
    click.echo(t("cli.device.request.made", file=out))
    click.echo(t("cli.device.request.code", code=opened.code))


@device.command(help=t("cli.device.install"))
@config_option
@credentials_option
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def install(config: Path, folder: Path, bundle: Path, as_json: bool) -> None:
    loaded = load_config(config)
    enrolled = Enrolled(loaded)
    with bundle.open("rb") as file:
        payload = file.read(LARGEST_FILE + 1)
    before = enrolled.taken().number
    believed = enrolled.install(payload, credentials.device_keys(loaded, folder), datetime.now(UTC))
    until = believed.certificate.not_valid_after_utc
    if as_json:
        print_json(
            {
                "device": enrolled.device,
                "number": believed.bundle.number,
                "until": until,
                "changed": believed.bundle.number != before,
            }
        )
    else:
        click.echo(t("cli.device.installed", device=enrolled.device, until=format_date(until.date(), LANGUAGE)))


@device.command(help=t("cli.device.status"))
@config_option
@credentials_option
@json_option
@click.pass_context
def status(context: click.Context, config: Path, folder: Path, as_json: bool) -> None:
    loaded = load_config(config)
    enrolled = Enrolled(loaded)
    now = datetime.now(UTC)
    own, server, taken = enrolled.own_certificate(), enrolled.server_certificate(), enrolled.taken()
    try:
        tls = credentials.device_keys(loaded, folder).tls.public_key()
        readable, detail = True, ""
        # A certificate for keys that are gone enrols nobody.
        own = own if own is not None and holds_key(own, tls) else None
    except credentials.KeyUnreadable as error:
        readable, detail = False, str(error)
    good = own is not None and own.not_valid_before_utc <= now <= own.not_valid_after_utc and readable
    if as_json:
        print_json(
            {
                "device": enrolled.device,
                "post": enrolled.post,
                "enrolled": own is not None,
                "number": taken.number,
                "keys_readable": readable,
                "detail": detail,
                "certificate": _shown(own, now),
                "server_certificate": _shown(server, now),
                "ok": good,
            }
        )
    else:
        click.echo(t("cli.device.status.keys" if readable else "cli.device.status.no_keys"))
        for certificate in filter(None, (own, server)):
            until = format_date(certificate.not_valid_after_utc.date(), LANGUAGE)
            names = ", ".join(server_names(certificate)) or common_name(certificate)
            click.echo(t("cli.device.status.certificate", names=names, until=until))
        if own is None:
            click.echo(t("cli.device.status.none"))
    context.exit(0 if good else 1)


@device.command(name="unsent", help=t("cli.device.unsent"))
@config_option
@credentials_option
@click.option("--export", "out", type=click.Path(dir_okay=False, path_type=Path), help=t("cli.device.option.export"))
@json_option
@click.pass_context
def show_unsent(context: click.Context, config: Path, folder: Path, out: Path | None, as_json: bool) -> None:
    loaded = load_config(config)
    found = unsent.export(loaded, out, folder) if out is not None else unsent.standing(loaded, folder)
    if as_json:
        print_json(
            {
                "unsent": found.unsent,
                "acknowledged": found.acknowledged,
                "recorded": found.recorded,
                "epoch": (found.epoch or b"").hex(),
                "head": (found.head or b"").hex(),
                "present": found.present,
                "readable": found.readable,
                "device": found.device,
                "detail": found.detail,
            }
        )
    elif not found.readable:
        click.echo(t("cli.device.unsent.unreadable", detail=found.detail))
    else:
        click.echo(t("cli.device.unsent.count", unsent=found.unsent, recorded=found.recorded))
        if out is not None:
            click.echo(t("cli.device.unsent.exported", file=out))
    good = found.readable and (not found.unsent or out is not None)
    context.exit(0 if good else 1)


@device.command(name="new-epoch", help=t("cli.device.new_epoch"))
@config_option
@json_option
def new_epoch(config: Path, as_json: bool) -> None:
    kept = unsent.new_epoch(load_config(config))
    if as_json:
        print_json({"kept": str(kept) if kept is not None else ""})
    else:
        click.echo(t("cli.device.new_epoch.kept", file=kept) if kept else t("cli.device.new_epoch.none"))


def _shown(certificate: Certificate | None, now: datetime) -> dict[str, object] | None:
    if certificate is None:
        return None
    return {
        "name": common_name(certificate),
        "names": server_names(certificate),
        "from": certificate.not_valid_before_utc,
        "until": certificate.not_valid_after_utc,
        "renew_from": halfway(certificate),
        "due": halfway(certificate) <= now,
        "expired": certificate.not_valid_after_utc < now,
    }
