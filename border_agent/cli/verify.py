"""`borne verify …`: what a chip claims, held against the authorities in a folder."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import click

from border_agent.cli.base import BorneGroup, json_option, print_json, t
from border_agent.documents.lds import LdsError, read_dg1
from border_agent.documents.lds.security_object import LARGEST_NUMBER
from border_agent.documents.lds.signed_data import LARGEST_SOD
from border_agent.documents.mrz import MrzError, parse_mrz
from border_agent.trust.passive import (
    PassiveFinding,
    PassiveJudgement,
    PassiveVerdict,
    judge_sod,
    load_folder,
    open_sod,
)
from border_agent.trust.passive.codes import family
from border_agent.words import has

_LARGEST_FILE = 16 << 20

_VERDICTS = {
    PassiveVerdict.TRUSTED: ("cli.verify.trusted", "green"),
    PassiveVerdict.NO_TRUST_ANCHOR: ("cli.verify.no_trust_anchor", "yellow"),
    PassiveVerdict.INVALID: ("cli.verify.invalid", "red"),
    PassiveVerdict.EXPIRED: ("cli.verify.expired", "yellow"),
    PassiveVerdict.REVOKED: ("cli.verify.revoked", "red"),
}
_FOLDER = {"list.not_anchored": "cli.verify.list_not_anchored", "trust.unusable": "cli.verify.unusable"}
"""Findings about the folder of trust, which have no words of their own elsewhere."""


class _Moment(click.ParamType[datetime.date]):
    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        if isinstance(value, datetime.date):
            return value
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
                return datetime.date.fromisoformat(value)
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            self.fail(t("cli.verify.bad_date"), param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


class _DataGroup(click.ParamType[tuple[int, Path]]):
    name = "n=file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, Path]:
        if isinstance(value, tuple):
            return value
        number, _, path = value.partition("=")
        digits = number.upper().removeprefix("DG")
        if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:3]) <= LARGEST_NUMBER and path):
            self.fail(t("cli.verify.bad_dg"), param, ctx)
        return int(digits), Path(path)


_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_folder = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)


@click.group(cls=BorneGroup, help=t("cli.verify"))
def verify() -> None:
    pass


@verify.command(help=t("cli.verify.sod"))
@click.argument("file", metavar="SOD", type=_file)
@click.option("--dg", "groups", type=_DataGroup(), metavar="N=FILE", multiple=True, help=t("cli.verify.option.dg"))
@click.option("--trust", "folder", type=_folder, metavar="DIR", required=True, help=t("cli.verify.option.trust"))
@click.option("--at", type=_Moment(), metavar="DATE", default=None, help=t("cli.verify.option.at"))
@json_option
@click.pass_context
def sod(
    context: click.Context,
    file: Path,
    groups: tuple[tuple[int, Path], ...],
    folder: Path,
    at: datetime.date | None,
    as_json: bool,
) -> None:
    files: dict[int, bytes] = {}
    for number, path in groups:
        if number in files:
            raise click.BadParameter(t("cli.verify.bad_dg"), context, param_hint="--dg")
        files[number] = _read(path, _LARGEST_FILE)
    content = _read(file, LARGEST_SOD + 1)
    open_sod(content)  # one that cannot be read is no verdict, but an error
    trust = load_folder(folder)
    when = at or datetime.datetime.now(datetime.UTC)
    judgement = judge_sod(content, files, trust.store, at=when, dg1_issuer=_issuer(files.get(1), when))
    about_folder = (*trust.findings, *(PassiveFinding("trust.unusable", one) for one in trust.store.unusable))
    findings = (*judgement.findings, *about_folder)
    if as_json:
        print_json(_as_json(judgement, findings, sorted(files), when))
    else:
        _show(judgement, findings)
    context.exit(0 if judgement.verdict is PassiveVerdict.TRUSTED else 1)


def _read(path: Path, largest: int) -> bytes:
    """At most `largest` bytes of a file: whoever parses them says that they are too many."""
    try:
        with path.open("rb") as opened:
            return opened.read(largest)
    except OSError as error:
        raise click.BadParameter(error.strerror or str(error), param_hint=str(path)) from error


def _issuer(dg1: bytes | None, when: datetime.date) -> str | None:
    """The issuing state of DG1, None where it was not given; "", which no certificate has, where it makes no
    sense."""
    if dg1 is None:
        return None
    today = when.date() if isinstance(when, datetime.datetime) else when
    try:
        return parse_mrz("\n".join(read_dg1(dg1)), today=today).issuer
    except (LdsError, MrzError):
        return ""


def _as_json(
    judgement: PassiveJudgement, findings: tuple[PassiveFinding, ...], numbers: list[int], when: datetime.date
) -> dict[str, object]:
    def hash_state(name: str) -> str:
        if name in judgement.hashes_checked:
            return "match"
        return "differs" if judgement.has(f"sod.hash.{name}") else "not_listed"

    return {
        "verdict": judgement.verdict.value,
        "issuer": judgement.issuer,
        "findings": [{"code": finding.code, "detail": finding.detail} for finding in findings],
        "signer": judgement.signer,
        "signer_serial": judgement.signer_serial,
        "anchor": judgement.anchor,
        "signed_at": judgement.signed_at.isoformat() if judgement.signed_at else None,
        "at": when.isoformat(),
        "hashes": {name: hash_state(name) for name in (f"DG{number}" for number in numbers)},
        "listed": judgement.hashes_listed,
    }


def _show(judgement: PassiveJudgement, findings: tuple[PassiveFinding, ...]) -> None:
    words, colour = _VERDICTS[judgement.verdict]
    click.secho(t(words), fg=colour, bold=True)
    if judgement.signer:
        click.echo(t("cli.verify.signer", signer=judgement.signer))
    if judgement.anchor:
        click.echo(t("cli.verify.anchor", anchor=judgement.anchor))
    if judgement.signed_at:
        click.echo(t("cli.verify.signed_at", when=judgement.signed_at))
    if judgement.hashes_checked:
        click.echo(t("cli.verify.checked", files=", ".join(judgement.hashes_checked)))
    if findings:
        click.echo(t("cli.verify.findings"))
    for finding in findings:
        click.echo(f"  {_words(finding)}")
        click.secho(f"    {'  '.join(filter(None, (finding.code, finding.detail)))}", dim=True)


def _words(finding: PassiveFinding) -> str:
    key = f"passive.{family(finding.code)}"
    if has(key):
        return t(key, file=finding.code.rpartition(".")[2])
    return t(_FOLDER.get(finding.code, "cli.verify.list_other"))
