"""What reporting is told, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from border_agent.config import MqttVersion
from mqtt_schemas.feeds import Feed


class LineSettings(Struct, frozen=True, kw_only=True):
    """How this device reaches brokers."""

    brokers: tuple[str, ...]
    """`mqtts://host:port` (port 8883 where none is given), tried in order."""
    authority: Path
    """CA certificates of the brokers, PEM."""
    certificate: Path
    key: Path
    """The device's TLS identity, PEM; its common name is the device id."""
    mqtt: MqttVersion = MqttVersion.V5
    retry_first: float = 0.5
    retry_most: float = 30.0
    """Seconds between rounds through the brokers: doubling from the first to the most, each with jitter."""
    keepalive: int = 30


class ReportingSettings(LineSettings, frozen=True, kw_only=True):
    """How this device reaches the centre, and whom it believes."""

    root: bytes
    """The pinned root's public key, 32 bytes."""
    role: str = ""
    software: str = ""
    feeds: tuple[str, ...] = tuple(feed.value for feed in Feed)
    """Feeds this device holds; a kiosk without a TPM holds no watch-list."""
    window: int = 8
    """Batches in flight at most."""
    rows: int = 1000
    """Entries of a batch at most."""


class ProblemCode(StrEnum):
    """What stands between this device and the centre; words: `reporting.problem.<code>`."""

    FORK = "fork"
    """The centre holds another history of this device, or more than this device has: a person must look."""
    DAMAGED = "damaged"
    """An entry of this device's own journal cannot be proved any more: nothing after it is sent until somebody has
    mended the journal, on the record."""
    CHAIN = "chain"
    SIGNATURE = "signature"
    EPOCH = "epoch"
    VERSION = "version"
    """The centre does not speak this version of the contract."""
    DEVICE = "device"
    """The centre does not know this device, or no longer."""
    REFUSED = "refused"
    """A broker refuses this device."""
    STORE = "store"
    """The store cannot be read or written (full, damaged)."""
    NO_KEYS = "no_keys"
    """No keys document has been believed yet: nothing the centre signs can be."""
    FEED_CHAIN = "feed_chain"
    """A list's changes do not lead to its signed head; they were dropped."""
    FEED_HISTORY = "feed_history"
    """A list's signed head contradicts the installed one."""
    FEED_ROLLED_BACK = "feed_rolled_back"
    """A list older than the installed one was offered, and refused."""
    FEED_FORGED = "feed_forged"
    """A list's head or the keys document whose signature does not hold was offered, and refused."""
    FEED_UNANSWERED = "feed_unanswered"
    """The centre does not send a list it has announced."""
    FEED_SEALED = "feed_sealed"
    """A list came sealed to another key than this device's: its enrolment is older than its key."""
    INTERNAL = "internal"
    """A fault of this program; reporting goes on."""


class ReportingProblem(Struct, frozen=True, kw_only=True):
    """One problem that stands at present."""

    code: ProblemCode
    subject: str
    """The feed concerned, or empty."""
    detail: str
    since: datetime


class FeedState(Struct, frozen=True, kw_only=True):
    """One list, as far as it has come."""

    name: str
    version: int
    """Installed; 0: none."""
    wanted: int
    """The newest version the centre has announced and signed; 0: none heard of since the start."""
    staged: int
    """How far changes have arrived that do not answer yet."""
    issued: datetime | None = None
    expires: datetime | None = None
    installed_at: datetime | None = None
    refused: bool = False
    """The centre does not give this list to this device."""


class ReportingStatus(Struct, frozen=True, kw_only=True):
    """The line and both directions at one moment."""

    online: bool
    since: datetime
    """Since when the line is up or down."""
    broker: str
    """The broker in use, or the one tried last."""
    last_sequence: int
    acknowledged: int
    last_ack_at: datetime | None
    """Time of the newest acknowledgement, by the centre's clock; survives restarts."""
    answered: bool
    """Whether the centre has answered in this session: a broker alone says nothing."""
    problems: tuple[ReportingProblem, ...]
    feeds: tuple[FeedState, ...]
    keys_version: int
    keys_expires: datetime | None
    counts: dict[str, int]
    """How often what happened since the start: `sent.batches`, `acks.foreign_nonce`, `wire.contract.malformed`…"""
    paused: bool = False
    """The line is cut on purpose: an exercise. It ends by itself."""
    evidence_pieces: int = 0
    """Records and pictures that the centre is not known to have."""
    evidence_bytes: int = 0

    @property
    def unacknowledged(self) -> int:
        """Entries the centre is not known to have."""
        return max(0, self.last_sequence - self.acknowledged)


class ReportingEvent(Struct, frozen=True, kw_only=True):
    """Something the agent may want to write down or show at once."""

    kind: str
    """`line_up`, `line_down`, `acknowledged`, `list_installed`, `problem`, `problem_over`, `keys_installed`,
    `clock_set`, `certificate_renewed`, `restored`."""
    subject: str = ""
    """The feed, or the problem's code."""
    version: int = 0
    """The list's or the keys' version, the sequence acknowledged (`restored`: by the centre, of the epoch that
    ended), the bundle's number, or the seconds the clock was set by."""


Listener = Callable[[ReportingEvent], None]
"""Called in reporting's own thread; must not wait. What it raises is logged."""
