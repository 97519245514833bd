"""What can happen to the window."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kiosk_app.flow.state import Guidance, Status


class Action(StrEnum):
    """What a control on the screen, or a key of the keypad, stands for."""

    BEGIN = "begin"
    LANGUAGE = "language"
    """Value: the language."""
    BACK = "back"
    HELP = "help"
    CANCEL = "cancel"
    STOP = "stop"
    """Yes, cancel."""
    GO_ON = "go_on"
    """Give the screen below back; also: I am still there, more time."""
    CALL = "call"
    WITHDRAW = "withdraw"
    SETTINGS = "settings"
    TOGGLE = "toggle"
    """Value: `contrast`, `large`, `reach` or `voice`."""
    LOUDER = "louder"
    QUIETER = "quieter"
    SKIP = "skip"
    """Leave the present step out."""
    ANSWER = "answer"
    """Value: the answer to the present question."""
    NEXT = "next"
    NEXT_PERSON = "next_person"
    TOUCH = "touch"
    """Any other sign of life: a key of an on-screen keyboard."""
    HOLD = "hold"
    """The long press on the mark."""
    SIGN_OUT = "sign_out"
    TEST = "test"
    """Value: the device's role."""
    REBOOT = "reboot"
    TRAINING = "training"
    REFRESH = "refresh"


@dataclass(frozen=True)
class Tapped:
    action: Action
    value: str = ""


@dataclass(frozen=True)
class SignInTried:
    """Somebody typed a number and a code."""

    number: str
    code: str

    def __repr__(self) -> str:
        return "SignInTried(…)"


@dataclass(frozen=True)
class StatusCame:
    """The agent answered the window's sign of life."""

    status: Status


@dataclass(frozen=True)
class AgentLost:
    """The agent does not answer on its socket."""


@dataclass(frozen=True, kw_only=True)
class InspectionCame:
    """The agent's view of an inspection, as a kiosk may see it."""

    id: str
    phase: str
    step: str = ""
    open_steps: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    guidance: Guidance | None = None
    chip: float | None = None
    chip_lost: bool = False
    say: tuple[str, ...] = ()
    slip: str = ""
    ticket: int = 0
    """This is the answer to the `Start` of that ticket; 0: it is not."""


@dataclass(frozen=True)
class StartRefused:
    """The agent did not begin the inspection of this ticket: its code."""

    ticket: int
    code: str


@dataclass(frozen=True)
class InspectionLost:
    """The agent does not know this inspection any more: it was started again."""

    id: str


@dataclass(frozen=True)
class AnswerRefused:
    """The agent did not take this answer: the question stands."""

    inspection: str
    key: str


@dataclass(frozen=True)
class SlipCame:
    """The slip of an inspection was printed, or not: then the code says why."""

    inspection: str
    code: str = ""


@dataclass(frozen=True)
class SignedIn:
    token: str
    name: str
    role: str

    def __repr__(self) -> str:
        return f"SignedIn({self.role})"


@dataclass(frozen=True)
class SignInRefused:
    code: str
    seconds: int = 0


@dataclass(frozen=True)
class FactsCame:
    """The agent's answer for the maintenance screen."""

    facts: tuple[tuple[str, str], ...]
    log: tuple[str, ...] = ()
    can_reboot: bool = False


@dataclass(frozen=True)
class Tried:
    device: str
    outcome: str


@dataclass(frozen=True)
class JackMoved:
    """Headphones were plugged in, or out."""

    inserted: bool


@dataclass(frozen=True)
class Ticked:
    """Time has passed; nothing else has happened."""


Event = (
    Tapped
    | SignInTried
    | StatusCame
    | AgentLost
    | InspectionCame
    | StartRefused
    | InspectionLost
    | AnswerRefused
    | SlipCame
    | SignedIn
    | SignInRefused
    | FactsCame
    | Tried
    | JackMoved
    | Ticked
)
