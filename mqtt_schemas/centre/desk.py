"""Everything that devices send, in; acknowledgements out. No network in here.

A group of messages is one transaction, so a backlog costs one sync and not one for each batch. Answers exist
only once it is committed. Where it cannot be committed, nothing of the group is acknowledged: the devices
send it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct

from mqtt_schemas.centre.backlog import EVIDENCE_SECONDS, Backlog
from mqtt_schemas.centre.errors import DiskFull, Refused, ServerLost, StoreFailed
from mqtt_schemas.centre.evidence import MISMATCH, EvidenceBook, Held
from mqtt_schemas.centre.ingest import judge_batch, refusal
from mqtt_schemas.centre.keys import RoleKeys
from mqtt_schemas.centre.once import Once
from mqtt_schemas.centre.publisher import Outgoing, Publisher
from mqtt_schemas.centre.renewals import Issuer
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import AlarmCode, AlarmNote, Device, DeviceStatus, Judgement
from mqtt_schemas.chain import genesis
from mqtt_schemas.codec import READS
from mqtt_schemas.errors import ContractError, UnknownVersion
from mqtt_schemas.keys import ACK
from mqtt_schemas.messages import Ack, EvidenceAck, EvidencePiece, Problem, Pull, State, decode, encode
from mqtt_schemas.topics import Channel, Topic, device_topic, parse_topic

_log = logging.getLogger(__name__)
M = TypeVar("M", bound=Struct)


class Incoming(Struct, frozen=True):
    """A message as it came."""

    topic: str
    payload: bytes


class _Session(Struct, frozen=True):
    """What a device's last hello said of itself."""

    nonce: bytes
    epoch: bytes | None


class _Due(Struct):
    """An acknowledgement to be sent after the commit."""

    problem: Problem = Problem.NONE
    gap_before: int = 0

    def add(self, judgement: Judgement) -> None:
        """A later batch of the same stream. What was refused stays so; a gap may have been closed since."""
        if judgement.problem is Problem.NONE:
            return
        if judgement.problem is not Problem.GAP or self.problem in (Problem.NONE, Problem.GAP):
            self.problem, self.gap_before = judgement.problem, judgement.gap_before


