"""`borne centre authority …` and `borne centre keys …`: who signs certificates, and who signs keys."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from border_agent.cli.base import LANGUAGE, BorneGroup, folder_option, json_option, print_json, t
from border_agent.words import format_date
from mqtt_schemas.centre import offline, own_certificates
from mqtt_schemas.centre.authority import Authority, make_pilot
from mqtt_schemas.centre.keys import load_key
from mqtt_schemas.enrolment import request_code

out_option = click.option(
    "--out", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help=t("cli.device.option.out")
)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=BorneGroup, help=t("cli.centre.authority"))
def authority() -> None:
    pass


@authority.command(help=t("cli.centre.authority.make"))
@folder_option
@click.option("--name", default="Borne", show_default=True, help=t("cli.centre.authority.option.name"))
@json_option
def make(folder: Path, name: str, as_json: bool) -> None:
    _tell(make_pilot(folder, datetime.now(UTC), name), None, as_json)


@authority.command(help=t("cli.centre.authority.show"))
@folder_option
@click.option("--pem", type=click.Path(dir_okay=False, path_type=Path), help=t("cli.centre.authority.option.pem"))
@json_option
def show(folder: Path, pem: Path | None, as_json: bool) -> None:
    _tell(Authority.load(folder), pem, as_json)


@authority.command(help=t("cli.centre.authority.issue"))
@folder_option
@click.argument("name")
@click.option("--host", "hosts", multiple=True, help=t("cli.centre.authority.option.host"))
@click.option(
    "--out",
    "-o",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help=t("cli.centre.authority.option.out"),
)
@json_option
def issue(folder: Path, name: str, hosts: tuple[str, ...], out: Path, as_json: bool) -> None:
    made = own_certificates.issue(Authority.load(folder), name, hosts, out, datetime.now(UTC))
    if as_json:
        print_json(made)
    else:
        until = format_date(made.until.date(), LANGUAGE)
        click.echo(t(f"cli.centre.authority.{'made' if made.changed else 'kept'}", name=name, until=until))


@click.group(cls=BorneGroup, help=t("cli.centre.keys"))
def keys() -> None:
    pass


@keys.command(help=t("cli.centre.keys.wanted"))
@folder_option
@out_option
@json_option
def wanted(folder: Path, out: Path, as_json: bool) -> None:
    payload, code = offline.wanted(folder)
    out.write_bytes(payload)
    if as_json:
        print_json({"file": str(out), "code": code})
    else:
        click.echo(t("cli.centre.keys.asked", file=out, code=code))


@keys.command(help=t("cli.centre.keys.sign"))
@click.argument("file", type=_file)
@click.option("--root", required=True, type=_file, help=t("cli.centre.option.root"))
@click.option("--software", default="", help=t("cli.centre.keys.option.software"))
@out_option
@json_option
def sign(file: Path, root: Path, software: str, out: Path, as_json: bool) -> None:
    payload = file.read_bytes()
    more = {"software": _public(software)} if software else {}
    out.write_bytes(offline.sign(payload, load_key(root), more=more))
    code = request_code(payload)
    if as_json:
        print_json({"file": str(out), "code": code})
    else:
        click.echo(t("cli.centre.keys.signed", file=out, code=code))


@keys.command(help=t("cli.centre.keys.install"))
@folder_option
@click.argument("file", type=_file)
@json_option
def install(folder: Path, file: Path, as_json: bool) -> None:
    version = offline.install(folder, file.read_bytes())
    if as_json:
        print_json({"version": version})
    else:
        click.echo(t("cli.centre.renewed", version=version))


def _public(text: str) -> bytes:
    try:
        public = bytes.fromhex(text)
    except ValueError:
        public = b""
    if len(public) != 32:
        raise click.BadParameter(text[:80], param_hint="--software")
    return public


def _tell(found: Authority, pem: Path | None, as_json: bool) -> None:
    if pem is not None:
        pem.write_bytes(found.pem())
    until = found.issuing.not_valid_after_utc
    if as_json:
        print_json(
            {
                "issuing": found.issuing.subject.rfc4514_string(),
                "root": found.root.subject.rfc4514_string(),
                "until": until,
                "root_until": found.root.not_valid_after_utc,
            }
        )
    else:
        name, day = found.issuing.subject.rfc4514_string(), format_date(until.date(), LANGUAGE)
        click.echo(t("cli.centre.authority.shown", name=name, until=day))
