"""What to do with one batch of a device: a decision without side effects.

`judge_batch` reads what is stored through `Known` and says what to commit and what to answer; `store` commits
it; only then is the answer sent (`desk`). The rules are the contract's: the next contiguous entries, proved
by chain and signature, are taken; what is stored already is acknowledged again; a gap is asked for; a stream
that differs from the stored one is kept aside, with an alarm, and nothing of it is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol, get_args

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from mqtt_schemas import chain
from mqtt_schemas.centre.values import (
    AlarmCode,
    AlarmNote,
    Device,
    DeviceStatus,
    Judgement,
    Stream,
    TakenEntry,
)
from mqtt_schemas.codec import ProvedEntry, SecretTable, prove_batch
from mqtt_schemas.entries import LARGEST_BODY, Entry, EpochOpened, read_entry
from mqtt_schemas.errors import BadSignature, ContractError, Malformed, UnknownVersion
from mqtt_schemas.messages import JournalBatch, Problem, SaltSecret, decode
from mqtt_schemas.outside import parse

UNKNOWN_KIND = "unknown"


class Known(Protocol):
    """What the judge asks of the store."""

    def device(self, name: str) -> Device | None: ...

    def stream(self, device: str, epoch: bytes) -> Stream | None: ...

    def open_streams(self, device: str) -> tuple[Stream, ...]: ...

    def head_at(self, stream: Stream, sequence: int) -> bytes | None:
        """Stored head at a sequence; genesis at 0; None beyond the mark."""

    def bodies_before(self, stream: Stream, sequence: int, most: int) -> Sequence[bytes]:
        """The stored bodies just before `sequence`, at most so many, the oldest first."""

    def secret_before(self, stream: Stream, sequence: int) -> dict[int, bytes]:
        """The stored secret, by its first entry, that serves the entry before `sequence`; empty before 1."""


def judge_batch(owner: str, payload: bytes, known: Known) -> Judgement:
    """Judge what came on a device's journal topic. Never raises on what a device may send."""
    device = known.device(owner)
    try:
        batch = decode(JournalBatch, payload)
        if batch.first + batch.count - 1 > chain.LAST_SEQUENCE:
            raise Malformed(owner, "entries beyond the last sequence there is")
    except UnknownVersion as error:
        return Judgement(device=owner, problem=Problem.VERSION, alarms=_alarm(AlarmCode.VERSION, str(error)))
    except ContractError as error:
        kept = AlarmCode.MALFORMED if device is not None else None
        return Judgement(device=owner, alarms=_alarm(AlarmCode.MALFORMED, str(error)), quarantine=kept)
    if batch.device != owner:
        detail = f"a batch of {batch.device}"
        return Judgement(device=owner, alarms=_alarm(AlarmCode.FOREIGN_DEVICE, detail))
    if device is None or device.status is not DeviceStatus.ENROLLED:
        return Judgement(
            device=owner, epoch=batch.epoch, problem=Problem.DEVICE, alarms=(refusal(device, "a batch"),)
        )
    return _Judge(device, batch, known).judge()


def refusal(device: Device | None, what: str) -> AlarmNote:
    """The alarm for a message of a device that may send none."""
    return AlarmNote(AlarmCode.DEVICE_UNKNOWN if device is None else AlarmCode.DEVICE_RETIRED, what)


class _Beginning(Struct, gc=False):
    """What the journal's columns say of an entry, as text. All of it is read when it is settled."""

    kind: str
    id: str
    occurred_at: str
    recorded_at: str
    inspection_id: str = ""


_beginning = msgspec.json.Decoder(_Beginning)
_KINDS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Entry))
_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


def read_taken(entry: ProvedEntry) -> TakenEntry:
    """An entry with what can be read in it. The chain has proved it: it counts, readable or not."""
    kind, inspection, occurred_at = UNKNOWN_KIND, "", ""
    try:
        read = parse(_beginning.decode, entry.body, "entry")
        if read.kind in _KINDS and len(entry.body) <= LARGEST_BODY and _well_formed(read):
            # As `stamp` would have it, without a calendar: this is the dearest line of a backlog.
            at = read.occurred_at
            kind, inspection, occurred_at = read.kind, read.inspection_id, f"{at[:19]}.{at[20:-1]:0<6}Z"
    except ContractError:
        pass
    return TakenEntry(entry.sequence, entry.body, entry.digest, entry.head, kind, inspection, occurred_at)


def _well_formed(read: _Beginning) -> bool:
    return bool(
        _IDENTIFIER.fullmatch(read.id)
        and _MOMENT.fullmatch(read.occurred_at)
        and _MOMENT.fullmatch(read.recorded_at)
        and (not read.inspection_id or _IDENTIFIER.fullmatch(read.inspection_id))
    )


def _alarm(code: AlarmCode, detail: str, subject: str = "") -> tuple[AlarmNote, ...]:
    return (AlarmNote(code, detail, subject),)


