"""The agent's answers as the flow's values. What is missing or odd is read as the calm case, and never raises."""

from __future__ import annotations

from typing import Any, Final

from kiosk_app.flow.events import FactsCame, InspectionCame
from kiosk_app.flow.state import CallState, Guidance, Question, Status

Json = dict[str, Any]
LONGEST: Final = 400
MOST: Final = 64


def status(answer: Json) -> Status:
    """What `/v1/kiosk/alive` says."""
    call = answer.get("call")
    state = _word(call.get("state")) if isinstance(call, dict) else ""
    return Status(
        device=_word(answer.get("device")),
        post=_word(answer.get("post")),
        training=answer.get("training") is True,
        ready=answer.get("ready") is True,
        in_service=answer.get("in_service") is True,
        online=answer.get("online") is not False,
        steps=_words(answer.get("steps")),
        document_by=_words(answer.get("document_by")) or ("reader",),
        reader=_word(answer.get("reader")),
        code_by=_words(answer.get("code_by")),
        devices=tuple(
            (_word(one.get("role")), _word(one.get("state")))
            for one in _list(answer.get("devices"))
            if isinstance(one, dict)
        ),
        printer=_word(answer.get("printer")) or "none",
        gate=_word(answer.get("gate")),
        counter=_word(answer.get("counter")),
        contact=_pairs(answer.get("contact")),
        questions=tuple(
            Question(_word(one.get("key")), _words(one.get("choices")))
            for one in _list(answer.get("questions"))
            if isinstance(one, dict)
        ),
        call=CallState(state) if state in set(CallState) else None,
    )


def inspection(view: Json, ticket: int = 0) -> InspectionCame:
    """An inspection as a kiosk may see it."""
    said = view.get("guidance")
    chip, lost = _chip(view.get("chip"))
    return InspectionCame(
        id=_word(view.get("id")),
        phase=_word(view.get("phase")),
        step=_word(view.get("step")),
        open_steps=_words(view.get("open_steps")),
        answered=_words(view.get("answered")),
        guidance=_guidance(said) if isinstance(said, dict) else None,
        chip=chip,
        chip_lost=lost,
        say=tuple(_word(one.get("code")) for one in _list(view.get("say")) if isinstance(one, dict)),
        slip=_word(view.get("slip")),
        ticket=ticket,
    )


def facts(answer: Json) -> FactsCame:
    """What the maintenance screen shows, in figures; the words are the screen's."""
    line, disk, clock = (_dict(answer.get(name)) for name in ("line", "disk", "clock"))
    memory = sum(value for value in _dict(answer.get("memory_bytes")).values() if isinstance(value, int))
    lists = [
        f"{_word(one.get('name'))} {one.get('version')} ({_hours(one.get('age_seconds'))})"
        for one in _list(answer.get("lists"))
        if isinstance(one, dict)
    ]
    network = [
        f"{_word(one.get('name'))} {' '.join(_words(one.get('addresses')))}"
        for one in _list(answer.get("network"))
        if isinstance(one, dict)
    ]
    said = {
        "line": "up" if line.get("online") is True else "down",
        "unacknowledged": str(line.get("unacknowledged", "")),
        "lists": ", ".join(lists),
        "clock": _word(clock.get("quality")),
        "memory": f"{memory / 1e6:.0f} MB",
        "disk": f"{_number(disk.get('free_bytes')) / 1e9:.1f} GB" if disk else "",
        "software": _word(answer.get("software")),
        "system": f"Python {_word(answer.get('python'))}, Linux {_word(answer.get('kernel'))}",
        "network": ", ".join(network),
    }
    return FactsCame(
        facts=tuple((name, value) for name, value in said.items() if value),
        log=tuple(_word(one) for one in _list(answer.get("log"))),
        can_reboot=answer.get("can_reboot") is True,
    )


def _guidance(said: Json) -> Guidance:
    count, captured, wanted = (said.get(name) for name in ("count", "captured", "wanted"))
    return Guidance(
        code=_word(said.get("code")), count=_number(count), captured=_number(captured), wanted=_number(wanted)
    )


def _chip(said: object) -> tuple[float | None, bool]:
    """How far the chip is, and whether contact was lost on the way. What became of it is not told."""
    if not isinstance(said, dict) or said.get("stage") == "done":
        return None, False
    share, waiting = said.get("fraction"), said.get("stage") == "waiting"
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        return None, False
    # Before anything was read, nobody knows whether there is a chip at all.
    return (None, False) if waiting and not share else (float(share), waiting)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _hours(seconds: object) -> str:
    return f"{_number(seconds) // 3600} h"


def _word(value: object) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value[:MOST] if isinstance(value, list) else []


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _words(value: object) -> tuple[str, ...]:
    return tuple(_word(one) for one in _list(value))


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((_word(key), _word(text)) for key, text in list(_dict(value).items())[:MOST])
