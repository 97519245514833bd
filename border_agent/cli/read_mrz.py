"""`borne read mrz`: the machine readable zone in pictures, or in a text, field by field."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from border_agent.cli.base import BorneCommand, json_option, print_json, t
from border_agent.decoding import DecoderError, DecoderRefused, DecodingWorker, EncodedPicture, FoundMrz
from border_agent.decoding.mrz.voting import vote
from border_agent.decoding.protocol import MAX_ENCODED
from border_agent.documents.mrz import MAX_TEXT, Mrz, MrzError, parse_mrz
from border_agent.documents.mrz.suggest import UNSURE, Suggestion, suggestions

Json = dict[str, Any]

SECONDS: Final = 10.0
"""For one picture; it takes a few hundredths of that, the largest half a second."""
PROGRESS_FROM: Final = 6
"""So many pictures or more show how far the reading is."""

_FIELDS: Final = (
    "document_code",
    "issuer",
    "surname",
    "given_names",
    "name_truncated",
    "number",
    "nationality",
    "birth",
    "sex",
    "expiry",
    "optional",
    "optional2",
)
_SHOWN: Final = (
    "document_code",
    "issuer",
    "number",
    "nationality",
    "birth",
    "sex",
    "expiry",
    "optional",
    "optional2",
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one picture, one text, or several frames together."""

    file: str
    found: FoundMrz | None = None
    mrz: Mrz | None = None
    error: DecoderError | MrzError | None = None
    """Why there is no answer; a picture without a zone has no error."""

    @property
    def status(self) -> int:
        """0: found, and valid. 1: none, or not valid. 2: not to be read at all."""
        if self.error is not None:
            return 2
        return 0 if self.mrz is not None and self.mrz.valid else 1

    def suggested(self) -> tuple[Suggestion, ...]:
        if self.mrz is None:
            return ()
        confidence = self.found.confidence if self.found else None
        rivals = self.found.runner_up if self.found else None
        return suggestions(self.mrz.lines, self.mrz.format, confidence, rivals)


@click.command("mrz", cls=BorneCommand, help=t("cli.read.mrz"))
@click.argument("files", metavar="FILE", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", "typed", default=None, metavar="TEXT", help=t("cli.read.mrz.option.text"))
@click.option("--frames", is_flag=True, help=t("cli.read.mrz.option.frames"))
@json_option
@click.pass_context
def mrz(context: click.Context, files: tuple[Path, ...], typed: str | None, frames: bool, as_json: bool) -> None:
    if bool(files) == (typed is not None) or (frames and typed is not None):
        raise click.UsageError(t("cli.read.mrz.either"), context)
    today = datetime.datetime.now(datetime.UTC).date()
    if typed is not None:
        outcomes = [_of_text(typed, today)]
    else:
        outcomes = _of_pictures(files, today, together=frames, quiet=as_json)
    if as_json:
        print_json({"results": [_as_json(outcome) for outcome in outcomes]})
    else:
        for outcome in outcomes:
            _show(outcome)
    context.exit(max(outcome.status for outcome in outcomes))


def _of_text(typed: str, today: datetime.date) -> Outcome:
    """A shell passes `\\n` as two characters; a line end in the text is as good."""
    try:
        return Outcome(file="", mrz=parse_mrz(typed.replace("\\n", "\n")[: MAX_TEXT + 1], today=today))
    except MrzError as error:
        return Outcome(file="", error=error)


def _of_pictures(files: tuple[Path, ...], today: datetime.date, *, together: bool, quiet: bool) -> list[Outcome]:
    """One outcome for each file, or one for all where they are frames of the same document."""
    with DecodingWorker() as worker:
        outcomes = [_read(worker, file, today) for file in _followed(files, quiet=quiet)]
    if not together:
        return outcomes
    readings = [outcome.found for outcome in outcomes if outcome.found is not None]
    name = ", ".join(outcome.file for outcome in outcomes)
    if not readings:
        # Frames that cannot be read at all count only where no frame can be.
        errors = [outcome.error for outcome in outcomes]
        return [Outcome(file=name, error=errors[0] if all(errors) else None)]
    voted = vote(readings)
    return [_parsed(name, voted, today)]


def _followed(files: tuple[Path, ...], *, quiet: bool) -> Iterator[Path]:
    """The files one after the other, with a bar on standard error where there are many and somebody looks."""
    if quiet or len(files) < PROGRESS_FROM:
        yield from files
        return
    label, hidden = t("cli.read.mrz.progress"), not sys.stderr.isatty()
    with click.progressbar(length=len(files), label=label, file=sys.stderr, hidden=hidden) as bar:
        for file in files:
            yield file
            bar.update(1)


def _read(worker: DecodingWorker, file: Path, today: datetime.date) -> Outcome:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_ENCODED + 1)
        found = worker.find_mrz(EncodedPicture(data), SECONDS)
    except OSError as error:
        return Outcome(file=str(file), error=DecoderRefused("file", error.strerror or str(error)))
    except DecoderError as error:
        return Outcome(file=str(file), error=error)
    return Outcome(file=str(file)) if found is None else _parsed(str(file), found, today)


