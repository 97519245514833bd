"""What feeds carry: one record type a feed.

Feeds flow from the data centre to the devices (see `feeds`). Records are read with `msgspec` and published
as JSON Schema in `schemas/`; a test proves that both agree. Enumerations have `unknown`, so that a device
reads a newer minor version of the contract: what it does not know it treats as the doubtful case. Patterns
end in `(?!\\n)$` because Python's `$` alone also matches before a final line feed, and JSON Schema's does
not.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

StateCode = Annotated[str, Meta(pattern=r"^[A-Z]{1,3}(?!\n)$")]
"""State code as in an MRZ without fillers (ICAO Doc 9303-3 section 5): `D`, `CMR`, `UTO`."""

DocumentNumber = Annotated[str, Meta(pattern=r"^[A-Z0-9]{0,22}(?!\n)$")]
"""Document number as in an MRZ without fillers."""

MrzName = Annotated[str, Meta(pattern=r"^[A-Z ]*(?!\n)$", max_length=128)]
"""A name transliterated as in an MRZ (ICAO Doc 9303-3 section 6), words separated by spaces."""

Picture = Annotated[bytes, Meta(max_length=65536)]
Sha256 = Annotated[bytes, Meta(max_length=32)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class VisaStatus(StrEnum):
    """Whether the visa still holds, as the centre knows."""

    VALID = "valid"
    REVOKED = "revoked"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> VisaStatus:
        return cls.UNKNOWN


Identifier = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}(?!\n)$")]
"""128 random bits as 32 hexadecimal digits, as entries have them."""
Instant = Annotated[datetime, Meta(tz=True)]


class VisaUseFact(Struct, frozen=True, kw_only=True):
    """One use of a visa, as a device's journal told the centre. Since 1.5."""

    entry: Identifier
    """Id of the movement: a device knows its own by it, whatever the order things arrive in."""
    device: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{2,39}(?!\n)$")]
    post: Annotated[str, Meta(max_length=40)] = ""
    at: Instant
    """When the traveller passed, by that device's clock; UTC."""

    def __post_init__(self) -> None:
        if self.at.utcoffset() != timedelta(0):
            raise ValueError("a time that is not UTC")


class VisaRecord(Struct, frozen=True, kw_only=True):
    """One e-visa as the data centre knows it (feed `visas`)."""

    visa_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]
    issuer: StateCode
    document_issuer: StateCode
    document_number: DocumentNumber
    valid_from: date
    valid_until: date
    entries: Count
    """Number of entries allowed; 0 is unlimited (ICAO Doc 9303-13)."""
    status: VisaStatus = VisaStatus.VALID
    portrait: Picture = b""
    """JPEG of the application's portrait; empty: none."""
    portrait_sha256: Sha256 = b""
    uses: Count = 0
    """Entries already made with it, as far as the centre knows."""
    used: Annotated[tuple[VisaUseFact, ...], Meta(max_length=16)] = ()
    """The newest of them, the oldest first. Since 1.5."""
    template: Annotated[bytes, Meta(max_length=1024)] = b""
    """The application portrait's face as the matcher measures it, a signed byte a number; empty: none. Since 1.5."""
    template_scale: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    """What each of these numbers is to be multiplied with."""
    template_model: Annotated[str, Meta(max_length=64)] = ""
    """SHA-256 of the model that measured it, in hexadecimal: another model's template says nothing."""


class StayRecord(Struct, frozen=True, kw_only=True):
    """A stay that has begun and not ended, as far as the centre knows (feed `stays`, since 1.5).

    Documents stand in it by a keyed hash only. The key is in the feed itself, in the record under `key`, and the feed
    is sealed to the devices that may read it.
    """

    document: Annotated[bytes, Meta(max_length=16)] = b""
    """First 16 bytes of HMAC-SHA256(hash key, issuer || 0x00 || number); empty in the record under `key`."""
    hash_key: Annotated[bytes, Meta(max_length=32)] = b""
    """32 bytes, in the record under `key` only."""
    entered_at: Instant | None = None
    days: Count = 0
    """Granted; 0: no limit is known."""
    entry: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?(?!\n)$")] = ""
    """Id of the movement that began it."""
    device: Annotated[str, Meta(max_length=40)] = ""
    post: Annotated[str, Meta(max_length=40)] = ""

    def __post_init__(self) -> None:
        if self.entered_at is not None and self.entered_at.utcoffset() != timedelta(0):
            raise ValueError("a time that is not UTC")


