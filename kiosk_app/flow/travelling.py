"""From the first touch to the result: the steps, as the agent asks for them."""

from __future__ import annotations

from dataclasses import replace

from kiosk_app.flow.change import Change, go, reset, started, underneath
from kiosk_app.flow.commands import Answer, Call, Command, Drop, Print, Skip, Sound, Tone
from kiosk_app.flow.events import Action, AnswerRefused, InspectionCame, InspectionLost, StartRefused, Tapped
from kiosk_app.flow.state import (
    STEPS,
    Question,
    Screen,
    SlipState,
    State,
    Traveller,
)

_TRY_AGAIN = frozenset({"document.again", "chip.put_back", "visa.again"})
_ASKS = frozenset({"document.look", "chip.put", "face.none", "page.look"})
"""Guidance that waits for the traveller: said to somebody who may not be there."""
_SCREEN_OF = {
    "document": Screen.PASSPORT,
    "chip": Screen.PASSPORT,
    "page": Screen.PASSPORT,
    "visa": Screen.VISA,
    "face": Screen.FACE,
}
_RESULT_OF = {"go_on": Screen.GATE, "go_to_counter": Screen.COUNTER}
_PRINTS = frozenset({"ready", "paper_low"})


def begun(state: State, event: Tapped, now: float) -> Change:
    """A touch while nobody is served: somebody has come. Sound and size may be chosen before the language."""
    if state.screen is Screen.ATTRACT and event.action in (Action.BEGIN, Action.SETTINGS):
        state = go(state, Screen.LANGUAGE, now)
        if event.action is Action.SETTINGS:
            state = go(state, Screen.SETTINGS, now)
        return Change(state, (Sound(Tone.TOUCH),))
    if state.screen in (Screen.OUT_OF_SERVICE, Screen.READER_MISSING) and event.action is Action.CALL:
        return Change(go(_called(state), Screen.CALLED, now), (Call(""), Sound(Tone.ATTENTION)))
    return Change(state)


def tapped(state: State, event: Tapped, now: float) -> Change | None:
    """A touch on the language screen or on a step."""
    match event.action:
        case Action.LANGUAGE if state.screen is Screen.LANGUAGE and event.value:
            return _language(state, event.value, now)
        case Action.BACK:
            return _back(state, now)
        case Action.SKIP if state.screen in STEPS and state.traveller.step:
            return Change(state, (Skip(state.traveller.inspection, state.traveller.step),))
        case Action.ANSWER if state.screen in (Screen.PURPOSE, Screen.ADDRESS) and event.value:
            return _answer(state, event.value, now)
        case _:
            return None


def next_person(state: State, now: float) -> Change:
    """The family goes on: same language and comfort, nothing else but the group."""
    old = state.traveller
    group = old.group or old.inspection
    fresh = Traveller(language=old.language, comfort=old.comfort, group=group, person=old.person + 1)
    state, begin = started(state, fresh, now)
    return Change(state, (Sound(Tone.TOUCH), begin))


def came(state: State, view: InspectionCame, now: float) -> Change:
    """The agent's view. One of an inspection that is not this traveller's changes nothing, but is cancelled."""
    traveller = state.traveller
    if view.ticket and view.ticket == traveller.starting:
        traveller = replace(traveller, inspection=view.id, starting=0)
    elif not view.id or view.id != traveller.inspection:
        return Change(state, (Drop(view.id),) if view.ticket and view.phase == "collecting" else ())
    if traveller.phase not in ("", "collecting"):
        return Change(state)
    before = traveller
    traveller = replace(
        traveller,
        phase=view.phase,
        step=view.step,
        open_steps=view.open_steps,
        answered=view.answered,
        guidance=view.guidance,
        chip=view.chip,
        chip_lost=view.chip_lost,
        say=view.say,
        slip=view.slip or traveller.slip,
    )
    state = replace(state, traveller=traveller)
    if view.phase == "collecting":
        return _collecting(state, before, now)
    if view.phase == "cancelled" and state.screen is Screen.MOMENT:
        return reset(state, now)
    return _result(state, now)


def refused(state: State, event: StartRefused, now: float) -> Change:
    """No inspection was begun: another one is under way here, or the store is full. An officer helps."""
    if event.ticket != state.traveller.starting:
        return Change(state)
    state = replace(state, traveller=replace(state.traveller, starting=0))
    return _result(state, now)


def lost(state: State, event: InspectionLost, now: float) -> Change:
    """The agent was started again and knows nothing of this inspection: the passport is read once more."""
    traveller = state.traveller
    if event.id != traveller.inspection or state.screen not in (*STEPS, Screen.MOMENT):
        return Change(state)
    return _start_over(state, now, Sound(Tone.ERROR_SOFT))


def answer_refused(state: State, event: AnswerRefused, now: float) -> Change:
    """The question is asked again."""
    traveller = state.traveller
    if event.inspection != traveller.inspection or event.key not in traveller.told:
        return Change(state)
    told = tuple(key for key in traveller.told if key != event.key)
    state = replace(state, traveller=replace(traveller, told=told))
    if traveller.step == "questions":
        state = underneath(state, _step_screen(state), now)
    return Change(state, (Sound(Tone.ERROR_SOFT),))


def result_screen(say: tuple[str, ...]) -> Screen:
    """The screen of an outcome; an officer for everything that has no better one."""
    return _RESULT_OF.get(say[0], Screen.OFFICER) if say else Screen.OFFICER


