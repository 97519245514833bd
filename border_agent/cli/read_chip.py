"""`borne read chip`: a passport's chip on a PC/SC reader, read once, and believed or not."""

from __future__ import annotations

import datetime
import hashlib
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from border_agent.cli.base import BorneCommand, json_option, print_json, say_error, t
from border_agent.cli.read_chip_key import MRZ_HELP, password_of
from border_agent.cli.read_chip_trust import Belief, believe
from border_agent.documents.chip.budget import Allowance
from border_agent.documents.chip.dump import DumpUnwritten, portrait_of, write_dump
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import (
    ChipAuthenticity,
    ChipOutcome,
    ChipProgress,
    ChipReading,
    ChipReadPolicy,
)
from border_agent.documents.chip.replay import Recorder
from border_agent.documents.mrz import Mrz, MrzError, parse_mrz
from firmware_bridge.devices.pcsc import PcscReader
from firmware_bridge.roles import DeviceState

Json = dict[str, Any]

_FIELDS = (
    *("document_code", "issuer", "surname", "given_names", "name_truncated", "number", "nationality"),
    *("birth", "sex", "expiry", "optional", "optional2"),
)
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("chip", cls=BorneCommand, help=t("cli.read.chip"))
@click.option("--reader", default="", metavar="NAME", help=t("cli.read.chip.option.reader"))
@click.option("--mrz", "printed", default=None, metavar="TEXT|FILE", help=t(MRZ_HELP))
@click.option("--can", default=None, metavar="CAN", help=t("cli.read.chip.option.can"))
@click.option("--dump", type=click.Path(file_okay=False, path_type=Path), help=t("cli.read.chip.option.dump"))
@click.option("--trust", "trust", type=_folder, metavar="DIR", help=t("cli.read.chip.option.trust"))
@click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    metavar="S",
    default=15.0,
    show_default=True,
    help=t("cli.read.chip.option.wait"),
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 600),
    metavar="S",
    default=30.0,
    show_default=True,
    help=t("cli.read.chip.option.seconds"),
)
@click.option("--bac-after-pace", is_flag=True, help=t("cli.read.chip.option.bac_after_pace"))
@json_option
@click.pass_context
def chip(
    context: click.Context,
    reader: str,
    printed: str | None,
    can: str | None,
    dump: Path | None,
    trust: Path | None,
    wait: float,
    seconds: float,
    bac_after_pace: bool,
    as_json: bool,
) -> None:
    password, optical = password_of(context, printed, can)
    device = PcscReader("card_reader", reader)
    device.open()
    try:
        recorder = Recorder(device.card)
        progress = _Progress(quiet=as_json)
        reading = read_chip(
            recorder.open,
            password,
            policy=ChipReadPolicy(wait=wait, bac_after_pace=bac_after_pace),
            allowance=Allowance(seconds=seconds),
            progress=progress.show,
            random=recorder.random,
            private=recorder.private,
        )
        progress.end()
        state = device.state
        problem = device.problems[-1].code if device.problems else ""
    finally:
        device.close()
    belief = believe(reading, trust) if trust is not None else None
    if as_json:
        print_json(_as_json(reading, optical, belief, state))
    else:
        _show(reading, optical, belief, state, problem)
    if dump is not None and reading.files:
        try:
            write_dump(dump, reading, recorder.recording)
        except DumpUnwritten as error:
            say_error(error)
            context.exit(2)
    context.exit(_status(reading, belief))


def _status(reading: ChipReading, belief: Belief | None) -> int:
    if reading.outcome is ChipOutcome.absent:
        return 2
    sound = reading.outcome is ChipOutcome.read and reading.authenticity is not ChipAuthenticity.failed
    return 0 if sound and (belief is None or belief.good) else 1


def _mrz_of(reading: ChipReading) -> Mrz | None:
    try:
        return parse_mrz("\n".join(reading.mrz_lines), today=datetime.datetime.now(datetime.UTC).date())
    except MrzError:
        return None


