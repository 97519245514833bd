"""One traveller's inspection as the desk holds it: the state machine's value, and what clients want to see of it."""

from __future__ import annotations

from msgspec import Struct

from border_agent.agent.guidance import Told
from border_agent.agent.recorder import Recorded
from border_agent.inspection.evidence import Step
from border_agent.inspection.machine import Inspection, Phase
from border_agent.inspection.slip import slip_code
from mqtt_schemas.records import Question


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
    questions: tuple[Question, ...] = ()
    """What the policy asks this traveller, where this device can ask."""
    step_ms: dict[str, float] = {}
    """Machine time by step, in ms: from the reading's arrival, or the camera step's begin, to its answer."""
    receipt: Recorded | None = None
    """Where the decision stands in the journal; present only after the durable commit."""

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
