"""The flow told as stories: what a traveller, a family, a child and somebody who listens make of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk_app.flow import Screen, Traveller
from kiosk_app.flow.commands import (
    Answer,
    Call,
    Drop,
    Print,
    Skip,
    Sound,
    Start,
    Tone,
    Withdraw,
)
from kiosk_app.flow.events import (
    Action,
    JackMoved,
    SlipCame,
    StatusCame,
    Ticked,
)
from kiosk_app.flow.progress import Mark, progress
from kiosk_app.flow.state import CallState, Guidance
from kiosk_app.flow.waiting import PATIENCE, UNHURRIED, WARN_AFTER
from tests.kiosk.flow_kit import ADDRESS, PURPOSE, STATUS, Kiosk, view


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


def test_the_chip_is_read_while_the_passport_lies_there_whatever_comes_of_it() -> None:
    kiosk = Kiosk(replace(STATUS, steps=("document", "chip", "page", "visa", "face")))
    kiosk.begin()
    kiosk(view("aa", "page", answered=("document",), chip=0.0))
    assert kiosk(view("aa", "page", answered=("document",), chip=0.4)) is Screen.PASSPORT
    assert kiosk.state.traveller.chip == 0.4
    assert kiosk(view("aa", "visa", answered=("document", "page"), chip=0.6)) is Screen.VISA
    assert kiosk(view("aa", "visa", answered=("document", "page"), chip=0.6, chip_lost=True)) is Screen.VISA
    assert kiosk.of(Sound) == [Sound(Tone.ERROR_SOFT)]
    # The code was shown before the chip was through: back to the passport, which may have been taken up.
    put_back = Guidance(code="chip.put_back", count=3)
    assert kiosk(view("aa", "chip", answered=("document", "page", "visa"), chip=0.6, guidance=put_back)) is (
        Screen.PASSPORT
    )
    assert Sound(Tone.ERROR_SOFT) in kiosk.asked
    assert kiosk.tap(Action.SKIP) is Screen.PASSPORT
    assert kiosk.asked == [Skip("aa", "chip")]
    assert kiosk(view("aa", "face", answered=("document", "chip", "page", "visa"))) is Screen.FACE
    assert kiosk.of(Sound) == [Sound(Tone.STEP_DONE)]
    assert kiosk.state.traveller.chip is None


def test_nobody_is_asked_whether_they_are_there_while_their_chip_is_read() -> None:
    kiosk = Kiosk()
    kiosk.begin()
    for share in (0.1, 0.2, 0.3, 0.4):
        kiosk(view("aa", "chip", answered=("document",), chip=share), after=WARN_AFTER * 0.6)
        assert kiosk(Ticked()) is Screen.PASSPORT
    # A passport that nobody lays down: the share stands still.
    kiosk(
        view("aa", "chip", answered=("document",), chip=0.4, guidance=Guidance(code="chip.put", count=9)), after=1.0
    )
    assert kiosk(Ticked(), after=WARN_AFTER) is Screen.STILL_THERE


def test_a_kiosk_that_reads_passports_by_camera_needs_no_other_reader() -> None:
    camera = (("document_camera", "ready"),)
    assert Kiosk(replace(STATUS, document_by=("camera",), devices=camera)).state.screen is Screen.ATTRACT
    assert Kiosk(replace(STATUS, document_by=("reader",), devices=camera)).state.screen is Screen.READER_MISSING


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
