"""What the post's other devices say, as pages and the agent see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from border_agent.agent.post.errors import HeldElsewhere
from border_agent.config import Config
from border_agent.inspection.evidence import Evidence
from border_agent.reporting.values import LineSettings
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.post import CallState, PictureKind

__all__ = [
    "POST_KEY",
    "ClaimView",
    "HeldElsewhere",
    "PostDevice",
    "PostLineStatus",
    "PostProblem",
    "PostProblemCode",
    "Presence",
    "RemoteCall",
    "RemoteInspection",
    "line_settings",
]

POST_KEY = "post"
"""Hub key: the line, a device or a problem of the post's network has changed."""


class PostProblemCode(StrEnum):
    """What is wrong at the post's network; words: `problem.<code>`."""

    NO_DEVICES = "post.no_devices"
    """No list of devices is installed here: nobody can be believed."""
    UNKNOWN_DEVICE = "post.unknown_device"
    RETIRED_DEVICE = "post.retired_device"
    OTHER_POST = "post.other_post"
    """A device of another post, or a topic that is not of this one."""
    BAD_SIGNATURE = "post.bad_signature"
    """Not signed by the journal key that the list of devices has."""
    STALE_STATEMENT = "post.stale_statement"
    """Said before: somebody repeats it."""
    MALFORMED = "post.malformed"
    NOT_ITS_PART = "post.not_its_part"
    """A kiosk that claims or decides, or a device that speaks of another's inspection."""
    DECIDED_TWICE = "post.decided_twice"
    """Here and at another counter, while the network was away: one traveller has two movements."""
    TOO_MANY = "post.too_many"
    """More inspections wait than are kept; the oldest were dropped."""
    REFUSED = "post.refused"
    """The post's broker refuses this device."""
    NOT_SENT = "post.not_sent"
    """The broker's rules refuse what this device says."""
    STORE = "post.store"
    """A finished inspection could not be written down, and so is not handed over."""
    INTERNAL = "post.internal"
    """A fault of this program; the line goes on."""


class PostProblem(Struct, frozen=True, kw_only=True):
    """One problem that stands at present."""

    code: PostProblemCode
    device: str
    """Whose statements it is about; empty: this device's own."""
    since: datetime
    count: int


class PostLineStatus(Struct, frozen=True, kw_only=True):
    """The line to the post's broker at one moment."""

    configured: bool
    online: bool
    since: datetime
    """Since when it is up or down."""
    broker: str
    """The one in use, or tried last."""
    problems: tuple[PostProblem, ...] = ()
    counts: dict[str, int] = {}
    """How often what happened since the start: `heard.finished`, `refused.post.bad_signature`…"""


class ClaimView(Struct, frozen=True, kw_only=True):
    """Who has an inspection in hand, of all the post's devices."""

    device: str
    officer: str
    counter: str
    alone: bool = False
    """This device itself, without having heard that it is the first: the broker is away."""


class RemoteInspection(Struct, frozen=True, kw_only=True):
    """A kiosk's finished inspection that waits for an officer."""

    id: str
    device: str
    gate: str
    direction: Direction
    started_at: datetime
    finished_at: datetime
    proposal: Decision
    """The kiosk's own; whoever decides computes it anew."""
    evidence: Evidence
    pictures: Mapping[PictureKind, bytes]
    claim: ClaimView | None


class RemoteCall(Struct, frozen=True, kw_only=True):
    """A call for an officer that is open at another device."""

    id: str
    device: str
    gate: str
    counter: str
    """Where the kiosk sends its travellers."""
    inspection: str
    raised_at: datetime
    state: CallState
    officer: str


class Presence(StrEnum):
    """Whether a device of the post is there."""

    HERE = "here"
    GONE = "gone"
    """It took leave, or the broker lost it."""
    SILENT = "silent"
    """It has not said anything for too long."""
    NEVER = "never"
    """Enrolled here, and not heard of since this device started."""
    UNKNOWN = "unknown"
    """This device itself is cut off from the post's network."""


class PostDevice(Struct, frozen=True, kw_only=True):
    """Another device of the post, as it last said it is."""

    device: str
    role: str
    presence: Presence
    gate: str = ""
    heard_at: datetime | None = None
    in_service: bool = False
    out_of_service: tuple[str, ...] = ()
    devices: Mapping[str, str] = {}
    collecting: bool = False
    waiting: int = 0
    unacknowledged: int = 0


def line_settings(config: Config) -> LineSettings | None:
    """How this device reaches its post's broker; None: it is not told."""
    lan = config.lan
    if lan is None:
        return None
    return LineSettings(
        brokers=lan.brokers,
        authority=config.path(lan.authority),
        certificate=config.path(lan.certificate),
        key=config.path(lan.key),
        mqtt=config.mqtt.version,
        retry_most=10.0,
        keepalive=15,
    )
