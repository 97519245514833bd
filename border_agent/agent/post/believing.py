"""Statements of the post's devices, believed or refused. A broker is a pipe: only the journal key of an enrolled
device of this post counts, and only what was not said before.

Within a session of a device its serials rise. A session that has ended is over: its statements are not believed
again. A new one must not begin before what the device said last, by the device's own clock, or somebody is repeating
a session from before this device began to listen; a device whose clock was set back is believed again once nothing
of it has been believed for ten minutes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from border_agent.agent.post.errors import NotBelieved
from border_agent.agent.post.register import KIOSK, Register
from border_agent.agent.post.values import PostProblemCode
from mqtt_schemas.errors import BadSignature, BadTopic, ContractError
from mqtt_schemas.messages import Signed, decode
from mqtt_schemas.post import (
    CallTaken,
    Claim,
    Decided,
    PostBody,
    PostChannel,
    PostState,
    Released,
    open_statement,
    parse_post_topic,
)
from mqtt_schemas.records import DeviceRecord, DeviceState

CLOCK_TOLERANCE = timedelta(minutes=10)
FORGOTTEN_SECONDS = 600.0
SESSIONS_KEPT = 256
"""Ended sessions that are remembered of each device."""

_COUNTERS_ONLY = (Claim, Released, Decided, CallTaken)


class Heard(Struct, frozen=True):
    """A statement that is believed."""

    body: PostBody
    record: DeviceRecord | None
    """None: this device's own statement, come back in the broker's order."""
    statement: bytes
    """The signed message, exactly as it came."""


class _Voice(Struct):
    """What was heard of one device."""

    session: bytes
    serial: int
    at: datetime
    heard_at: float
    ended: OrderedDict[bytes, None]


class Believing:
    """Used by the line's thread."""

    def __init__(
        self, *, post: str, device: str, public: bytes, register: Register, monotonic: Callable[[], float]
    ) -> None:
        """`public`: this device's own journal key."""
        self._post = post
        self._device = device
        self._public = public
        self._register = register
        self._monotonic = monotonic
        self._voices: dict[str, _Voice] = {}

    def believe(self, topic: str, payload: bytes, session: bytes) -> Heard | None:
        """What a message says; `session`: of this device's own connection.

        None: nothing new, rightly so (a state that the broker kept, an own statement of an earlier connection).
        Raises NotBelieved, StoreError.
        """
        try:
            device, channel = parse_post_topic(topic, self._post)
        except BadTopic as error:
            raise NotBelieved("", PostProblemCode.OTHER_POST, error.detail) from None
        own = device == self._device
        record = None if own else self._record(device)
        try:
            signed = decode(Signed, payload)
            body = open_statement(signed, channel, device, self._public if record is None else record.journal_key)
        except BadSignature as error:
            raise NotBelieved(device, PostProblemCode.BAD_SIGNATURE, error.detail) from None
        except ContractError as error:
            raise NotBelieved(device, PostProblemCode.MALFORMED, error.code) from None
        if body.device != device:
            raise NotBelieved(device, PostProblemCode.BAD_SIGNATURE, f"a statement of {body.device}")
        if own:
            return Heard(body, None, payload) if body.session == session else None
        if not self._new(device, channel, body):
            return None
        if record is not None and record.role == KIOSK and isinstance(body, _COUNTERS_ONLY):
            raise NotBelieved(device, PostProblemCode.NOT_ITS_PART, type(body).__name__)
        return Heard(body, record, payload)

    def _record(self, device: str) -> DeviceRecord:
        record = self._register.record(device)
        if record is None:
            missing = PostProblemCode.UNKNOWN_DEVICE if self._register.installed else PostProblemCode.NO_DEVICES
            raise NotBelieved(device, missing)
        if record.state is not DeviceState.ENROLLED:
            raise NotBelieved(device, PostProblemCode.RETIRED_DEVICE, record.state)
        if record.post != self._post:
            raise NotBelieved(device, PostProblemCode.OTHER_POST, record.post)
        return record

    def _new(self, device: str, channel: PostChannel, body: PostBody) -> bool:
        """Whether it was not said before; False for what a broker says again by itself. Raises NotBelieved."""
        now, voice = self._monotonic(), self._voices.get(device)
        if voice is None:
            self._voices[device] = _Voice(body.session, body.serial, body.at, now, OrderedDict())
            return True
        if body.session == voice.session:
            if body.serial > voice.serial:
                voice.serial, voice.at, voice.heard_at = body.serial, body.at, now
                return True
        elif body.session not in voice.ended and self._begins(voice, body, now):
            voice.ended[voice.session] = None
            while len(voice.ended) > SESSIONS_KEPT:
                voice.ended.popitem(last=False)
            voice.session, voice.serial, voice.at, voice.heard_at = body.session, body.serial, body.at, now
            return True
        if isinstance(body, PostState):
            # Kept by the broker and delivered to each new connection, or a last will that comes after the return.
            return False
        raise NotBelieved(device, PostProblemCode.STALE_STATEMENT, f"{channel.value} {body.serial}")

    @staticmethod
    def _begins(voice: _Voice, body: PostBody, now: float) -> bool:
        return body.at >= voice.at - CLOCK_TOLERANCE or now - voice.heard_at > FORGOTTEN_SECONDS
