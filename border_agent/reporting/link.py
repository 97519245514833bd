"""The line: one connection to one broker at a time, driven by its caller's own loop.

paho-mqtt speaks MQTT here, but runs no thread: the caller waits in `wait`, and everything happens there. So a
decision reaches the wire without a hand-over between threads, no lock of paho's can meet one of ours, and an
exception in a callback cannot kill a thread that nobody looks after. Each connection is a new client with a clean
start: what an old one had queued belongs to a session whose nonce is gone.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from border_agent.clock import Clock
from border_agent.config import MqttVersion
from border_agent.reporting.errors import BadLine, LineDown, LineRefused
from border_agent.reporting.values import LineSettings
from mqtt_schemas.messages import LARGEST_MESSAGE

_log = logging.getLogger(__name__)

DEFAULT_PORT: Final = 8883
CONNECT_SECONDS: Final = 5.0
READY_SECONDS: Final = 15.0
"""From the TLS handshake to the granted subscriptions."""
QOS: Final = 1

_PACKET_ROOM: Final = 4096
_INFLIGHT: Final = 40
_MISC_SECONDS: Final = 1.0
_SILENT: Final = "no answer to the subscription"
_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL (x509_vfy.h); Python gives it no name."""


class Address(Struct, frozen=True):
    """A broker."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Message(Struct, frozen=True):
    """What came."""

    topic: str
    payload: bytes


def parse_broker(url: str) -> Address:
    """A broker's address from `mqtts://host[:port]`. Raises BadLine: without TLS there is no line at all."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadLine(url, str(error)) from None
    if parts.scheme != "mqtts" or not host or parts.path not in ("", "/") or parts.query or parts.username:
        raise BadLine(url, "must be mqtts://host or mqtts://host:port")
    return Address(host, port or DEFAULT_PORT)


