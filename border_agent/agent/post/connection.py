"""The connection to the post's own broker: one thread that keeps it up, hears what comes and says what is due."""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.agent.post.believing import Believing
from border_agent.agent.post.errors import NotBelieved
from border_agent.agent.post.parts import Part, earliest
from border_agent.agent.post.problems import PostProblems
from border_agent.agent.post.values import PostProblemCode
from border_agent.clock import Clock
from border_agent.reporting.errors import BadLine, LineDown, LineRefused
from border_agent.reporting.link import Link, Message, parse_broker
from border_agent.reporting.values import LineSettings
from border_agent.store import StoreError
from mqtt_schemas.errors import ContractError
from mqtt_schemas.post import (
    CHANNEL_OF,
    LAST_SERIAL,
    PostChannel,
    PostState,
    post_subscription,
    post_topic,
    sign_statement,
)

_log = logging.getLogger(__name__)

NONCE_BYTES = 16
LONGEST_WAIT = 5.0
_AFTER_FAULT = 1.0


class Connection:
    """A context manager. `wake`, `online`, `since` and `broker` may be asked from any thread."""

    def __init__(
        self,
        settings: LineSettings,
        *,
        post: str,
        device: str,
        role: str,
        gate: str,
        key: Ed25519PrivateKey,
        clock: Clock,
        believing: Believing,
        problems: PostProblems,
        changed: Callable[[], None],
    ) -> None:
        """Raises BadLine (an address or TLS file), BadTopic (a post without a proper name)."""
        self._settings = settings
        self._post = post
        self._device = device
        self._role = role
        self._gate = gate
        self._key = key
        self._clock = clock
        self._believing = believing
        self._problems = problems
        self._changed = changed
        self._parts: tuple[Part, ...] = ()
        self._topics = {channel: post_topic(post, device, channel) for channel in PostChannel}
        self._brokers = [parse_broker(url) for url in settings.brokers]
        self._link = Link(device, settings, clock, [post_subscription(post, channel) for channel in PostChannel])
        self._number = 0
        self._delay = settings.retry_first
        self._retry_at = 0.0
        self._due: float | None = None
        self._session = b""
        self._serial = 0
        self._refusals = 0
        self.online = False
        self.since: datetime = clock.now()
        self.broker = str(self._brokers[0])
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="post-line", daemon=True)

    def serve(self, *parts: Part) -> None:
        """Begin, for these parts."""
        self._parts = parts
        self._thread.start()

    def stop(self) -> None:
        """Take leave of the broker and end."""
        self._ending.set()
        self._link.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def wake(self) -> None:
        """Something is due."""
        self._due = 0.0
        self._link.wake()

    # Everything below runs in the line's thread.

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._turn()
            except (LineDown, LineRefused, BadLine) as error:
                self._lost(error)
            except Exception as error:
                # A store that fails among them: what is not believed because of it is said again when it is back.
                _log.exception("the post's line met a fault of its own")
                self._problems.met(PostProblemCode.INTERNAL, "", type(error).__name__)
                self._lost(error)
                self._ending.wait(_AFTER_FAULT)
        self._link.leave(self._farewell())
        self.online = False
        self._link.dispose()

    def _turn(self) -> None:
        now = time.monotonic()
        if not self._link.connected:
            if now < self._retry_at:
                self._link.wait(self._retry_at - now)
                return
            self._connect()
        due, self._due = self._due, None
        patience = LONGEST_WAIT if due is None else min(LONGEST_WAIT, max(0.0, due - now))
        for message in self._link.wait(patience):
            self._hear(message)
        if self._link.ready and not self.online:
            self._up()
        if self.online:
            self._speak()

    def _speak(self) -> None:
        if self._link.busy:
            return  # what is due stays due; the socket wakes us
        now = time.monotonic()
        due = earliest(*(part.turn(self._say, now) for part in self._parts))
        if due is not None:
            self._due = due if self._due is None else min(self._due, due)
        if self._link.refusals != self._refusals:
            self._refusals = self._link.refusals
            self._problems.met(PostProblemCode.NOT_SENT)

    def _connect(self) -> None:
        self._session, self._serial = secrets.token_bytes(NONCE_BYTES), 0
        address = self._brokers[self._number]
        self.broker = str(address)
        self._link.open(address, self._farewell())

    def _up(self) -> None:
        self.online, self.since = True, self._clock.now()
        self._delay = self._settings.retry_first
        self._problems.over(PostProblemCode.REFUSED)
        _log.info("the post's line is up: %s", self.broker)
        now = time.monotonic()
        for part in self._parts:
            part.up(now)
        self._changed()

    def _lost(self, error: Exception) -> None:
        """At once the next broker of the list; after all of them a pause, longer each time."""
        self._link.close()
        self._due = None
        if isinstance(error, LineRefused):
            self._problems.met(PostProblemCode.REFUSED, "", error.detail)
        if self.online:
            self.online, self.since = False, self._clock.now()
            _log.warning("the post's line is down: %s", error)
            for part in self._parts:
                part.down()
            self._changed()
        else:
            self._problems.counts.warn("line.failed", error)
        self._number = (self._number + 1) % len(self._brokers)
        if self._number:
            self._retry_at = 0.0
            return
        # Not for secrecy: the devices of a post must not all come back in the same moment.
        self._retry_at = time.monotonic() + self._delay * random.uniform(0.5, 1.0)  # noqa: S311
        self._delay = min(self._settings.retry_most, self._delay * 2)

    def _hear(self, message: Message) -> None:
        try:
            heard = self._believing.believe(message.topic, message.payload, self._session)
            if heard is None:
                return
            self._problems.counts.add(f"heard.{type(heard.body).__name__.lower()}")
            self._problems.over(PostProblemCode.NO_DEVICES, heard.body.device)
            now = time.monotonic()
            for part in self._parts:
                part.heard(heard, now)
        except NotBelieved as error:
            if self._problems.met(error.why, error.where, error.detail):
                self._changed()
        except StoreError as error:
            self._problems.met(PostProblemCode.STORE, "", error.code)

    def _say(self, kind: type, **fields: Any) -> int:
        self._serial += 1
        try:
            message = self._statement(kind, self._serial, **fields)
        except ContractError as error:
            # Every reader would refuse it; the line must not fall over it again and again.
            self._problems.met(PostProblemCode.INTERNAL, "", f"{kind.__name__}: {error.code}")
        else:
            self._link.publish(message, retain=kind is PostState)
        return self._serial

    def _statement(self, kind: type, serial: int, **fields: Any) -> Message:
        body = kind(device=self._device, session=self._session, serial=serial, at=self._clock.now(), **fields)
        return Message(self._topics[CHANNEL_OF[kind]], sign_statement(self._key, body))

    def _farewell(self) -> Message:
        """The last will, also sent when leaving in order."""
        return self._statement(PostState, LAST_SERIAL, online=False, role=self._role, gate=self._gate)
