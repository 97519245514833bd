"""The journal up: the drain's decisions carried out, on the journal and the line."""

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
from border_agent.store import Journal, StoreError
from mqtt_schemas.codec import build_batch
from mqtt_schemas.errors import BadSignature, TooLarge
from mqtt_schemas.keys import ACK
from mqtt_schemas.messages import Ack, Problem, Signed, decode, decode_body, encode
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
_CODES = tuple(dict.fromkeys(_PROBLEMS.values()))


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
        self._save_at = 0.0
        self._unsaved: Ack | None = None
        """An acknowledgement whose mark could not be made durable yet."""

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
        self._problems.only(_CODES, _PROBLEMS.get(self.drain.problem))

    def acknowledged(self, payload: bytes) -> None:
        """Take in what came on `down/ack`. Raises ContractError, StoreError."""
        signed = decode(Signed, payload)
        ring = self._keys.ring
        if ring is None:
            # The keys document is on its way; the centre is asked again once it is here.
            self._unread = True
            self._counts.add("acks.before_keys")
            return
        ack = decode_body(Ack, signed.body)
        ring.verify(signed, ACK, at=ack.time)
        if ack.device != self._journal.device:
            raise BadSignature("ack", "for another device")
        if ack.nonce != self._nonce:
            self._counts.warn("acks.foreign_nonce", "an acknowledgement of another session")
            return
        if ack.epoch != self._epoch:
            self._counts.warn("acks.foreign_epoch", "an acknowledgement of another epoch")
            return
        self._take(ack)

    def keys_changed(self) -> None:
        """New keys are believed: where the first answer could not be read, ask again."""
        if self._unread:
            self._unread = False
            self.drain.greet_again()

    def _take(self, ack: Ack) -> None:
        self._set_clock(ack)
        own = self._journal.head_at(ack.epoch, ack.upto)
        view = AckView(upto=ack.upto, problem=ack.problem, on_chain=own == ack.head)
        before = self.drain.mark
        # The drain's knowledge of the end may be older than the centre's of a batch just sent.
        self.drain.grown(self._journal.position().sequence)
        self._counts.add("acks.taken")
        if self.drain.acknowledged(view, time.monotonic()):
            if ack.upto < before:
                self._counts.warn("acks.rewound", f"the centre holds entries up to {ack.upto} only; sending again")
            self._unsaved = ack

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
        ack = self._unsaved
        if ack is None or now < self._save_at:
            return
        self._save_at = now + _SAVE_AGAIN
        self._journal.move_mark(ack.upto, ack.head, ack.time)
        self._save_at, self._unsaved = 0.0, None
        self._problems.end(ProblemCode.STORE, "journal")
        self._tell(ReportingEvent(kind="acknowledged", version=ack.upto))

    def _send(self, after: int, rows: int, size: int) -> None:
        now = time.monotonic()
        segment = self._journal.entries_after(after, rows, size)
        if segment is None:
            self.drain.not_sent(now)
            return
        try:
            batch = build_batch(
                self._journal.device,
                segment.epoch,
                segment.first,
                segment.previous,
                segment.bodies,
                segment.head,
                segment.signature,
                segment.secrets,
            )
        except TooLarge as error:
            self._problems.begin(ProblemCode.INTERNAL, "batch", str(error))
            self.drain.not_sent(now)
            return
        payload = encode(batch)
        self._link.publish(Message(self._topic, payload))
        self.drain.sent(segment.first, segment.last, now)
        self._counts.add("sent.batches")
        self._counts.add("sent.entries", len(segment.bodies))
        self._counts.add("sent.bytes", len(payload))

    def _begin(self) -> None:
        position, mark = self._journal.position(), self._journal.mark()
        self._epoch, self._unsaved = position.epoch, None
        self.drain.online(mark.sequence, position.sequence)