class Link:
    """One device's line. Used by one thread; only `wake` may be called from others."""

    def __init__(self, device: str, settings: LineSettings, clock: Clock, subscriptions: Sequence[str]) -> None:
        """Raises BadLine where a TLS file is no good."""
        self._device = device
        self._settings = settings
        self._clock = clock
        self._subscriptions = [(topic, QOS) for topic in subscriptions]
        self._client: Client | None = None
        self._messages: list[Message] = []
        self._failure = ""
        self._refused = ""
        self.ready = False
        """Connected and subscribed."""
        self.refusals = 0
        """Messages of ours that the broker would not take (its access rules; MQTT 5 says so)."""
        self._opened_at = 0.0
        self._misc_at = 0.0
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)
        self._context()

    @property
    def connected(self) -> bool:
        """Whether a connection is there, ready or about to be."""
        return self._client is not None

    @property
    def busy(self) -> bool:
        """Whether something waits for the socket: more would only wait in memory."""
        return self._client is not None and self._client.want_write()

    def open(self, address: Address, will: Message) -> None:
        """Connect to a broker; `wait` then brings the subscriptions. Blocks for at most some 10 s.

        Raises LineDown, LineRefused (a certificate this side does not accept), BadLine.
        """
        self.close()
        client = self._new_client(will)
        properties = None
        if self._settings.mqtt is MqttVersion.V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = LARGEST_MESSAGE + _PACKET_ROOM
        self._failure = self._refused = ""
        self.ready = False
        try:
            if properties is not None:
                code = client.connect(
                    address.host, address.port, self._settings.keepalive, clean_start=True, properties=properties
                )
            else:
                code = client.connect(address.host, address.port, self._settings.keepalive)
            if code is MQTTErrorCode.MQTT_ERR_CONN_LOST:
                # TLS 1.3 lets a client believe in the handshake before the broker has looked at its certificate.
                raise LineRefused(str(address), "closed right after the handshake")
            if code is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise LineDown(str(address), str(code))
            self._check_dates(client, address)
        except ssl.SSLError as error:
            raise LineRefused(str(address), str(error)) from None
        except (OSError, ValueError) as error:
            raise LineDown(str(address), str(error)) from None
        self._client = client
        self._opened_at = self._misc_at = time.monotonic()

    def wait(self, timeout: float) -> list[Message]:
        """Serve the line until something comes, a `wake`, or `timeout` seconds. Raises LineDown, LineRefused."""
        client = self._client
        if client is None:
            self._sleep(timeout)
            return []
        connection: Any = client.socket()
        if connection is not None and not self._messages:
            self._serve(client, connection, timeout)
        self._keep_alive(client)
        taken, self._messages = self._messages, []
        if not taken and (client.socket() is None or self._failure or self._refused):
            raise self._end()
        return taken

    def _end(self) -> LineDown | LineRefused:
        """Close, and say why. Under TLS 1.3 a broker that does not accept our certificate just closes, afterwards."""
        ready, silent = self.ready, self._failure == _SILENT
        failure, refused = self._failure, self._refused
        self.close()
        if refused or not (ready or silent):
            return LineRefused("broker", refused or f"closed before it was ready: {failure}")
        return LineDown("broker", failure or "closed")

    def publish(self, message: Message, *, retain: bool = False) -> None:
        """Send at least once, as far as the broker is concerned. Raises LineDown."""
        if self._client is None:
            raise LineDown("broker", "not connected")
        info: MQTTMessageInfo = self._client.publish(message.topic, message.payload, QOS, retain)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.close()
            raise LineDown("broker", str(info.rc))

    def wake(self) -> None:
        """Make `wait` return; from any thread."""
        try:
            self._waker.send(b"\0")
        except (BlockingIOError, OSError):
            # Full: it is about to wake anyway. Closed: nobody waits any more.
            return

    def leave(self, farewell: Message) -> None:
        """Take leave in order: the farewell (retained) instead of the last will. Never raises."""
        if self._client is None:
            return
        try:
            self.publish(farewell, retain=True)
            deadline = time.monotonic() + 1.0
            while self._client is not None and self._client.want_write() and time.monotonic() < deadline:
                self.wait(0.05)
            if self._client is not None:
                self._client.disconnect()
        except (LineDown, LineRefused) as error:
            _log.info("could not take leave: %s", error)
        self.close()

    def close(self) -> None:
        """Drop the connection; the broker publishes the last will."""
        client, self._client = self._client, None
        self.ready = False
        self._messages = []
        if client is not None:
            connection = client.socket()
            if connection is not None:
                try:
                    connection.close()
                except OSError as error:
                    _log.debug("closing: %s", error)

    def dispose(self) -> None:
        """Close for good."""
        self.close()
        self._waker.close()
        self._woken.close()

    def _serve(self, client: Client, connection: Any, timeout: float) -> None:
        poll = select.poll()
        interest = select.POLLIN | (select.POLLOUT if client.want_write() else 0)
        poll.register(connection.fileno(), interest)
        poll.register(self._woken.fileno(), select.POLLIN)
        buffered = connection.pending() > 0
        until_misc = max(0.0, self._misc_at + _MISC_SECONDS - time.monotonic())
        ready = dict(poll.poll(0 if buffered else min(timeout, until_misc) * 1000))
        if self._woken.fileno() in ready:
            self._drink()
        events = ready.get(connection.fileno(), 0)
        if events & select.POLLOUT:
            client.loop_write()
        # TLS may hold decrypted messages that the socket itself no longer shows.
        more = bool(events & ~select.POLLOUT) or buffered
        while more:
            before = len(self._messages)
            client.loop_read()
            more = client.socket() is not None and (len(self._messages) > before or connection.pending() > 0)

    def _keep_alive(self, client: Client) -> None:
        now = time.monotonic()
        if now - self._misc_at >= _MISC_SECONDS:
            self._misc_at = now
            client.loop_misc()
        if not self.ready and now - self._opened_at > READY_SECONDS:
            self._failure = self._failure or _SILENT

    def _sleep(self, timeout: float) -> None:
        poll = select.poll()
        poll.register(self._woken.fileno(), select.POLLIN)
        if poll.poll(max(0.0, timeout) * 1000):
            self._drink()

    def _drink(self) -> None:
        try:
            while self._woken.recv(4096):
                continue
        except BlockingIOError:
            return

    def _new_client(self, will: Message) -> Client:
        version = (
            MQTTProtocolVersion.MQTTv5 if self._settings.mqtt is MqttVersion.V5 else MQTTProtocolVersion.MQTTv311
        )
        clean = None if version is MQTTProtocolVersion.MQTTv5 else True
        client = Client(CallbackAPIVersion.VERSION2, client_id=self._device, clean_session=clean, protocol=version)
        client.suppress_exceptions = True
        client.connect_timeout = CONNECT_SECONDS
        client.max_inflight_messages = _INFLIGHT
        client.tls_set_context(self._context())
        client.will_set(will.topic, will.payload, QOS, retain=True)
        client.on_socket_open = _without_delay
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(self._settings.authority)
            context.load_cert_chain(self._settings.certificate, self._settings.key)
        except (OSError, ValueError) as error:
            raise BadLine(str(self._settings.certificate), str(error)) from None
        if not self._clock.trusted_system():
            # OpenSSL would compare with a system clock known to be wrong; `_check_dates` takes the agent's.
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
        return context

    def _check_dates(self, client: Client, address: Address) -> None:
        """With a wrong system clock: not expired by the agent's, whose floor can only be too early."""
        connection: Any = client.socket()
        certificate = connection.getpeercert() if connection is not None else None
        if not certificate or self._clock.trusted_system():
            return
        if ssl.cert_time_to_seconds(certificate["notAfter"]) < self._clock.now().timestamp():
            connection.close()
            raise LineRefused(str(address), "the broker's certificate has expired")

    # paho's callbacks, all within `wait` or `open`. They only note.

    def _on_connect(
        self, client: Client, _: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = f"connection: {reason}"
            return
        client.subscribe(self._subscriptions)

    def _on_subscribe(
        self, _client: Client, _: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._refused = "subscription"
        else:
            self.ready = True

    def _on_disconnect(
        self, client: Client, _: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if client is self._client:
            self._failure = str(reason)

    def _on_message(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._messages.append(Message(topic, bytes(message.payload)))

    def _on_publish(
        self, _client: Client, _: Any, _mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refusals += 1


def _without_delay(_client: Client, _: Any, connection: Any) -> None:
    """A batch is one packet: Nagle's algorithm would hold its tail back some 40 ms."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
