"""`borne journal …`: this device's journal, and journals that came as files."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.agent.identity import AlreadyRunning, alone, load_journal_key
from border_agent.agent.opening import SOFTWARE
from border_agent.cli.agent import config_option
from border_agent.cli.base import BorneGroup, json_option, print_json, t
from border_agent.clock import Clock
from border_agent.config import Config, load_config
from border_agent.store import Journal, Store, verify_journal
from border_agent.store.epochs import mend as mend_journal
from border_agent.store.export import Range, export_journal
from border_agent.upkeep.credentials import device_keys, store_key
from mqtt_schemas.audit import AuditReport, Fault, Note, NoteKind, StreamReport, read_keys, verify_files
from mqtt_schemas.audit.keys import LARGEST
from mqtt_schemas.chain import LAST_SEQUENCE
from mqtt_schemas.entries import EpochReason

_file = click.Path(dir_okay=False, path_type=Path)
_existing = click.Path(exists=True, dir_okay=False, path_type=Path)
_KILOBYTE = 1000

Bound = int | date | datetime


class _Bound(click.ParamType[Bound]):
    """An entry's number, a day, or a moment; what names no time zone is UTC."""

    name = "bound"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Bound:
        try:
            return _bound(str(value).strip())
        except (ValueError, OverflowError):
            self.fail(t("cli.journal.bad_bound"), param, ctx)


def _bound(text: str) -> Bound:
    """Raises ValueError, OverflowError."""
    if text.isdecimal():
        number = int(text)
        if not 1 <= number <= LAST_SEQUENCE:
            raise ValueError(text)
        return number
    if len(text) == len("2026-11-22"):
        return date.fromisoformat(text)
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)


class _Epoch(click.ParamType[bytes]):
    name = "epoch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            epoch = bytes.fromhex(str(value))
        except ValueError:
            epoch = b""
        if len(epoch) != 16:
            self.fail(t("cli.journal.bad_epoch"), param, ctx)
        return epoch


@click.group(cls=BorneGroup, help=t("cli.journal"))
def journal() -> None:
    pass


@journal.command(help=t("cli.journal.export"))
@config_option
@click.option("--from", "since", type=_Bound(), help=t("cli.journal.option.from"))
@click.option("--to", "to", type=_Bound(), help=t("cli.journal.option.to"))
@click.option("--epoch", type=_Epoch(), help=t("cli.journal.option.epoch"))
@click.argument("file", type=_file)
@json_option
def export(
    config: Path, since: Bound | None, to: Bound | None, epoch: bytes | None, file: Path, as_json: bool
) -> None:
    loaded = load_config(config)
    key = _journal_key(loaded)
    with opened_store(loaded) as store:
        exported = export_journal(
            store,
            key,
            file,
            _range(since, to, epoch),
            made_at=datetime.now(UTC),
            software=SOFTWARE,
            asked=(_said(since), _said(to)),
        )
    if as_json:
        print_json(exported)
        return
    size = max(1, round(exported.size / _KILOBYTE))
    click.echo(t("cli.journal.exported", file=file, device=exported.device, entries=exported.entries, kilobytes=size))
    if exported.without_body:
        click.echo(t("cli.journal.digests_only", count=exported.without_body))


@journal.command(help=t("cli.journal.verify"))
@click.argument("files", nargs=-1, type=_existing)
@click.option("--keys", type=_existing, help=t("cli.journal.option.keys"))
@click.option("--config", "-c", type=_file, help=t("cli.option.config"))
@json_option
@click.pass_context
def verify(
    context: click.Context, files: tuple[Path, ...], keys: Path | None, config: Path | None, as_json: bool
) -> None:
    if not files:
        if config is None:
            raise click.MissingParameter(param_hint="--config", param_type="option")
        _verify_store(context, load_config(config), as_json)
        return
    if keys is None:
        raise click.MissingParameter(param_hint="--keys", param_type="option")
    with keys.open("rb") as opened:
        believed = read_keys(opened.read(LARGEST + 1))
    report = verify_files(files, believed)
    if as_json:
        print_json(report)
    else:
        _tell(report)
    context.exit(0 if report.ok else 1)


@journal.command(help=t("cli.journal.mend"))
@config_option
@click.option("--by", "person", required=True, help=t("cli.journal.option.by"))
@click.option("--reason", required=True, help=t("cli.journal.option.reason"))
@json_option
def mend(config: Path, person: str, reason: str, as_json: bool) -> None:
    loaded = load_config(config)
    key = _journal_key(loaded)
    clock = Clock()
    with _agent_stopped(loaded), opened_store(loaded) as store:
        opened = Journal(store, loaded.device.id, key, clock, software=SOFTWARE)
        receipt = mend_journal(opened, clock, by=person, reason=reason)
    if as_json:
        print_json({"epoch": receipt.epoch.hex(), "sequence": receipt.sequence, "head": receipt.head.hex()})
    else:
        click.echo(t("cli.journal.mended", epoch=receipt.epoch.hex(), entries=receipt.sequence))


