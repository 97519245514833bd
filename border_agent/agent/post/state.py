"""How the post's devices are: this one says so, the others are remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct, structs

from border_agent.agent.desk import Desk
from border_agent.agent.kiosk import Kiosk
from border_agent.agent.post.believing import Heard
from border_agent.agent.post.parts import Say
from border_agent.agent.post.register import Register
from border_agent.agent.post.values import PostDevice, Presence
from border_agent.inspection.machine import Phase
from mqtt_schemas.post import PostState

STATE_SECONDS = 15.0
SILENT_SECONDS = 3 * STATE_SECONDS
LOOK_SECONDS = 1.0
"""A change is seen within this."""


class Condition(Struct, frozen=True, kw_only=True):
    """How this device is, in the statement's words."""

    role: str = ""
    gate: str = ""
    in_service: bool = True
    out_of_service: tuple[str, ...] = ()
    devices: dict[str, str] = {}
    collecting: bool = False
    waiting: int = 0
    unacknowledged: int = 0


def condition_of(kiosk: Kiosk, desk: Desk, unacknowledged: int) -> Condition:
    """The device as its own window sees it."""
    status, phases = kiosk.status(), [case.phase for case in desk.cases()]
    return Condition(
        role=status.role.value,
        gate=status.gate,
        in_service=status.in_service,
        out_of_service=tuple(reason.value for reason in kiosk.out_of_service()),
        devices={view.role.value: view.state.value for view in status.devices},
        collecting=Phase.COLLECTING in phases,
        waiting=phases.count(Phase.PROPOSED),
        unacknowledged=unacknowledged,
    )


class _Seen(Struct, frozen=True):
    state: PostState
    at: datetime
    heard: float


class States:
    """A `Part`. `devices` and `gate` may be asked from any thread."""

    def __init__(
        self,
        condition: Callable[[], Condition],
        register: Register,
        now: Callable[[], datetime],
        changed: Callable[[], None],
        stands: Callable[[], Mapping[str, object]],
    ) -> None:
        """`stands`: where this device's journal ends, said with each statement (see `Witnesses`)."""
        self._condition = condition
        self._register = register
        self._now = now
        self._changed = changed
        self._stands = stands
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._online = False
        self._said: Condition | None = None
        self._said_at = 0.0
        self._look_at = 0.0

    def gate(self, device: str) -> str:
        """Where a device stands, as it says."""
        with self._lock:
            seen = self._seen.get(device)
            return seen.state.gate if seen is not None else ""

    def devices(self, monotonic: float) -> tuple[PostDevice, ...]:
        """The other devices of this post, by name. Raises StoreError."""
        return tuple(self._view(record.device, record.role, monotonic) for record in self._register.others())

    def up(self, now: float) -> None:
        with self._lock:
            self._online, self._said = True, None
            self._look_at = now

    def down(self) -> None:
        with self._lock:
            self._online = False

    def heard(self, heard: Heard, now: float) -> None:
        if heard.record is None or not isinstance(heard.body, PostState):
            return
        state = heard.body
        with self._lock:
            before = self._seen.get(state.device)
            self._seen[state.device] = _Seen(state, self._now(), now)
        if before is None or _what(before.state) != _what(state):
            self._changed()

    def turn(self, say: Say, now: float) -> float | None:
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            condition = self._condition()
            if condition != self._said or now - self._said_at >= STATE_SECONDS:
                say(PostState, online=True, **structs.asdict(condition), **self._stands())
                self._said, self._said_at = condition, now
        return self._look_at

    def _view(self, device: str, role: str, monotonic: float) -> PostDevice:
        with self._lock:
            seen, online = self._seen.get(device), self._online
        if seen is None:
            return PostDevice(device=device, role=role, presence=Presence.NEVER if online else Presence.UNKNOWN)
        state = seen.state
        if not online:
            presence = Presence.UNKNOWN
        elif not state.online:
            presence = Presence.GONE
        else:
            presence = Presence.SILENT if monotonic - seen.heard > SILENT_SECONDS else Presence.HERE
        return PostDevice(
            device=device,
            role=role,
            presence=presence,
            gate=state.gate,
            heard_at=seen.at,
            in_service=state.in_service,
            out_of_service=state.out_of_service,
            devices=state.devices,
            collecting=state.collecting,
            waiting=state.waiting,
            unacknowledged=state.unacknowledged,
        )


def _what(state: PostState) -> tuple[object, ...]:
    """What is told, without when and in which session."""
    return (
        state.online,
        state.gate,
        state.in_service,
        state.out_of_service,
        state.devices,
        state.collecting,
        state.waiting,
    )