class Desk:
    """Takes messages in and says what to answer."""

    def __init__(
        self,
        store: Store,
        keys: RoleKeys,
        publisher: Publisher | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        ingests: bool = True,
        issuer: Issuer | None = None,
        evidence: EvidenceBook | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        """Without a publisher it answers no pulls, without an issuer no renewals; where it does not ingest, journals
        and states are others'."""
        self.trouble: StoreFailed | None = None
        """Why the last group was not stored; None where it was."""
        self._store = store
        self._keys = keys
        self._publisher = publisher
        self._ingests = ingests
        self._issuer = issuer
        self._evidence = evidence or EvidenceBook(store.database)
        self._backlog = backlog or Backlog(store.database)
        self._held: dict[tuple[str, bytes], Held] = {}
        """What is held of the evidence of the group at hand, to be answered once it is committed."""
        self._issued: list[Outgoing] = []
        """Certificates of the group at hand, to be sent once it is committed."""
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._differed: dict[str, _Session] = {}
        """The last hello of each device whose head differs from what is stored."""
        self._once = Once(_log)
        self._was_full = False

    def handle(self, messages: Sequence[Incoming]) -> list[Outgoing]:
        """Take a group of messages in and return the acknowledgements that are now true.

        Never raises on what a device may send, nor on a full disk.
        """
        if not messages:
            return []
        at = self._clock()
        due: dict[tuple[str, bytes], _Due] = {}
        self._issued.clear()
        self._held.clear()
        try:
            with self._store.database.transaction(beside=True):
                for message in messages:
                    self._one(message, due, at)
                if self._was_full:
                    self._store.raise_alarm(AlarmNote(AlarmCode.DISK_FULL, "nothing was taken"), "", at)
        except StoreFailed as error:
            self._failed(error)
            self._issued.clear()
            self._held.clear()
            due = self._hellos_only(messages)
        else:
            self.trouble, self._was_full = None, False
            self._once.forget(StoreFailed.code, DiskFull.code, ServerLost.code)
        try:
            hold = EVIDENCE_SECONDS if self._backlog.stands(time.monotonic()) else 0
            acks = [ack for key, item in due.items() if (ack := self._ack(*key, item, at, hold)) is not None]
            return [*acks, *self._evidence_acks(at, hold), *self._issued]
        except StoreFailed as error:
            self._failed(error)
            return []

    def _failed(self, error: StoreFailed) -> None:
        self.trouble = error
        self._was_full = self._was_full or isinstance(error, DiskFull)
        self._once.error(error.code, "nothing acknowledged: %s", error)

    def _one(self, message: Incoming, due: dict[tuple[str, bytes], _Due], at: datetime) -> None:
        try:
            topic = parse_topic(message.topic)
        except ContractError as error:
            self._once.warning(error.code, "dropped: %s", error)
            return
        try:
            with self._store.database.savepoint():
                match topic.channel:
                    case Channel.JOURNAL if self._ingests:
                        self._batch(topic, message.payload, due, at)
                    case Channel.EVIDENCE if self._ingests:
                        self._piece(topic, message.payload, at)
                    case Channel.STATE:
                        self._state(topic, message.payload, due, at)
                    case Channel.PULL if self._publisher is not None:
                        self._pull(self._publisher, topic, message.payload, at)
                    case Channel.RENEWAL if self._issuer is not None:
                        self._renewal(self._issuer, topic, message.payload, at)
                    case _:
                        self._once.warning("downward", "a downward message came up: %s", topic.channel)
        except Refused as error:
            self._fault(topic, str(error), at)
        except StoreFailed:
            raise
        except Exception as error:
            # A fault of this program on one message must not stop the others', nor be met by silence.
            self._fault(topic, f"{type(error).__name__}: {error}", at)

    def _batch(self, topic: Topic, payload: bytes, due: dict[tuple[str, bytes], _Due], at: datetime) -> None:
        judgement = judge_batch(topic.owner, payload, self._store)
        self._store.apply(judgement, payload, at)
        for note in judgement.alarms:
            self._say(topic, note)
        epoch = judgement.epoch
        if epoch is None and judgement.problem is not Problem.NONE and topic.owner in self._sessions:
            # A message of another version does not say its epoch to us; the device's hello did.
            epoch = self._sessions[topic.owner].epoch
        if epoch is not None:
            due.setdefault((topic.owner, epoch), _Due()).add(judgement)

    def _state(self, topic: Topic, payload: bytes, due: dict[tuple[str, bytes], _Due], at: datetime) -> None:
        if not self._ingests:
            # Its shard judges it; here it only says that what went before is over.
            self._forget(topic.owner)
            return
        state = self._read(State, topic, payload, at)
        if state is None:
            return
        if state.device != topic.owner:
            self._alarm(topic, AlarmNote(AlarmCode.FOREIGN_DEVICE, f"a state of {state.device}"), at)
            return
        device = self._store.device(topic.owner)
        if device is None:
            self._alarm(topic, refusal(device, "a state"), at)
        else:
            self._store.keep_state(topic.owner, payload, online=state.online, at=at)
        self._greet(state, device, due)
        self._compare(topic, state, at)

    def _greet(self, state: State, device: Device | None, due: dict[tuple[str, bytes], _Due]) -> None:
        """A session begins or ends; nothing is written."""
        self._forget(state.device)
        if not state.online:
            # The will of a session that another has followed already must not end that one.
            held = self._sessions.get(state.device)
            if held is not None and held.nonce == state.nonce:
                del self._sessions[state.device]
            return
        self._sessions[state.device] = _Session(state.nonce, state.epoch)
        if state.epoch is not None:
            item = due.setdefault((state.device, state.epoch), _Due())
            if not _enrolled(device):
                item.problem = Problem.DEVICE

    def _forget(self, device: str) -> None:
        self._backlog.greeted()
        if self._publisher is not None:
            self._publisher.forget(device)

    def _hellos_only(self, messages: Sequence[Incoming]) -> dict[tuple[str, bytes], _Due]:
        """What is due where nothing can be written: hellos are answered, since what was committed is still true."""
        due: dict[tuple[str, bytes], _Due] = {}
        for message in messages:
            try:
                topic = parse_topic(message.topic)
                if topic.channel is Channel.STATE and self._ingests:
                    state = decode(State, message.payload)
                    if state.device == topic.owner:
                        self._greet(state, self._store.device(topic.owner), due)
            except ContractError:
                # Said once already, or the database itself: then there is nothing to answer with.
                continue
        return due

    def _compare(self, topic: Topic, state: State, at: datetime) -> None:
        """A head that a device had at a sequence stays its head there, however long ago the hello was.

        Unless an older copy of its disk was put back: the answer to this hello tells it so, and it begins another
        epoch at once. Only who greets anew in the same epoch is two machines, or does not say what happened to it.
        """
        stream = self._store.stream(topic.owner, state.epoch or b"")
        if stream is None or state.head is None:
            return
        stored = self._store.head_at(stream, state.sequence)
        if stored is None or stored == state.head:
            return
        before = self._differed.get(topic.owner)
        self._differed[topic.owner] = _Session(state.nonce, state.epoch)
        if before is not None and before.epoch == state.epoch and before.nonce != state.nonce:
            detail = f"its hello has another head at entry {state.sequence}"
            self._alarm(topic, AlarmNote(AlarmCode.CLONE, detail, stream.epoch.hex()), at)

    def _pull(self, publisher: Publisher, topic: Topic, payload: bytes, at: datetime) -> None:
        pull = self._read(Pull, topic, payload, at)
        if pull is None:
            return
        device = self._store.device(topic.owner)
        if not _enrolled(device):
            self._alarm(topic, refusal(device, "a pull"), at)
        elif (note := publisher.pull(topic.owner, pull, at)) is not None:
            self._alarm(topic, note, at)

    def _renewal(self, issuer: Issuer, topic: Topic, payload: bytes, at: datetime) -> None:
        answer = issuer.answer(topic.owner, payload, self._store.database, at)
        if isinstance(answer, AlarmNote):
            self._alarm(topic, answer, at)
        else:
            self._issued.append(Outgoing(device_topic(topic.owner, Channel.CERTIFICATE), answer))

    def _piece(self, topic: Topic, payload: bytes, at: datetime) -> None:
        piece = self._read(EvidencePiece, topic, payload, at)
        if piece is None:
            return
        device = self._store.device(topic.owner)
        if piece.device != topic.owner:
            self._alarm(topic, AlarmNote(AlarmCode.FOREIGN_DEVICE, f"evidence of {piece.device}"), at)
        elif not _enrolled(device):
            self._alarm(topic, refusal(device, "evidence"), at)
        else:
            held = self._evidence.take(topic.owner, piece, at)
            self._held[topic.owner, piece.sha256] = held
            if held.refused == MISMATCH:
                detail = f"evidence {piece.sha256.hex()[:16]} is not what its name says"
                self._alarm(topic, AlarmNote(AlarmCode.MALFORMED, detail), at)

    def _evidence_acks(self, at: datetime, hold: int) -> list[Outgoing]:
        """What is held of each piece that parts came of; none for a device whose nonce is not known."""
        acks = [
            EvidenceAck(
                device=device,
                nonce=session.nonce,
                sha256=name,
                upto=held.upto,
                whole=held.whole,
                refused=held.refused,
                hold=hold,
                time=at,
            )
            for (device, name), held in self._held.items()
            if (session := self._sessions.get(device)) is not None
        ]
        return [
            Outgoing(device_topic(ack.device, Channel.EVIDENCE_ACK), encode(self._keys.sign(ACK, ack)))
            for ack in acks
        ]

    def _read(self, kind: type[M], topic: Topic, payload: bytes, at: datetime) -> M | None:
        try:
            return decode(kind, payload)
        except UnknownVersion as error:
            self._alarm(topic, AlarmNote(AlarmCode.VERSION, str(error)), at)
        except ContractError as error:
            self._alarm(topic, AlarmNote(AlarmCode.MALFORMED, str(error)), at)
        return None

    def _alarm(self, topic: Topic, note: AlarmNote, at: datetime) -> None:
        self._say(topic, note)
        self._store.raise_alarm(note, topic.owner, at)

    def _say(self, topic: Topic, note: AlarmNote) -> None:
        self._once.warning(f"{topic.owner} {note.code}", "%s: %s: %s", topic, note.code.value, note.detail)

    def _fault(self, topic: Topic, detail: str, at: datetime) -> None:
        self._once.error(AlarmCode.INTERNAL, "%s: %s", topic, detail)
        self._store.raise_alarm(AlarmNote(AlarmCode.INTERNAL, detail), topic.owner, at)

    def _ack(self, device: str, epoch: bytes, due: _Due, at: datetime, hold: int) -> Outgoing | None:
        """The acknowledgement of what is committed; None while the device's nonce is not known."""
        session = self._sessions.get(device)
        if session is None:
            return None
        stream = self._store.stream(device, epoch)
        upto, head = (0, genesis(device, epoch)) if stream is None else (stream.mark, stream.head)
        problem = due.problem
        if problem is Problem.GAP and due.gap_before <= upto:
            problem = Problem.NONE
        ack = Ack(
            device=device,
            nonce=session.nonce,
            epoch=epoch,
            upto=upto,
            head=head,
            want=upto + 1,
            problem=problem,
            time=at,
            reads=READS,
            hold=hold,
        )
        return Outgoing(device_topic(device, Channel.ACK), encode(self._keys.sign(ACK, ack)))


def _enrolled(device: Device | None) -> bool:
    return device is not None and device.status is DeviceStatus.ENROLLED
