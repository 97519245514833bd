"""What one inspection found out: values only, complete enough to decide again in ten years.

Everything `decide()` reads is here or in the policy: what a reader read, what a signature check said, what a list
answered (with its version and head), what the clock was worth. Each value is a frozen `msgspec.Struct`, so that
`msgspec.json` writes it to the journal and reads it back equal. Fields are only ever added, with a default that
means "an older version did not record this".
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum

from msgspec import Struct, structs

from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome
from border_agent.documents.mrz import Mrz
from border_agent.faces import FaceComparison
from border_agent.seals import SealedVisa
from border_agent.trust import SealJudgement
from border_agent.trust.passive.judgement import PassiveJudgement
from mqtt_schemas.entries import ClockQuality, Direction
from mqtt_schemas.records import VisaRecord, VisaUseFact, WatchRecord

FACE_DECLINED = "face.declined"
"""Error of a face step that a traveller may choose; it answers the step."""
FACE_SEVERAL = "face.several"
FACE_NOT_FOUND = "face.not_found"
FACE_NO_REFERENCE = "face.no_reference"
CHIP_NO_KEY = "chip.no_key"
"""Error of a chip that could not be asked: the zone that was read gives no key to it."""
CHIP_SKIPPED = "chip.skipped"
CHIP_TIMED_OUT = "chip.not_waited"
"""Somebody left the chip out; it was waited for long enough. A chip's step always ends with an outcome, and so never
stands in `skipped` or `timed_out`: the agent before this one, which may read this at the post, knows no such step."""


class Step(StrEnum):
    """What a traveller is asked for, in this order."""

    DOCUMENT = "document"
    CHIP = "chip"
    PAGE = "page"
    VISA = "visa"
    FACE = "face"
    QUESTIONS = "questions"


class DocumentSource(StrEnum):
    """What read a document's zone, where nobody typed it."""

    READER = "reader"
    """A reader made for it."""
    CAMERA = "camera"
    """A camera that saw the page: each character has a confidence of its own."""


class DocumentEvidence(Struct, frozen=True, kw_only=True):
    """What the reader read of the travel document."""

    mrz: Mrz | None = None
    error: str = ""
    """Why `mrz` is missing: an error code such as `mrz.not_mrz`."""
    attempts: int = 1
    typed: bool = False
    """An officer typed the zone from the page: no reader vouches for it."""
    source: DocumentSource = DocumentSource.READER
    confidence: float | None = None
    """Of the least certain character, 0 to 1; None: it was not read by a camera."""
    uncertain: tuple[tuple[int, int], ...] = ()
    """Line and column, from 0, of each character below the limit. Check digits that hold make none of them certain:
    they do not cover the names."""


class ChipEvidence(Struct, frozen=True, kw_only=True):
    """What the document's chip said, who vouches for it, and whether it is the printed document's."""

    outcome: ChipOutcome
    error: str = ""
    """Why it was not read, or not as it should be: an error code such as `chip.access_refused`."""
    access: str = ""
    """The protocol that opened it: `pace-gm`, `pace-im`, `pace-cam` or `bac`; empty: none did."""
    pace_failed: bool = False
    """PACE failed and the policy let BAC be tried: somebody may have stood between reader and chip."""
    access_differs: bool = False
    """The chip's signed files name a PACE that it did not offer: somebody took it away."""
    authenticity: ChipAuthenticity = ChipAuthenticity.untried
    """Whether the chip has proved that it is no copy, by its own word."""
    proof_signed: bool = False
    """Whether the key it proved that with is one that the state has signed: any other proves nothing."""
    withheld: tuple[str, ...] = ()
    """Files with such a key that the state has signed and the chip did not show: a copy leaves them away."""
    mrz: Mrz | None = None
    """Of its data group 1."""
    agrees: bool | None = None
    """Whether that is what was read of the page; `None`: there was nothing to compare."""
    passive: PassiveJudgement | None = None
    """Whether its files are as the issuing state signed them; `None`: nothing signed was read."""
    portrait_sha256: str = ""
    """Of the picture in its data group 2 as the chip holds it, hexadecimal; empty: there is none. The picture itself
    is for people's eyes, and is kept with the others."""
    portrait_error: str = ""
    """Why the picture could not be used: an error code of the data group or of the decoder."""
    files: dict[str, str] = {}
    """SHA-256 (hexadecimal) of every file read, by its name (`EF.SOD`, `DG1`)."""
    missing: tuple[str, ...] = ()
    """Files that should be there and could not be read."""
    attempts: int = 1
    ms: dict[str, float] = {}
    """Milliseconds by stage."""

    @property
    def read(self) -> bool:
        """Whether there is something to weigh."""
        return self.outcome is ChipOutcome.read


class PageEvidence(Struct, frozen=True, kw_only=True):
    """The picture of the data page, which holds the printed portrait."""

    portrait_found: bool = False
    error: str = ""


