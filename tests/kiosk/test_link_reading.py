"""The agent's JSON as the flow's values: whatever comes, nothing is raised, and what is odd is the calm case."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.flow.events import FactsCame, InspectionCame
from kiosk_app.flow.state import CallState, Guidance, Question, Status
from kiosk_app.link.reading import LONGEST, MOST, facts, inspection, status

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
_NAMES = """id phase step open_steps answered guidance say slip device ready steps devices printer contact questions
call line disk clock memory_bytes lists network log can_reboot code count captured wanted state role key
chip stage fraction document_by"""
NAMES = st.sampled_from(_NAMES.split())
OBJECTS = st.dictionaries(NAMES, JSON, max_size=20)


@given(OBJECTS)
def test_nothing_is_raised(answer: dict[str, Any]) -> None:
    assert isinstance(status(answer), Status)
    assert isinstance(inspection(answer), InspectionCame)
    assert isinstance(facts(answer), FactsCame)


def test_what_an_agent_says_is_read() -> None:
    read = status(
        {
            "device": "k1",
            "ready": True,
            "in_service": True,
            "online": False,
            "steps": ["document", "face"],
            "reader": "swipe",
            "devices": [{"role": "document_reader", "state": "ready"}],
            "printer": "paper_low",
            "counter": "3",
            "contact": {"fr": "Bureau 1"},
            "questions": [{"key": "purpose", "choices": ["work"]}],
            "call": {"id": "x", "state": "answered"},
        }
    )
    assert (read.ready, read.in_service, read.online, read.reader) == (True, True, False, "swipe")
    assert read.can_read_documents
    assert read.questions == (Question("purpose", ("work",)),)
    assert read.call is CallState.ANSWERED
    seen = inspection(
        {
            "id": "aa",
            "phase": "proposed",
            "step": None,
            "answered": ["document"],
            "guidance": {"code": "face.good", "count": 3, "captured": 2, "wanted": 3},
            "say": [{"code": "go_to_counter", "words": {"fr": "…"}}],
            "slip": "K7Q2FD",
        },
        ticket=4,
    )
    assert (seen.id, seen.step, seen.say, seen.ticket) == ("aa", "", ("go_to_counter",), 4)
    assert seen.guidance == Guidance(code="face.good", count=3, captured=2, wanted=3)


def test_how_far_the_chip_is_but_not_what_became_of_it() -> None:
    def share(chip: object) -> tuple[float | None, bool]:
        view = inspection({"id": "aa", "phase": "collecting", "chip": chip})
        return view.chip, view.chip_lost

    assert share({"stage": "files", "fraction": 0.25}) == (0.25, False)
    assert share({"stage": "access", "fraction": 0}) == (0.0, False)
    assert share({"stage": "waiting", "fraction": 0.25}) == (0.25, True)
    assert share({"stage": "waiting", "fraction": 0.0}) == (None, False), "nobody knows whether there is one"
    assert share({"stage": "done", "fraction": 1.0}) == (None, False)
    for odd in (None, 0.5, [], {}, {"fraction": None}, {"fraction": True}, {"fraction": 1.5}, {"fraction": -1}):
        assert share(odd) == (None, False)
    assert share({"fraction": float("nan")}) == (None, False)


def test_bounds() -> None:
    read = status({"device": "x" * 10_000, "steps": ["document"] * 10_000, "ready": "yes", "call": {"state": "?"}})
    assert len(read.device) == LONGEST
    assert len(read.steps) == MOST
    assert (read.ready, read.call) == (False, None)
