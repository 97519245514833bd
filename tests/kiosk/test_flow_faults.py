"""The flow when things go wrong, and in the hands of the staff."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kiosk_app.flow import Screen, Traveller
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
)
from kiosk_app.flow.events import (
    Action,
    AgentLost,
    AnswerRefused,
    FactsCame,
    InspectionLost,
    SignedIn,
    SignInRefused,
    SignInTried,
    SlipCame,
    StartRefused,
    StatusCame,
    Ticked,
)
from kiosk_app.flow.state import Guidance, SlipState
from kiosk_app.flow.waiting import MOMENT_SECONDS, RESULT_SECONDS, WARN_AFTER
from tests.kiosk.flow_kit import ADDRESS, PURPOSE, STATUS, Kiosk, view


def test_steps_are_left_out_by_the_traveller_and_by_the_agent() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    kiosk.tap(Action.SKIP)
    assert kiosk.asked == [Skip("aa", "document")]
    # A child: the agent never asks for the face.
    assert kiosk(view("aa", "", "proposed", say=("see_officer", "come_with_family"))) is Screen.OFFICER


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


def test_an_answer_the_agent_does_not_take_is_asked_for_again() -> None:
    kiosk = Kiosk(replace(STATUS, questions=(PURPOSE, ADDRESS)))
    kiosk.begin()
    kiosk(view("aa", "questions"))
    kiosk.tap(Action.ANSWER, "work")
    kiosk.tap(Action.ANSWER, "Rue 1")
    assert kiosk(AnswerRefused("bb", "address")) is Screen.ADDRESS
    assert kiosk.asked == []
    assert kiosk(AnswerRefused("aa", "address")) is Screen.ADDRESS
    assert kiosk.asked == [Sound(Tone.ERROR_SOFT)]
    kiosk.tap(Action.ANSWER, "Rue 2")
    assert kiosk.of(Answer) == [Answer("aa", "address", "Rue 2")]


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
