"""Bodies of journal entries: what a device has to say, once and for good.

A body is stored, hashed and sent as the exact JSON bytes that were written first; it is never re-encoded.
Fields are only added within the major version. A reader that meets a kind or a field it does not know keeps
the bytes (see `read_entry`), because the chain, not the reader's knowledge, decides whether an entry counts.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from mqtt_schemas.errors import Malformed

LARGEST_BODY = 65536

Identifier = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}(?!\n)$")]
"""128 random bits as 32 hexadecimal digits."""

Moment = Annotated[datetime, Meta(tz=True)]
"""UTC, RFC 3339."""

Text = Annotated[str, Meta(max_length=1024)]
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]


class ClockQuality(StrEnum):
    """How far the device's time may be believed."""

    SYNCHRONISED = "synchronised"
    HOLDOVER = "holdover"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> ClockQuality:
        return cls.UNKNOWN


class Direction(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Direction:
        return cls.UNKNOWN


class Decision(StrEnum):
    ADMIT = "admit"
    REFER = "refer"
    REFUSE = "refuse"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Decision:
        return cls.UNKNOWN


class EpochReason(StrEnum):
    """Why a device began a new stream."""

    FIRST_START = "first_start"
    STORE_LOST = "store_lost"
    RESTORED = "restored"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> EpochReason:
        return cls.UNKNOWN


class DocumentFacts(Struct, frozen=True, kw_only=True):
    """The travel document as it was read."""

    format: Text
    lines: tuple[Text, ...]
    """The MRZ, line by line; empty where nothing was read."""
    issuer: Text = ""
    number: Text = ""
    nationality: Text = ""
    surname: Text = ""
    given_names: Text = ""
    birth: Text = ""
    """As printed: YYMMDD, unknown parts as fillers."""
    sex: Text = ""
    expiry: Text = ""


class VisaFacts(Struct, frozen=True, kw_only=True):
    """The visa as its seal says, and what was known of it."""

    visa_id: Text = ""
    issuer: Text = ""
    signer: Text = ""
    signature: Text
    """Verdict on the seal's signature, in the agent's own words (`valid`, `forged`, `signer_unknown` …)."""
    seen_at_centre: bool
    """False where the visa list did not hold it: decided from the signature alone."""
    valid_from: date | None = None
    valid_until: date | None = None
    entries: int = 0
    uses_before: int = 0


class FaceFacts(Struct, frozen=True, kw_only=True):
    """One face comparison with everything needed to judge it later (ISO/IEC 19795)."""

    reference: Text
    zone: Text
    distance: float
    match_threshold: float
    doubt_threshold: float
    frames: int
    model: Text
    model_sha256: Text
    calibration_sha256: Text
    provisional: bool


class FindingFact(Struct, frozen=True, kw_only=True):
    code: Text
    severity: Text


class ListFact(Struct, frozen=True, kw_only=True):
    """Which version of a list gave its answer."""

    name: Text
    version: int
    head: Text


class EntryHeader(Struct, frozen=True, kw_only=True):
    """What every entry says of itself."""

    id: Identifier
    occurred_at: Moment
    recorded_at: Moment
    clock: ClockQuality


class EpochOpened(EntryHeader, frozen=True, kw_only=True, tag_field="kind", tag="epoch_opened"):
    """First entry of every epoch: why, and the last head known of the stream before."""

    device: Text
    software: Text
    reason: EpochReason
    previous_epoch: bytes = b""
    previous_sequence: int = 0
    previous_head: bytes = b""


class DeviceEvent(EntryHeader, frozen=True, kw_only=True, tag_field="kind", tag="device_event"):
    """Something that happened to the device itself (`started`, `list_installed`, `clock_went_back` …)."""

    event: Text
    details: dict[str, Text] = {}


class CheckFacts(EntryHeader, frozen=True, kw_only=True):
    """One traveller's inspection, as far as it went."""

    inspection_id: Identifier
    direction: Direction
    document: DocumentFacts | None = None
    visa: VisaFacts | None = None
    faces: tuple[FaceFacts, ...] = ()
    findings: tuple[FindingFact, ...] = ()
    proposal: Decision
    """What the machine proposed."""
    decision: Decision
    """What the officer decided."""
    officer: Text
    reason: Text = ""
    """Given where the decision differs from the proposal."""
    regime: Text = ""
    stay_days: int = 0
    group: Text = ""
    """Inspection id of the first traveller of a group."""
    policy_id: Text = ""
    rules_version: int = 0
    lists: tuple[ListFact, ...] = ()
    evidence: Digest | None = None
    """SHA-256 of the stored evidence, from which the verdict can be computed again."""


class Movement(CheckFacts, frozen=True, kw_only=True, tag_field="kind", tag="movement"):
    """An entry, an exit or a refusal. Only the deciding device writes it; one traveller, one movement."""


class Inspection(CheckFacts, frozen=True, kw_only=True, tag_field="kind", tag="inspection"):
    """An inspection that ended without a movement: referred to another officer, or cancelled."""

    outcome: Text
    """`referred` or `cancelled`."""


Entry = EpochOpened | DeviceEvent | Movement | Inspection

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class _Kind(Struct):
    kind: str = ""


def write_entry(entry: Entry) -> bytes:
    """The exact bytes of an entry: these are stored, hashed and sent. Raises Malformed beyond 64 KiB."""
    body = msgspec.json.encode(entry)
    if len(body) > LARGEST_BODY:
        raise Malformed(type(entry).__name__, f"{len(body)} bytes is more than an entry may have")
    return body


def read_entry(body: bytes) -> Entry:
    """An entry from its bytes. Raises Malformed where they are not an entry this side knows."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Malformed("entry", str(error)) from None


def entry_kind(body: bytes) -> str:
    """The kind an entry names, known here or not; empty where the bytes are no object with a kind."""
    try:
        return msgspec.json.decode(body, type=_Kind).kind
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ""
