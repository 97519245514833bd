"""What an audit found, in words that stay: whoever reads the JSON may count on these names."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

MOST_FAULTS: Final = 100
"""That are named; all are counted."""
MOST_NOTES: Final = 100


class FaultKind(StrEnum):
    """What is wrong. Any one of them makes the answer no."""

    EDITED = "edited"
    """An entry's body, salt or digest is not what the chain was built over."""
    MISSING = "missing"
    """Entries that were there are not: `sequence` to `upto`."""
    INSERTED = "inserted"
    """An entry that is none of this journal: nothing of it holds, or it is there twice."""
    REORDERED = "reordered"
    """An entry stands behind one that was written later."""
    TRUNCATED = "truncated"
    """The journal went on; here it does not."""
    SIGNATURE = "signature"
    """The device has not signed this head: forged, or by another key."""
    CLOCK_BACK = "clock_back"
    """An entry was recorded before the one it follows, and nobody set the clock."""
    CLONED = "cloned"
    """Two heads for one place of one journal, and the device stands by both: two machines, or a history rewritten."""
    OPENING = "opening"
    """An epoch does not begin as one does, or does not continue what it says it does."""
    UNKNOWN_KEY = "unknown_key"
    """No key is believed for this device."""
    WITNESS = "witness"
    """A witness's statement that nobody believed has signed."""
    UNREADABLE = "unreadable"
    """A line that says nothing."""
    SEAL = "seal"
    """The file is not as its maker sealed it, or the seal is not the device's."""


class NoteKind(StrEnum):
    """What is worth knowing and no fault."""

    CLOCK_SET = "clock_set"
    """The clock was set, and the journal says so."""
    EPOCH = "epoch"
    """An epoch begins: `detail` is its reason."""
    PARALLEL = "parallel"
    """An older epoch of this device goes on after this one began: a second machine with its keys, or a clock that was
    set back meanwhile."""
    CARRIED = "carried"
    """Entries of the epoch before, taken over as they were: `sequence` to `upto`."""
    UNCHECKED = "unchecked"
    """A witness of whom the keys say nothing."""
    LONGER = "longer"
    """The journal goes on, as somebody has seen since the file was made, by the file's own date: up to `upto`."""
    UNREAD = "unread"
    """An entry that holds and that this reader does not understand."""


class Fault(Struct, frozen=True, kw_only=True):
    """One thing wrong, and where."""

    kind: FaultKind
    file: int
    """Of the files given, from 0."""
    line: int = 0
    """From 1; 0: the file as a whole."""
    device: str = ""
    epoch: str = ""
    """Hexadecimal."""
    sequence: int = 0
    """0: no one entry."""
    upto: int = 0
    """Last entry concerned, where there is more than one."""
    detail: str = ""


class Note(Struct, frozen=True, kw_only=True):
    """One thing worth knowing, likewise."""

    kind: NoteKind
    file: int
    line: int = 0
    device: str = ""
    epoch: str = ""
    sequence: int = 0
    upto: int = 0
    detail: str = ""


class FileReport(Struct, frozen=True, kw_only=True):
    """One file."""

    name: str
    kind: str
    """`export` or `proof`."""
    device: str
    made_at: datetime
    range_from: str
    range_to: str
    lines: int
    entries: int
    witnesses: int
    sealed: bool
    """Ended and signed by the device: everything its maker put in is there."""


class StreamReport(Struct, frozen=True, kw_only=True):
    """One segment of one file."""

    file: int
    device: str
    epoch: str
    opened: str
    """Why the epoch was begun; empty: its first entry is not shown."""
    first: int
    last: int
    entries: int
    without_body: int
    """Of them: digests only, because the body is gone or not shown."""
    proven_upto: int
    """Up to here nothing is wrong from `first` on, and the device has signed it; `first` - 1: nothing is proven."""
    witnessed_upto: int
    """Up to here somebody else vouches that this, and no other, was the device's journal then; 0: nobody does."""
    witnessed_by: str
    """`centre`, or a device."""
    witnessed_at: datetime | None
    unwitnessed: int
    """Entries proven by the device's word alone."""
    recorded_from: datetime | None
    recorded_to: datetime | None


class AuditReport(Struct, frozen=True, kw_only=True):
    """What an audit found."""

    ok: bool
    complete: bool
    """All files are exports whose ends are sealed: they hold all there was in their ranges."""
    files: tuple[FileReport, ...]
    streams: tuple[StreamReport, ...]
    fault_count: int
    faults: tuple[Fault, ...]
    """The first 100."""
    note_count: int
    notes: tuple[Note, ...]
    """The first 100."""


class Findings:
    """Collects what is found, bounded."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.notes: list[Note] = []
        self.fault_count = 0
        self.note_count = 0

    def fault(self, fault: Fault) -> None:
        """One more thing wrong."""
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)

    def note(self, note: Note) -> None:
        """One more thing worth knowing."""
        self.note_count += 1
        if len(self.notes) < MOST_NOTES:
            self.notes.append(note)
