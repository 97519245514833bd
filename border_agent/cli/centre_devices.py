"""`borne centre devices …`: the register of devices. Each command is a line of its book, with who did it and why."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from border_agent.cli.base import LANGUAGE, BorneGroup, folder_option, json_option, print_json, t
from border_agent.words import format_date
from mqtt_schemas.centre import enrolment, register, taking
from mqtt_schemas.centre.audit_keys import keys_file
from mqtt_schemas.centre.enrolment_book import LastKnown
from mqtt_schemas.centre.journal_files import export_journal
from mqtt_schemas.enrolment import LARGEST_FILE, open_request

by_option = click.option("--by", "person", required=True, help=t("cli.centre.devices.option.by"))
reason_option = click.option("--reason", default="", help=t("cli.centre.devices.option.reason"))
why_option = click.option("--reason", required=True, help=t("cli.centre.devices.option.reason"))
code_option = click.option("--fingerprint", "code", default="", help=t("cli.centre.devices.option.fingerprint"))
out_option = click.option(
    "--out",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help=t("cli.centre.devices.option.out"),
)
request_argument = click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(cls=BorneGroup, help=t("cli.centre.devices"))
def devices() -> None:
    pass


@devices.command(name="list", help=t("cli.centre.devices.list"))
@folder_option
@json_option
def list_devices(folder: Path, as_json: bool) -> None:
    found = register.devices(folder)
    if as_json:
        shown = [
            {
                "device": device.id,
                "post": device.post,
                "role": device.role,
                "state": device.status,
                "journal_key": device.journal_key.hex(),
                "sealing": bool(device.sealing_key),
            }
            for device in found
        ]
        print_json({"devices": shown, "count": len(shown)})
    elif not found:
        click.echo(t("cli.centre.devices.none"))
    for device in () if as_json else found:
        click.echo(f"{device.id}  {device.post}  {t(f'device_state.{device.status.value}')}")


@devices.command(help=t("cli.centre.devices.show"))
@request_argument
@json_option
def show(request: Path, as_json: bool) -> None:
    opened = open_request(_read(request))
    asked = opened.request
    if as_json:
        print_json(
            {
                "device": asked.device,
                "post": asked.post,
                "role": asked.role,
                "renewal": asked.renewal,
                "code": opened.code,
                "names": opened.names,
                "journal_key": asked.journal_key.hex(),
                "facts": asked.facts,
                "recorded": asked.sequence,
                "acknowledged": asked.acknowledged,
            }
        )
        return
    click.echo(t("cli.centre.devices.asks", device=asked.device, post=asked.post, code=opened.code))
    if opened.names:
        click.echo(t("cli.centre.devices.names", names=", ".join(opened.names)))
    facts = asked.facts
    click.echo(f"    {' '.join(filter(None, (facts.maker, facts.model, facts.serial, facts.processor)))}")
    click.echo(t("cli.device.sealed_to." + (facts.sealed_to if facts.sealed_to in _SEALED else "unknown")))


_SEALED = ("tpm2", "host", "plain")


@devices.command(help=t("cli.centre.devices.enrol"))
@folder_option
@request_argument
@by_option
@out_option
@code_option
@reason_option
@json_option
def enrol(folder: Path, request: Path, person: str, out: Path, code: str, reason: str, as_json: bool) -> None:
    _handed(enrolment.enrol(folder, _read(request), person=person, code=code, reason=reason), out, as_json)


@devices.command(help=t("cli.centre.devices.renew"))
@folder_option
@request_argument
@by_option
@out_option
@code_option
@reason_option
@json_option
def renew(folder: Path, request: Path, person: str, out: Path, code: str, reason: str, as_json: bool) -> None:
    _handed(enrolment.renew(folder, _read(request), person=person, code=code, reason=reason), out, as_json)


@devices.command(help=t("cli.centre.devices.replace"))
@folder_option
@request_argument
@by_option
@out_option
@code_option
@why_option
@click.option("--unsent-lost", default="", help=t("cli.centre.devices.option.unsent_lost"))
@click.option(
    "--export",
    "export",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=t("cli.centre.devices.option.export"),
)
@json_option
def replace(
    folder: Path,
    request: Path,
    person: str,
    out: Path,
    code: str,
    reason: str,
    unsent_lost: str,
    export: Path | None,
    as_json: bool,
) -> None:
    payload = _read(request)
    if export is not None:
        taking.take(folder, export, person=person)
    elif not unsent_lost and not as_json:
        _tell_known(enrolment.known(folder, open_request(payload).request.device))
    handed = enrolment.replace(folder, payload, person=person, code=code, reason=reason, unsent_lost=unsent_lost)
    _handed(handed, out, as_json)


@devices.command(help=t("cli.centre.devices.take"))
@folder_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
@json_option
@click.pass_context
def take(context: click.Context, folder: Path, file: Path, person: str, as_json: bool) -> None:
    report = taking.take(folder, file, person=person)
    if as_json:
        print_json(report)
    else:
        click.echo(t("cli.centre.devices.taken", device=report.device, taken=report.taken, mark=report.mark))
        if report.problem:
            click.echo(t("cli.centre.devices.not_taken", detail=report.problem))
    context.exit(0 if not report.problem else 1)


@devices.command(help=t("cli.centre.devices.move"))
@folder_option
@click.argument("device")
@click.argument("post")
@by_option
@why_option
def move(folder: Path, device: str, post: str, person: str, reason: str) -> None:
    enrolment.move(folder, device, post, person=person, reason=reason)
    click.echo(t("cli.centre.devices.moved", device=device, post=post))


@devices.command(help=t("cli.centre.devices.retire"))
@folder_option
@click.argument("device")
@by_option
@why_option
def retire(folder: Path, device: str, person: str, reason: str) -> None:
    event = enrolment.retire(folder, device, person=person, reason=reason)
    click.echo(t("cli.centre.devices.retired", device=device))
    _tell_known(event.known)


@devices.command(help=t("cli.centre.devices.cloned"))
@folder_option
@click.argument("device")
@by_option
@why_option
def cloned(folder: Path, device: str, person: str, reason: str) -> None:
    event = enrolment.cloned(folder, device, person=person, reason=reason)
    click.echo(t("cli.centre.devices.suspended", device=device))
    _tell_known(event.known)


@devices.command(help=t("cli.centre.devices.keys"))
@folder_option
@out_option
def keys(folder: Path, out: Path) -> None:
    with _writing(out):
        out.write_bytes(keys_file(folder, datetime.now(UTC)))
    click.echo(t("cli.centre.devices.keys_written", file=out))


@devices.command(help=t("cli.centre.devices.journal"))
@folder_option
@click.argument("device")
@out_option
@json_option
def journal(folder: Path, device: str, out: Path, as_json: bool) -> None:
    with _writing(out):
        written = export_journal(folder, device, out, datetime.now(UTC))
    if as_json:
        print_json(written)
    else:
        click.echo(t("cli.centre.devices.journal_written", device=device, entries=written.entries, file=out))


@devices.command(help=t("cli.centre.devices.records"))
@folder_option
@click.argument("device", default="")
@json_option
def records(folder: Path, device: str, as_json: bool) -> None:
    found = enrolment.book(folder, device)
    if as_json:
        shown = [
            {
                "number": event.number,
                "what": event.what,
                "device": event.device,
                "post": event.post,
                "by": event.person,
                "reason": event.reason,
                "at": event.at,
                "journal_key": event.journal_key.hex(),
                "epoch": event.known.epoch.hex(),
                "mark": event.known.mark,
                "head": event.known.head.hex(),
                "said_sequence": event.known.said_sequence,
                "said_unsent": event.known.said_unsent,
            }
            for event in found
        ]
        print_json({"records": shown, "count": len(shown)})
        return
    for event in found:
        click.echo(f"{event.at}  {event.device}  {event.post}  {t(f'enrolment.{event.what}')}  {event.person}")
        if event.reason:
            click.echo(f"    {event.reason}")


def _handed(handed: enrolment.Handed, out: Path, as_json: bool) -> None:
    out.write_bytes(handed.answer)
    if as_json:
        print_json(
            {
                "number": handed.number,
                "what": handed.what,
                "device": handed.device,
                "post": handed.post,
                "code": handed.code,
                "names": handed.names,
                "until": handed.until,
                "file": str(out),
            }
        )
        return
    until = format_date(handed.until.date(), LANGUAGE)
    click.echo(t("cli.centre.devices.handed", device=handed.device, post=handed.post, code=handed.code))
    if handed.names:
        click.echo(t("cli.centre.devices.names", names=", ".join(handed.names)))
    click.echo(t("cli.centre.devices.bundle", file=out, until=until))


def _tell_known(known: LastKnown) -> None:
    if not known.epoch:
        click.echo(t("cli.centre.devices.known_nothing"))
        return
    click.echo(
        t(
            "cli.centre.devices.known",
            mark=known.mark,
            head=known.head.hex()[:16],
            said=known.said_sequence,
            unsent=known.said_unsent,
        )
    )


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    """A place where nothing can be written is told as any other wrong use."""
    try:
        yield
    except OSError as error:
        raise click.BadParameter(error.strerror or str(error), param_hint=f"--out {out}") from None


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LARGEST_FILE + 1)
