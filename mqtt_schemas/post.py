"""What the devices of one post tell each other over the post's own broker, line or no line. Since 1.2.

    borne/v1/post/<post>/<device>/state         retained: how the device is; its last will says that it is gone
    borne/v1/post/<post>/<device>/inspections   a kiosk's finished inspections, again whenever somebody asks
    borne/v1/post/<post>/<device>/calls         calls for an officer
    borne/v1/post/<post>/<device>/claims        who takes an inspection, and what became of it

Each message is a `messages.Signed` in role `post:<channel>` by the device's own journal key, which the devices feed
vouches for. A device writes under its own name only. A broker delivers all claims in one order to everybody: of two
claims for one inspection the one that comes first holds. Nothing here is the truth: each device keeps its own
journal, and only the deciding device writes a movement.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from mqtt_schemas.entries import Decision, Digest, Direction, Identifier, Mark, Moment, Text, require_utc
from mqtt_schemas.errors import BadSignature, BadTopic
from mqtt_schemas.keys import key_id, sign, statement
from mqtt_schemas.messages import VERSION, DeviceId, Epoch, Nonce, Signed, Version, decode_body, encode, encode_body
from mqtt_schemas.topics import DEVICE_ID, LONGEST_TOPIC, MAJOR, PREFIX, RESERVED

POST_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
LAST_SERIAL = 2**53
"""Of a last will: nothing of its session comes after it."""
LARGEST_EVIDENCE = 196_608
LARGEST_PICTURE = 131_072
"""Four of these with the largest evidence still fit a message, base64 and all."""


class PostChannel(StrEnum):
    """What a device of a post says, in the words of its topics."""

    STATE = "state"
    INSPECTIONS = "inspections"
    CALLS = "calls"
    CLAIMS = "claims"


class PictureKind(StrEnum):
    """What a picture shows."""

    PAGE = "page"
    """The data page, or what lay on the counter."""
    CHIP = "chip"
    VISA = "visa"
    LIVE = "live"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> PictureKind:
        return cls.UNKNOWN


class PostPicture(Struct, frozen=True, kw_only=True):
    """A picture for the officer's eyes; never evidence by itself."""

    kind: PictureKind
    jpeg: Annotated[bytes, Meta(max_length=LARGEST_PICTURE)]


class _Statement(Struct, frozen=True, kw_only=True):
    v: Version = VERSION
    device: DeviceId
    """Who says it."""
    session: Nonce
    """Of the device's present connection."""
    serial: Annotated[int, Meta(ge=1, le=LAST_SERIAL)]
    """Rises with every statement of the session: what was said before is not believed again."""
    at: Moment

    def __post_init__(self) -> None:
        require_utc(self.at)


class PostState(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="state"):
    """How a device of the post is."""

    online: bool
    role: Text = ""
    gate: Text = ""
    in_service: bool = True
    out_of_service: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()
    devices: dict[str, Text] = {}
    """State of each of its devices, by what it serves for."""
    collecting: bool = False
    """Somebody is being inspected."""
    waiting: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Inspections that wait for an officer."""
    unacknowledged: Annotated[int, Meta(ge=0, le=2**53)] = 0
    journal_epoch: Epoch | None = None
    """With the next two: where this device's journal ends, so that the post's others can witness it. Since 1.5."""
    journal_sequence: Mark = 0
    journal_head: Digest | None = None


class Finished(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="finished"):
    """An inspection that waits for an officer: all that was found, for whoever takes it over to decide anew."""

    inspection_id: Identifier
    direction: Direction
    started_at: Moment
    finished_at: Moment
    proposal: Decision
    """What the device itself proposed; whoever decides computes it again with its own lists."""
    evidence: Annotated[bytes, Meta(min_length=1, max_length=LARGEST_EVIDENCE)]
    """The agent's evidence, JSON, without pictures."""
    pictures: Annotated[tuple[PostPicture, ...], Meta(max_length=4)] = ()

    def __post_init__(self) -> None:
        require_utc(self.at, self.started_at, self.finished_at)


class Gone(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="gone"):
    """A finished inspection that nobody need take over any more: cancelled, or decided at the device itself."""

    inspection_id: Identifier


class Wanted(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="wanted"):
    """Asks every device to say again which inspections wait, and which calls are open."""


class CallState(StrEnum):
    """How a call for an officer stands."""

    RAISED = "raised"
    ANSWERED = "answered"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> CallState:
        return cls.UNKNOWN


CallId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]
"""64 random bits as 16 hexadecimal digits."""


