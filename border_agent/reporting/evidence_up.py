"""The evidence up: records and pictures, after the entries that name them, as `EvidenceFlow` decides.

The centre's signed answers say how much it holds. That it holds all of a piece is noted durably, several at once:
only after that may the piece be erased here. A lost note costs one part of it sent twice.
"""

from __future__ import annotations

from border_agent.clock import Clock
from border_agent.reporting.counts import Counts
from border_agent.reporting.evidence_flow import EvidenceFlow, Part, Piece
from border_agent.reporting.keys import BelievedKeys
from border_agent.reporting.link import Link, Message
from border_agent.store import StoreDamaged, StoreError
from border_agent.store.evidence_places import NOWHERE
from border_agent.store.evidence_waiting import EvidenceWaiting, Waiting, WaitingPiece
from mqtt_schemas.errors import BadSignature
from mqtt_schemas.keys import ACK
from mqtt_schemas.messages import EvidenceAck, EvidencePiece, Signed, decode, decode_body, encode
from mqtt_schemas.topics import Channel, device_topic

SAVE_SECONDS = 1.0
"""Between two notes of what the centre holds: each is a durable commit, and decisions make some too."""
LOOK_SECONDS = 2.0
"""Between two looks whether something new waits."""
AGAIN_SECONDS = 60.0
"""What the centre refused, or all of it where it has no room, is offered again so much later."""
STORE_SECONDS = 5.0
COUNT_SECONDS = 15.0
FULL = "full"


