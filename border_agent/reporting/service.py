"""Reporting as the agent sees it: start it, ask it how things stand, stop it. It survives everything else.

One thread does all of it. It waits on the line and on a wake-up that every commit gives, so a decision is on its way
at once. Whatever comes malformed is refused with a typed error, counted, and logged once a kind; a store that fails
is a problem that is shown, and tried again; a fault of our own closes the line and begins anew.
"""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from border_agent.clock import Clock
from border_agent.reporting.counts import Counts
from border_agent.reporting.downlink import Downlink
from border_agent.reporting.enrolled import DeviceKeys, Enrolled
from border_agent.reporting.errors import BadLine, LineDown, LineRefused, NotInstalled
from border_agent.reporting.evidence_up import EvidenceUp
from border_agent.reporting.keys import BelievedKeys
from border_agent.reporting.link import Link, Message, parse_broker
from border_agent.reporting.problems import Problems
from border_agent.reporting.renewal import Renewal
from border_agent.reporting.stick import StickImport, StickReport
from border_agent.reporting.uplink import Uplink
from border_agent.reporting.values import (
    Listener,
    ProblemCode,
    ReportingEvent,
    ReportingSettings,
    ReportingStatus,
)
from border_agent.store import Journal, Lists, Notes, Receipt, Staging, Store, StoreError
from border_agent.store.evidence_waiting import EvidenceWaiting
from mqtt_schemas.errors import ContractError
from mqtt_schemas.messages import State, encode
from mqtt_schemas.topics import Channel, device_topic, parse_topic, subscription

_log = logging.getLogger(__name__)

NONCE_BYTES = 16
LONGEST_WAIT = 5.0
_AFTER_FAULT = 1.0
_KEYS_SECONDS = 10.0
"""The retained keys document comes with the subscription; so much later it is missing."""