def _parsed(name: str, found: FoundMrz, today: datetime.date) -> Outcome:
    try:
        return Outcome(file=name, found=found, mrz=parse_mrz("\n".join(found.lines), today=today))
    except MrzError as error:
        # The lines of a visa without its V, or a V too many: shown as they are.
        return Outcome(file=name, found=found, error=error)


def _as_json(outcome: Outcome) -> Json:
    """`confidence` is that of the least sure character, `characters` that of each one; none for a text."""
    found, mrz = outcome.found, outcome.mrz
    fields: Json = {}
    if mrz is not None:
        whole: Json = msgspec.to_builtins(mrz)
        fields = {name: whole[name] for name in _FIELDS}
    lines = mrz.lines if mrz else found.lines if found else ()
    return {
        "file": outcome.file,
        "found": bool(lines),
        "format": str(mrz.format) if mrz else found.format if found else "",
        "lines": list(lines),
        "fields": fields,
        "checks": [msgspec.to_builtins(check) for check in mrz.checks] if mrz else [],
        "valid": mrz.valid if mrz else False,
        "confidence": _rounded(found.least) if found else None,
        "characters": [[_rounded(share) for share in line] for line in found.confidence] if found else [],
        "corners": [[round(edge, 1) for edge in corner] for corner in found.corners] if found else [],
        "issues": [msgspec.to_builtins(issue) for issue in mrz.issues] if mrz else [],
        "suggestions": [msgspec.to_builtins(one) for one in outcome.suggested()],
        "error": outcome.error.code if outcome.error else "",
    }


def _rounded(share: float) -> float:
    """Down, so that no doubt is rounded away."""
    return int(share * 10_000) / 10_000


def _show(outcome: Outcome) -> None:
    if outcome.file:
        click.secho(outcome.file, bold=True)
    if outcome.error is not None:
        click.secho(f"  {t(f'error.{outcome.error.code}')}", fg="red")
        click.secho(f"    {outcome.error}", dim=True)
    elif outcome.mrz is None:
        click.secho(f"  {t('cli.read.mrz.none')}", fg="yellow")
    for line in _marked(outcome):
        click.echo(f"  {line}")
    if outcome.mrz is not None:
        _show_fields(outcome.mrz, outcome)


def _marked(outcome: Outcome) -> Iterator[str]:
    """The lines, and under each the characters the reader is not sure of."""
    found = outcome.found
    lines = found.lines if found else outcome.mrz.lines if outcome.mrz else ()
    for row, line in enumerate(lines):
        yield line
        unsure = "".join("^" if share < UNSURE else " " for share in found.confidence[row]) if found else ""
        if unsure.strip():
            yield unsure.rstrip()


def _show_fields(mrz: Mrz, outcome: Outcome) -> None:
    valid = mrz.valid
    click.secho(f"  {t('cli.read.mrz.valid' if valid else 'cli.read.mrz.invalid')}", fg="green" if valid else "red")
    name = f"{mrz.surname} {mrz.given_names}".strip()
    rows = [("name", name + ("…" if mrz.name_truncated else ""))]
    for field in _SHOWN:
        value = getattr(mrz, field)
        rows.append((field, value if isinstance(value, str) else str(value.known or value.raw)))
    width = max(len(t(f"field.{field}")) for field, _ in rows)
    for field, value in rows:
        if value:
            click.echo(f"  {t(f'field.{field}'):<{width}}  {value}")
    for words in _remarks(mrz, outcome):
        click.secho(f"  {words}", fg="yellow")


def _remarks(mrz: Mrz, outcome: Outcome) -> Iterable[str]:
    """What does not hold, what is odd, what the reader doubts, and what it may have been."""
    for check in mrz.checks:
        if not check.ok:
            yield t("cli.read.mrz.check", field=t(f"field.{check.field}"), found=check.found, expected=check.expected)
    for issue in mrz.issues:
        yield t("cli.read.mrz.issue", field=t(f"field.{issue.field}"), issue=t(f"cli.read.mrz.issue.{issue.code}"))
    if outcome.found is not None and outcome.found.least < UNSURE:
        yield t("cli.read.mrz.unsure", percent=int(100 * outcome.found.least))
    for one in outcome.suggested():
        yield t(
            "cli.read.mrz.suggestion",
            field=t(f"field.{one.field}"),
            line=one.line,
            position=one.position,
            found=one.found,
            proposed=one.proposed,
            reason=t(f"cli.read.mrz.reason.{one.reason}"),
        )
