"""One file, line by line: its segments, its witnesses, its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from mqtt_schemas.audit.keys import AuditKeys
from mqtt_schemas.audit.report import Fault, FaultKind, FileReport, Findings, Note, NoteKind
from mqtt_schemas.audit.walk import SegmentWalk
from mqtt_schemas.errors import BadSignature, ContractError, Malformed
from mqtt_schemas.journal_file import (
    END_ROLE,
    MOST_SEGMENTS,
    End,
    EndStatement,
    EntryLine,
    FileKind,
    Header,
    ReadLine,
    Segment,
    WitnessLine,
)
from mqtt_schemas.keys import ACK, key_id, statement
from mqtt_schemas.messages import Signed, decode, decode_body
from mqtt_schemas.post import PostChannel, PostState, open_statement

CENTRE: Final = "centre"
MOST_WITNESSES: Final = 200_000
"""Of one file: more than an hour's each for twenty years."""

Progress = Callable[[int], None]
"""Told how many lines are read, now and then. What it raises ends the work."""
PROGRESS_LINES: Final = 1000


class Seen(Struct, frozen=True):
    """A head that somebody else has seen."""

    device: str
    epoch: bytes
    sequence: int
    head: bytes
    at: datetime
    by: str
    file: int
    """-1: the keys' own file."""
    line: int


class Audit:
    """What is known across all files."""

    def __init__(self, keys: AuditKeys, progress: Progress | None) -> None:
        self.keys = keys
        self.progress = progress
        self.findings = Findings()
        self.seen: dict[tuple[str, bytes], list[Seen]] = defaultdict(list)
        for mark in keys.marks:
            epoch, head = bytes.fromhex(mark.epoch), bytes.fromhex(mark.head)
            self.saw(Seen(mark.device, epoch, mark.sequence, head, mark.at, CENTRE, -1, 0))

    def saw(self, seen: Seen) -> None:
        """Somebody has seen a head."""
        if seen.sequence:
            self.seen[seen.device, seen.epoch].append(seen)


