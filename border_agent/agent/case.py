"""One traveller's inspection as the desk holds it: the state machine's value, and what clients want to see of it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from border_agent.agent.chip_step import ChipShown
from border_agent.agent.guidance import Told
from border_agent.inspection.evidence import Step
from border_agent.inspection.machine import Inspection, Phase, answered_steps, open_steps
from border_agent.inspection.questions import asked
from border_agent.inspection.slip import slip_code
from mqtt_schemas.entries import Decision
from mqtt_schemas.post import PictureKind
from mqtt_schemas.records import Policy, Question


class Recorded(Struct, frozen=True, kw_only=True):
    """Where a decision stands in the journal."""

    inspection_id: str
    decision: str
    officer: str
    epoch: bytes
    sequence: int
    head: bytes
    milliseconds: float = 0.0
    """Time of the durable commit; 0 where it was found again."""


class Case(Struct, frozen=True, kw_only=True):
    """A snapshot; the desk replaces it at every change."""

    inspection: Inspection
    step: Step | None = None
    """What the traveller is asked for now."""
    open_steps: tuple[Step, ...] = ()
    answered: tuple[Step, ...] = ()
    """Steps that have their answer."""
    guidance: Told | None = None
    """What the traveller was told last in this step."""
    chip: ChipShown | None = None
    """How far the reading of the chip is; None: none was begun."""
    questions: tuple[Question, ...] = ()
    """What the policy asks this traveller, where this device can ask."""
    step_ms: dict[str, float] = {}
    """Machine time by step, in ms: from the reading's arrival, or the camera step's begin, to its answer."""
    receipt: Recorded | None = None
    """Where the decision stands in the journal; present only after the durable commit."""
    origin: str = ""
    """The device that collected, where it is another one."""
    proposed_at: datetime | None = None
    """Since when it waits for an officer: the first proposal, at the device that collected."""
    taken_at: datetime | None = None
    """When the officer who decided took it in hand."""
    settled_as: Decision | None = None
    """Decided so at another device, which has recorded it: it ended here without an entry."""
    pictures: tuple[PictureKind, ...] = ()
    """Which pictures the desk still has."""

    @property
    def id(self) -> str:
        return self.inspection.id

    @property
    def slip(self) -> str:
        """The code on the traveller's slip."""
        return slip_code(self.id)

    @property
    def phase(self) -> Phase:
        return self.inspection.phase

    @property
    def ended(self) -> bool:
        return self.inspection.phase.closed


def collecting_case(inspection: Inspection, policy: Policy) -> Case:
    """A case as its inspection stands: which steps are open, and what the traveller is asked."""
    steps = open_steps(inspection, policy)
    return Case(
        inspection=inspection,
        step=steps[0] if steps else None,
        open_steps=steps,
        answered=answered_steps(inspection, policy),
        questions=asked(inspection.evidence, policy) if Step.QUESTIONS in inspection.can else (),
    )
