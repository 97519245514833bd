"""What the flow wants done. Whoever carries a command out answers with an event, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """Sounds that say what happened without words."""

    TOUCH = "touch"
    STEP_DONE = "step-done"
    SUCCESS = "success"
    ATTENTION = "attention"
    WARNING = "warning"
    ERROR_SOFT = "error-soft"


@dataclass(frozen=True)
class Start:
    """Begin an inspection and follow it."""

    ticket: int
    group: str = ""
    accompanied: bool = False


@dataclass(frozen=True)
class Resume:
    """The agent is back: ask what became of this inspection, and follow it."""

    inspection: str


@dataclass(frozen=True)
class Skip:
    inspection: str
    step: str


@dataclass(frozen=True)
class Drop:
    """Cancel an inspection; one whose id never came is known by its ticket."""

    inspection: str
    ticket: int = 0


@dataclass(frozen=True)
class Answer:
    inspection: str
    key: str
    value: str

    def __repr__(self) -> str:
        return f"Answer({self.key})"


@dataclass(frozen=True)
class Call:
    """Call an officer."""

    inspection: str


@dataclass(frozen=True)
class Withdraw:
    """The officer who was called is needed no more."""


@dataclass(frozen=True)
class Print:
    """Print the slip of this inspection, in this language."""

    inspection: str


@dataclass(frozen=True)
class Sound:
    tone: Tone


@dataclass(frozen=True)
class SignIn:
    number: str
    code: str

    def __repr__(self) -> str:
        return "SignIn(…)"


@dataclass(frozen=True)
class SignOut:
    token: str

    def __repr__(self) -> str:
        return "SignOut(…)"


@dataclass(frozen=True)
class AskFacts:
    token: str

    def __repr__(self) -> str:
        return "AskFacts(…)"


@dataclass(frozen=True)
class TryDevice:
    token: str
    device: str


@dataclass(frozen=True)
class Reboot:
    token: str


@dataclass(frozen=True)
class UseAgent:
    """Speak with the training agent from now on, or with the true one again."""

    training: bool


Command = (
    Start
    | Resume
    | Skip
    | Drop
    | Answer
    | Call
    | Withdraw
    | Print
    | Sound
    | SignIn
    | SignOut
    | AskFacts
    | TryDevice
    | Reboot
    | UseAgent
)