class JournalFile:
    """Takes the lines of one file."""

    def __init__(self, audit: Audit, number: int, name: str) -> None:
        self._audit = audit
        self._number = number
        self._name = name
        self.header: Header | None = None
        self.walks: list[SegmentWalk] = []
        self._lines = 0
        self._entries = 0
        self._witnesses = 0
        self._ended = False
        self._sealed = False

    @property
    def to_the_end(self) -> bool:
        """Whether it claims to hold the journal to its end."""
        return self.header is not None and self.header.kind is FileKind.EXPORT and not self.header.to

    def take(self, line: ReadLine) -> None:
        """The next line."""
        self._lines = line.number
        if self._audit.progress is not None and line.number % PROGRESS_LINES == 0:
            self._audit.progress(line.number)
        if self._ended:
            self._sealed = False
            self._fault(FaultKind.SEAL, line.number, "something after the end")
            return
        match line.value:
            case Header() if self.header is None:
                self.header = line.value
            case Segment() if len(self.walks) < MOST_SEGMENTS:
                self._end_segment()
                self.walks.append(
                    SegmentWalk(self._number, line.number, line.value, self._audit.keys, self._audit.findings)
                )
            case EntryLine() if self.walks:
                self._entries += 1
                self.walks[-1].entry(line.number, line.value)
            case WitnessLine() if self._witnesses < MOST_WITNESSES:
                self._witnesses += 1
                self._witness(line.number, line.value)
            case End():
                self._end(line, line.value)
            case Malformed():
                self._fault(FaultKind.UNREADABLE, line.number, line.value.detail)
            case _:
                self._fault(FaultKind.UNREADABLE, line.number, "a line out of its place")

    def close(self) -> None:
        """No line follows."""
        if self._ended:
            return
        self._end_segment()
        last = self.walks[-1] if self.walks else None
        self._fault(FaultKind.TRUNCATED, self._lines, "the file's end is missing", last)

    def report(self) -> FileReport:
        """The file in few words."""
        assert self.header is not None
        return FileReport(
            name=self._name,
            kind=self.header.kind.value,
            device=self.header.device,
            made_at=self.header.made_at,
            range_from=self.header.since,
            range_to=self.header.to,
            lines=self._lines,
            entries=self._entries,
            witnesses=self._witnesses,
            sealed=self._sealed,
        )

    def _end_segment(self) -> None:
        if self.walks:
            self.walks[-1].end()

    def _end(self, line: ReadLine, end: End) -> None:
        self._ended = True
        self._end_segment()
        same = end.sha256 == line.before
        counts = (len(self.walks), self._entries, self._witnesses)
        if not same:
            self._fault(FaultKind.SEAL, line.number, "the lines before are not those the end was made for")
        elif counts != (end.segments, end.entries, end.witnesses):
            self._fault(FaultKind.SEAL, line.number, "the end counts otherwise")
        if not end.signed:
            if self.header is not None and self.header.kind is FileKind.EXPORT:
                self._fault(FaultKind.SEAL, line.number, "nobody has signed the end")
            return
        try:
            said = self._statement(end)
        except ContractError as error:
            self._fault(FaultKind.SEAL, line.number, error.detail or error.where)
            return
        self._sealed = same and said.sha256 == end.sha256
        if same and not self._sealed:
            self._fault(FaultKind.SEAL, line.number, "the signed end is another file's")
        for walk, expected in zip(self.walks, said.ends, strict=False):
            if walk.segment.epoch == expected.epoch and walk.last < expected.last:
                self._fault(FaultKind.TRUNCATED, line.number, "the signed end is later", walk, upto=expected.last)

    def _statement(self, end: End) -> EndStatement:
        """What the device says of its file. Raises ContractError."""
        device = self.header.device if self.header is not None else ""
        signed = decode(Signed, end.signed)
        _check_device(signed, END_ROLE, device, self._audit.keys.of(device))
        said = decode_body(EndStatement, signed.body)
        if said.device != device:
            raise BadSignature(device, f"the end of a journal of {said.device}")
        return said

    def _witness(self, number: int, line: WitnessLine) -> None:
        try:
            signed = decode(Signed, line.statement)
            seen = (
                self._acknowledged(signed, number) if signed.role == ACK else self._said(line.source, signed, number)
            )
        except ContractError as error:
            self._fault(FaultKind.WITNESS, number, error.detail or error.where)
            return
        if seen is not None:
            self._audit.saw(seen)

    def _acknowledged(self, signed: Signed, number: int) -> Seen | None:
        if not self._audit.keys.knows_centre:
            self._unchecked(number, CENTRE)
            return None
        ack = self._audit.keys.acknowledgement(signed)
        return Seen(ack.device, ack.epoch, ack.upto, ack.head, ack.time, CENTRE, self._number, number)

    def _said(self, device: str, signed: Signed, number: int) -> Seen | None:
        """What a device has told another one of the post: that other one, whose file this is, is the witness."""
        believed = self._audit.keys.of(device)
        if not believed:
            self._unchecked(number, device)
            return None
        # A key that serves any device would let one vouch for another.
        for key in believed:
            if key_id(key) == signed.key:
                state = open_statement(signed, PostChannel.STATE, device, key)
                if not isinstance(state, PostState) or state.journal_epoch is None or state.journal_head is None:
                    raise Malformed(device, "says nothing of its journal")
                by = self.header.device if self.header is not None else ""
                if by == device:
                    raise Malformed(device, "its own word is no witness")
                return Seen(
                    device,
                    state.journal_epoch,
                    state.journal_sequence,
                    state.journal_head,
                    state.at,
                    by,
                    self._number,
                    number,
                )
        raise BadSignature(device, f"key {signed.key} is not believed for it")

    def _unchecked(self, line: int, source: str) -> None:
        self._audit.findings.note(Note(kind=NoteKind.UNCHECKED, file=self._number, line=line, device=source))

    def _fault(
        self, kind: FaultKind, line: int, detail: str, walk: SegmentWalk | None = None, *, upto: int = 0
    ) -> None:
        self._audit.findings.fault(
            Fault(
                kind=kind,
                file=self._number,
                line=line,
                device=walk.segment.device if walk is not None else "",
                epoch=walk.segment.epoch.hex() if walk is not None else "",
                sequence=walk.last + 1 if walk is not None else 0,
                upto=upto,
                detail=detail,
            )
        )


def _check_device(signed: Signed, role: str, device: str, keys: Sequence[bytes]) -> None:
    """Raises BadSignature unless one of a device's keys has signed in this role."""
    for key in keys if signed.role == role else ():
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signed.signature, statement(role, signed.body))
        except (InvalidSignature, ValueError):
            continue
        return
    raise BadSignature(device, f"not signed by {device or 'a device'} in role {role}")
