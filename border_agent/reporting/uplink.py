"""The journal up: the drain's decisions carried out, on the journal and the line.

Two things end an epoch here. The centre's acknowledgement, under the current nonce, names an entry that this store
does not have, beyond all that the centre ever vouched for as it stands here: then the store is an older one, put back
with the whole disk, and a new epoch carries over what the centre may lack. Below that, where the centre has signed
what stands here, it contradicts itself: a fork, which a person must look at. And an entry that no longer proves stops
the stream before it; only a person's recorded act goes on without it (`store.epochs.mend`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from border_agent.clock import TOLERANCE, Clock
from border_agent.reporting.counts import Counts
from border_agent.reporting.drain import AckView, Drain, Greet, Phase
from border_agent.reporting.keys import BelievedKeys
from border_agent.reporting.link import Link, Message
from border_agent.reporting.problems import Problems
from border_agent.reporting.values import ProblemCode, ReportingEvent, ReportingSettings
from border_agent.store import Journal, Position, Segment, StoreDamaged, StoreError
from mqtt_schemas import codec
from mqtt_schemas.codec import LEVEL, build_batch
from mqtt_schemas.entries import EpochReason
from mqtt_schemas.errors import BadSignature, TooLarge
from mqtt_schemas.keys import ACK
from mqtt_schemas.messages import Ack, Encoding, Problem, Signed, decode, decode_body, encode
from mqtt_schemas.topics import Channel, device_topic

_PROBLEMS = {
    Problem.FORK: ProblemCode.FORK,
    Problem.CHAIN: ProblemCode.CHAIN,
    Problem.SIGNATURE: ProblemCode.SIGNATURE,
    Problem.EPOCH: ProblemCode.EPOCH,
    Problem.VERSION: ProblemCode.VERSION,
    Problem.DEVICE: ProblemCode.DEVICE,
    Problem.UNKNOWN: ProblemCode.VERSION,
}
_SAVE_AGAIN = 1.0
_CODES = (*dict.fromkeys(_PROBLEMS.values()), ProblemCode.DAMAGED)
_DAMAGED_RETRY = 60.0
_CAREFUL_ROWS = 100
_QUICK_LINE = 150_000.0
"""Bytes a second on the line. Beyond, packing well takes longer than sending what is packed less."""
_QUICK_LEVEL = 1
_NEAR = 0.02
"""Seconds. A batch that is answered sooner was on a quick line, though a single entry cannot show how quick."""
_RESTORE_AGAIN = 3600.0
"""A centre that contradicts every epoch must not fill the disk with new ones."""


class Uplink:
    """Sends batches and believes acknowledgements. Used by reporting's thread."""

    def __init__(
        self,
        journal: Journal,
        keys: BelievedKeys,
        link: Link,
        clock: Clock,
        settings: ReportingSettings,
        counts: Counts,
        problems: Problems,
        tell: Callable[[ReportingEvent], None],
        greet: Callable[[], None],
    ) -> None:
        """`greet` publishes the hello; may raise LineDown and StoreError."""
        self.drain = Drain(settings.window, settings.rows)
        self._journal = journal
        self._keys = keys
        self._link = link
        self._clock = clock
        self._counts = counts
        self._problems = problems
        self._tell = tell
        self._greet = greet
        self._topic = device_topic(journal.device, Channel.JOURNAL)
        self._epoch = b""
        self._nonce = b""
        self._unread = False
        self._careful = False
        """The centre refuses what was sent, or the store does not read: each entry is proved before it is sent."""
        self._damaged: int | None = None
        """The entry that stops the stream."""
        self._columns = False
        """The centre of this session reads them."""
        self._packed = 1.0
        """Bytes on the line for each byte of bodies, of the last batch."""
        self.rewinds = 0
        """How often the centre was found to hold less than it had said: it was put back to an earlier state."""
        self._restored_at: float | None = None
        self._save_at = 0.0
        self._unsaved: tuple[Ack, bytes] | None = None
        """An acknowledgement whose mark could not be made durable yet, and the bytes it came in."""

    @property
    def answered(self) -> bool:
        """Whether the centre has answered in this session."""
        return self.drain.phase in (Phase.STREAMING, Phase.STOPPED)

    def online(self, nonce: bytes) -> None:
        """A session begins. Raises StoreError."""
        self._nonce = nonce
        self._begin()

    def offline(self) -> None:
        """The line is gone."""
        self.drain.offline()

    def run(self, now: float) -> None:
        """Do what is due. Raises LineDown, and StoreError where not even the hello can be written; otherwise a store
        that fails is a problem, and tried again.
        """
        if self.drain.phase is Phase.OFFLINE:
            return
        try:
            position = self._journal.position()
            if position.epoch != self._epoch:
                self._begin()
            self.drain.grown(position.sequence)
            while (action := self.drain.next(now)) is not None:
                if isinstance(action, Greet):
                    self._greet()
                else:
                    self._send(action.after, action.rows, action.size)
            self._save_mark(now)
        except StoreError as error:
            self._problems.begin(ProblemCode.STORE, "journal", str(error))
            if self.drain.phase is Phase.GREETING:
                # The hello was not published: begin the session anew.
                raise
            self.drain.not_sent(now)
        if self.drain.problem in (Problem.CHAIN, Problem.SIGNATURE) and not self._careful:
            # At once, but carefully: what stands before the entry that the centre refuses can still go.
            self._careful = True
            self.drain.greet_again()
            self._link.wake()
        if self._damaged is None:
            self._problems.only(_CODES, _PROBLEMS.get(self.drain.problem))
        else:
            self._problems.only(_CODES, ProblemCode.DAMAGED, f"entry {self._damaged}")

    def acknowledged(self, payload: bytes) -> int:
        """Take in what came on `down/ack`; returns the seconds that evidence is to wait. Raises ContractError,
        StoreError."""
        signed = decode(Signed, payload)
        ring = self._keys.ring
        if ring is None:
            # The keys document is on its way; the centre is asked again once it is here.
            self._unread = True
            self._counts.add("acks.before_keys")
            return 0
        ack = decode_body(Ack, signed.body)
        ring.verify(signed, ACK, at=ack.time)
        if ack.device != self._journal.device:
            raise BadSignature("ack", "for another device")
        if ack.nonce != self._nonce:
            self._counts.warn("acks.foreign_nonce", "an acknowledgement of another session")
            return 0
        if ack.epoch != self._epoch:
            self._counts.warn("acks.foreign_epoch", "an acknowledgement of another epoch")
            return 0
        self._take(ack, payload)
        return ack.hold

    def keys_changed(self) -> None:
        """New keys are believed: where the first answer could not be read, ask again."""
        if self._unread:
            self._unread = False
            self.drain.greet_again()

    def _take(self, ack: Ack, payload: bytes) -> None:
        self._set_clock(ack)
        self._columns = Encoding.COLUMNS_ZSTD.value in ack.reads
        own = self._journal.head_at(ack.epoch, ack.upto)
        if own != ack.head and self._restored(ack):
            return
        view = AckView(upto=ack.upto, problem=ack.problem, on_chain=own == ack.head)
        before = self.drain.mark
        # The drain's knowledge of the end may be older than the centre's of a batch just sent.
        self.drain.grown(self._journal.position().sequence)
        self._counts.add("acks.taken")
        if self.drain.acknowledged(view, time.monotonic()):
            if ack.upto < before:
                self.rewinds += 1
                self._counts.warn("acks.rewound", f"the centre holds entries up to {ack.upto} only; sending again")
            self._unsaved = (ack, payload)

    def _set_clock(self, ack: Ack) -> None:
        before = self._clock.now()
        if not self._clock.acknowledged(ack.time):
            self._counts.warn("acks.stale_time", "an acknowledgement older than one before it")
            return
        step = self._clock.now() - before
        if abs(step) > TOLERANCE:
            self._counts.warn("clock.set", f"the centre's time sets the clock by {step}")
            self._tell(ReportingEvent(kind="clock_set", version=int(step.total_seconds())))

    def _save_mark(self, now: float) -> None:
        """Make the newest mark durable, one commit for all acknowledgements that came together."""
        if self._unsaved is None or now < self._save_at:
            return
        ack, payload = self._unsaved
        self._save_at = now + _SAVE_AGAIN
        self._journal.move_mark(ack.upto, ack.head, ack.time, statement=payload)
        self._save_at, self._unsaved = 0.0, None
        self._problems.end(ProblemCode.STORE, "journal")
        self._tell(ReportingEvent(kind="acknowledged", version=ack.upto))

    def _restored(self, ack: Ack) -> bool:
        """Whether the centre knows a later journal of this device than its store does; then there is a new epoch."""
        now = time.monotonic()
        if ack.upto <= self._journal.vouched():
            return False
        if self._restored_at is not None and now < self._restored_at + _RESTORE_AGAIN:
            return False
        last = Position(epoch=ack.epoch, sequence=ack.upto, head=ack.head)
        self._counts.warn("acks.restored", f"the centre has another entry {ack.upto}: this store was put back")
        self._journal.open_epoch(EpochReason.RESTORED, last=last, carry=True)
        self._restored_at = now
        self._begin()
        self._tell(ReportingEvent(kind="restored", version=ack.upto))
        return True

    def _send(self, after: int, rows: int, size: int) -> None:
        now = time.monotonic()
        segment = self._segment(after, rows, size)
        if segment is None:
            self.drain.not_sent(now, 1.0 if self._damaged is None else _DAMAGED_RETRY)
            return
        try:
            payload = self._payload(segment)
        except TooLarge as error:
            if len(segment.bodies) == 1:
                self._problems.begin(ProblemCode.INTERNAL, "batch", str(error))
                self.drain.not_sent(now)
                return
            # Of what does not compress, so much fits at most.
            self._send(after, len(segment.bodies) // 2, size)
            return
        self._link.publish(Message(self._topic, payload))
        size = sum(map(len, segment.bodies))
        self._packed = len(payload) / max(1, size)
        self.drain.sent(segment.first, segment.last, now, size)
        self._counts.add("sent.batches")
        self._counts.add("sent.entries", len(segment.bodies))
        self._counts.add("sent.bytes", len(payload))

    def _segment(self, after: int, rows: int, size: int) -> Segment | None:
        """The next entries; none where the first of them is damaged."""
        if not self._careful:
            try:
                segment = self._journal.entries_after(after, rows, size)
            except StoreDamaged:
                self._careful = True
            else:
                # A centre restored from before what is kept here asks for bodies that are gone.
                if segment is None or all(segment.bodies):
                    return segment
                self._careful = True
        proved = self._journal.proved_upto(after, after + min(rows, _CAREFUL_ROWS))
        self._damaged = after + 1 if proved == after else None
        return self._journal.entries_after(after, proved - after, size) if proved > after else None

    def _payload(self, segment: Segment) -> bytes:
        quick = self.drain.rate * self._packed > _QUICK_LINE or self.drain.delay < _NEAR
        columns = self._columns and not quick
        leaning = codec.leaning(len(segment.bodies)) if columns else 0
        batch = build_batch(
            self._journal.device,
            segment.epoch,
            segment.first,
            segment.previous,
            segment.bodies,
            segment.head,
            segment.signature,
            segment.secrets,
            encoding=Encoding.COLUMNS_ZSTD if columns else Encoding.ROWS_ZSTD,
            before=self._journal.bodies_before(segment.first, leaning) if leaning else (),
            level=_QUICK_LEVEL if quick else LEVEL,
        )
        return encode(batch)

    def _begin(self) -> None:
        position, mark = self._journal.position(), self._journal.mark()
        if position.epoch != self._epoch:
            self._careful, self._damaged = False, None
        self._epoch, self._unsaved = position.epoch, None
        self.drain.online(mark.sequence, position.sequence)
