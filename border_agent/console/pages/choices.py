"""What an officer may decide about a traveller, and what each choice asks for first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from border_agent.console.pages.refusals import OTHER, known
from border_agent.inspection.verdict import Proposal
from mqtt_schemas.entries import Decision
from mqtt_schemas.records import FourEyes

KEYS = {Decision.ADMIT: "a", Decision.REFER: "o", Decision.REFUSE: "r"}
"""One key each, the same in both languages: admettre, orienter, refuser."""
TONES = {Decision.ADMIT: "good", Decision.REFER: "warn", Decision.REFUSE: "bad"}


class Choice(Struct, frozen=True, kw_only=True):
    """One of the three buttons."""

    decision: str
    key: str
    tone: str
    proposed: bool
    needs_reason: bool
    needs_grounds: bool
    second: FourEyes | None

    @property
    def direct(self) -> bool:
        """Decided at one touch: as proposed, and nothing more to say."""
        return not self.needs_reason and not self.needs_grounds and self.second is None


def choices(proposal: Proposal, second: Callable[[Decision], FourEyes | None]) -> tuple[Choice, ...]:
    """The three, in the order of the keys. `second`: for what the policy wants a second officer."""
    return tuple(choice_of(decision, proposal, second) for decision in KEYS)


def choice_of(decision: Decision, proposal: Proposal, second: Callable[[Decision], FourEyes | None]) -> Choice:
    return Choice(
        decision=decision.value,
        key=KEYS[decision],
        tone=TONES[decision],
        proposed=decision.value == proposal.value,
        needs_reason=decision.value != proposal.value,
        needs_grounds=decision is Decision.REFUSE,
        second=second(decision),
    )


def missing(choice: Choice, reason: str, grounds: Iterable[str]) -> str:
    """What is still to be said, as a key of words; empty: nothing."""
    chosen = known(grounds)
    if choice.needs_grounds and not chosen:
        return "decide.grounds_needed"
    if OTHER in chosen and not reason.strip():
        return "decide.other_needs_reason"
    if choice.needs_reason and not reason.strip():
        return "decide.reason_needed"
    return ""
