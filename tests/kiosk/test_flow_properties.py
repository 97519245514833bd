"""The flow under any sequence of events: it never raises, and there is always a way to a clean start."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk_app.flow import Screen, State, Status, advance, nothing_kept
from kiosk_app.flow.commands import Drop, Start
from kiosk_app.flow.events import (
    Action,
    AgentLost,
    AnswerRefused,
    Event,
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
    Tried,
)
from kiosk_app.flow.state import IDLE, OVERLAYS, Guidance, Question
from kiosk_app.flow.waiting import MAINTENANCE_SECONDS, PATIENCE, UNHURRIED, WARN_AFTER

IDS = st.sampled_from(["", "aa", "bb", "cc"])
STEPS = st.sampled_from(["", "document", "chip", "page", "visa", "face", "questions", "of-2030"])
VALUES = st.one_of(st.sampled_from(["fr", "ar", "contrast", "voice", "tourism", "printer"]), st.text(max_size=5))
STATUS = st.builds(
    Status,
    ready=st.booleans(),
    in_service=st.booleans(),
    training=st.booleans(),
    devices=st.sampled_from([(), (("document_reader", "ready"),), (("document_reader", "absent"),)]),
    steps=st.just(("document", "page", "visa", "face", "questions")),
    printer=st.sampled_from(["ready", "paper_out", "none", "of-2030"]),
    questions=st.sampled_from([(), (Question("purpose", ("tourism",)), Question("address"))]),
)
SAY = st.sampled_from([(), ("go_on",), ("go_to_counter", "show_visa"), ("see_officer",), ("of-2030",)])
VIEWS = st.builds(
    InspectionCame,
    id=IDS,
    phase=st.sampled_from(["collecting", "proposed", "confirmed", "cancelled", "of-2030"]),
    step=STEPS,
    answered=st.lists(STEPS, max_size=3).map(tuple),
    guidance=st.none()
    | st.builds(
        Guidance, code=st.sampled_from(["face.none", "visa.again", "chip.put_back"]), count=st.integers(0, 9)
    ),
    chip=st.none() | st.floats(0, 1),
    chip_lost=st.booleans(),
    say=SAY,
    slip=st.sampled_from(["", "K7Q2FD"]),
    ticket=st.integers(0, 4),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Tapped, action=st.sampled_from(Action), value=VALUES),
    st.builds(StatusCame, status=STATUS),
    st.just(AgentLost()),
    VIEWS,
    st.builds(StartRefused, ticket=st.integers(0, 4), code=st.just("inspection.busy")),
    st.builds(InspectionLost, id=IDS),
    st.builds(AnswerRefused, inspection=IDS, key=st.sampled_from(["purpose", "address"])),
    st.builds(SlipCame, inspection=IDS, code=st.sampled_from(["", "printer.paper_out"])),
    st.builds(SignInTried, number=st.just("1234"), code=st.just("73519284")),
    st.builds(SignedIn, token=st.just("t"), name=st.just("n"), role=st.just("technician")),
    st.builds(SignInRefused, code=st.just("staff.refused")),
    st.builds(FactsCame, facts=st.just((("a", "b"),))),
    st.builds(Tried, device=st.just("printer"), outcome=st.just("passed")),
    st.builds(JackMoved, inserted=st.booleans()),
    st.just(Ticked()),
)
STORY = st.lists(st.tuples(EVENTS, st.floats(0, 200)), max_size=40)


def told(story: list[tuple[Event, float]]) -> tuple[State, float, list[Any]]:
    """The state after a story, the time, and every command on the way."""
    state, now, commands = State(), 0.0, []
    for event, pause in story:
        now += pause
        change = advance(state, event, now)
        state = change.state
        commands += change.commands
    return state, now, commands


@settings(max_examples=400)
@given(STORY)
def test_time_alone_brings_every_state_to_a_clean_start(story: list[tuple[Event, float]]) -> None:
    state, now, _ = told(story)
    good = Status(ready=True, in_service=True, devices=(("document_reader", "ready"),))
    for _ in range(12):
        now += UNHURRIED * max(WARN_AFTER + PATIENCE, MAINTENANCE_SECONDS)
        state = advance(state, Ticked(), now).state
    # Where the agent was away and is back, the kiosk asks it; no answer ever comes in this story.
    state = advance(state, StatusCame(good), now).state
    for _ in range(4):
        now += 1000.0
        state = advance(state, Ticked(), now).state
    state = advance(state, StatusCame(good), now).state
    assert state.screen is Screen.ATTRACT
    assert nothing_kept(state)


@settings(max_examples=400)
@given(STORY)
def test_cancel_and_yes_brings_every_state_to_a_clean_start(story: list[tuple[Event, float]]) -> None:
    state, now, _ = told(story)
    good = Status(ready=True, in_service=True, devices=(("document_reader", "ready"),))
    state = advance(state, StatusCame(good), now).state
    for action in (Action.CANCEL, Action.STOP, Action.NEXT, Action.NEXT, Action.NEXT, Action.CANCEL, Action.STOP):
        state = advance(state, Tapped(action), now).state
    if state.screen is Screen.MOMENT:  # the agent was asked what became of the traveller, and has not answered yet
        state = advance(state, Ticked(), now + 100).state
    state = advance(state, StatusCame(good), now).state
    assert state.screen is Screen.ATTRACT
    assert nothing_kept(state)


@settings(max_examples=400)
@given(STORY)
def test_an_idle_screen_holds_nobody(story: list[tuple[Event, float]]) -> None:
    state, _, _ = told(story)
    if state.screen in IDLE:
        assert nothing_kept(state)
    if state.screen in OVERLAYS:
        assert state.under not in OVERLAYS


@settings(max_examples=400)
@given(STORY)
def test_every_inspection_left_behind_is_cancelled(story: list[tuple[Event, float]]) -> None:
    state, now, commands = told(story)
    started = [one for one in commands if isinstance(one, Start)]
    assert len({one.ticket for one in started}) == len(started), "no answer can reach another traveller"
    collecting = state.traveller.inspection and state.traveller.phase == "collecting"
    change = state
    for _ in range(6):
        now += 1000.0
        after = advance(change, Ticked(), now)
        change, commands = after.state, [*commands, *after.commands]
    if collecting and change.screen in IDLE:
        assert Drop(state.traveller.inspection) in commands
