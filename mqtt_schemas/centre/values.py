"""What the data centre speaks of: devices, streams, alarms, and the judgement of a batch."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from mqtt_schemas.messages import Problem, SaltSecret


class DeviceStatus(StrEnum):
    ENROLLED = "enrolled"
    RETIRED = "retired"


class Device(Struct, frozen=True):
    """A line of the device register."""

    id: str
    post: str
    journal_key: bytes
    """Ed25519, 32 bytes; signs the device's heads."""
    certificate: bytes
    """SHA-256 of its TLS certificate, for people to compare; the broker goes by the common name."""
    status: DeviceStatus
    role: str = ""
    """`kiosk` or `post`; empty where it was enrolled before 1.2."""
    sealing_key: bytes = b""
    """X25519, 32 bytes, that feeds seal to; empty: nothing can be sealed to it."""
    sealed_to: str = ""
    """How the machine keeps its keys (`tpm2`, `host`, `plain`); empty where it was enrolled before 1.5."""


class Stream(Struct, frozen=True):
    """One epoch of one device, as far as it is stored."""

    id: int
    device: str
    epoch: bytes
    journal_key: bytes
    """The key it was opened with, which signs all of it."""
    mark: int
    """Last sequence stored."""
    head: bytes
    """Head at the mark."""
    open: bool


class AlarmCode(StrEnum):
    """What a person must look at. Words: `alarm.<code>`."""

    MALFORMED = "malformed"
    """A device's message is not what its topic says."""
    VERSION = "version"
    """A device speaks a version of the contract this side does not."""
    FOREIGN_DEVICE = "foreign_device"
    """A device sent a message in another's name."""
    DEVICE_UNKNOWN = "device_unknown"
    DEVICE_RETIRED = "device_retired"
    CHAIN = "chain"
    """Entries that do not lead to the head they are signed under."""
    SIGNATURE = "signature"
    FORK = "fork"
    """A batch that does not continue what is stored."""
    CLONE = "clone"
    """Two heads for one (epoch, sequence): two machines run under one identity, or history was rewritten."""
    EPOCH_CHANGED = "epoch_changed"
    """A device began a new stream: how the one before ended is not known."""
    EPOCH_NOT_OPENED = "epoch_not_opened"
    """A new stream whose first entry does not say what it is."""
    CLOSED_EPOCH = "closed_epoch"
    """A stream went on after its device had begun another."""
    UNREADABLE_ENTRY = "unreadable_entry"
    """Stored and proved, but this program cannot read it: it is older than the device, or the device errs."""
    FEED_HISTORY = "feed_history"
    """A device holds a feed with another history than this centre's."""
    FEED_UNSEALED = "feed_unsealed"
    """A device asked in clear for a list that names people, and was not given it."""
    DOUBLE_USE = "double_use"
    """A visa was used more often than it allows."""
    ENTRY_TWICE = "entry_twice"
    """Two entries that differ under one id: the first counts."""
    RENEWAL = "renewal"
    """A device asked for certificates that it is not given."""
    DISK_FULL = "disk_full"
    """The centre had no room, and took nothing."""
    INTERNAL = "internal"
    """A message this program failed on: a fault of its own."""


class AlarmNote(Struct, frozen=True):
    """An alarm to raise."""

    code: AlarmCode
    detail: str
    subject: str = ""
    """Epoch (hexadecimal) or feed; one alarm is open for each (code, device, subject)."""


class Alarm(Struct, frozen=True, kw_only=True):
    """An alarm as it is kept. The same thing happening again counts up while it is open."""

    number: int
    code: str
    device: str
    subject: str
    detail: str
    """Of the first time."""
    latest: str
    """Detail of the last time."""
    times: int
    raised_at: str
    last_at: str
    open: bool


class TakenEntry(Struct, frozen=True):
    """A proved entry with what the centre reads in it."""

    sequence: int
    body: bytes
    digest: bytes
    head: bytes
    kind: str
    """`unknown` where this side cannot read the body."""
    inspection: str
    """Inspection id; empty where the entry has none."""
    occurred_at: str
    """UTC; empty where the body cannot be read."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What to commit for one message, and what to answer afterwards."""

    device: str
    epoch: bytes | None = None
    """Of the acknowledgement; None: the message gets none."""
    problem: Problem = Problem.NONE
    gap_before: int = 0
    """With a gap: the sequence that came although its predecessor is missing."""
    stream: Stream | None = None
    """Where the entries go; None with entries: they open a stream."""
    journal_key: bytes = b""
    """Of a stream that is opened."""
    closes: tuple[Stream, ...] = ()
    entries: tuple[TakenEntry, ...] = ()
    secrets: tuple[SaltSecret, ...] = ()
    signature: bytes = b""
    """Over the head of the last entry."""
    alarms: tuple[AlarmNote, ...] = ()
    quarantine: AlarmCode | None = None
    """Keep the message's bytes, for this reason."""
