"""The post as one place, as this device's agent sees it: a kiosk hands over, a counter takes over, over the post's
own broker, with or without a line to the data centre.

Nothing here is the truth. What a kiosk has finished is in its own journal, and told again until a counter has
decided; what a counter decides is in that one's. Where no such network is configured, nobody else is there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.agent.calls import Calls
from border_agent.agent.desk import QUEUE, Desk
from border_agent.agent.hub import Hub
from border_agent.agent.post.believing import Believing
from border_agent.agent.post.connection import Connection
from border_agent.agent.post.counter_side import CounterSide
from border_agent.agent.post.decisions import Decisions
from border_agent.agent.post.hands import Hands
from border_agent.agent.post.kiosk_side import KioskSide
from border_agent.agent.post.parts import Part
from border_agent.agent.post.problems import PostProblems
from border_agent.agent.post.register import Register
from border_agent.agent.post.state import Condition, States
from border_agent.agent.post.values import (
    POST_KEY,
    ClaimView,
    PostDevice,
    PostLineStatus,
    RemoteCall,
    RemoteInspection,
)
from border_agent.agent.post.witnesses import Witnesses
from border_agent.agent.recorder import Recorder
from border_agent.clock import Clock
from border_agent.config import KioskSection, Role
from border_agent.reporting.values import LineSettings
from border_agent.store import EvidenceStore, Lists, Passages, Store
from border_agent.store.referrals import Referrals
from mqtt_schemas.entries import Decision
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.post import CallState

Lost = Callable[[str, ClaimView], None]
"""Told that an inspection in hand here is another device's now. Called in the line's thread; must not wait."""


class PostLine:
    """A context manager: entering starts it, leaving stops it. Any method may be called from any thread."""

    def __init__(
        self,
        settings: LineSettings | None,
        *,
        post: str,
        device: str,
        role: Role,
        hall: KioskSection,
        key: Ed25519PrivateKey,
        store: Store,
        clock: Clock,
        hub: Hub,
        desk: Desk,
        recorder: Recorder,
        calls: Calls,
        condition: Callable[[], Condition],
    ) -> None:
        """`settings`: see `values.line_settings`; None: there is no post's network here. `key`: the journal key.
        `condition`: how this device is (see `state.condition_of`).

        Raises BadLine (an address or TLS file), BadTopic (the post has no proper name).
        """
        self._clock = clock
        self._hub = hub
        self._since = clock.now()
        self._lost: list[Lost] = []
        self._problems = PostProblems(clock.now, time.monotonic)
        register = Register(Lists(store), post, device, time.monotonic)
        self._witnesses = Witnesses(store, clock.now)
        self._states = States(condition, register, clock.now, self._changed, self._witnesses.stands)
        self._connection: Connection | None = None
        if settings is not None:
            self._connection = Connection(
                settings,
                post=post,
                device=device,
                role=role.value,
                gate=hall.gate,
                key=key,
                clock=clock,
                believing=Believing(
                    post=post,
                    device=device,
                    public=public_bytes(key),
                    register=register,
                    monotonic=time.monotonic,
                ),
                problems=self._problems,
                changed=self._changed,
            )
        decisions = Decisions(Passages(store))
        self._hands = Hands(
            device=device,
            decisions=decisions,
            changed=self._moved,
            lost=self._tell_lost,
            wake=self._wake,
            monotonic=time.monotonic,
        )
        self._counter = CounterSide(
            desk=desk,
            hub=hub,
            hands=self._hands,
            decisions=decisions,
            problems=self._problems,
            gate=self._states.gate,
            changed=self._moved,
            wake=self._wake,
            monotonic=time.monotonic,
        )
        self._kiosk: KioskSide | None = None
        if role is Role.KIOSK and settings is not None:
            self._kiosk = KioskSide(
                device=device,
                hall=hall,
                desk=desk,
                recorder=recorder,
                referrals=Referrals(store),
                evidence=EvidenceStore(store),
                calls=calls,
                hub=hub,
                problems=self._problems,
                now=clock.now,
                wake=self._wake,
            )
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._connection is not None:
            side: tuple[Part, ...] = (self._counter, self._hands)
            if self._kiosk is not None:
                side = (self._open.enter_context(self._kiosk),)
            self._open.callback(self._connection.stop)
            self._connection.serve(self._states, self._witnesses, *side)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def status(self) -> PostLineStatus:
        """How things stand."""
        line = self._connection
        return PostLineStatus(
            configured=line is not None,
            online=line is not None and line.online,
            since=line.since if line is not None else self._since,
            broker=line.broker if line is not None else "",
            problems=self._problems.standing(),
            counts=self._problems.counts.snapshot(),
        )

    def devices(self) -> tuple[PostDevice, ...]:
        """The post's other devices, by name. Raises StoreError."""
        return self._states.devices(time.monotonic()) if self._connection is not None else ()

    def on_lost(self, listener: Lost) -> None:
        """Be told of inspections lost to another counter; before entering."""
        self._lost.append(listener)

    # A counter's.

    def waiting(self) -> tuple[RemoteInspection, ...]:
        """What kiosks have finished and nobody has decided, the oldest first."""
        return self._counter.waiting()

    def claim(self, inspection: str) -> ClaimView | None:
        """Who of the post has it in hand, this device included; None: nobody."""
        return self._hands.holder(inspection)

    def holds(self, inspection: str) -> bool:
        """Whether this device has it in hand."""
        return self._hands.holds(inspection)

    def take(self, inspection: str, officer: str, counter: str = "") -> bool:
        """Take it in hand; the same again keeps it. True: alone, because the post's network is away. Waits up to 2 s.

        It is held until `release` or `decided`, or until nobody has called `keep` for a minute. Raises HeldElsewhere,
        DecidedElsewhere.
        """
        return self._hands.take(inspection, officer, counter)

    def keep(self, inspection: str) -> None:
        """Somebody still works on it. Raises HeldElsewhere where it was lost to another counter."""
        self._hands.keep(inspection)

    def release(self, inspection: str) -> None:
        """Give it back; nothing happens where it is not in hand."""
        self._hands.release(inspection)

    def decided(self, inspection: str, decision: Decision, officer: str) -> None:
        """Tell everybody what this device's journal has: after the commit, again for an hour to whoever asks."""
        self._counter.decided(inspection, decision, officer)

    def calls(self) -> tuple[RemoteCall, ...]:
        """Calls for an officer that are open at other devices, the oldest first."""
        return self._counter.calls()

    def answer_call(self, call: str, officer: str) -> None:
        """An officer is on the way. Raises NoSuchRemoteCall, PostAway."""
        self._counter.take_call(call, CallState.ANSWERED, officer)

    def end_call(self, call: str, officer: str) -> None:
        """The officer has dealt with it. Raises NoSuchRemoteCall, PostAway."""
        self._counter.take_call(call, CallState.ENDED, officer)

    def _wake(self) -> None:
        if self._connection is not None:
            self._connection.wake()

    def _changed(self) -> None:
        self._hub.publish(POST_KEY)

    def _moved(self, inspection: str) -> None:
        self._hub.publish(inspection)
        self._hub.publish(QUEUE)
        self._hub.publish(POST_KEY)

    def _tell_lost(self, inspection: str, to: ClaimView) -> None:
        for listener in self._lost:
            listener(inspection, to)
