"""Taking the end of a journal from a stick: proved and stored as if it had come by line, under the same rules."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from mqtt_schemas.centre.enrolment_book import Book, What
from mqtt_schemas.centre.errors import BadEnrolment
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.ingest import judge_batch
from mqtt_schemas.centre.store import Store
from mqtt_schemas.messages import JournalBatch, Problem, decode
from mqtt_schemas.unsent import batches


class TakenReport(Struct, frozen=True, kw_only=True):
    """What became of a file."""

    device: str
    taken: int
    """Entries that are new here."""
    mark: int
    """Up to where the journal is stored now."""
    problem: str = ""
    """Why the rest was not taken; the alarm says more."""


def take(path: Path, file: Path, *, person: str, at: datetime | None = None) -> TakenReport:
    """Take a device's file, all of it in one transaction; what does not fit raises the line's own alarms.

    Raises Malformed, TooLarge, UnknownVersion for what is no such file, BadEnrolment for more than one device's.
    """
    at = at or datetime.now(UTC)
    with CentreFolder(path).database() as database, file.open("rb") as opened, database.transaction():
        store, book = Store(database), Book(database)
        device, taken, problem = "", 0, ""
        for payload in batches(opened):
            owner = decode(JournalBatch, payload).device
            if device not in ("", owner):
                raise BadEnrolment(owner, f"in one file with {device}")
            device = owner
            judgement = judge_batch(owner, payload, store)
            store.apply(judgement, payload, at)
            taken += len(judgement.entries)
            if judgement.problem is not Problem.NONE:
                problem = judgement.problem.value
                break
        if not device:
            return TakenReport(device="", taken=0, mark=0)
        found = store.device(device)
        known = book.last_known(device)
        if not problem and found is not None:
            book.write(
                What.BROUGHT,
                device,
                found.post,
                found.journal_key,
                person=person,
                reason=f"{taken} entries from {file.name[:80]}",
                at=at,
                known=known,
            )
    return TakenReport(device=device, taken=taken, mark=known.mark, problem=problem)