class EvidenceUp:
    """Sends evidence and believes answers. Used by reporting's thread."""

    def __init__(
        self, device: str, waiting: EvidenceWaiting, keys: BelievedKeys, link: Link, clock: Clock, counts: Counts
    ) -> None:
        self._device = device
        self._waiting = waiting
        self._keys = keys
        self._link = link
        self._clock = clock
        self._counts = counts
        self._topic = device_topic(device, Channel.EVIDENCE)
        self._flow = EvidenceFlow()
        self._pieces: dict[bytes, WaitingPiece] = {}
        self._read: tuple[bytes, bytes] = (b"", b"")
        """Name and bytes of the piece at hand."""
        self._nonce = b""
        self._rewinds = 0
        self._doubted = False
        self._idle = False
        self._place = NOWHERE
        self._look_at = 0.0
        self._again_at = 0.0
        self._whole: list[bytes] = []
        self._save_at = 0.0
        self._store_at = 0.0
        self._left = Waiting(pieces=0, size=0)
        self._count_at = 0.0

    def online(self, nonce: bytes) -> None:
        """A session begins."""
        self._nonce = nonce
        self._forget()

    def offline(self) -> None:
        """The line is gone."""
        self._forget()

    def run(self, now: float, rewinds: int, *, idle: bool) -> None:
        """Do what is due. `rewinds`: how often the centre was found put back to an earlier state since the start;
        `idle`: it has all of the journal.

        Raises LineDown. A store that fails is tried again later: the entries come first, and say that it fails.
        """
        if rewinds != self._rewinds:
            # Perhaps it has lost evidence of entries that it still has.
            self._doubted = True
        self._rewinds = rewinds
        if now < self._store_at:
            return
        try:
            self._run(now, idle)
        except StoreError as error:
            self._counts.warn("evidence.store", error)
            self._store_at = now + STORE_SECONDS

    def deadline(self, now: float) -> float | None:
        """When `run` may have something to do though nothing was heard, as long as the journal is idle."""
        if self._keys.ring is None or self._link.busy:
            # A message, or a socket that takes more, ends that.
            return None
        times = [self._look_at] if self._flow.wants else []
        times += [self._save_at] if self._whole else []
        due = self._flow.deadline(now)
        return max(now, self._store_at, min(times + ([due] if due is not None else []), default=now + LOOK_SECONDS))

    def _run(self, now: float, idle: bool) -> None:
        if self._doubted:
            self._waiting.doubt()
            self._doubted = False
            self._whole.clear()
            self._forget()
        self._save(now)
        if idle and not self._idle:
            self._look_at = now  # the evidence of entries that have just been acknowledged
        self._idle = idle
        if not idle or self._keys.ring is None:
            return
        self._look(now)
        while not self._link.busy and (part := self._flow.next(now)) is not None:
            self._send(part, now)

    def left(self, now: float) -> Waiting:
        """How much the centre does not have, as it was some seconds ago at most. Raises StoreError."""
        if now >= self._count_at:
            self._left, self._count_at = self._waiting.count(), now + COUNT_SECONDS
        return self._left

    def hold(self, seconds: int, now: float) -> None:
        """The centre's word: others have entries of an outage to send, and the line may be theirs as well."""
        if seconds:
            self._counts.add("evidence.held")
            self._flow.pause(now + seconds)

    def acknowledged(self, payload: bytes, now: float) -> None:
        """Take in what came on `down/evidence-ack`. Raises ContractError."""
        signed = decode(Signed, payload)
        ring = self._keys.ring
        if ring is None:
            self._counts.add("evidence.before_keys")
            return
        ack = decode_body(EvidenceAck, signed.body)
        ring.verify(signed, ACK, at=ack.time)
        if ack.device != self._device:
            raise BadSignature("evidence-ack", "for another device")
        if ack.nonce != self._nonce:
            self._counts.warn("evidence.foreign_nonce", "an answer about evidence of another session")
            return
        self.hold(ack.hold, now)
        if ack.refused:
            self._counts.warn("evidence.refused", f"{ack.sha256.hex()[:16]}: {ack.refused}")
        if ack.refused == FULL:
            self._flow.pause(now + AGAIN_SECONDS)
            self._pieces.clear()
        if self._flow.answered(ack.sha256, ack.upto, now, whole=ack.whole, refused=bool(ack.refused)):
            self._counts.add("evidence.whole")
            self._whole.append(ack.sha256)
            self._pieces.pop(ack.sha256, None)

    def _look(self, now: float) -> None:
        """Bring more pieces; behind the last one begin again, so that what was refused is offered once more."""
        if now < self._look_at or not self._flow.wants:
            return
        found = self._waiting.after(self._place)
        if not found:
            self._look_at = now + LOOK_SECONDS
            if now >= self._again_at:
                self._place = NOWHERE
            return
        if self._place == NOWHERE:
            self._again_at = now + AGAIN_SECONDS
        self._place = found[-1].place
        # Said to be held, and not yet noted: it would be asked for nothing.
        fresh = [piece for piece in found if piece.name not in self._whole]
        self._pieces |= {piece.name: piece for piece in fresh}
        self._flow.add(Piece(piece.name, piece.size, piece.sent, piece.place) for piece in fresh)

    def _send(self, part: Part, now: float) -> None:
        piece = self._pieces.get(part.name)
        data = self._bytes_of(part.name) if piece is not None else None
        if piece is None or data is None:
            self._flow.drop(part.name)
            return
        message = EvidencePiece(
            device=self._device,
            sha256=piece.name,
            size=piece.size,
            offset=part.start,
            data=data[part.start : part.end],
            kind=piece.kind,
            epoch=piece.epoch,
            sequence=piece.place[1],
        )
        payload = encode(message)
        self._link.publish(Message(self._topic, payload))
        self._flow.sent(part, now)
        self._counts.add("evidence.sent")
        self._counts.add("evidence.sent_bytes", len(payload))

    def _bytes_of(self, name: bytes) -> bytes | None:
        if self._read[0] != name:
            try:
                data = self._waiting.read(name)
            except StoreDamaged as error:
                self._counts.warn("evidence.unreadable", error)
                return None
            if data is None:
                return None
            self._read = (name, data)
        return self._read[1]

    def _save(self, now: float) -> None:
        """Note durably what the centre holds, one commit for all that came together."""
        if not self._whole or now < self._save_at:
            return
        self._save_at = now + SAVE_SECONDS
        self._waiting.whole(self._whole, self._clock.now())
        self._whole.clear()

    def _forget(self) -> None:
        self._flow.online()
        self._pieces.clear()
        self._read = (b"", b"")
        self._place = NOWHERE
        self._look_at = self._again_at = 0.0
