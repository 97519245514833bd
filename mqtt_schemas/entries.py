"""Bodies of journal entries: what a device has to say, once and for good.

A body is stored, hashed and sent as the exact JSON bytes that were written first; it is never re-encoded.
Fields are only added within the major version. A reader that meets a kind or a field it does not know keeps
the bytes (see `read_entry`), because the chain, not the reader's knowledge, decides whether an entry counts.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from mqtt_schemas.errors import Malformed
from mqtt_schemas.outside import parse
from mqtt_schemas.records import Count

LARGEST_BODY = 65536
KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a kind looks like, known here or not."""

Identifier = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}(?!\n)$")]
"""128 random bits as 32 hexadecimal digits."""

Moment = Annotated[datetime, Meta(tz=True)]
"""UTC as RFC 3339 with `Z`, to the microsecond at most."""

Text = Annotated[str, Meta(max_length=1024)]
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""SHA-256, 32 bytes."""
Mark = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A sequence or version already reached; 0 is none. Fits a database's 64-bit integer."""


def require_utc(*moments: datetime | None) -> None:
    """Raises ValueError (so a decoder: Malformed) for a time that is not UTC.

    One offset only, so that times compare as text too, and none can run off the calendar when converted.
    """
    if any(moment is not None and moment.utcoffset() != timedelta(0) for moment in moments):
        raise ValueError("a time that is not UTC")


class ClockQuality(StrEnum):
    """How far the device's time may be believed."""

    SYNCHRONISED = "synchronised"
    """By a time server."""
    ACKNOWLEDGED = "acknowledged"
    """By the signed time of the centre's acknowledgement."""
    HOLDOVER = "holdover"
    """By one of these, some time ago."""
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> ClockQuality:
        return cls.UNKNOWN


class Direction(StrEnum):
    """Which way the traveller goes."""

    ENTRY = "entry"
    EXIT = "exit"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Direction:
        return cls.UNKNOWN


class Decision(StrEnum):
    """What the machine may propose and the officer decide."""

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
    """A backup, or an older copy of the store, was put back into service."""
    DAMAGED = "damaged"
    """An entry of the stream before cannot be proved any more; somebody let the device go on without. Since 1.5."""
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
    source: Text = ""
    """Who read it: `reader`, `camera`, `typed`; empty: written before 1.4. Since 1.4."""


class ChipFacts(Struct, frozen=True, kw_only=True):
    """What the document's chip said, and what that is worth, in the agent's own words (ICAO Doc 9303-10 to -12)."""

    outcome: Text
    """`read`, `absent`, `access_refused`, `lost`, `timed_out`, `hostile`, `unreadable`."""
    error: Text = ""
    access: Text = ""
    """By which protocol it was opened: `pace-gm`, `pace-im`, `pace-cam`, `bac`."""
    authenticity: Text = ""
    """Whether it could prove that it is no copy: `proved_ca`, `proved_cam`, `proved_aa`, `unsupported`, `failed`."""
    passive: Text = ""
    """Whether its files are as the state signed them: `trusted`, `no_trust_anchor`, `invalid`, `expired`, `revoked`;
    empty: there was nothing signed."""
    issuer: Text = ""
    signer: Text = ""
    agrees: bool | None = None
    """Whether its data group 1 is what is printed; null: there was nothing to compare."""
    portrait_sha256: Annotated[bytes, Meta(max_length=32)] = b""


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
    entries: Count = 0
    uses_before: Count = 0


Distance = Annotated[float, Meta(ge=0, le=1_000_000)]
"""In the model's own measure. Bounded, because a number no double holds is valid JSON."""


class FaceFacts(Struct, frozen=True, kw_only=True):
    """One face comparison with everything needed to judge it later (ISO/IEC 19795)."""

    reference: Text
    zone: Text
    distance: Distance
    match_threshold: Distance
    doubt_threshold: Distance
    frames: Count
    model: Text
    model_sha256: Text
    calibration_sha256: Text
    provisional: bool


class FindingFact(Struct, frozen=True, kw_only=True):
    """One finding of the decision, by its stable code."""

    code: Text
    severity: Text


class ListFact(Struct, frozen=True, kw_only=True):
    """Which version of a list gave its answer."""

    name: Text
    version: Mark
    head: Text


class EntryHeader(Struct, frozen=True, kw_only=True):
    """What every entry says of itself."""

    id: Identifier
    occurred_at: Moment
    recorded_at: Moment
    clock: ClockQuality

    def __post_init__(self) -> None:
        require_utc(self.occurred_at, self.recorded_at)


