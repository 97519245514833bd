"""What can happen to an inspection. Each event is a value, tagged by its name, so a stream of them can be kept."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from border_agent.inspection.evidence import (
    ChipEvidence,
    ClockEvidence,
    DocumentEvidence,
    FaceEvidence,
    ListAnswer,
    OpenStay,
    PageEvidence,
    StayEvidence,
    Step,
    VisaEvidence,
    WatchHit,
)
from border_agent.inspection.verdict import Proposal


class DocumentRead(Struct, frozen=True, tag=True):
    """The reader read something. Without an MRZ the step stays open for another try."""

    document: DocumentEvidence


class ChipRead(Struct, frozen=True, tag=True):
    """The chip was read, or could not be: either answers the step. Read again, the better of both counts."""

    chip: ChipEvidence


class PageRead(Struct, frozen=True, tag=True):
    """The data page was photographed. With an error the step stays open."""

    page: PageEvidence


class VisaRead(Struct, frozen=True, tag=True):
    """A code was read. Without a visa in it the step stays open for another code."""

    visa: VisaEvidence


class FaceCompared(Struct, frozen=True, tag=True):
    """The live face was compared. With an error the step stays open, except where the traveller declined.

    The comparisons held already, and another reference's beside them, are taken too: a chip may be read afterwards.
    """

    face: FaceEvidence


class QuestionAnswered(Struct, frozen=True, tag=True):
    """The traveller answered one question. A later answer to the same one replaces it."""

    key: str
    value: str


class StepSkipped(Struct, frozen=True, tag=True):
    """Somebody chose to leave a step out."""

    step: Step


class StepTimedOut(Struct, frozen=True, tag=True):
    """A step was waited for long enough."""

    step: Step


class ListsConsulted(Struct, frozen=True, tag=True):
    """The lists answered. Hits add up; of each list the latest answer holds."""

    lists: tuple[ListAnswer, ...]
    hits: tuple[WatchHit, ...] = ()


class OpenStayFound(Struct, frozen=True, tag=True):
    """Of an entry: whether a stay with this document has not ended."""

    stay: OpenStay | None


class StayFound(Struct, frozen=True, tag=True):
    """This device's passages were searched for the entry that an exit belongs to."""

    stay: StayEvidence


class ProblemMet(Struct, frozen=True, tag=True):
    """Something went wrong that left no reading: the code of its error."""

    code: str


class Propose(Struct, frozen=True, tag=True):
    """No step is open: weigh the evidence as of this clock."""

    clock: ClockEvidence


class Reopen(Struct, frozen=True, tag=True):
    """There is more to collect: the proposal is withdrawn."""


class Decide(Struct, frozen=True, tag=True):
    """Somebody decides. `officer` is empty where the machine confirms alone."""

    decision: Proposal
    officer: str
    at: datetime
    reason: str = ""
    second_officer: str = ""
    """Who agrees, where the policy wants two."""
    grounds: tuple[str, ...] = ()
    """Codes of a refusal's grounds."""


class Cancel(Struct, frozen=True, tag=True):
    """The inspection ends without a decision."""

    reason: str
    at: datetime


Event = (
    DocumentRead
    | ChipRead
    | PageRead
    | VisaRead
    | FaceCompared
    | QuestionAnswered
    | StepSkipped
    | StepTimedOut
    | ListsConsulted
    | StayFound
    | OpenStayFound
    | ProblemMet
    | Propose
    | Reopen
    | Decide
    | Cancel
)