class Called(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="called"):
    """A call for an officer as it stands, by the device where it was raised."""

    call: CallId
    inspection_id: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?(?!\n)$")] = ""
    raised_at: Moment
    state: CallState
    officer: Text = ""
    gate: Text = ""
    counter: Text = ""

    def __post_init__(self) -> None:
        require_utc(self.at, self.raised_at)


class CallTaken(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="call_taken"):
    """An officer of a counter answers, or ends, a call raised at another device."""

    call: CallId
    raised_by: DeviceId
    state: CallState
    officer: Text


class Claim(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="claim"):
    """A counter takes an inspection, or keeps it: while this is fresh no other one may decide it."""

    inspection_id: Identifier
    officer: Text
    counter: Text = ""
    seconds: Annotated[int, Meta(ge=1, le=3600)]


class Released(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="released"):
    """A counter gives an inspection back undecided."""

    inspection_id: Identifier


class Decided(_Statement, frozen=True, kw_only=True, tag_field="kind", tag="decided"):
    """A counter has decided, and its journal has it."""

    inspection_id: Identifier
    decision: Decision
    officer: Text


PostBody = PostState | Finished | Gone | Wanted | Called | CallTaken | Claim | Released | Decided
"""All that is said at a post."""

CHANNEL_OF: dict[type[Struct], PostChannel] = {
    PostState: PostChannel.STATE,
    Finished: PostChannel.INSPECTIONS,
    Gone: PostChannel.INSPECTIONS,
    Wanted: PostChannel.CLAIMS,
    Called: PostChannel.CALLS,
    CallTaken: PostChannel.CALLS,
    Claim: PostChannel.CLAIMS,
    Released: PostChannel.CLAIMS,
    Decided: PostChannel.CLAIMS,
}


def post_topic(post: str, device: str, channel: PostChannel) -> str:
    """Topic of one device's channel at its post. Raises BadTopic."""
    if not DEVICE_ID.fullmatch(device) or device in RESERVED:
        raise BadTopic(device[:80], "not a device")
    return f"{_prefix(post)}/{device}/{channel.value}"


def post_subscription(post: str, channel: PostChannel) -> str:
    """Filter for one channel of every device of a post. Raises BadTopic."""
    return f"{_prefix(post)}/+/{channel.value}"


def parse_post_topic(topic: str, post: str) -> tuple[str, PostChannel]:
    """Device and channel of a topic of this post. Raises BadTopic."""
    parts = topic.split("/") if len(topic) <= LONGEST_TOPIC else []
    if parts[:4] != [PREFIX, MAJOR, "post", post] or len(parts) != 6:
        raise BadTopic(topic[:80], "not of this post")
    if not DEVICE_ID.fullmatch(parts[4]) or parts[4] in RESERVED:
        raise BadTopic(topic[:80], "not a device's topic")
    try:
        return parts[4], PostChannel(parts[5])
    except ValueError:
        raise BadTopic(topic, "no such channel") from None


def sign_statement(key: Ed25519PrivateKey, body: PostBody) -> bytes:
    """A statement's bytes for its topic, under the device's journal key.

    Raises TooLarge, and Malformed for values that every reader would refuse: a struct is not checked when it is made.
    """
    plain = encode_body(body)
    decode_body(PostBody, plain)  # type: ignore[arg-type]
    return encode(sign(key, _role(CHANNEL_OF[type(body)]), plain))


def open_statement(signed: Signed, channel: PostChannel, device: str, public: bytes) -> PostBody:
    """Believe a statement of `device` on `channel`; `public` is its journal key from the devices feed.

    Raises BadSignature, Malformed, UnknownVersion. Freshness (`session`, `serial`) is for the caller to hold.
    """
    role = _role(channel)
    if signed.role != role or signed.key != key_id(public):
        raise BadSignature(device, f"role {signed.role}, key {signed.key}")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed.signature, statement(role, signed.body))
    except (InvalidSignature, ValueError):
        raise BadSignature(device, role) from None
    body: PostBody = decode_body(PostBody, signed.body)  # type: ignore[arg-type]
    if body.device != device or CHANNEL_OF[type(body)] is not channel:
        raise BadSignature(device, f"a statement of {body.device} on {channel.value}")
    return body


def _prefix(post: str) -> str:
    if not POST_NAME.fullmatch(post):
        raise BadTopic(post[:80], "not a post")
    return f"{PREFIX}/{MAJOR}/post/{post}"


def _role(channel: PostChannel) -> str:
    return f"post:{channel.value}"