class _Judge:
    """One batch of an enrolled device, its shape already good."""

    def __init__(self, device: Device, batch: JournalBatch, known: Known) -> None:
        self._device = device
        self._batch = batch
        self._known = known
        self._last = batch.first + batch.count - 1
        self._key = Ed25519PublicKey.from_public_bytes(device.journal_key)

    def judge(self) -> Judgement:
        batch = self._batch
        stream = self._known.stream(batch.device, batch.epoch)
        if stream is None:
            return self._new_stream()
        if stream.journal_key != self._device.journal_key:
            return self._refused(Problem.SIGNATURE, AlarmCode.SIGNATURE, "the stream is signed by another key")
        if self._last <= stream.mark:
            return self._seen_before(stream)
        if batch.first > stream.mark + 1:
            return Judgement(device=batch.device, epoch=batch.epoch, problem=Problem.GAP, gap_before=batch.first)
        if batch.previous != self._known.head_at(stream, batch.first - 1):
            return self._refused(Problem.FORK, AlarmCode.FORK, f"head before entry {batch.first} differs")
        return self._prove(stream)

    def _seen_before(self, stream: Stream) -> Judgement:
        """All of it is stored; unless its head says otherwise, it is acknowledged again."""
        batch = self._batch
        if batch.head == self._known.head_at(stream, self._last):
            return Judgement(device=batch.device, epoch=batch.epoch)
        try:
            chain.verify_head(self._key, batch.device, batch.epoch, self._last, batch.head, batch.signature)
        except BadSignature as error:
            return self._refused(Problem.SIGNATURE, AlarmCode.SIGNATURE, str(error))
        return self._refused(Problem.FORK, AlarmCode.CLONE, f"two signed heads at entry {self._last}")

    def _new_stream(self) -> Judgement:
        batch = self._batch
        if batch.first != 1:
            # A centre restored from an old backup does not know it: the device begins again from 1.
            return Judgement(device=batch.device, epoch=batch.epoch, problem=Problem.EPOCH)
        if batch.previous != chain.genesis(batch.device, batch.epoch):
            return self._refused(Problem.CHAIN, AlarmCode.CHAIN, "the epoch does not begin at its genesis")
        return self._prove(None)

    def _prove(self, stream: Stream | None) -> Judgement:
        batch = self._batch
        # Of the stored secrets only the one that reaches into the batch: where a clone began another day with
        # another secret, the batch must be proved with its own before its history can be compared.
        stored = {} if stream is None else self._known.secret_before(stream, batch.first)
        try:
            proved = prove_batch(batch, SecretTable(stored), self._key, self._before(stream))
        except BadSignature as error:
            return self._refused(Problem.SIGNATURE, AlarmCode.SIGNATURE, str(error))
        except UnknownVersion as error:
            return Judgement(
                device=batch.device,
                epoch=batch.epoch,
                problem=Problem.VERSION,
                alarms=_alarm(AlarmCode.VERSION, str(error)),
            )
        except ContractError as error:
            return self._refused(Problem.CHAIN, AlarmCode.CHAIN, str(error))
        mark = 0 if stream is None else stream.mark
        if stream is not None and mark >= batch.first and proved[mark - batch.first].head != stream.head:
            return self._refused(Problem.FORK, AlarmCode.CLONE, f"two signed histories at entry {mark}")
        entries = tuple(read_taken(entry) for entry in proved[max(0, mark + 1 - batch.first) :])
        new = tuple(item for item in batch.secrets if item.first > mark)
        return self._open(entries, new) if stream is None else self._continue(stream, entries, new)

    def _before(self, stream: Stream | None) -> Callable[[int], Sequence[bytes]]:
        """What gives the stored bodies just before the batch, which a small one may lean on."""
        first = self._batch.first
        return lambda most: () if stream is None else self._known.bodies_before(stream, first, most)

    def _continue(
        self, stream: Stream, entries: tuple[TakenEntry, ...], secrets: tuple[SaltSecret, ...]
    ) -> Judgement:
        alarms = self._unreadable(entries)
        if not stream.open:
            alarms += _alarm(AlarmCode.CLOSED_EPOCH, f"up to entry {self._last}", self._batch.epoch.hex())
        return Judgement(
            device=self._batch.device,
            epoch=self._batch.epoch,
            stream=stream,
            entries=entries,
            secrets=secrets,
            signature=self._batch.signature,
            alarms=alarms,
        )

    def _open(self, entries: tuple[TakenEntry, ...], secrets: tuple[SaltSecret, ...]) -> Judgement:
        batch = self._batch
        opening = _opening(entries[0].body, batch.device)
        if opening is None:
            return self._refused(Problem.EPOCH, AlarmCode.EPOCH_NOT_OPENED, "entry 1 opens no epoch")
        alarms = self._unreadable(entries)
        closes = self._known.open_streams(batch.device)
        for stream in closes:
            detail = (
                f"{opening.reason}; stored up to {stream.mark}, the device last knew"
                f" {opening.previous_sequence} of {opening.previous_epoch.hex()[:32]}"
            )
            alarms += _alarm(AlarmCode.EPOCH_CHANGED, detail, stream.epoch.hex())
        return Judgement(
            device=batch.device,
            epoch=batch.epoch,
            journal_key=self._device.journal_key,
            closes=closes,
            entries=entries,
            secrets=secrets,
            signature=batch.signature,
            alarms=alarms,
        )

    def _unreadable(self, entries: tuple[TakenEntry, ...]) -> tuple[AlarmNote, ...]:
        unread = [entry.sequence for entry in entries if entry.kind == UNKNOWN_KIND]
        if not unread:
            return ()
        detail = f"{len(unread)} from entry {unread[0]}"
        return _alarm(AlarmCode.UNREADABLE_ENTRY, detail, self._batch.epoch.hex())

    def _refused(self, problem: Problem, code: AlarmCode, detail: str) -> Judgement:
        batch = self._batch
        known = self._known.stream(batch.device, batch.epoch) is not None
        # Without a stream the epoch is the sender's word: random ones must not make an alarm each.
        subject = batch.epoch.hex() if known else ""
        return Judgement(
            device=batch.device,
            epoch=batch.epoch,
            problem=problem,
            alarms=_alarm(code, f"entries {batch.first}..{self._last}: {detail}", subject),
            quarantine=code,
        )


def _opening(body: bytes, device: str) -> EpochOpened | None:
    try:
        entry = read_entry(body)
    except ContractError:
        return None
    return entry if isinstance(entry, EpochOpened) and entry.device == device else None
