"""Writing what was read from a chip into a folder, for a technician or an examiner.

    EF_CardAccess.bin, EF_COM.bin, EF_SOD.bin, EF_DG1.bin ...   the files as they were read
    portrait.jpg (.jp2, .j2k)                                   the first picture of DG2
    transcript.json                                             commands and answers, with keys erased

All of it is about one person: the folder is for its owner alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from border_agent.documents.chip.reading import ChipReading
from border_agent.documents.chip.replay import Recording
from border_agent.documents.lds.dg2 import read_dg2
from border_agent.documents.lds.errors import LdsError
from border_agent.documents.lds.images import ChipImage
from border_agent.errors import BorneError

_ENDINGS = {"jpeg": "jpg"}


class DumpUnwritten(BorneError):
    """The folder cannot take the files: the disk is full, or they are there already."""

    code = "chip.dump_unwritten"


def portrait_of(reading: ChipReading) -> ChipImage | None:
    """The first picture of DG2; None where there is none that can be read."""
    try:
        return read_dg2(reading.files["DG2"]).faces[0]
    except (KeyError, LdsError):
        return None


def write_dump(folder: Path, reading: ChipReading, recording: Recording) -> tuple[str, ...]:
    """Names of the files written. Makes the folder. Raises `DumpUnwritten`, also for a file that is already there:
    two documents are never mixed."""
    contents = {f"EF_{name.removeprefix('EF.')}.bin": content for name, content in reading.files.items()}
    if (portrait := portrait_of(reading)) is not None:
        contents[f"portrait.{_ENDINGS.get(portrait.format.value, portrait.format.value)}"] = portrait.data
    contents["transcript.json"] = recording.without_keys().encode()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
    except OSError as error:
        raise DumpUnwritten(str(error.filename or folder), error.strerror or str(error)) from error
    return tuple(contents)
