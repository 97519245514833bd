"""What opens the chip, from the command line: lines that are typed, in a text file, or in a picture; or the CAN."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from border_agent.cli.base import t
from border_agent.decoding import DecoderError, DecodingWorker, EncodedPicture
from border_agent.decoding.protocol import MAX_ENCODED
from border_agent.documents.chip.passwords import CanPassword, MrzPassword, Password
from border_agent.documents.mrz import MAX_TEXT, Mrz, MrzError, mrz_information, parse_mrz

MRZ_HELP = "cli.read.chip.option.mrz"
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG")
_SECONDS = 10.0
_LONGEST_CAN = 16


def password_of(context: click.Context, printed: str | None, can: str | None) -> tuple[Password, Mrz | None]:
    """The password, and the printed zone where one was given. Raises `click.UsageError`."""
    if (printed is None) == (can is None):
        raise click.UsageError(t("cli.read.chip.either"), context)
    if can is not None:
        if not (can.isascii() and can.isalnum() and len(can) <= _LONGEST_CAN):
            raise click.BadParameter(t("cli.read.chip.bad_can"), context, param_hint="--can")
        return CanPassword(can), None
    mrz = _zone(context, printed or "")
    information = mrz_information(mrz)
    if information is None:
        raise click.BadParameter(t("cli.read.chip.doubtful_mrz"), context, param_hint="--mrz")
    return MrzPassword(information), mrz


def _zone(context: click.Context, printed: str) -> Mrz:
    text: str | bytes = printed.replace("\\n", "\n")
    try:
        content = _file(printed)
        if content is not None and content.startswith(_PICTURES):
            with DecodingWorker() as worker:
                found = worker.find_mrz(EncodedPicture(content), _SECONDS)
            text = "\n".join(found.lines) if found is not None else ""
        elif content is not None:
            text = content[: MAX_TEXT + 1]
        return parse_mrz(text, today=datetime.datetime.now(datetime.UTC).date())
    except (OSError, DecoderError, MrzError) as error:
        detail = t(f"error.{error.code}") if isinstance(error, DecoderError | MrzError) else str(error.strerror)
        raise click.BadParameter(detail, context, param_hint="--mrz") from error


def _file(value: str) -> bytes | None:
    """What the file of this name holds, None where there is none of it."""
    if "\n" in value or "<" in value or not Path(value).is_file():
        return None
    with Path(value).open("rb") as opened:
        return opened.read(MAX_ENCODED + 1)
