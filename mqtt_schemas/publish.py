"""Writes and checks the published schemas: `python -m mqtt_schemas.publish --check | --write`.

The structs are what runs; the files in `schemas/` are what is published. A test holds them to be equal, and
to mean the same.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from msgspec import Struct

from mqtt_schemas import enrolment, entries, messages, post
from mqtt_schemas.activation import ActivationSecret
from mqtt_schemas.feeds import RECORDS
from mqtt_schemas.json_schema import Schema, document, union

FOLDER = Path(__file__).parent / "schemas"
URN = "urn:borne:v1"

MESSAGES: tuple[type[Struct], ...] = (
    messages.State,
    messages.Pull,
    messages.Ack,
    messages.JournalBatch,
    messages.FeedHead,
    messages.FeedChunk,
    messages.FeedChange,
    messages.EvidencePiece,
    messages.EvidenceAck,
    messages.Signed,
    messages.KeysDocument,
    ActivationSecret,
    enrolment.EnrolmentRequest,
    enrolment.EnrolmentBundle,
    enrolment.EnrolmentAnswer,
)
ENTRIES: tuple[type[Struct], ...] = get_args(entries.Entry)
STATEMENTS: tuple[type[Struct], ...] = get_args(post.PostBody)
GROUPS: tuple[tuple[str, tuple[type[Struct], ...]], ...] = (
    ("message", MESSAGES),
    ("entry", ENTRIES),
    ("record", tuple(RECORDS.values())),
    ("post", STATEMENTS),
)
"""What is published, by the word its files and URNs begin with."""
_ENTRY = (
    "A journal entry of a kind that this version knows. A reader that meets another kind keeps the bytes: the "
    "chain decides whether an entry counts, not the reader's knowledge."
)
_POST = "What a device of a post says to the others, in a kind this version knows. A reader passes over another kind."


def words(kind: type[Struct]) -> str:
    """A struct's name in file names and URNs: `JournalBatch` is `journal-batch`, `VisaRecord` is `visa`."""
    name = kind.__name__.removesuffix("Record").removeprefix("Post")
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


def schemas() -> dict[str, Schema]:
    """Every published schema by its file name."""
    files = {
        f"{group}-{words(kind)}.json": document(kind, f"{URN}:{group}:{words(kind)}")
        for group, kinds in GROUPS
        for kind in kinds
    }
    files["entry.json"] = union(ENTRIES, f"{URN}:entry", "Entry", _ENTRY)
    files["post.json"] = union(STATEMENTS, f"{URN}:post", "PostStatement", _POST)
    return files


def texts() -> dict[str, str]:
    """Every published file's text by its name."""
    return {
        name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in sorted(schemas().items())
    }


def differences(folder: Path = FOLDER) -> list[str]:
    """Names of files that are missing, differ from the structs, or belong to no struct."""
    wanted = texts()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(folder: Path = FOLDER) -> None:
    """Bring the folder up to the structs."""
    wanted = texts()
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where the files are those of the structs (after `--write`: always)."""
    parser = argparse.ArgumentParser(prog="python -m mqtt_schemas.publish", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true", help="name the files that differ from the structs")
    choice.add_argument("--write", action="store_true", help="write the files")
    if parser.parse_args(arguments).write:
        write()
        return 0
    differing = differences()
    for name in differing:
        sys.stderr.write(f"{name} is not what the structs say: run python -m mqtt_schemas.publish --write\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