def open_question(state: State) -> Question | None:
    """The first question of the policy that has no answer from this screen."""
    questions = state.status.questions if state.status is not None else ()
    return next((one for one in questions if one.key not in state.traveller.told), None)


def call_officer(state: State, now: float) -> Change:
    """Raise the call; the screen says help is coming, and the inspection stays where it is."""
    return Change(go(_called(state), Screen.CALLED, now), (Call(state.traveller.inspection), Sound(Tone.ATTENTION)))


def _called(state: State) -> State:
    return replace(state, traveller=replace(state.traveller, called=True))


def _language(state: State, language: str, now: float) -> Change:
    traveller = replace(state.traveller, language=language)
    state = replace(state, traveller=traveller)
    if traveller.inspection or traveller.starting:
        # Only the language was changed: the inspection goes on where it was.
        return Change(go(state, _step_screen(state), now), (Sound(Tone.TOUCH),))
    state, begin = started(state, traveller, now)
    return Change(state, (Sound(Tone.TOUCH), begin))


def _back(state: State, now: float) -> Change | None:
    match state.screen:
        case Screen.LANGUAGE:
            return reset(state, now)
        case Screen.PASSPORT:
            return Change(go(state, Screen.LANGUAGE, now))
        case Screen.ADDRESS if "purpose" in state.traveller.told:
            told = tuple(key for key in state.traveller.told if key != "purpose")
            return Change(go(replace(state, traveller=replace(state.traveller, told=told)), Screen.PURPOSE, now))
        case Screen.VISA | Screen.FACE | Screen.PURPOSE | Screen.ADDRESS:
            # What was read cannot be unread: the traveller begins again with the passport.
            return _start_over(state, now)
        case _:
            return None


def _start_over(state: State, now: float, *commands: Command) -> Change:
    old = state.traveller
    # An inspection the agent has lost is dropped all the same: it may only have been slow to answer.
    drop = (Drop(old.inspection, old.starting),) if old.inspection or old.starting else ()
    fresh = Traveller(
        language=old.language, comfort=old.comfort, group=old.group, person=old.person, called=old.called
    )
    state, begin = started(state, fresh, now)
    return Change(state, (*drop, *commands, begin))


def _answer(state: State, value: str, now: float) -> Change:
    question = open_question(state)
    if question is None:
        return Change(state)
    traveller = replace(state.traveller, told=(*state.traveller.told, question.key))
    state = replace(state, traveller=traveller)
    command = Answer(traveller.inspection, question.key, value)
    if open_question(state) is not None:
        state = go(state, _step_screen(state), now)
    return Change(state, (Sound(Tone.TOUCH), command))


def _step_screen(state: State) -> Screen:
    step = state.traveller.step
    if step == "questions":
        question = open_question(state)
        if question is None:
            return state.screen if state.screen in STEPS else Screen.PURPOSE
        return Screen.PURPOSE if question.choices else Screen.ADDRESS
    return _SCREEN_OF.get(step, Screen.PASSPORT)


def _collecting(state: State, before: Traveller, now: float) -> Change:
    traveller = state.traveller
    tones: list[Tone] = []
    if set(traveller.answered) - set(before.answered):
        tones.append(Tone.STEP_DONE)
    said, earlier = traveller.guidance, before.guidance
    new = said is not None and (earlier is None or said.count != earlier.count)
    lost = traveller.chip_lost and not before.chip_lost
    if lost or (new and said is not None and said.code in _TRY_AGAIN):
        tones.append(Tone.ERROR_SOFT)
    # Whoever moves before the camera, or whose paper was read, is there; so is whoever waits while the chip is read.
    alive = bool(tones) or (new and said is not None and said.code not in _ASKS)
    alive = alive or (traveller.chip or 0.0) > (before.chip or 0.0)
    if alive and state.screen is not Screen.STILL_THERE:
        state = replace(state, quiet_since=now)
    if state.screen is Screen.STILL_THERE and tones and state.under is not None:
        state = go(replace(state, screen=state.under, under=None), state.under, now)
    if state.screen is Screen.LANGUAGE:
        return Change(state, _sounds(tones))
    if not traveller.step:  # between two steps
        return Change(state, _sounds(tones))
    if state.screen is Screen.MOMENT:
        state = go(state, _step_screen(state), now)
    return Change(underneath(state, _step_screen(state), now), _sounds(tones))


def _result(state: State, now: float) -> Change:
    """Where to go. An officer's help is the answer to everything that has no better one."""
    screen = result_screen(state.traveller.say)
    tone = Tone.ATTENTION if screen is Screen.OFFICER else Tone.SUCCESS
    commands: list[Command] = [Sound(tone)]
    traveller = state.traveller
    if not traveller.phase or traveller.phase == "cancelled":
        # Nothing waits for the officer in the queue, so somebody has to be called.
        commands.append(Call(traveller.inspection))
        traveller = replace(traveller, called=True)
    elif traveller.slip and state.status is not None and state.status.printer in _PRINTS:
        commands.append(Print(traveller.inspection))
        traveller = replace(traveller, paper=SlipState.PRINTING)
    elif state.status is not None and state.status.printer != "none":
        traveller = replace(traveller, paper=SlipState.FAILED)
    state = replace(state, traveller=traveller, under=None)
    return Change(go(state, screen, now), tuple(commands))


def _sounds(tones: list[Tone]) -> tuple[Command, ...]:
    return tuple(Sound(tone) for tone in tones)
