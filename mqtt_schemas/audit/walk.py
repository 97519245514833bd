"""Along one segment, entry by entry: what is not as the device wrote it, and up to where everything is.

The device's signatures are the anchor: a head it has signed for a sequence is its own, whatever stands around it. So
one altered entry is one fault and not one for each that follows, and an entry whose number was changed to hide that
another was put in or taken out is recognised by the number it was signed under.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from mqtt_schemas import chain
from mqtt_schemas.audit.heads import Gaps, Heads
from mqtt_schemas.audit.keys import AuditKeys
from mqtt_schemas.audit.report import Fault, FaultKind, Findings, Note, NoteKind
from mqtt_schemas.audit.times import CLOCK_SET, Fall, Times
from mqtt_schemas.errors import BadSignature, Malformed
from mqtt_schemas.journal_file import EntryLine, Segment
from mqtt_schemas.outside import parse, reader

_OPENED = "epoch_opened"
_SHIFTS = 16
"""Entries put in or taken out in a row before which numbers are told apart."""
_TRIES = 1000
"""Entries of which nobody's signature holds before the search for their true numbers is given up."""


class Opening(Struct, frozen=True):
    """What an epoch's first entry says of the one before."""

    line: int
    epoch: bytes
    sequence: int
    head: bytes


class _Said(Struct):
    """As much of an entry as an audit reads."""

    kind: str = ""
    recorded_at: datetime | None = None
    event: str = ""
    details: dict[str, str] = {}
    device: str = ""
    reason: str = ""
    previous_epoch: bytes = b""
    previous_sequence: int = 0
    previous_head: bytes = b""
    carried: int = 0


