"""The data centre, or one process of it (`duties`), at its broker: paho-mqtt around the desk and the publisher.

Two threads. The network's only puts messages into the inbox. The worker's takes a group, commits it,
acknowledges, and only then sends chunks, one for each device at a time; twice a second it looks whether
another process imported something or enrolled a device. Killed at any moment, what it acknowledged is on disk
and the rest comes again.
"""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from mqtt_schemas.centre.backlog import Backlog
from mqtt_schemas.centre.desk import Desk, Incoming
from mqtt_schemas.centre.duties import Duties
from mqtt_schemas.centre.errors import AlreadyRunning, BadConfiguration, DiskFull, ServerLost, StoreFailed
from mqtt_schemas.centre.evidence import EvidenceBook
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, complete_keys, keys_document
from mqtt_schemas.centre.inbox import Inbox
from mqtt_schemas.centre.keys import ROLES
from mqtt_schemas.centre.once import Once
from mqtt_schemas.centre.publisher import Outgoing, Publisher
from mqtt_schemas.centre.register import catch_up
from mqtt_schemas.centre.renewals import Issuer
from mqtt_schemas.centre.settling import Settler
from mqtt_schemas.centre.store import Store
from mqtt_schemas.topics import subscription

_log = logging.getLogger(__name__)

GROUP = 32
"""Messages in one commit at most, so that the first of a backlog is not answered too late."""

_WATCH_SECONDS = 0.5
_TIDY_SECONDS = 5.0
_KEEPALIVE_SECONDS = 30
_RECONNECT_SECONDS = (1, 4)
# Below some hundred: paho searches its window linearly.
_INFLIGHT = 50
_WAITING_MOST = 10_000
_QOS = 1
_SETTLING = "settling"
_PASSING = tuple(kind.__name__ for kind in (StoreFailed, DiskFull, ServerLost))
"""Troubles of the database that are over once it answers."""