class SignerRecord(Struct, frozen=True, kw_only=True):
    """One visa signer's certificate and what it may sign (feed `trust`)."""

    issuer: StateCode
    certificate: Annotated[bytes, Meta(min_length=1, max_length=8192)]
    """X.509, DER."""
    scopes: tuple[str, ...]
    """What the signer may sign: `visa:UTO` is visas of Utopia, `visa:AES-Liptako` a confederal one."""
    use_from: date
    use_until: date
    """The private key's use period (ICAO Doc 9303-12); a signature dated outside is not accepted."""
    revoked_at: date | None = None
    revocation_reason: str = ""
    """`superseded` leaves earlier signatures good, `keyCompromise` does not (RFC 5280 section 5.3.1)."""


class CscaRecord(Struct, frozen=True, kw_only=True):
    """A state's signing authority for chips (feed `csca`, since 1.4; ICAO Doc 9303-12)."""

    issuer: StateCode
    """The country as the certificate's subject has it, in capitals: two letters as a rule."""
    certificate: Annotated[bytes, Meta(min_length=1, max_length=16384)]
    """X.509, DER: a root or a link certificate. What it is worth is for the device to see."""
    crl: Annotated[bytes, Meta(max_length=65536)] = b""
    """The newest revocation list this certificate's key has signed (RFC 5280, DER); empty: none is known."""
    source: Annotated[str, Meta(max_length=64)] = ""
    """Where the data centre has it from: a master list's name, a diplomatic note."""


class Handling(StrEnum):
    """What an officer is asked to do with a hit."""

    STOP = "stop"
    DISCREET = "discreet"
    INFORM = "inform"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Handling:
        return cls.UNKNOWN


class WatchRecord(Struct, frozen=True, kw_only=True):
    """A wanted person, or a lost or stolen document (feed `watchlist`)."""

    record_id: Annotated[str, Meta(min_length=1, max_length=64)]
    surname: MrzName = ""
    given_names: MrzName = ""
    birth: Annotated[str, Meta(pattern=r"^(([0-9]{4}|XXXX)-([0-9]{2}|XX)-([0-9]{2}|XX))?(?!\n)$")] = ""
    """ISO date, unknown parts as X; empty: unknown altogether."""
    document_issuer: Annotated[str, Meta(pattern=r"^[A-Z]{0,3}(?!\n)$")] = ""
    document_number: DocumentNumber = ""
    grounds: Annotated[str, Meta(max_length=64)] = ""
    handling: Handling = Handling.UNKNOWN


class Regime(StrEnum):
    """How a traveller enters."""

    NATIONAL = "national"
    RESIDENT = "resident"
    CREW = "crew"
    EXEMPT = "exempt"
    VISA_REQUIRED = "visa_required"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Regime:
        return cls.UNKNOWN


class RegimeRule(Struct, frozen=True, kw_only=True):
    """One line of the entry-regime table: the first that fits a traveller holds."""

    nationality: Annotated[str, Meta(pattern=r"^([A-Z]{1,3}|\*)(?!\n)$")]
    document: Annotated[str, Meta(pattern=r"^([A-Z]{1,2}|\*)(?!\n)$")] = "*"
    """Start of the document code (`P`, `PD`, `ID`), or any."""
    purpose: str = "*"
    regime: Regime
    days: Count = 0
    """Longest stay in days; 0: as the visa says, or no limit."""