class SegmentWalk:
    """Takes a segment's entries in the file's order."""

    def __init__(self, file: int, line: int, segment: Segment, keys: AuditKeys, findings: Findings) -> None:
        self.file = file
        self.segment = segment
        self.heads = Heads()
        self.last = segment.first - 1
        self.head = segment.previous
        self.entries = 0
        self.without_body = 0
        self.opening: Opening | None = None
        self.opened = ""
        self._line = line
        self._epoch = segment.epoch.hex()
        self._findings = findings
        self._unbroken = True
        self._proven = self.last
        self._vouched = True
        """Whether the head gone on from can be believed: signed, or reached from a signed one without a fault."""
        self._anchor = (self.last, self.head)
        """The last entry the device has signed, or the segment's beginning."""
        self._ahead = (0, 0)
        """Line and number of the newest entry behind the anchor."""
        self._shift = 0
        """How much the numbers in the file are above those that were signed."""
        self._unsigned = 0
        self._gaps = Gaps()
        self._carried_upto = 0
        self.times = Times(self._fell, self._was_set)
        believed = keys.of(segment.device)
        self._believed = segment.key in believed
        self._keys = _usable((segment.key, *(key for key in believed if key != segment.key)))
        if not self._believed:
            detail = (
                "no key is believed for this device" if not believed else "signed by a key that is not the device's"
            )
            self._fault(FaultKind.UNKNOWN_KEY, line, 0, detail=detail)
        if segment.first == 1 and segment.previous != chain.genesis(segment.device, segment.epoch):
            self._fault(FaultKind.OPENING, line, 0, detail="does not begin where this device's epoch does")

    @property
    def proven_upto(self) -> int:
        """Last entry up to which nothing is wrong and the device's word holds; `first` - 1: none."""
        return self._proven if self._believed else self.segment.first - 1

    def doubt_from(self, sequence: int) -> None:
        """From this entry on somebody holds another history that the device has signed as well."""
        self._proven = min(self._proven, sequence - 1)

    def entry(self, line: int, entry: EntryLine) -> None:
        """The next entry of the file."""
        self.entries += 1
        number, signed = self._place(entry)
        if signed and self._anchor[0] < number <= self.last:
            self._return_to_anchor()
        if number <= self.last:
            self._behind(line, number, entry, signed)
            return
        next_one = number == self.last + 1
        follows = chain.link(self.head, number, entry.chained()) == entry.head
        if signed is False and (not next_one or (not follows and self._vouched)):
            # Nothing of it holds; the journal goes on behind it.
            self._fault(FaultKind.INSERTED, line, number)
            return
        if not next_one:
            self._passed(line, number)
        bad = FaultKind.SIGNATURE if signed is False else None
        if bad is None and not follows and self._vouched:
            bad = FaultKind.EDITED
        if bad is not None:
            self._fault(bad, line, number)
        self._vouched = signed is not False and (follows or signed is True)
        self.last, self.head = number, entry.head
        self.heads.add(number, entry.head, signed is True)
        if signed:
            self._anchor = (number, entry.head)
            self._proven = number if self._unbroken else self._proven
        else:
            self._ahead = (line, number)
        if entry.body is None:
            self.without_body += 1
        elif bad is None:
            self._read(line, number, entry.body)

    def end(self) -> None:
        """No entry follows."""
        for first, last, line in self._gaps:
            self._fault(FaultKind.MISSING, line, first, upto=last)
        self.times.end()
        if self.entries == 0:
            self._fault(FaultKind.MISSING, self._line, self.segment.first, detail="a segment without entries")

    def _place(self, entry: EntryLine) -> tuple[int, bool | None]:
        """The number an entry was signed under, and whether it was signed; None: it carries no signature."""
        if entry.signature:
            for shift in self._shifts():
                number = entry.n - shift
                if 1 <= number <= chain.LAST_SEQUENCE and self._signed(number, entry):
                    self._shift = shift
                    return number, True
            self._unsigned += 1
        return max(1, entry.n - self._shift), False if entry.signature else None

    def _shifts(self) -> Iterator[int]:
        """Where an entry's true number may be, the likeliest first."""
        yield self._shift
        if self._unsigned < _TRIES:
            yield from (self._shift + step * sign for step in range(1, _SHIFTS + 1) for sign in (1, -1))

    def _signed(self, number: int, entry: EntryLine) -> bool:
        for key in self._keys:
            try:
                chain.verify_head(key, self.segment.device, self.segment.epoch, number, entry.head, entry.signature)
            except BadSignature:
                continue
            if key is not self._keys[0]:
                self._keys = [key, *(other for other in self._keys if other is not key)]
            return True
        return False

    def _return_to_anchor(self) -> None:
        """The device itself has signed another entry for a place that unsigned ones have taken."""
        line, number = self._ahead
        self._fault(FaultKind.INSERTED, line, number, detail="signed by nobody, and another is signed in its place")
        self.last, self.head = self._anchor
        self._vouched = True
        self._gaps.forget_after(self.last)
        self.heads.forget_after(self.last)

    def _behind(self, line: int, number: int, entry: EntryLine, signed: bool | None) -> None:
        """An entry whose place has been passed: out of order, or there twice."""
        if not self._gaps.take(number):
            self._fault(FaultKind.INSERTED, line, number, detail="there already")
            return
        self._fault(FaultKind.REORDERED, line, number, detail=f"after entry {self.last}")
        if signed is False:
            self._fault(FaultKind.SIGNATURE, line, number)
        before = self.heads.at(number - 1) if number > self.segment.first else (self.segment.previous, True)
        if before is not None and chain.link(before[0], number, entry.chained()) != entry.head:
            self._fault(FaultKind.EDITED, line, number)
        self.heads.add(number, entry.head, signed is True)

    def _passed(self, line: int, number: int) -> None:
        self._unbroken = self._vouched = False
        if not self._gaps.add(self.last + 1, number - 1, line):
            self._fault(FaultKind.MISSING, line, self.last + 1, upto=number - 1)

    def _read(self, line: int, number: int, body: bytes) -> None:
        """What the entry says of times and epochs: only of one that is the device's."""
        try:
            said = parse(reader(_Said), body, "entry")
            recorded = said.recorded_at
            if recorded is None or recorded.utcoffset() != timedelta(0):
                raise Malformed("entry", "without a time")
        except Malformed as error:
            self._note(NoteKind.UNREAD, line, number, detail=error.detail)
            if number == 1:
                self._fault(FaultKind.OPENING, line, 1, detail="not the entry that opens an epoch")
            return
        if number == 1:
            self._opens(line, said)
        if 1 < number <= self._carried_upto:
            return
        self.times.recorded(line, number, recorded)
        if said.kind == "device_event" and said.event == CLOCK_SET:
            self.times.clock_set(_seconds(said.details))

    def _opens(self, line: int, said: _Said) -> None:
        if said.kind != _OPENED or said.device != self.segment.device:
            self._fault(FaultKind.OPENING, line, 1, detail="not the entry that opens an epoch")
            return
        self.opened = said.reason
        self._note(NoteKind.EPOCH, line, 1, detail=said.reason)
        if said.previous_epoch:
            self.opening = Opening(line, said.previous_epoch, said.previous_sequence, said.previous_head)
        if said.carried:
            self._carried_upto = 1 + said.carried
            self._note(NoteKind.CARRIED, line, 2, upto=self._carried_upto)

    def _fell(self, fall: Fall) -> None:
        self._fault(FaultKind.CLOCK_BACK, fall.line, fall.sequence, detail=fall.detail)

    def _was_set(self, fall: Fall) -> None:
        self._note(NoteKind.CLOCK_SET, fall.line, fall.sequence, detail=fall.detail)

    def _fault(self, kind: FaultKind, line: int, sequence: int, *, upto: int = 0, detail: str = "") -> None:
        if kind is not FaultKind.CLOCK_BACK:
            self._unbroken = False
        self._findings.fault(Fault(kind=kind, **self._where(line, sequence, upto, detail)))

    def _note(self, kind: NoteKind, line: int, sequence: int, *, upto: int = 0, detail: str = "") -> None:
        self._findings.note(Note(kind=kind, **self._where(line, sequence, upto, detail)))

    def _where(self, line: int, sequence: int, upto: int, detail: str) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": line,
            "device": self.segment.device,
            "epoch": self._epoch,
            "sequence": sequence,
            "upto": upto,
            "detail": detail,
        }


def _usable(keys: tuple[bytes, ...]) -> list[Ed25519PublicKey]:
    usable = []
    for key in keys:
        try:
            usable.append(Ed25519PublicKey.from_public_bytes(key))
        except ValueError:
            continue
    return usable


def _seconds(details: dict[str, str]) -> int:
    """By how much an event says the clock was set; 0: it does not say."""
    try:
        return int(details.get("seconds") or details.get("version") or 0)
    except ValueError:
        return 0