class CentreService:
    """One running centre, or one process of several.

    Raises on construction what the folder, its keys and its database raise, AlreadyRunning where another process has
    one of these duties, BadConfiguration for a part of a centre that is stored in SQLite, and BadSignature where the
    keys document does not vouch for the keys: no device would believe this centre. A folder of an older version is
    brought up to this one: keys for new roles (KeysIncomplete where the root is elsewhere), the register as a feed.
    """

    def __init__(self, folder: CentreFolder, duties: Duties | None = None) -> None:
        self._duties = duties = duties or Duties()
        if not (duties.whole or folder.settings.store.url):
            raise BadConfiguration(str(folder.path), "several processes need PostgreSQL: [store] url")
        self._client = _client(folder, folder.settings.broker, duties.name)
        self._broker = folder.settings.broker
        self._database = folder.database()
        try:
            self._database.claim(*duties.claims)
            if duties.publishes:
                complete_keys(folder, self._database)
            keys = folder.keys(role for role in ROLES if duties.signs(role))
            keys.check(keys_document(self._database)[1], folder.root_public())
            if duties.publishes:
                catch_up(self._database, datetime.now(UTC))
        except BaseException:
            self._database.close()
            raise
        feeds = FeedStore(self._database)
        backlog = Backlog(self._database)
        self._publisher = Publisher(feeds, keys, folder.settings.publish, backlog) if duties.publishes else None
        self._settler = Settler(self._database, folder.settings.publish.uses_seconds) if duties.publishes else None
        """Of one process only: what visas and stays come to is a question about all devices."""
        issuer = Issuer(folder, keys) if duties.publishes else None
        # Where the database is a file of this machine, evidence leaves room on its disk for entries.
        evidence = EvidenceBook(self._database, disk=None if folder.settings.store.url else folder.path)
        self._desk = Desk(
            Store(self._database),
            keys,
            self._publisher,
            ingests=duties.ingests,
            issuer=issuer,
            evidence=evidence,
            backlog=backlog,
        )
        self._inbox = Inbox()
        self._tidied = 0.0
        self._once = Once(_log)
        self._online = threading.Event()
        """Connected: what is published goes out."""
        self._listening = threading.Event()
        """Subscribed: what devices send comes in."""
        self._arrived = threading.Event()
        """Set by the network at each new connection: the retained messages are to be published."""
        self._stopping = threading.Event()
        self.ended_by: AlreadyRunning | None = None
        """Why it ended by itself."""
        self.on_over: Callable[[], None] = lambda: None
        """Called when it ended by itself."""
        self._worker = threading.Thread(target=self._work, name="centre", daemon=True)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._unreachable
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._received

    @property
    def online(self) -> bool:
        """Whether it is at its broker and hears the devices."""
        return self._listening.is_set()

    @property
    def trouble(self) -> StoreFailed | None:
        """Why nothing is being acknowledged at present; None where all is well."""
        return self._desk.trouble

    def wait_online(self, timeout: float) -> bool:
        """Wait until it hears the devices; False where that took longer than `timeout` seconds."""
        return self._listening.wait(timeout)

    def start(self) -> None:
        """Start; the broker need not be there yet."""
        self._client.connect_async(self._broker.host, self._broker.port, _KEEPALIVE_SECONDS, clean_start=True)
        self._client.loop_start()
        self._worker.start()

    def stop(self) -> None:
        """Finish the group at hand, take leave of the broker, close the database."""
        self._stopping.set()
        self._inbox.wake()
        if self._worker.is_alive():
            self._worker.join()
        self._client.disconnect()
        self._client.loop_stop()
        self._database.close()

    # The network's thread. Nothing in here may wait or raise.

    def _connected(
        self, client: Client, _: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._once.warning("refused", "the broker refuses this centre: %s", reason)
            return
        # Before the broker has confirmed: the retained hellos, and so our answers, may come first.
        self._online.set()
        client.subscribe([(subscription(channel), _QOS) for channel in self._duties.channels])
        self._once.forget("refused", "offline", "unreachable")
        self._arrived.set()
        self._inbox.wake()
        _log.info("connected to %s:%d", self._broker.host, self._broker.port)

    def _subscribed(self, *_: Any) -> None:
        self._listening.set()

    def _unreachable(self, _client: Client, _: Any) -> None:
        self._once.warning("unreachable", "no broker at %s:%d", self._broker.host, self._broker.port)

    def _disconnected(
        self, _client: Client, _: Any, _flags: DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        self._online.clear()
        self._listening.clear()
        self._once.warning("offline", "the broker is gone: %s", reason)

    def _received(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        try:
            # Of a topic that is none nobody is the owner; whoever has it says so.
            if not self._duties.takes(message.topic.split("/", 3)[2]):
                return
            taken = self._inbox.put(Incoming(message.topic, bytes(message.payload)))
        except Exception as error:
            # A topic that is no UTF-8, at worst; an exception here would end paho's thread.
            self._once.error("received", "dropped a message: %s", error)
            return
        if not taken:
            self._once.warning("inbox", "too many messages wait; dropping what comes")

    # The worker's thread.

    def _work(self) -> None:
        watch = 0.0
        while not self._stopping.is_set():
            try:
                now = time.monotonic()
                chunk = self._publisher.wait(now) if self._publisher is not None else None
                settle = self._settler.wait(now) if self._settler is not None else watch
                longest = max(0.0, min(watch - now, settle, watch if chunk is None else chunk))
                taken = self._inbox.take(GROUP, longest)
                self._send(self._desk.handle(taken))
                if self._publisher is not None:
                    self._send(self._publisher.due(time.monotonic()))
                self._afterwards(len(taken))
                if self._arrived.is_set():
                    self._arrive()
                if time.monotonic() >= watch:
                    self._watch()
                    watch = time.monotonic() + _WATCH_SECONDS
            except AlreadyRunning as error:
                # While the database was gone another process took this one's place.
                _log.error("%s", error)
                self.ended_by = error
                self._stopping.set()
                self.on_over()
            except Exception as error:
                # Nothing is known to come here but a database that fails; the centre outlives it, and says so.
                self._once.error(type(error).__name__, "the centre's worker: %s", error)
                self._stopping.wait(_WATCH_SECONDS)

    def _afterwards(self, taken: int) -> None:
        """What need not be done before anything is acknowledged. Where there is no room for it, it waits."""
        now = time.monotonic()
        try:
            if self._settler is not None:
                self._settler.step(datetime.now(UTC), now, busy=taken > 0)
            if not taken and now >= self._tidied + _TIDY_SECONDS:
                self._tidied = now
                self._database.tidy()
            self._once.forget(_SETTLING)
        except DiskFull as error:
            self._once.warning(_SETTLING, "visas and stays wait to be settled: %s", error.detail)

    def _arrive(self) -> None:
        """On a new connection: the broker may have forgotten everything, and devices pull again."""
        self._arrived.clear()
        if self._publisher is None:
            return
        self._publisher.forget_all()
        try:
            self._send(self._publisher.heads(datetime.now(UTC)))
        except Exception:
            self._arrived.set()
            raise

    def _watch(self) -> None:
        """Publish what another process imported, and heads that have aged; see that network and database live."""
        if self._publisher is not None:
            self._send(self._publisher.news(datetime.now(UTC)))
        else:
            self._database.one("SELECT 1")
        self._once.forget(*_PASSING)
        # Without effect while paho's thread lives.
        self._client.loop_start()

    def _send(self, messages: list[Outgoing]) -> None:
        for message in messages:
            # Offline, paho would keep it for a session whose nonce is gone by then.
            if self._online.is_set():
                self._client.publish(message.topic, message.payload, _QOS, message.retain)


def run(path: Path, duties: Duties | None = None, *, ready: Callable[[], None] | None = None) -> None:
    """Run the centre of a folder, or one process of it, until SIGTERM or SIGINT; in a program's main thread.

    `ready` is called once it is at its broker for the first time. Raises AlreadyRunning, also later where another
    process took its place while the database was gone, and what CentreFolder and CentreService raise.
    """
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    service = CentreService(CentreFolder(path), duties)
    service.on_over = ended.set
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    service.start()
    try:
        while not ended.is_set() and not service.wait_online(_WATCH_SECONDS):
            continue
        if ready is not None and not ended.is_set():
            ready()
        ended.wait()
    finally:
        service.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
    if service.ended_by is not None:
        raise service.ended_by


def _client(folder: CentreFolder, broker: BrokerSettings, name: str) -> Client:
    """A client with the process's TLS identity. Raises BadConfiguration where its files are no good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(folder.file(broker.ca))
        certificate, key = (folder.file(file.replace("{name}", name)) for file in (broker.certificate, broker.key))
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise BadConfiguration(str(folder.path), f"TLS files: {error}") from None
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
    client.tls_set_context(context)
    client.suppress_exceptions = True
    client.max_inflight_messages_set(_INFLIGHT)
    client.max_queued_messages_set(_WAITING_MOST)
    client.reconnect_delay_set(*_RECONNECT_SECONDS)
    client.on_socket_open = _without_delay
    return client


def _without_delay(_client: Client, _: Any, connection: Any) -> None:
    """An acknowledgement is one small packet: Nagle's algorithm would hold it back some 40 ms."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