class ReportingService:
    """The journal up and the lists down. `status` may be called from any thread, the rest from the agent's."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        clock: Clock,
        settings: ReportingSettings,
        enrolled: tuple[Enrolled, DeviceKeys] | None = None,
        sealing: X25519PrivateKey | None = None,
    ) -> None:
        """`enrolled`: its certificates and keys, where it is to renew them by itself. `sealing`: what opens lists
        that are sealed to this device.

        Raises BadLine (an address or TLS file), BadRoot, StoreError. The brokers need not be there yet.
        """
        self._journal = journal
        self._clock = clock
        self._settings = settings
        self._device = journal.device
        self._brokers = [parse_broker(url) for url in settings.brokers]
        if not self._brokers:
            raise BadLine("brokers", "none given")
        self._listeners: list[Listener] = []
        self._counts = Counts(_log)
        self._problems = Problems(clock, self._tell)
        self._keys = BelievedKeys(Notes(store), settings.root)
        channels = (
            Channel.ACK,
            Channel.CHUNK,
            Channel.EVIDENCE_ACK,
            *((Channel.CERTIFICATE,) if enrolled is not None else ()),
        )
        topics = (device_topic(self._device, channel) for channel in channels)
        self._link = Link(self._device, settings, clock, (*topics, subscription(Channel.FEED_HEAD)))
        self._uplink = Uplink(
            journal,
            self._keys,
            self._link,
            clock,
            settings,
            self._counts,
            self._problems,
            self._tell,
            self._greet,
        )
        self._staging, self._sealing, self._importing = Staging(store), sealing, threading.Lock()
        self._downlink = Downlink(
            self._device,
            Lists(store),
            self._staging,
            self._keys,
            self._link,
            clock,
            settings,
            self._counts,
            self._problems,
            self._tell,
            sealing,
        )
        self._evidence = EvidenceUp(self._device, EvidenceWaiting(store), self._keys, self._link, clock, self._counts)
        self._renewal = Renewal(*enrolled, journal, self._link, clock, self._counts) if enrolled is not None else None
        self._nonce = b""
        self._broker = 0
        self._tried = self._brokers[0]
        self._delay = settings.retry_first
        self._retry_at = 0.0
        self._online = False
        self._online_at = 0.0
        self._paused_until = 0.0
        self._since = clock.now()
        self._started_at: datetime = self._since
        self._refusals = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporting", daemon=True)
        self._snapshot = self._take_snapshot()
        journal.on_commit(self._committed)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Take leave of the broker and end. What is not acknowledged stays in the journal."""
        self._stopping.set()
        self._link.wake()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def status(self) -> ReportingStatus:
        """How things stand."""
        try:
            position, mark = self._journal.position(), self._journal.mark()
        except StoreError:
            # The problem stands in the snapshot, or will in a moment.
            return self._snapshot
        # The journal grows between two turns of the thread: "everything acknowledged" must not be said too early.
        return structs.replace(
            self._snapshot,
            last_sequence=position.sequence,
            acknowledged=mark.sequence,
            last_ack_at=mark.at,
            paused=self._pause_left() > 0,
        )

    def pause(self, seconds: float) -> None:
        """Treat the line as cut for so long: an exercise. It is taken up again by itself, or by `resume`."""
        self._paused_until = time.monotonic() + seconds
        self._link.wake()

    def resume(self) -> None:
        """The exercise is over."""
        self._paused_until = 0.0
        self._link.wake()

    def _pause_left(self) -> float:
        return self._paused_until - time.monotonic()

    def import_lists(self, file: BinaryIO) -> StickReport:
        """Take lists from a stick, line or no line; from any thread. Raises as `StickImport.take` does."""

        def installed(feed: str, version: int) -> None:
            self._tell(ReportingEvent(kind="list_installed", subject=feed, version=version))

        bundle = StickImport(
            self._device,
            self._staging,
            self._keys,
            self._clock,
            self._sealing,
            feeds=self._settings.feeds,
            installed=installed,
            importing=self._downlink.importing,
        )
        with self._importing:
            report = bundle.take(file)
        # The line says so to the centre, and goes on from here.
        self._link.wake()
        return report

    def on_event(self, listener: Listener) -> None:
        """Be told of what happens (see `ReportingEvent`); before `start`."""
        self._listeners.append(listener)

    def _committed(self, _receipt: Receipt) -> None:
        self._link.wake()

    def _tell(self, event: ReportingEvent) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:
                self._counts.warn("listener", error)

    # Everything below runs in reporting's thread.

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except (LineDown, LineRefused, BadLine) as error:
                self._line_lost(error)
            except StoreError as error:
                self._problems.begin(ProblemCode.STORE, "", str(error))
                self._line_lost(error)
                self._stopping.wait(_AFTER_FAULT)
            except Exception as error:
                _log.exception("reporting met a fault of its own")
                self._problems.begin(ProblemCode.INTERNAL, "", f"{type(error).__name__}: {error}")
                self._line_lost(error)
                self._stopping.wait(_AFTER_FAULT)
            self._publish_snapshot()
        self._link.leave(self._farewell())
        self._online = False
        self._link.dispose()
        self._publish_snapshot()

    def _turn(self) -> None:
        if (left := self._pause_left()) > 0:
            if self._link.connected:
                raise LineDown(str(self._tried), "cut for an exercise")
            self._link.wait(min(left, LONGEST_WAIT))
            return
        now = time.monotonic()
        if not self._link.connected:
            if now < self._retry_at:
                self._link.wait(self._retry_at - now)
                return
            self._connect()
        self._take(self._link.wait(self._patience(now)))
        if self._link.ready and not self._online:
            self._line_up()
        if self._online:
            now = time.monotonic()
            self._uplink.run(now)
            self._downlink.run(now)
            self._evidence.run(now, self._uplink.rewinds, idle=self._uplink.drain.idle)
            if self._renewal is not None and self._uplink.answered:
                self._renewal.run(now)
            self._announce()
            self._problems.end(ProblemCode.INTERNAL)
            self._problems.end(ProblemCode.STORE)

    def _patience(self, now: float) -> float:
        times = [now + LONGEST_WAIT]
        if self._online:
            times += [
                time for time in (self._uplink.drain.deadline(now), self._downlink.deadline(now)) if time is not None
            ]
            if self._uplink.drain.idle and (evidence := self._evidence.deadline(now)) is not None:
                times.append(evidence)
        return max(0.0, min(times) - now)

    def _connect(self) -> None:
        self._nonce = secrets.token_bytes(NONCE_BYTES)
        self._tried = self._brokers[self._broker]
        self._link.open(self._tried, self._farewell())

    def _line_up(self) -> None:
        self._online, self._since, self._online_at = True, self._clock.now(), time.monotonic()
        self._delay = self._settings.retry_first
        self._problems.end(ProblemCode.REFUSED)
        _log.info("line up: %s", self._tried)
        self._uplink.online(self._nonce)
        self._downlink.online()
        self._evidence.online(self._nonce)
        self._tell(ReportingEvent(kind="line_up"))

    def _line_lost(self, error: Exception) -> None:
        """Note it, and when to try which broker next: at once the next of the list, after all of them a pause."""
        self._link.close()
        self._uplink.offline()
        self._downlink.offline()
        self._evidence.offline()
        if isinstance(error, LineRefused):
            self._problems.begin(ProblemCode.REFUSED, "", str(error))
        if self._online:
            self._online, self._since = False, self._clock.now()
            _log.warning("line down: %s", error)
            self._tell(ReportingEvent(kind="line_down"))
        else:
            self._counts.warn("line.failed", error)
        self._broker = (self._broker + 1) % len(self._brokers)
        if self._broker:
            self._retry_at = 0.0
            return
        # Not for secrecy: many devices must not come back in the same second.
        self._retry_at = time.monotonic() + self._delay * random.uniform(0.5, 1.0)  # noqa: S311
        self._delay = min(self._settings.retry_most, self._delay * 2)

    def _take(self, messages: Sequence[Message]) -> None:
        for message in messages:
            try:
                self._one(message)
            except (ContractError, NotInstalled) as error:
                self._counts.warn(f"wire.{error.code}", error)
            except StoreError as error:
                self._problems.begin(ProblemCode.STORE, "", str(error))

    def _one(self, message: Message) -> None:
        topic = parse_topic(message.topic)
        match topic.channel:
            case Channel.ACK:
                self._evidence.hold(self._uplink.acknowledged(message.payload), time.monotonic())
            case Channel.CHUNK:
                self._downlink.chunk(message.payload, time.monotonic())
            case Channel.EVIDENCE_ACK:
                self._evidence.acknowledged(message.payload, time.monotonic())
            case Channel.FEED_HEAD:
                if self._downlink.headed(topic.feed, message.payload):
                    self._uplink.keys_changed()
            case Channel.CERTIFICATE if self._renewal is not None:
                if number := self._renewal.taken(message.payload):
                    self._tell(ReportingEvent(kind="certificate_renewed", version=number))
                    raise LineDown(str(self._tried), "to be taken up with the new certificate")
            case _:
                self._counts.warn("wire.upward", "an upward message came down")

    def _greet(self) -> None:
        """Publish the hello, retained. The centre then forgets what it was about to send: pulls begin anew."""
        position, mark = self._journal.position(), self._journal.mark()
        state = State(
            device=self._device,
            online=True,
            nonce=self._nonce,
            epoch=position.epoch,
            sequence=position.sequence,
            head=position.head,
            acknowledged=mark.sequence,
            role=self._settings.role,
            software=self._settings.software,
            started_at=self._started_at,
            clock=self._clock.read().quality,
            lists=self._downlink.versions(),
            health={problem.code.value: problem.subject for problem in self._problems.standing},
        )
        self._link.publish(Message(device_topic(self._device, Channel.STATE), encode(state)), retain=True)
        self._downlink.online()
        self._downlink.changed = False

    def _announce(self) -> None:
        """Say which lists are installed now, once nothing more is on its way."""
        if self._downlink.changed and not self._downlink.busy and self._uplink.answered:
            self._greet()

    def _farewell(self) -> Message:
        """The last will, also sent when leaving in order."""
        state = State(device=self._device, online=False, nonce=self._nonce)
        return Message(device_topic(self._device, Channel.STATE), encode(state))

    def _publish_snapshot(self) -> None:
        if self._link.refusals != self._refusals:
            self._counts.warn("sent.refused", "the broker's access rules refuse what this device sends")
            self._refusals = self._link.refusals
        if self._keys.ring is not None:
            self._problems.end(ProblemCode.NO_KEYS)
        elif self._online and time.monotonic() - self._online_at > _KEYS_SECONDS:
            self._problems.begin(ProblemCode.NO_KEYS)
        try:
            self._snapshot = self._take_snapshot()
        except StoreError as error:
            self._problems.begin(ProblemCode.STORE, "", str(error))

    def _take_snapshot(self) -> ReportingStatus:
        position, mark = self._journal.position(), self._journal.mark()
        left = self._evidence.left(time.monotonic())
        return ReportingStatus(
            online=self._online,
            since=self._since,
            broker=str(self._tried),
            last_sequence=position.sequence,
            acknowledged=mark.sequence,
            last_ack_at=mark.at,
            answered=self._uplink.answered,
            problems=self._problems.standing,
            feeds=self._downlink.states(),
            keys_version=self._keys.version,
            keys_expires=self._keys.expires,
            counts=self._counts.snapshot(),
            evidence_pieces=left.pieces,
            evidence_bytes=left.size,
        )
