"""Files against keys, against witnesses, and against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, islice, product
from pathlib import Path
from typing import Final

from msgspec import structs

from mqtt_schemas.audit.files import Audit, JournalFile, Progress, Seen
from mqtt_schemas.audit.keys import AuditKeys
from mqtt_schemas.audit.report import AuditReport, Fault, FaultKind, Findings, Note, NoteKind, StreamReport
from mqtt_schemas.audit.times import TOLERANCE
from mqtt_schemas.audit.walk import SegmentWalk
from mqtt_schemas.journal_file import FileKind, read_lines

MOST_COMPARED: Final = 10_000
"""Pairs of segments of one epoch."""


def verify_files(paths: Sequence[Path], keys: AuditKeys, progress: Progress | None = None) -> AuditReport:
    """Audit files, each by itself and all together: a journal that is in two of them must be the same in both.

    Memory grows by 33 bytes an entry. Raises Malformed, UnknownVersion or TooLarge where a file is no journal's at
    all, OSError where it cannot be read, and what `progress` raises.
    """
    audit = Audit(keys, progress)
    files = []
    for number, path in enumerate(paths):
        with path.open("rb") as opened:
            file = JournalFile(audit, number, path.name)
            for line in read_lines(opened):
                file.take(line)
            file.close()
        files.append(file)
    walks = [walk for file in files for walk in file.walks]
    _hold_against_each_other(walks, audit.findings)
    streams = [_stream(walk, files[walk.file], audit) for walk in walks]
    findings = audit.findings
    reports = tuple(file.report() for file in files)
    return AuditReport(
        ok=findings.fault_count == 0,
        complete=bool(reports) and all(report.sealed and report.kind == FileKind.EXPORT for report in reports),
        files=reports,
        streams=tuple(streams),
        fault_count=findings.fault_count,
        faults=tuple(sorted(findings.faults, key=lambda fault: (fault.file, fault.line, fault.sequence))),
        note_count=findings.note_count,
        notes=tuple(sorted(findings.notes, key=lambda note: (note.file, note.line, note.sequence))),
    )


def _hold_against_each_other(walks: Sequence[SegmentWalk], findings: Findings) -> None:
    """Two signed heads for one place; an epoch that does not go on from where the other one was."""
    journals: dict[tuple[str, bytes], list[SegmentWalk]] = defaultdict(list)
    for walk in walks:
        journals[walk.segment.device, walk.segment.epoch].append(walk)
    for same in journals.values():
        for earlier, later in islice(combinations(same, 2), MOST_COMPARED):
            if (found := earlier.heads.parting(later.heads)) is not None:
                detail = f"another head is signed for it in file {earlier.file + 1}"
                findings.fault(_at(FaultKind.CLONED, later, found, detail))
                # Which of the two is the device's true history, neither file can prove.
                earlier.doubt_from(found)
                later.doubt_from(found)
    _find_parallel(walks, findings)
    for walk in walks:
        opening = walk.opening
        for before in journals.get((walk.segment.device, opening.epoch), ()) if opening is not None else ():
            head = before.heads.at(opening.sequence) if opening is not None else None
            if opening is not None and head is not None and head[1] and head[0] != opening.head:
                detail = f"does not go on from entry {opening.sequence} of the epoch before"
                findings.fault(_at(FaultKind.OPENING, walk, 1, detail, line=opening.line))


def _find_parallel(walks: Sequence[SegmentWalk], findings: Findings) -> None:
    """A device has one epoch at a time: an older one has nothing to say once a newer one is open."""
    begun = [walk for walk in walks if walk.opened and walk.times.first is not None]
    for newer, older in islice(product(begun, walks), MOST_COMPARED):
        opened, last = newer.times.first, older.times.last
        same = newer.segment.device == older.segment.device and newer.segment.epoch != older.segment.epoch
        if not same or opened is None or last is None or older.times.first is None:
            continue
        if older.times.first < opened < last - TOLERANCE:
            detail = f"epoch {older.segment.epoch.hex()} goes on until {last.isoformat()}"
            findings.note(_noted(NoteKind.PARALLEL, _at(FaultKind.CLONED, newer, 1, detail)))


def _stream(walk: SegmentWalk, file: JournalFile, audit: Audit) -> StreamReport:
    """A segment with its witnesses."""
    best: Seen | None = None
    agreed = walk.segment.first - 1
    for seen in sorted(audit.seen.get((walk.segment.device, walk.segment.epoch), ()), key=lambda one: one.sequence):
        held = walk.heads.at(seen.sequence)
        if held is None:
            _beyond(walk, file, seen, audit.findings)
        elif held[0] == seen.head:
            best, agreed = seen, max(agreed, seen.sequence)
        elif held[1]:
            walk.doubt_from(agreed + 1)
            detail = f"{seen.by} has seen another head there at {seen.at.isoformat()}"
            audit.findings.fault(_at(FaultKind.CLONED, walk, seen.sequence, detail, line=_line(walk, seen)))
    proven = walk.proven_upto
    witnessed = best.sequence if best is not None else 0
    return StreamReport(
        file=walk.file,
        device=walk.segment.device,
        epoch=walk.segment.epoch.hex(),
        opened=walk.opened,
        first=walk.segment.first,
        last=walk.last,
        entries=walk.entries,
        without_body=walk.without_body,
        proven_upto=proven,
        witnessed_upto=witnessed,
        witnessed_by=best.by if best is not None else "",
        witnessed_at=best.at if best is not None else None,
        unwitnessed=max(0, proven - max(witnessed, walk.segment.first - 1)),
        recorded_from=walk.times.first,
        recorded_to=walk.times.last,
    )


def _beyond(walk: SegmentWalk, file: JournalFile, seen: Seen, findings: Findings) -> None:
    """A head behind the end of a journal that is said to be there to its end, seen before the file was made."""
    if not file.to_the_end or file.header is None or seen.sequence <= walk.last:
        return
    where = _at(
        FaultKind.TRUNCATED,
        walk,
        walk.last + 1,
        f"{seen.by} has seen entry {seen.sequence} at {seen.at.isoformat()}",
        line=_line(walk, seen),
        upto=seen.sequence,
    )
    if seen.at <= file.header.made_at:
        findings.fault(where)
    else:
        findings.note(_noted(NoteKind.LONGER, where))


def _line(walk: SegmentWalk, seen: Seen) -> int:
    """Where a witness stands, if it is in the same file."""
    return seen.line if seen.file == walk.file else 0


def _at(kind: FaultKind, walk: SegmentWalk, sequence: int, detail: str, *, line: int = 0, upto: int = 0) -> Fault:
    return Fault(
        kind=kind,
        file=walk.file,
        line=line,
        device=walk.segment.device,
        epoch=walk.segment.epoch.hex(),
        sequence=sequence,
        upto=upto,
        detail=detail,
    )


def _noted(kind: NoteKind, fault: Fault) -> Note:
    """The same place, where it is no fault."""
    return Note(**{**structs.asdict(fault), "kind": kind})
