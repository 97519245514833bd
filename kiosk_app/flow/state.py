"""Everything the window knows, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

OWN_LANGUAGE: Final = "fr"
"""The kiosk's, until a traveller has chosen one of those that have words."""


class Screen(StrEnum):
    """Every screen there is; the value names its `.kv`, its words and its picture in `build/screens`."""

    ATTRACT = "attract"
    LANGUAGE = "language"
    PASSPORT = "passport"
    VISA = "visa"
    FACE = "face"
    PURPOSE = "purpose"
    ADDRESS = "address"
    GATE = "result-gate"
    COUNTER = "result-counter"
    OFFICER = "result-officer"
    SLIP = "slip"
    PAPER_OUT = "paper-out"
    GOODBYE = "goodbye"
    HELP = "help"
    CANCEL = "cancel"
    SETTINGS = "settings"
    STILL_THERE = "still-there"
    CALLED = "help-coming"
    MOMENT = "moment"
    OUT_OF_SERVICE = "out-of-service"
    READER_MISSING = "reader-missing"
    SIGN_IN = "sign-in"
    MAINTENANCE = "maintenance"


IDLE: Final = frozenset({Screen.ATTRACT, Screen.OUT_OF_SERVICE, Screen.READER_MISSING})
"""Nobody is served; which of them is shown follows from the agent's status alone."""
STEPS: Final = frozenset({Screen.PASSPORT, Screen.VISA, Screen.FACE, Screen.PURPOSE, Screen.ADDRESS})
"""The agent collects."""
RESULTS: Final = frozenset({Screen.GATE, Screen.COUNTER, Screen.OFFICER})
ENDINGS: Final = RESULTS | {Screen.SLIP, Screen.PAPER_OUT, Screen.GOODBYE}
"""The inspection is over for the kiosk: nothing more is asked of the agent but paper."""
OVERLAYS: Final = frozenset({Screen.HELP, Screen.CANCEL, Screen.SETTINGS, Screen.STILL_THERE, Screen.CALLED})
"""They lie over another screen and give it back."""
STAFF: Final = frozenset({Screen.SIGN_IN, Screen.MAINTENANCE})


class SlipState(StrEnum):
    """What became of the traveller's slip."""

    NONE = "none"
    """There is no printer, or no result yet."""
    PRINTING = "printing"
    PRINTED = "printed"
    FAILED = "failed"


class CallState(StrEnum):
    """A call for an officer, as the agent says."""

    RAISED = "raised"
    ANSWERED = "answered"


@dataclass(frozen=True)
class Question:
    """What the policy wants to know; without choices the answer is written."""

    key: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the agent says of the kiosk, once a second."""

    device: str = ""
    post: str = ""
    training: bool = False
    ready: bool = False
    in_service: bool = False
    online: bool = True
    steps: tuple[str, ...] = ()
    document_by: tuple[str, ...] = ("reader",)
    """Ways a document can be read: `reader`, `camera`."""
    reader: str = ""
    """Shape of the document reader: `flat`, `swipe`; empty: not said."""
    code_by: tuple[str, ...] = ()
    devices: tuple[tuple[str, str], ...] = ()
    """Role and state of each."""
    printer: str = "none"
    gate: str = ""
    counter: str = ""
    contact: tuple[tuple[str, str], ...] = ()
    """Whom to ask about one's data, by language."""
    questions: tuple[Question, ...] = ()
    call: CallState | None = None

    def state_of(self, role: str) -> str:
        """State of the device in a role; empty where the kiosk has none."""
        return dict(self.devices).get(role, "")

    @property
    def can_read_documents(self) -> bool:
        """Without a way to read documents there is nothing a kiosk can do for a traveller."""
        by_camera = "camera" in self.document_by and self.state_of("document_camera") == "ready"
        return by_camera or self.state_of("document_reader") == "ready"


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """What the agent would have the traveller do now. `count` rises with every statement."""

    code: str
    count: int = 0
    captured: int = 0
    wanted: int = 0


@dataclass(frozen=True, kw_only=True)
class Comfort:
    """How a traveller wants the kiosk to be; forgotten with the traveller."""

    contrast: bool = False
    large: bool = False
    reach: bool = False
    voice: bool = False
    volume: int = 60
    """Of 100; back to this for everybody (49 CFR 27.71(k)(5)(ii))."""


@dataclass(frozen=True, kw_only=True)
class Traveller:
    """All that belongs to the person before the kiosk. A reset replaces it by an empty one, whole."""

    language: str = ""
    comfort: Comfort = field(default_factory=Comfort)
    inspection: str = ""
    starting: int = 0
    """Ticket of the inspection that was asked for and has no answer yet; 0: none."""
    phase: str = ""
    step: str = ""
    open_steps: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    """Keys of the questions that were answered here."""
    guidance: Guidance | None = None
    chip: float | None = None
    """How much of the passport's chip is read, 0 to 1, while it is being read; None: it is not."""
    chip_lost: bool = False
    """It has lost contact: the passport was taken up."""
    say: tuple[str, ...] = ()
    """Traveller-safe codes: where to go, then hints."""
    slip: str = ""
    """The code on the slip, by which an officer finds the inspection."""
    paper: SlipState = SlipState.NONE
    group: str = ""
    """Id of the first inspection of a family; empty: alone."""
    person: int = 1
    called: bool = False
    """An officer was called from here."""


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Somebody of the staff at the kiosk, or about to sign in."""

    token: str = field(default="", repr=False)
    name: str = ""
    role: str = ""
    refused: str = ""
    """Why the last sign-in failed: the agent's code."""
    wait_seconds: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    """Device facts as the agent told them, by dotted name."""
    log: tuple[str, ...] = ()
    tests: tuple[tuple[str, str], ...] = ()
    """Device and outcome: `running`, `passed`, or the error's code."""
    can_reboot: bool = False
    can_train: bool = False


@dataclass(frozen=True, kw_only=True)
class State:
    """The whole window."""

    screen: Screen = Screen.MOMENT
    under: Screen | None = None
    """Beneath an overlay, or before the agent went away."""
    traveller: Traveller = field(default_factory=Traveller)
    status: Status | None = None
    """None: the agent does not answer."""
    staff: Staff | None = None
    quiet_since: float = 0.0
    """Last sign of the person before the kiosk, seconds."""
    entered_at: float = 0.0
    """When this screen was entered, seconds."""
    tickets: int = 0
    """How many inspections were asked for: each answer is known by its ticket, so none reaches another traveller."""
    has_training: bool = False
    """A training agent's socket is configured."""

    @property
    def language(self) -> str:
        """The traveller's language, or the kiosk's own."""
        return self.traveller.language or OWN_LANGUAGE


def nothing_kept(state: State) -> bool:
    """Nothing of any traveller, nor of anybody's sign-in, is left in this state."""
    return state.traveller == Traveller() and state.staff is None and state.under is None