class QuestionKey(StrEnum):
    """What a traveller is asked."""

    PURPOSE = "purpose"
    """The purpose of the journey, in the words of the entry-regime table."""
    ADDRESS = "address"
    """Where the traveller will stay, in the traveller's own words."""
    UNKNOWN = "unknown"
    """Not asked: a device of an older minor version has no words for it."""

    @classmethod
    def _missing_(cls, value: object) -> QuestionKey:
        return cls.UNKNOWN


Choice = Annotated[str, Meta(pattern=r"^[a-z][a-z_]*(?!\n)$", max_length=32)]
"""An answer to choose: a word such as `tourism` that every device has in its traveller's language."""


class Question(Struct, frozen=True, kw_only=True):
    """Something to ask a traveller. Of two questions with one key the first counts."""

    key: QuestionKey
    choices: Annotated[tuple[Choice, ...], Meta(max_length=12)] = ()
    """The answers there are; none: the traveller writes freely. A purpose without choices is not asked."""


class FourEyes(StrEnum):
    """Acts for which a policy may want two officers."""

    ADMIT_OVER_REFUSE = "admit_over_refuse"
    """Admitting where a refusal was proposed."""
    REFUSE_OVER_ADMIT = "refuse_over_admit"
    REFUSE = "refuse"
    """Every refusal."""
    CORRECTION = "correction"
    LATE_ENTRY = "late_entry"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> FourEyes:
        return cls.UNKNOWN


Paragraph = Annotated[str, Meta(max_length=2000)]


class RefusalNotice(Struct, frozen=True, kw_only=True):
    """A country's own words on the notice that a refused traveller takes along, in one language."""

    authority: Annotated[str, Meta(max_length=200)] = ""
    """Who refuses, as the notice's heading has it."""
    legal_basis: Paragraph = ""
    appeal: Paragraph = ""
    """Where, how and until when the traveller may appeal."""


class ChipWish(StrEnum):
    """How much a country wants the chips of travel documents to be read."""

    ALWAYS = "always"
    """Wait the step's whole time for a chip to answer."""
    WHEN_POSSIBLE = "when_possible"
    """Where no chip answers within a few seconds, go on without."""
    NEVER = "never"
    UNKNOWN = "unknown"
    """Read as `when_possible`."""

    @classmethod
    def _missing_(cls, value: object) -> ChipWish:
        return cls.UNKNOWN


DataGroup = Annotated[str, Meta(pattern=r"^DG(1[0-6]|[1-9])(?!\n)$")]
"""A data group of a chip (ICAO Doc 9303-10): `DG1` to `DG16`."""


class ChipPolicy(Struct, frozen=True, kw_only=True):
    """What a country wants of the chips of travel documents (ICAO Doc 9303-10, -11, -12)."""

    wanted: ChipWish = ChipWish.WHEN_POSSIBLE
    required_for: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^([A-Z]{1,3}|\*)(?!\n)$")], ...], Meta(max_length=256)
    ] = ()
    """Nationalities and issuing states whose travellers an officer looks at where no chip was read; `*`: all."""
    bac_after_failed_pace: bool = False
    """Whether a chip whose PACE failed may be asked by the older, weaker BAC instead. It is a finding then."""
    extra_files: Annotated[tuple[DataGroup, ...], Meta(max_length=16)] = ()
    """Data groups to read beside those every inspection needs. What a chip lets only its own state read is not."""