class EpochOpened(EntryHeader, frozen=True, kw_only=True, tag_field="kind", tag="epoch_opened"):
    """First entry of every epoch: why, and the last head known of the stream before."""

    device: Text
    software: Text
    reason: EpochReason
    previous_epoch: Annotated[bytes, Meta(max_length=16)] = b""
    previous_sequence: Mark = 0
    previous_head: Annotated[bytes, Meta(max_length=32)] = b""
    carried: Mark = 0
    """So many entries follow this one exactly as they were written in the stream before, where the centre may or may
    not have them: an entry's id counts once. Since 1.5."""


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
    stay_days: Count = 0
    group: Text = ""
    """Inspection id of the first traveller of a group."""
    policy_id: Text = ""
    rules_version: Count = 0
    lists: tuple[ListFact, ...] = ()
    evidence: Digest | None = None
    """SHA-256 of the stored evidence, from which the verdict can be computed again."""
    second_officer: Text = ""
    """Who agreed, where the policy wants two. Since 1.2."""
    origin: Text = ""
    """The device that inspected, where another one decided. Since 1.2."""
    grounds: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()
    """Codes of the grounds of a refusal, as on the traveller's notice. Since 1.2."""
    overstay_days: Count = 0
    """Of an exit: days beyond the stay that was granted, as far as this device knew. Since 1.2."""
    chip: ChipFacts | None = None
    """Null: nobody tried to read one. Since 1.4."""


class Movement(CheckFacts, frozen=True, kw_only=True, tag_field="kind", tag="movement"):
    """An entry, an exit or a refusal. Only the deciding device writes it; one traveller, one movement."""


class Inspection(CheckFacts, frozen=True, kw_only=True, tag_field="kind", tag="inspection"):
    """An inspection that ended without a movement: referred to another officer, or cancelled."""

    outcome: Text
    """`referred` or `cancelled`."""


class LateEntry(EntryHeader, frozen=True, kw_only=True, tag_field="kind", tag="late_entry"):
    """A movement of a day on paper, entered afterwards: `occurred_at` is what the paper says. Since 1.2."""

    inspection_id: Identifier
    direction: Direction
    document: DocumentFacts
    visa_id: Text = ""
    decision: Decision
    officer: Text
    """Who decided then, as the paper says."""
    entered_by: Text
    second_officer: Text = ""
    paper: Text
    """Number of the paper form."""
    reason: Text
    """Why it was on paper."""
    stay_days: Count = 0


class Correction(EntryHeader, frozen=True, kw_only=True, tag_field="kind", tag="correction"):
    """An earlier movement put right. That entry stays as it is: whoever reads it reads this too. Since 1.2."""

    corrects: Identifier
    """Id of the entry that is put right."""
    inspection_id: Identifier
    """Of that entry."""
    officer: Text
    second_officer: Text = ""
    reason: Text
    annuls: bool = False
    """The movement did not take place."""
    changes: dict[str, Text] = {}
    """The right value by the entry's own field name (`direction`, `decision`, `document.number` …)."""


class OfficerAct(EntryHeader, frozen=True, kw_only=True, tag_field="kind", tag="officer_act"):
    """Something a person did at this device beside deciding (`signed_in`, `suspended`, `exported` …). Since 1.2."""

    officer: Text
    """Service number; empty: nobody was signed in."""
    act: Text
    subject: Text = ""
    """What it was done to: an inspection's id, another officer's number."""
    second_officer: Text = ""
    details: dict[str, Text] = {}


Entry = EpochOpened | DeviceEvent | Movement | Inspection | LateEntry | Correction | OfficerAct

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class _Kind(Struct):
    kind: str = ""


_kind_decoder = msgspec.json.Decoder(_Kind)


def write_entry(entry: Entry) -> bytes:
    """The exact bytes of an entry: these are stored, hashed and sent.

    Raises Malformed beyond 64 KiB, and for values that a reader would refuse: what is written is written for
    good, and a struct is not checked when it is made.
    """
    try:
        body = msgspec.json.encode(entry)
    except (TypeError, ValueError) as error:
        raise Malformed(type(entry).__name__, str(error)) from None
    read_entry(body)
    return body


_DERIVED = b"borne/v1/entry-id\0"


def derived_id(device: str, kind: str, inspection_id: str, recorded_at: datetime) -> str:
    """The id that a writer gives an entry of an inspection: it need not travel, as a reader can make it again.

    First 16 bytes of SHA-256("borne/v1/entry-id\\0" || device || 0 || kind || 0 || inspection id || 0 || recorded_at
    as the entry spells it), in hexadecimal. As unlike any other as a random one: the inspection's id is random, and
    no inspection has two entries of a kind in one microsecond. Any other id is as good, and only takes more room on
    the line. Since 1.5.
    """
    spelt = msgspec.json.encode(recorded_at)[1:-1]
    return derived_id_of(device.encode(), kind.encode(), inspection_id.encode(), spelt).decode()


def derived_id_of(device: bytes, kind: bytes, inspection_id: bytes, recorded_at: bytes) -> bytes:
    """`derived_id` of what an entry's bytes hold."""
    said = b"%b%b\0%b\0%b\0%b" % (_DERIVED, device, kind, inspection_id, recorded_at)
    return sha256(said).hexdigest()[:32].encode()


def read_entry(body: bytes) -> Entry:
    """An entry from its bytes. Raises Malformed where they are not an entry this side knows."""
    if len(body) > LARGEST_BODY:
        raise Malformed("entry", f"{len(body)} bytes is more than an entry may have")
    return parse(_decoder.decode, body, "entry")


def entry_kind(body: bytes) -> str:
    """The kind an entry names, known here or not; empty where the bytes are no object with a kind."""
    try:
        kind = parse(_kind_decoder.decode, body, "entry").kind
    except Malformed:
        return ""
    return kind if KIND.fullmatch(kind) else ""
