"""The inspections and calls of other devices that wait here: bounded, and never older than a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, structs

from border_agent.agent.post.errors import NotBelieved
from border_agent.agent.post.parts import UNSAID_SECONDS
from border_agent.agent.post.values import PostProblemCode, RemoteCall
from border_agent.inspection.evidence import Evidence
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.errors import Malformed
from mqtt_schemas.outside import parse, reader
from mqtt_schemas.post import Called, CallState, Finished, PictureKind

MOST_WAITING = 500
MOST_CALLS = 100
MOST_PICTURE_BYTES = 64 * 1024 * 1024
"""Of all pictures together; the oldest inspections go without theirs."""
KEPT_SECONDS = 24 * 3600.0


class Waiting(Struct, frozen=True, kw_only=True):
    """A kiosk's finished inspection, as it was said."""

    id: str
    device: str
    session: bytes
    heard: float
    """When it was said last, by this device's monotonic clock."""
    first_heard: float
    direction: Direction
    started_at: datetime
    finished_at: datetime
    proposal: Decision
    evidence: Evidence
    pictures: Mapping[PictureKind, bytes]

    @property
    def picture_bytes(self) -> int:
        return sum(len(jpeg) for jpeg in self.pictures.values())


class _Call(Struct, frozen=True):
    call: RemoteCall
    session: bytes
    heard: float


class Shelf:
    """Not thread-safe."""

    def __init__(self) -> None:
        self.waiting: dict[str, Waiting] = {}
        """By inspection, in the order in which they were first heard of."""
        self._calls: dict[tuple[str, str], _Call] = {}
        self._sessions: dict[str, tuple[bytes, float]] = {}
        """Of each device: its session, and since when it is that one."""

    @property
    def calls(self) -> tuple[RemoteCall, ...]:
        """Open calls, the oldest first."""
        return tuple(sorted((held.call for held in self._calls.values()), key=lambda call: call.raised_at))

    def finished(self, body: Finished, now: float) -> None:
        """Keep one that waits. Raises NotBelieved where it contradicts itself, or is another device's."""
        evidence = _evidence(body)
        held = self.waiting.get(body.inspection_id)
        if held is not None and held.device != body.device:
            raise NotBelieved(body.device, PostProblemCode.NOT_ITS_PART, "another device's inspection")
        pictures: Mapping[PictureKind, bytes] = {
            one.kind: one.jpeg for one in body.pictures if one.kind is not PictureKind.UNKNOWN
        }
        self.waiting[body.inspection_id] = Waiting(
            id=body.inspection_id,
            device=body.device,
            session=body.session,
            heard=now,
            first_heard=held.first_heard if held is not None else now,
            direction=body.direction,
            started_at=body.started_at,
            finished_at=body.finished_at,
            proposal=body.proposal,
            evidence=evidence,
            # Said again after a restart of the kiosk it comes without.
            pictures=pictures or (held.pictures if held is not None else {}),
        )

    def owner(self, inspection: str) -> str:
        """The device that waits for its decision; empty: nobody here."""
        held = self.waiting.get(inspection)
        return held.device if held is not None else ""

    def remove(self, inspection: str) -> bool:
        return self.waiting.pop(inspection, None) is not None

    def shrink(self, now: float, spared: Iterable[str]) -> tuple[list[str], bool]:
        """Drop what is too old or too much, but none of `spared`: what was dropped, and whether for want of room."""
        spared = frozenset(spared)
        dropped = [one.id for one in self.waiting.values() if now - one.first_heard > KEPT_SECONDS]
        dropped = [one for one in dropped if one not in spared]
        for one in dropped:
            del self.waiting[one]
        crowded = len(self.waiting) > MOST_WAITING
        while len(self.waiting) > MOST_WAITING:
            # One device that floods the post must not push out what the others wait for.
            (loudest, _), *_ = Counter(one.device for one in self.waiting.values()).most_common(1)
            of_it = [one.id for one in self.waiting.values() if one.device == loudest]
            victim = next((one for one in of_it if one not in spared), of_it[0])
            del self.waiting[victim]
            dropped.append(victim)
        self._lighten()
        return dropped, crowded

    def called(self, body: Called, gate: str, now: float) -> bool:
        """A call as it stands; True where it is a new one."""
        key, new = (body.device, body.call), (body.device, body.call) not in self._calls
        if body.state not in (CallState.RAISED, CallState.ANSWERED):
            self._calls.pop(key, None)
            return False
        if new and len(self._calls) >= MOST_CALLS:
            del self._calls[next(iter(self._calls))]
        call = RemoteCall(
            id=body.call,
            device=body.device,
            gate=body.gate or gate,
            counter=body.counter,
            inspection=body.inspection_id,
            raised_at=body.raised_at,
            state=body.state,
            officer=body.officer,
        )
        self._calls[key] = _Call(call, body.session, now)
        return new

    def alive(self, device: str, session: bytes, now: float, up_at: float, spared: Iterable[str]) -> list[str]:
        """A device says how it is: what it has not said again since it, or this device, came back is over.

        Returns the inspections that are.
        """
        before, since = self._sessions.get(device, (session, up_at))
        if before != session:
            since = now
        self._sessions[device] = (session, since)
        since = max(since, up_at)
        if now - since < UNSAID_SECONDS:
            return []
        for key, held in tuple(self._calls.items()):
            if key[0] == device and (held.session != session or held.heard < since):
                del self._calls[key]
        spared = frozenset(spared)
        over = [
            one.id
            for one in self.waiting.values()
            if one.device == device and (one.session != session or one.heard < since) and one.id not in spared
        ]
        for inspection in over:
            del self.waiting[inspection]
        return over

    def _lighten(self) -> None:
        total = sum(one.picture_bytes for one in self.waiting.values())
        for one in tuple(self.waiting.values()):
            if total <= MOST_PICTURE_BYTES:
                return
            total -= one.picture_bytes
            self.waiting[one.id] = structs.replace(one, pictures={})


def _evidence(body: Finished) -> Evidence:
    try:
        evidence = parse(reader(Evidence), body.evidence, "evidence")
    except Malformed as error:
        raise NotBelieved(body.device, PostProblemCode.MALFORMED, error.detail) from None
    if (evidence.inspection_id, evidence.device) != (body.inspection_id, body.device):
        raise NotBelieved(body.device, PostProblemCode.MALFORMED, "evidence of another inspection")
    return evidence