class Policy(Struct, frozen=True, kw_only=True):
    """The rules of one country (feed `policy`); `decide()` reads nothing else of the country's will."""

    policy_id: Annotated[str, Meta(min_length=1, max_length=64)]
    rules_version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    """The version of the decision rules this policy was written for; old rules stay runnable."""
    country: StateCode
    issuers: tuple[StateCode, ...]
    """States whose visas count here; several in a confederation."""
    regimes: tuple[RegimeRule, ...]
    minor_age: Count = 18
    face_minimum_age: Count = 12
    passport_validity_days: Count = 0
    """How long a passport must still be valid on entry; 0: today is enough."""
    list_stale_hours: dict[str, Count] = {}
    """How old each feed may be before its age becomes a finding; a feed not named: 72."""
    admit_without_officer: bool = False
    default_language: str = "fr"
    questions: Annotated[tuple[Question, ...], Meta(max_length=16)] = ()
    """What a traveller is asked where the device can ask, in this order. Since 1.1."""
    second_officer: Annotated[tuple[FourEyes, ...], Meta(max_length=16)] = ()
    """Acts that need a second officer. Since 1.2."""
    credential_days: Annotated[int, Meta(ge=1, le=3660)] = 45
    """How long an officer's sign-in serves before a supervisor extends it. Since 1.2."""
    idle_lock_minutes: Annotated[int, Meta(ge=1, le=120)] = 5
    """A console nobody touches is locked after so long; what is open in it stays open. Since 1.2."""
    session_hours: Annotated[int, Meta(ge=1, le=24)] = 12
    """A shift: then everybody signs in anew. Since 1.2."""
    notice: dict[str, RefusalNotice] = {}
    """What a refusal notice says, by language (`fr`, `en`). Since 1.2."""
    chip: ChipPolicy = ChipPolicy()
    """What is wanted of chips. Since 1.4."""
    evidence_days: Annotated[int, Meta(ge=0, le=36_600)] | None = None
    """How long a device keeps photos and records of verdicts once the centre holds them; null: until the country has
    decided. Since 1.5."""
    journal_days: Annotated[int, Meta(ge=1, le=36_600)] | None = None
    """How long a device keeps the text of entries that the centre has; their digests stay. Null: it keeps them.
    Since 1.5."""


class OfficerRole(StrEnum):
    """What somebody may do at a post's console."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"
    READER = "reader"
    """Sees, and changes nothing."""
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> OfficerRole:
        return cls.UNKNOWN


class OfficerState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> OfficerState:
        return cls.UNKNOWN


DeviceName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{2,39}(?!\n)$")]
"""A device's id (see `topics`)."""
PostName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,39}(?!\n)$")]


class SealedActivation(Struct, frozen=True, kw_only=True):
    """An officer's one-time activation, to be opened by one device only (see `sealing`)."""

    device: DeviceName
    box: Annotated[bytes, Meta(min_length=1, max_length=1024)]


class OfficerRecord(Struct, frozen=True, kw_only=True):
    """Who may sign in where (feed `officers`)."""

    number: Annotated[str, Meta(pattern=r"^[0-9]{4,8}(?!\n)$")]
    """Service number."""
    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")]
    roles: Annotated[tuple[OfficerRole, ...], Meta(max_length=8)]
    posts: Annotated[tuple[PostName, ...], Meta(max_length=64)]
    state: OfficerState = OfficerState.ACTIVE
    language: Annotated[str, Meta(pattern=r"^[a-z]{2}(?!\n)$")] = "fr"
    activation: Annotated[str, Meta(pattern=r"^([0-9a-f]{16})?(?!\n)$")] = ""
    """Id of the newest activation. A new one ends the sign-in made with the one before."""
    activations: Annotated[tuple[SealedActivation, ...], Meta(max_length=64)] = ()
    """It, sealed to each device of the officer's posts."""


class DeviceState(StrEnum):
    ENROLLED = "enrolled"
    RETIRED = "retired"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> DeviceState:
        return cls.UNKNOWN


class DeviceRecord(Struct, frozen=True, kw_only=True):
    """A device as the register has it (feed `devices`): whose word counts at a post, and under which key."""

    device: DeviceName
    post: PostName
    role: Annotated[str, Meta(max_length=16)] = ""
    """`kiosk` or `post`."""
    journal_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    """Ed25519 public key (RFC 8032) that signs its journal and its statements at the post."""
    sealing_key: Annotated[bytes, Meta(max_length=32)] = b""
    """X25519 public key (RFC 7748) that feeds seal to; empty: nothing can be sealed to it."""
    state: DeviceState = DeviceState.ENROLLED
