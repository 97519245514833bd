"""Why an inspection does not accept an event, and why a decision cannot be computed."""

from __future__ import annotations

from border_agent.errors import BorneError


class InspectionError(BorneError):
    """Base of every refusal of an inspection. The inspection itself is unchanged."""

    code = "inspection"


class SecondDocument(InspectionError):
    """Another document than the one read first: one traveller, one movement."""

    code = "inspection.second_document"


class SecondVisa(InspectionError):
    """Another visa than the one read first."""

    code = "inspection.second_visa"


class AlreadyCompared(InspectionError):
    """The face was compared; a second comparison does not replace the first."""

    code = "inspection.already_compared"


class NotReady(InspectionError):
    """A step is still open: it must be answered, skipped or timed out before there is a proposal."""

    code = "inspection.not_ready"


class WrongPhase(InspectionError):
    """An event that this phase does not take: a reading after the proposal, a decision before it."""

    code = "inspection.wrong_phase"


class InspectionClosed(InspectionError):
    """Confirmed or cancelled: nothing changes it any more. Mistakes are mended by a correction entry."""

    code = "inspection.closed"


class OverrideNeedsReason(InspectionError):
    """A decision that differs from the proposal says why."""

    code = "inspection.override_needs_reason"


class OfficerRequired(InspectionError):
    """A machine confirms alone only an admission that the policy and the verdict leave to it."""

    code = "inspection.officer_required"


class NotAsked(InspectionError):
    """An answer to no question of the policy, or one that is none of its choices, too long, or no line of text."""

    code = "inspection.not_asked"


class SameOfficer(InspectionError):
    """The second officer is the first one."""

    code = "inspection.same_officer"


class UnknownRules(InspectionError):
    """A policy written for rules this software does not have."""

    code = "inspection.unknown_rules"