def _as_json(reading: ChipReading, optical: Mrz | None, belief: Belief | None, state: DeviceState) -> Json:
    """Stable: keys are added, never changed. `mrz_agrees` is null where there is nothing to compare."""
    mrz, portrait = _mrz_of(reading), portrait_of(reading)
    whole: Json = msgspec.to_builtins(mrz) if mrz is not None else {}
    return {
        "outcome": reading.outcome.value,
        "error": reading.error,
        "reader": state.value,
        "access": reading.access,
        "pace_failed": reading.pace_failed,
        "access_differs": reading.access_differs,
        "authenticity": reading.authenticity.value,
        "proof_file": reading.proof_file,
        "files": [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in reading.files.items()
        ],
        "missing": list(reading.missing),
        "mrz": {
            "lines": list(reading.mrz_lines),
            "format": mrz.format.value if mrz is not None else "",
            "fields": {name: whole[name] for name in _FIELDS if name in whole},
            "valid": mrz.valid if mrz is not None else False,
        },
        "mrz_agrees": _agrees(reading, optical),
        "portrait": {
            "format": portrait.format.value,
            "width": portrait.width,
            "height": portrait.height,
            "bytes": len(portrait.data),
            "sha256": hashlib.sha256(portrait.data).hexdigest(),
        }
        if portrait is not None
        else None,
        "verification": belief.as_json() if belief is not None else None,
        "resumed": reading.resumed,
        "apdus": reading.apdus,
        "ms": reading.ms,
    }


def _agrees(reading: ChipReading, optical: Mrz | None) -> bool | None:
    if optical is None or not reading.mrz_lines:
        return None
    return optical.lines == reading.mrz_lines


def _show(reading: ChipReading, optical: Mrz | None, belief: Belief | None, state: DeviceState, problem: str) -> None:
    if reading.outcome is ChipOutcome.absent:
        no_reader = "cli.read.chip.no_reader" if state is DeviceState.absent else "cli.read.chip.reader_failed"
        click.secho(t("cli.read.chip.no_card" if state is DeviceState.ready else no_reader), fg="red", bold=True)
        if problem:
            click.secho(f"  {problem}", dim=True)
        return
    good = reading.outcome is ChipOutcome.read
    click.secho(
        t("cli.read.chip.outcome", outcome=t(f"chip_outcome.{reading.outcome}")), fg="green" if good else "red"
    )
    if reading.error:
        click.echo(f"  {t(f'error.{reading.error}')}")
        click.secho(f"    {reading.error}", dim=True)
    for line in reading.mrz_lines:
        click.echo(f"  {line}")
    if _agrees(reading, optical) is False:
        click.secho(f"  {t('cli.read.chip.differs')}", fg="red")
    if reading.access:
        click.echo(f"  {t('cli.read.chip.access', access=reading.access)}")
    if reading.pace_failed or reading.access_differs:
        key = "chip_access.pace_failed" if reading.pace_failed else "chip_access.pace_hidden"
        click.secho(f"    {t(key)}", fg="red")
    click.secho(f"  {t('cli.read.chip.copy', answer=t(_copy_key(reading)))}", fg=_COLOURS.get(reading.authenticity))
    for name, content in reading.files.items():
        click.echo(f"  {name:<15} {len(content):>7}")
    if reading.missing:
        click.secho(f"  {t('cli.read.chip.missing', files=', '.join(reading.missing))}", fg="yellow")
    if belief is not None:
        belief.show()
    click.secho(
        f"  {t('cli.read.chip.cost', seconds=round(reading.ms['total'] / 1000, 1), apdus=reading.apdus)}", dim=True
    )


_COLOURS = {
    ChipAuthenticity.failed: "red",
    ChipAuthenticity.unsupported: "yellow",
    ChipAuthenticity.untried: "yellow",
}


def _copy_key(reading: ChipReading) -> str:
    return f"chip_copy.{'proved' if reading.authenticity.proved else reading.authenticity.value}"


class _Progress:
    """One line on standard error, where somebody looks."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._written = False

    def show(self, progress: ChipProgress) -> None:
        what = progress.file or t(f"cli.read.chip.stage.{progress.stage}")
        if progress.waiting:
            what = t("cli.read.chip.put_back" if progress.fraction else "cli.read.chip.put")
        if self._on:
            click.echo(f"\r\x1b[K{progress.fraction:4.0%}  {what}", nl=False, err=True)
            self._written = True

    def end(self) -> None:
        if self._written:
            click.echo("\r\x1b[K", nl=False, err=True)