@contextlib.contextmanager
def _agent_stopped(config: Config) -> Iterator[None]:
    """No agent works with this journal, nor begins to. Raises AlreadyRunning, KeyUnusable."""
    file = config.path(config.identity.journal_key)
    with contextlib.ExitStack() as stack:
        if file.exists():
            stack.enter_context(alone(file))
        else:
            # The key is a credential that only the service sees: what both see is the agent's own door.
            with socket.socket(socket.AF_UNIX) as door, contextlib.suppress(OSError):
                door.connect(str(config.path(config.api.socket)))
                raise AlreadyRunning(config.api.socket)
        yield


def _verify_store(context: click.Context, config: Config, as_json: bool) -> None:
    key = _journal_key(config)
    with opened_store(config) as store:
        report = verify_journal(store, key.public_key())
    if as_json:
        print_json(report)
    elif report.ok:
        click.echo(t("cli.journal.good", entries=report.entries, epochs=report.epochs))
    else:
        for fault in report.faults:
            detail = f"{fault.kind}, {fault.epoch.hex()} {fault.sequence}"
            click.echo(t("cli.journal.broken", detail=detail))
    context.exit(0 if report.ok else 1)


def _journal_key(config: Config) -> Ed25519PrivateKey:
    """Where the configuration says, else the machine's credential of that name."""
    file = config.path(config.identity.journal_key)
    return load_journal_key(file) if file.exists() else device_keys(config).journal


@contextlib.contextmanager
def opened_store(config: Config) -> Iterator[Store]:
    """The store, by its key where the configuration says, else by the machine's credential of that name."""
    file = config.path(config.store.key)
    with Store(config.path(config.store.path), file if file.exists() else store_key(config)) as store:
        yield store


def _range(since: Bound | None, to: Bound | None, epoch: bytes | None) -> Range:
    """Both ends included: a day is all of it, a moment that very microsecond."""
    before: datetime | None = None
    if isinstance(to, datetime):
        before = to + timedelta(microseconds=1)
    elif isinstance(to, date):
        before = _midnight(to) + timedelta(days=1)
    after = since if isinstance(since, datetime) else _midnight(since) if isinstance(since, date) else None
    return Range(
        epoch=epoch,
        first=since if isinstance(since, int) else None,
        last=to if isinstance(to, int) else None,
        since=after,
        before=before,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _said(bound: Bound | None) -> str:
    return "" if bound is None else str(bound) if isinstance(bound, int) else bound.isoformat()


def _tell(report: AuditReport) -> None:
    for file in report.files:
        click.echo(t("cli.journal.file", name=file.name, entries=file.entries, made=file.made_at))
        sealed = "sealed" if file.sealed else "proof" if file.kind == "proof" else "not_sealed"
        click.echo(f"    {t(f'cli.journal.{sealed}')}")
    for stream in report.streams:
        _tell_stream(stream)
    for note in report.notes:
        click.echo(f"  {_found(note, _noted(note))}")
    for fault in report.faults:
        # What the contract's package says in detail is English, for whoever looks into it: `--json` has it.
        click.echo(f"! {_found(fault, t(f'audit.fault.{fault.kind.value}'))}")
    if report.fault_count > len(report.faults):
        click.echo(t("cli.journal.more", count=report.fault_count - len(report.faults)))
    click.echo(t("cli.journal.proves") if report.ok else t("cli.journal.fails", count=report.fault_count))


def _tell_stream(stream: StreamReport) -> None:
    click.echo(
        t("cli.journal.stream", device=stream.device, epoch=stream.epoch[:8], first=stream.first, last=stream.last)
    )
    if stream.proven_upto < stream.first:
        click.echo(f"    {t('cli.journal.proven_none')}")
        return
    click.echo(f"    {t('cli.journal.proven', upto=stream.proven_upto)}")
    if stream.witnessed_at is None:
        click.echo(f"    {t('cli.journal.unwitnessed')}")
        return
    by = t("cli.journal.centre") if stream.witnessed_by == "centre" else stream.witnessed_by
    click.echo(f"    {t('cli.journal.witnessed', upto=stream.witnessed_upto, by=by, at=stream.witnessed_at)}")
    if stream.unwitnessed:
        click.echo(f"    {t('cli.journal.rest', count=stream.unwitnessed)}")


def _noted(note: Note) -> str:
    if note.kind is not NoteKind.EPOCH:
        return t(f"audit.note.{note.kind.value}")
    return t("audit.note.epoch", reason=t(f"audit.epoch.{EpochReason(note.detail).value}"))


def _found(found: Fault | Note, what: str) -> str:
    """What was found, after the place where."""
    where = [found.device] if found.device else []
    if found.upto > found.sequence:
        where.append(t("cli.journal.entries", first=found.sequence, last=found.upto))
    elif found.sequence:
        where.append(t("cli.journal.entry", number=found.sequence))
    if found.line:
        where.append(t("cli.journal.line", number=found.line))
    return t("cli.journal.found", where=", ".join(where), what=what) if where else what
