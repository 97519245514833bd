"""What the page of an inspection that is still collecting shows: its steps, and what to do now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from border_agent.agent.case import Case
from border_agent.agent.chip_step import ShownStage
from border_agent.agent.devices import DeviceRole, DeviceView
from border_agent.inspection.evidence import Step
from border_agent.inspection.machine import Phase
from border_agent.words import has, text
from firmware_bridge.roles import DeviceState

DEVICES_OF = {
    Step.DOCUMENT: (DeviceRole.DOCUMENT_READER,),
    Step.CHIP: (DeviceRole.CHIP_READER,),
    Step.PAGE: (DeviceRole.DOCUMENT_CAMERA,),
    Step.VISA: (DeviceRole.CODE_SCANNER, DeviceRole.DOCUMENT_CAMERA),
    Step.FACE: (DeviceRole.FACE_CAMERA,),
    Step.QUESTIONS: (),
}


class SeenStep(Struct, frozen=True, kw_only=True):
    step: Step
    word: str
    state: str
    """`open`, `now`, `done` or `skipped`."""
    state_word: str
    can_skip: bool


class SeenProgress(Struct, frozen=True):
    """How far the chip is."""

    words: str
    percent: int


class SeenSteps(Struct, frozen=True, kw_only=True):
    """The steps in the traveller's order, and what was last said of the one under way."""

    steps: tuple[SeenStep, ...]
    ask: str
    """What the traveller is asked to do now; empty: nothing."""
    guidance: str
    frames: str
    typing: bool
    """The document may be typed: it has not been read."""
    name: str
    chip: SeenProgress | None
    """None: no chip is being read."""
    again: bool
    """The chip may be read once more: it was tried, and this counter has a reader."""
    missing: tuple[str, ...]
    """Devices of the step under way that do not work now."""


def see_steps(case: Case, devices: Iterable[DeviceView], language: str) -> SeenSteps:
    """The steps of a case. `devices`: this counter's, as they are now."""
    evidence, told = case.inspection.evidence, case.guidance
    key = f"collect.guidance.{told.code.value}" if told is not None else ""
    mrz, there = evidence.mrz, tuple(devices)
    return SeenSteps(
        steps=tuple(_step(case, step, language) for step in case.inspection.can if _concerns(case, step)),
        ask=text(f"ask.{case.step.value}", language) if case.step is not None else "",
        guidance=text(key, language) if key and has(key, language) else "",
        frames=(
            text("collect.frames", language, captured=told.captured, wanted=told.wanted)
            if told is not None and told.wanted
            else ""
        ),
        typing=case.phase in (Phase.COLLECTING, Phase.PROPOSED) and mrz is None,
        chip=_progress(case, language),
        again=evidence.chip is not None and any(one.role is DeviceRole.CHIP_READER for one in there),
        missing=tuple(_missing(case.step, there, language)),
        name=f"{mrz.surname} {mrz.given_names}".strip().upper() if mrz is not None else "",
    )


def _progress(case: Case, language: str) -> SeenProgress | None:
    shown = case.chip
    if case.phase is not Phase.COLLECTING or shown is None or shown.stage is ShownStage.DONE:
        return None
    percent = round(shown.fraction * 100)
    key = "chip.waiting" if shown.stage is ShownStage.WAITING else "chip.reading"
    return SeenProgress(text(key, language, percent=percent), percent)


def _missing(step: Step | None, devices: Iterable[DeviceView], language: str) -> Iterator[str]:
    for device in devices:
        if step is not None and device.role in DEVICES_OF[step] and device.state is not DeviceState.ready:
            yield text(f"device_role.{device.role.value}", language)


def _step(case: Case, step: Step, language: str) -> SeenStep:
    evidence = case.inspection.evidence
    if step in case.answered:
        state = "done"
    elif step in evidence.skipped or step in evidence.timed_out:
        state = "skipped"
    else:
        state = "now" if step is case.step else "open"
    return SeenStep(
        step=step,
        word=text(f"step.{step.value}", language),
        state=state,
        state_word=text(f"collect.step_{state}", language),
        can_skip=case.phase is Phase.COLLECTING and step in case.open_steps,
    )


def _concerns(case: Case, step: Step) -> bool:
    """A visa that nobody asks for is no step."""
    evidence = case.inspection.evidence
    return step in case.open_steps or step in case.answered or step in (*evidence.skipped, *evidence.timed_out)
