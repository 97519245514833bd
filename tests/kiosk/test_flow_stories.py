"""The flow told as stories: what a traveller, a family, an officer, a technician and a broken wire make of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kiosk_app.flow import Screen, State, Status, Traveller, advance
from kiosk_app.flow.commands import (
    Answer,
    AskFacts,
    Call,
    Drop,
    Print,
    Resume,
    SignIn,
    SignOut,
    Skip,
    Sound,
    Start,
    Tone,
    UseAgent,
    Withdraw,
)
from kiosk_app.flow.events import (
    Action,
    AgentLost,
    FactsCame,
    InspectionCame,
    InspectionLost,
    JackMoved,
    SignedIn,
    SignInRefused,
    SignInTried,
    SlipCame,
    StartRefused,
    StatusCame,
    Tapped,
    Ticked,
)
from kiosk_app.flow.progress import Mark, progress
from kiosk_app.flow.state import CallState, Guidance, Question, SlipState
from kiosk_app.flow.waiting import MOMENT_SECONDS, PATIENCE, RESULT_SECONDS, UNHURRIED, WARN_AFTER

STATUS = Status(
    ready=True,
    in_service=True,
    steps=("document", "page", "visa", "face", "questions"),
    devices=(("document_reader", "ready"),),
    printer="ready",
)
PURPOSE, ADDRESS = Question("purpose", ("tourism", "work")), Question("address")


class Kiosk:
    """A flow that is told events, and remembers what it asked for."""

    def __init__(self, status: Status = STATUS, *, has_training: bool = False) -> None:
        self.state = State(has_training=has_training)
        self.now = 100.0
        self.asked: list[Any] = []
        self(StatusCame(status))

    def __call__(self, event: Any, after: float = 0.1) -> Screen:
        self.now += after
        change = advance(self.state, event, self.now)
        self.state = change.state
        self.asked = list(change.commands)
        return self.state.screen

    def tap(self, action: Action, value: str = "", after: float = 0.1) -> Screen:
        return self(Tapped(action, value), after)

    def begin(self, language: str = "fr", inspection: str = "aa") -> Screen:
        """Up to an inspection that waits for the passport."""
        self.tap(Action.BEGIN)
        self.tap(Action.LANGUAGE, language)
        (start,) = [one for one in self.asked if isinstance(one, Start)]
        return self(view(inspection, "document", ticket=start.ticket))

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.asked if isinstance(one, kind)]


def view(inspection: str, step: str = "", phase: str = "collecting", **facts: Any) -> InspectionCame:
    return InspectionCame(id=inspection, phase=phase, step=step, **facts)


def test_a_traveller_from_welcome_to_goodbye() -> None:
    kiosk = Kiosk()
    assert kiosk.state.screen is Screen.ATTRACT
    assert kiosk.begin("ar") is Screen.PASSPORT
    assert kiosk.state.language == "ar"
    assert kiosk(view("aa", "page", answered=("document",))) is Screen.PASSPORT
    assert kiosk.of(Sound) == [Sound(Tone.STEP_DONE)]
    assert kiosk(view("aa", "visa", answered=("document", "page"))) is Screen.VISA
    assert kiosk(view("aa", "face", answered=("document", "page", "visa"))) is Screen.FACE
    assert kiosk(view("aa", "", "proposed", say=("go_to_counter", "show_visa"), slip="K7Q2FD")) is Screen.COUNTER
    assert kiosk.asked == [Sound(Tone.SUCCESS), Print("aa")]
    assert kiosk(SlipCame("aa")) is Screen.COUNTER
    assert kiosk.tap(Action.NEXT) is Screen.SLIP
    assert kiosk.tap(Action.NEXT) is Screen.GOODBYE
    assert kiosk.tap(Action.NEXT) is Screen.ATTRACT
    assert kiosk.of(Drop) == []
    assert kiosk.state.traveller == Traveller()


@pytest.mark.parametrize(
    ("say", "screen", "tone"),
    [
        (("go_on",), Screen.GATE, Tone.SUCCESS),
        (("go_to_counter",), Screen.COUNTER, Tone.SUCCESS),
        (("see_officer",), Screen.OFFICER, Tone.ATTENTION),
        (("of_2030",), Screen.OFFICER, Tone.ATTENTION),
        ((), Screen.OFFICER, Tone.ATTENTION),
    ],
)
def test_where_to_go_is_a_screen_and_a_sound(say: tuple[str, ...], screen: Screen, tone: Tone) -> None:
    kiosk = Kiosk()
    kiosk.begin()
    assert kiosk(view("aa", "", "proposed", say=say, slip="K7Q2FD")) is screen
    assert Sound(tone) in kiosk.asked


def test_steps_are_left_out_by_the_traveller_and_by_the_agent() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk.tap(Action.SKIP)
    assert kiosk.asked == [Skip("aa", "document")]
    # A child: the agent never asks for the face.
    assert kiosk(view("aa", "", "proposed", say=("see_officer", "come_with_family"))) is Screen.OFFICER


def test_the_way_without_a_photo_is_on_the_help_screen_too() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(view("aa", "face"))
    assert kiosk.tap(Action.HELP) is Screen.HELP
    assert kiosk.tap(Action.SKIP) is Screen.FACE
    assert kiosk.asked == [Skip("aa", "face")]


def test_questions_are_asked_one_by_one_and_can_be_taken_back() -> None:
    kiosk = Kiosk(replace(STATUS, questions=(PURPOSE, ADDRESS)))
    kiosk.begin()
    assert kiosk(view("aa", "questions")) is Screen.PURPOSE
    assert kiosk.tap(Action.ANSWER, "work") is Screen.ADDRESS
    assert kiosk.of(Answer) == [Answer("aa", "purpose", "work")]
    assert kiosk.tap(Action.BACK) is Screen.PURPOSE
    kiosk.tap(Action.ANSWER, "tourism")
    kiosk.tap(Action.ANSWER, "Rue 1")
    assert kiosk.of(Answer) == [Answer("aa", "address", "Rue 1")]
    assert "Rue 1" not in repr(kiosk.asked), "what a traveller writes is in no log"


def test_a_family_goes_on_with_nothing_kept_but_language_comfort_and_group() -> None:
    kiosk = Kiosk()
    kiosk.begin("pt")
    kiosk.tap(Action.TOGGLE, "large")
    kiosk(view("aa", "", "proposed", say=("go_to_counter",), slip="K7Q2FD"))
    assert kiosk.tap(Action.NEXT_PERSON) is Screen.PASSPORT
    (start,) = kiosk.of(Start)
    assert (start.group, start.accompanied) == ("aa", True)
    traveller = kiosk.state.traveller
    assert (traveller.language, traveller.comfort.large, traveller.person) == ("pt", True, 2)
    assert (traveller.inspection, traveller.slip, traveller.say) == ("", "", ())
    kiosk(view("bb", "document", ticket=start.ticket))
    kiosk(view("bb", "", "proposed", say=("go_to_counter",)))
    kiosk.tap(Action.NEXT_PERSON)
    assert kiosk.of(Start)[0].group == "aa", "the group is the first one's"


def test_back_changes_the_language_without_losing_what_was_read() -> None:
    kiosk = Kiosk()
    kiosk.begin("fr")
    assert kiosk.tap(Action.BACK) is Screen.LANGUAGE
    kiosk(view("aa", "visa", answered=("document",)))
    assert kiosk.state.screen is Screen.LANGUAGE
    assert kiosk.tap(Action.LANGUAGE, "en") is Screen.VISA
    assert kiosk.of(Start) == []


def test_back_from_a_later_step_begins_again_and_drops_the_first_inspection() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(view("aa", "visa", answered=("document",)))
    assert kiosk.tap(Action.BACK) is Screen.PASSPORT
    assert kiosk.of(Drop) == [Drop("aa")]
    (start,) = kiosk.of(Start)
    # The old inspection's last words reach nobody.
    kiosk(view("aa", "", "cancelled"))
    assert kiosk.state.screen is Screen.PASSPORT
    kiosk(view("bb", "document", ticket=start.ticket))
    assert kiosk.state.traveller.inspection == "bb"


def test_a_late_answer_reaches_no_other_traveller() -> None:
    kiosk = Kiosk()
    kiosk.tap(Action.BEGIN)
    kiosk.tap(Action.LANGUAGE, "fr")
    first = kiosk.of(Start)[0].ticket
    kiosk.tap(Action.CANCEL)
    kiosk.tap(Action.STOP)
    assert kiosk.of(Drop) == [Drop("", first)]
    kiosk.tap(Action.BEGIN)
    kiosk.tap(Action.LANGUAGE, "en")
    kiosk(view("aa", "document", ticket=first))
    assert kiosk.asked == [Drop("aa")]
    assert kiosk.state.traveller.inspection == ""


def test_cancel_asks_first() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    assert kiosk.tap(Action.CANCEL) is Screen.CANCEL
    assert kiosk.tap(Action.GO_ON) is Screen.PASSPORT
    kiosk.tap(Action.CANCEL)
    assert kiosk.tap(Action.STOP) is Screen.ATTRACT
    assert Drop("aa") in kiosk.asked


def test_an_officer_is_called_answers_and_is_withdrawn() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    assert kiosk.tap(Action.CALL) is Screen.CALLED
    assert Call("aa") in kiosk.asked
    kiosk(StatusCame(replace(STATUS, call=CallState.ANSWERED)))
    assert kiosk.state.status is not None
    assert kiosk.state.status.call is CallState.ANSWERED
    # The reader goes on meanwhile, under the screen that says so.
    assert kiosk(view("aa", "visa", answered=("document",))) is Screen.CALLED
    assert kiosk.tap(Action.WITHDRAW) is Screen.VISA
    assert kiosk.of(Withdraw) == [Withdraw()]


def test_a_kiosk_that_serves_nobody_still_calls_an_officer() -> None:
    kiosk = Kiosk(replace(STATUS, devices=(("document_reader", "absent"),)))
    assert kiosk.state.screen is Screen.READER_MISSING
    assert kiosk.tap(Action.CALL) is Screen.CALLED
    assert kiosk.tap(Action.GO_ON) is Screen.READER_MISSING


@pytest.mark.parametrize(
    ("change", "screen"),
    [
        ({"ready": False}, Screen.MOMENT),
        ({"in_service": False}, Screen.OUT_OF_SERVICE),
        ({"devices": ()}, Screen.READER_MISSING),
        ({"online": False}, Screen.ATTRACT),
        ({"printer": "paper_out"}, Screen.ATTRACT),
    ],
)
def test_each_fault_is_its_own_kind(change: dict[str, Any], screen: Screen) -> None:
    kiosk = Kiosk()
    assert kiosk(StatusCame(replace(STATUS, **change))) is screen
    assert kiosk(StatusCame(STATUS)) is Screen.ATTRACT, "and it passes by itself"


@pytest.mark.parametrize("printer", ["paper_out", "cover_open", "failed", "absent"])
def test_without_paper_the_code_is_kept_another_way(printer: str) -> None:
    kiosk = Kiosk(replace(STATUS, printer=printer))
    kiosk.begin()
    kiosk(view("aa", "", "proposed", say=("go_to_counter",), slip="K7Q2FD"))
    assert kiosk.of(Print) == []
    assert kiosk.tap(Action.NEXT) is Screen.PAPER_OUT
    assert kiosk.tap(Action.NEXT) is Screen.GOODBYE


def test_paper_that_ends_while_printing() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(view("aa", "", "proposed", say=("go_to_counter",), slip="K7Q2FD"))
    assert kiosk.tap(Action.NEXT) is Screen.SLIP
    kiosk(SlipCame("aa", "printer.paper_out"))
    assert kiosk.state.traveller.paper is SlipState.FAILED
    assert kiosk.tap(Action.NEXT) is Screen.PAPER_OUT


def test_a_kiosk_without_a_printer_speaks_of_no_slip() -> None:
    kiosk = Kiosk(replace(STATUS, printer="none"))
    kiosk.begin()
    kiosk(view("aa", "", "proposed", say=("go_on",), slip="K7Q2FD"))
    assert kiosk.tap(Action.NEXT) is Screen.GOODBYE


def test_the_agent_goes_and_comes_back_with_the_inspection() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    assert kiosk(AgentLost()) is Screen.MOMENT
    assert kiosk(StatusCame(STATUS)) is Screen.MOMENT
    assert kiosk.asked == [Resume("aa")]
    assert kiosk(view("aa", "face")) is Screen.FACE


def test_an_agent_that_is_back_but_still_warms_up_is_waited_for() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(AgentLost())
    assert kiosk(StatusCame(replace(STATUS, ready=False))) is Screen.MOMENT
    assert kiosk.asked == []
    kiosk(StatusCame(STATUS))
    assert kiosk.asked == [Resume("aa")]


def test_the_agent_comes_back_without_the_inspection() -> None:
    kiosk = Kiosk()
    kiosk.begin("es")
    kiosk(AgentLost())
    kiosk(StatusCame(STATUS))
    assert kiosk(InspectionLost("aa")) is Screen.PASSPORT
    assert len(kiosk.of(Start)) == 1
    assert kiosk.state.language == "es"


def test_the_agent_stays_away_and_the_traveller_is_forgotten() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(AgentLost())
    assert kiosk(Ticked(), after=MOMENT_SECONDS) is Screen.MOMENT
    assert kiosk.state.traveller == Traveller()
    assert kiosk(StatusCame(STATUS)) is Screen.ATTRACT


def test_the_agent_goes_while_the_start_is_under_way() -> None:
    kiosk = Kiosk()
    kiosk.tap(Action.BEGIN)
    kiosk.tap(Action.LANGUAGE, "fr")
    first = kiosk.of(Start)[0].ticket
    kiosk(AgentLost())
    assert kiosk(StatusCame(STATUS)) is Screen.PASSPORT
    assert kiosk.of(Drop) == [Drop("", first)]
    assert kiosk.of(Start)[0].ticket == first + 1


def test_a_result_outlives_the_agent() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(view("aa", "", "proposed", say=("go_on",), slip="K7Q2FD"))
    assert kiosk(AgentLost()) is Screen.GATE
    assert kiosk(Ticked(), after=RESULT_SECONDS) is Screen.SLIP


def test_an_inspection_that_cannot_begin_or_breaks_off_ends_with_an_officer() -> None:
    kiosk = Kiosk()
    kiosk.tap(Action.BEGIN)
    kiosk.tap(Action.LANGUAGE, "fr")
    assert kiosk(StartRefused(kiosk.of(Start)[0].ticket, "inspection.busy")) is Screen.OFFICER
    assert kiosk.of(Call) == [Call("")]
    kiosk = Kiosk()
    kiosk.begin()
    assert kiosk(view("aa", "", "cancelled")) is Screen.OFFICER
    assert kiosk.of(Call) == [Call("aa")]


def test_a_silent_traveller_is_asked_by_sight_and_sound_and_may_have_more_time() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    assert kiosk(Ticked(), after=WARN_AFTER - 1) is Screen.PASSPORT
    assert kiosk(Ticked(), after=1.0) is Screen.STILL_THERE
    assert kiosk.asked == [Sound(Tone.WARNING)]
    assert kiosk.tap(Action.GO_ON, after=PATIENCE - 1) is Screen.PASSPORT
    assert kiosk(Ticked(), after=WARN_AFTER - 1) is Screen.PASSPORT
    assert kiosk(Ticked(), after=2.0) is Screen.STILL_THERE
    assert kiosk(Ticked(), after=PATIENCE) is Screen.ATTRACT
    assert Drop("aa") in kiosk.asked


def test_whoever_listens_has_twice_the_time() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(JackMoved(True))
    assert kiosk(Ticked(), after=WARN_AFTER + 1) is Screen.PASSPORT
    assert kiosk(Ticked(), after=WARN_AFTER * (UNHURRIED - 1)) is Screen.STILL_THERE
    assert kiosk(Ticked(), after=PATIENCE + 1) is Screen.STILL_THERE


def test_a_face_before_the_camera_is_a_sign_of_life() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk(view("aa", "face"))
    for count in range(4):
        said = Guidance(code="face.closer", count=count)
        assert kiosk(view("aa", "face", guidance=said), after=WARN_AFTER - 5) is Screen.FACE
        assert kiosk(Ticked(), after=4.0) is Screen.FACE
    assert kiosk(view("aa", "face", guidance=Guidance(code="face.none", count=9)), after=1.0) is Screen.FACE
    assert kiosk(Ticked(), after=WARN_AFTER) is Screen.STILL_THERE


def test_headphones_at_an_idle_kiosk_begin() -> None:
    kiosk = Kiosk()
    assert kiosk(JackMoved(True)) is Screen.LANGUAGE
    assert kiosk.state.traveller.comfort.voice
    kiosk(JackMoved(False))
    assert not kiosk.state.traveller.comfort.voice


def test_comfort_is_forgotten_with_the_traveller() -> None:
    kiosk = Kiosk()
    assert kiosk.tap(Action.SETTINGS) is Screen.SETTINGS
    for name in ("contrast", "large", "reach"):
        kiosk.tap(Action.TOGGLE, name)
    for _ in range(9):
        kiosk.tap(Action.LOUDER)
    comfort = kiosk.state.traveller.comfort
    assert (comfort.contrast, comfort.large, comfort.reach, comfort.volume) == (True, True, True, 100)
    assert kiosk.tap(Action.GO_ON) is Screen.LANGUAGE
    assert kiosk.tap(Action.CANCEL) is Screen.ATTRACT
    assert kiosk.state.traveller == Traveller()


def test_staff_signs_in_behind_a_long_press_and_leaves_nothing() -> None:
    kiosk = Kiosk(has_training=True)
    assert kiosk.tap(Action.HOLD) is Screen.SIGN_IN
    kiosk(SignInTried("1234", "73519284"))
    assert kiosk.asked == [SignIn("1234", "73519284")]
    assert "73519284" not in repr(kiosk.asked)
    kiosk(SignInRefused("staff.locked", 60))
    assert kiosk.state.staff is not None
    assert kiosk.state.staff.wait_seconds == 60
    assert kiosk(SignedIn("token", "Awa", "technician")) is Screen.MAINTENANCE
    assert kiosk.of(AskFacts) == [AskFacts("token")]
    kiosk(FactsCame((("software", "1"),), can_reboot=True))
    assert kiosk.tap(Action.SIGN_OUT) is Screen.ATTRACT
    assert kiosk.of(SignOut) == [SignOut("token")]
    assert kiosk.state.staff is None


def test_a_traveller_cannot_reach_the_staffs_screens() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    assert kiosk.tap(Action.HOLD) is Screen.PASSPORT
    for action in (Action.REBOOT, Action.TRAINING, Action.TEST, Action.REFRESH):
        assert kiosk.tap(action, "printer") is Screen.PASSPORT
        assert kiosk.asked == []


def test_a_sign_in_that_comes_too_late_is_signed_out() -> None:
    kiosk = Kiosk()
    kiosk.tap(Action.HOLD)
    kiosk(SignInTried("1234", "73519284"))
    kiosk.tap(Action.BACK)
    assert kiosk(SignedIn("token", "Awa", "technician")) is Screen.ATTRACT
    assert kiosk.asked == [SignOut("token")]


def test_training_is_another_agent_and_a_long_press_ends_it() -> None:
    kiosk = Kiosk(has_training=True)
    kiosk.tap(Action.HOLD)
    kiosk(SignedIn("token", "Awa", "officer"))
    assert kiosk.tap(Action.TRAINING) in (Screen.ATTRACT, Screen.MOMENT)
    assert kiosk.of(UseAgent) == [UseAgent(training=True)]
    kiosk(StatusCame(replace(STATUS, training=True)))
    kiosk.begin()
    kiosk.tap(Action.HOLD)
    assert kiosk.of(UseAgent) == [UseAgent(training=False)]
    assert kiosk.state.traveller == Traveller()


def test_the_bar_shows_the_way() -> None:
    kiosk = Kiosk()
    assert progress(kiosk.state) == ()
    kiosk.begin()
    assert [name for name, _ in progress(kiosk.state)] == ["passport", "visa", "face", "done"]
    kiosk(view("aa", "face"))
    assert [mark for _, mark in progress(kiosk.state)] == [Mark.DONE, Mark.DONE, Mark.NOW, Mark.AHEAD]
    kiosk.tap(Action.HELP)
    assert [mark for _, mark in progress(kiosk.state)] == [Mark.DONE, Mark.DONE, Mark.NOW, Mark.AHEAD]
    kiosk(view("aa", "", "proposed", say=("go_on",)))
    assert {mark for _, mark in progress(kiosk.state)} == {Mark.DONE}