class VisaEvidence(Struct, frozen=True, kw_only=True):
    """What the visa's code says, who vouches for it, and what the lists and this device know of it."""

    visa: SealedVisa | None = None
    error: str = ""
    """Why `visa` is missing: a seal's error code (`seal.not_a_seal`, `seal.malformed`) or the decoder's."""
    judgement: SealJudgement | None = None
    record: VisaRecord | None = None
    """What the centre's list answered; `None`: the list does not hold this visa."""
    record_version: int = 0
    """Version of the `visas` feed that answered; 0: no list was there to ask."""
    uses_here: int = 0
    """Entries this device's own journal made with this visa."""
    uses_since_list: int = 0
    """Those of them made after the list was issued: its record cannot have counted them."""
    uses_unlisted: int | None = None
    """Entries of this device that the record, which names the entries it counts, has not counted; less those it
    counts that were taken back here since. `None`: it names none, or an older version wrote this."""
    uses_elsewhere: tuple[VisaUseFact, ...] = ()
    """Entries that the record names and this device's journal does not hold, the oldest first."""

    @property
    def uses(self) -> int:
        """Entries that are certain: the list's and those it cannot know of, or this device's own if they are more."""
        unknown = self.uses_since_list if self.uses_unlisted is None else self.uses_unlisted
        listed = self.record.uses + unknown if self.record is not None else 0
        return max(listed, self.uses_here)


class FaceEvidence(Struct, frozen=True, kw_only=True):
    """Comparisons of the live face with each reference that was at hand."""

    comparisons: tuple[FaceComparison, ...] = ()
    error: str = ""
    """Why there is none (the constants above, or a decoder's error), or `face.several`: which face was it?"""
    portrait_matches_seal: bool | None = None
    """Whether the reference portrait's SHA-256 is the one the visa's signature covers; `None`: nothing to compare."""


class WatchHit(Struct, frozen=True, kw_only=True):
    """One line of the watch-list that fits the document (`matched_on` "document") or the person ("identity")."""

    record: WatchRecord
    matched_on: str


class StayEvidence(Struct, frozen=True, kw_only=True):
    """The stay that an exit ends, as far as the device knows it: by its own passages and the list of stays."""

    entered_at: datetime | None = None
    """The last admitted entry with this document that no exit has followed; `None`: none is known here."""
    entry: str = ""
    """Id of that entry in the journal."""
    allowed_days: int = 0
    """The stay that was granted; 0: no limit known."""
    until: date | None = None
    """The last day of it (UTC)."""
    overstay_days: int = 0
    """Days beyond it."""
    post: str = ""
    """Where it began, as the list of stays says; empty: at this device."""


class OpenStay(Struct, frozen=True, kw_only=True):
    """A stay with this document that began at another device and has not ended, as the list of stays says."""

    entered_at: datetime
    entry: str = ""
    """Id of the movement that began it."""
    post: str = ""
    device: str = ""


class ListAnswer(Struct, frozen=True, kw_only=True):
    """Which issue of a feed was consulted. A feed the device does not hold has no answer at all."""

    name: str
    version: int
    head: str = ""
    """SHA-256 of the feed's head, hexadecimal."""
    issued: datetime
    expires: datetime | None = None


class ClockEvidence(Struct, frozen=True, kw_only=True):
    """The moment of the decision (UTC) and what it is worth."""

    at: datetime
    quality: ClockQuality
    went_back_seconds: float = 0.0
    """How far the clock went back since the last entry of the journal; 0: it did not."""
    jumped_seconds: float = 0.0
    """How far somebody turned the system's clock forth, with no time server behind it; 0: nobody did."""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a moment without a time zone is no evidence")

    @property
    def today(self) -> date:
        """The day of the decision, UTC."""
        return self.at.astimezone(UTC).date()


class Evidence(Struct, frozen=True, kw_only=True):
    """All that one inspection knows about one traveller's one movement."""

    inspection_id: str
    device: str
    direction: Direction = Direction.ENTRY
    purpose: str = ""
    """Purpose of the journey as the entry-regime table names it, given at the start or answered; empty: not known."""
    group: str = ""
    accompanied: bool = False
    """A minor travels with a parent or guardian of the same group."""
    started_at: datetime
    document: DocumentEvidence | None = None
    chip: ChipEvidence | None = None
    """`None`: this device reads no chips, none was wanted, or an older version wrote this."""
    page: PageEvidence | None = None
    visa: VisaEvidence | None = None
    face: FaceEvidence | None = None
    hits: tuple[WatchHit, ...] = ()
    lists: tuple[ListAnswer, ...] = ()
    clock: ClockEvidence
    skipped: tuple[Step, ...] = ()
    timed_out: tuple[Step, ...] = ()
    problems: tuple[str, ...] = ()
    """Codes of what went wrong on the way (`decoder.crashed`, `device.camera`), each once."""
    answers: dict[str, str] = {}
    """The traveller's own answers by the question's key. Kept here and not in the journal's entry: they are one
    person's word, nobody vouches for them, and the entry goes to the centre for good."""
    stay: StayEvidence | None = None
    """Of an exit; `None`: nobody has looked for it."""
    open_stay: OpenStay | None = None
    """Of an entry; `None`: none is known, or nobody has looked for it."""
    pictures: dict[str, str] = {}
    """SHA-256 (hexadecimal) of each picture that is kept beside this (`live`, `page`, `chip`), by what it shows: put
    in when it is recorded. decide() looks at none of them."""

    @property
    def mrz(self) -> Mrz | None:
        """The document's machine-readable zone, where one was read."""
        return self.document.mrz if self.document is not None else None


def without_pictures(evidence: Evidence) -> Evidence:
    """The evidence as the journal keeps it: pictures are referred to by their hash, and decide() needs no more."""
    if evidence.visa is None or evidence.visa.record is None or not evidence.visa.record.portrait:
        return evidence
    record = structs.replace(evidence.visa.record, portrait=b"")
    return structs.replace(evidence, visa=structs.replace(evidence.visa, record=record))
