"""The zone by camera: several looks vote, no name is certain by check digits alone, and one document at a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from chip_kit import Sight, able, lay_page
from conftest import Start
from desk_kit import in_force, lines, mrz, proposal

from border_agent.agent import collector, zone_search
from border_agent.agent.guidance import Guidance
from border_agent.agent.runtime import Agent
from border_agent.agent.zone_search import CERTAIN, ZoneSearch
from border_agent.decoding import FoundMrz
from border_agent.inspection.errors import SecondDocument
from border_agent.inspection.evidence import DocumentSource, Step
from mqtt_schemas.entries import Decision

TODAY = datetime.now(UTC).date()
READER = """
[devices.document_reader]
name = "reader"
port = "nowhere"
"""


def zone(rows: tuple[str, ...] = (), *, doubts: dict[tuple[int, int], float] | None = None) -> FoundMrz:
    """A zone as the camera's reader gives it; `doubts`: confidence of single characters."""
    rows, doubts = rows or lines(), doubts or {}
    return FoundMrz(
        format="TD3",
        lines=rows,
        confidence=tuple(
            tuple(doubts.get((line, column), 0.999) for column in range(len(row))) for line, row in enumerate(rows)
        ),
        runner_up=tuple("".join("O" if letter != "O" else "0" for letter in row) for row in rows),
        corners=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
    )


def searching(*zones: FoundMrz | None) -> ZoneSearch:
    return ZoneSearch(Sight(zones), TODAY)  # type: ignore[arg-type]


def test_two_sure_looks_are_a_document() -> None:
    search = searching(None, zone(), zone())
    assert search.look() == (Guidance.DOCUMENT_LOOK, None)
    assert search.look() == (Guidance.DOCUMENT_HOLD, None)
    guidance, document = search.look()
    assert guidance is None
    assert document is not None
    assert (document.mrz, document.source, document.attempts) == (mrz(), DocumentSource.CAMERA, 2)
    assert document.confidence == pytest.approx(0.999)
    assert (document.uncertain, document.typed) == ((), False)
    assert search.look() == (None, None), "the camera gave no frame"


def test_a_name_is_not_certain_because_check_digits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful = zone(doubts={(0, 6): CERTAIN - 0.1})
    search = searching(*[doubtful] * 8)
    for _ in range(6):
        assert search.look() == (Guidance.DOCUMENT_HOLD, None)
    monkeypatch.setattr(zone_search, "PATIENCE_SECONDS", 0.0)
    _, document = search.look()
    assert document is not None
    assert document.uncertain == ((0, 6),)
    assert document.mrz is not None
    assert document.mrz.checks_ok


def test_what_no_check_digit_holds_of_is_not_taken_before_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_search, "PATIENCE_SECONDS", 0.0)
    first, second = lines()
    broken = zone((first, second[:3] + "Q" + second[4:]), doubts={(1, 3): 0.5})
    search = searching(*[broken] * 4)
    for _ in range(4):
        assert search.look() == (Guidance.DOCUMENT_HOLD, None)
    best = search.best()
    assert best is not None
    assert best.mrz is not None
    assert not best.mrz.checks_ok


def test_another_document_begins_anew() -> None:
    other = lines("GHA", "G7654321", "Mensah")
    search = searching(zone(), zone(other), zone(other))
    assert [search.look()[1] for _ in range(2)] == [None, None]
    document = search.look()[1]
    assert document is not None
    assert document.mrz is not None
    assert document.mrz.number == "G7654321"


def test_the_camera_reads_where_there_is_no_reader(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start()
    in_force(agent, monkeypatch)
    able(agent, Step.DOCUMENT, sight=Sight([None, zone(), zone()]))
    case = proposal(agent, agent.desk.start().id)
    assert case.inspection.evidence.mrz == mrz()
    shown = client.inspection(case.id)["document"]
    assert (shown["source"], shown["confidence"], shown["uncertain"], shown["uncertain_fields"]) == (
        "camera",
        0.999,
        [],
        [],
    )
    assert "document" in case.step_ms


def test_a_working_reader_comes_first_and_a_silent_one_is_helped(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = start(READER)
    in_force(agent, monkeypatch)
    monkeypatch.setattr(agent.desk, "_reader_works", lambda: True)
    sight = Sight([zone(), zone()])
    able(agent, Step.DOCUMENT, sight=sight)
    case = agent.desk.start()
    time.sleep(0.7)
    assert len(sight.zones) == 2, "the camera was not asked"
    lay_page(agent, lines())
    assert proposal(agent, case.id).inspection.evidence.document.source is DocumentSource.READER  # type: ignore[union-attr]
    monkeypatch.setattr(collector, "SILENT_SECONDS", 0.3)
    assert proposal(agent, agent.desk.start().id).inspection.evidence.document.source is DocumentSource.CAMERA  # type: ignore[union-attr]


def test_at_the_end_of_the_step_the_best_reading_counts_and_says_what_it_is_not_sure_of(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    able(agent, Step.DOCUMENT, sight=Sight([zone(doubts={(0, 7): 0.4, (1, 11): 0.6})] * 3), document=1.0)
    case = proposal(agent, agent.desk.start().id)
    (found,) = (item for item in case.inspection.verdict.findings if item.code == "document.uncertain")  # type: ignore[union-attr]
    assert found.params == {"fields": "name,nationality"}
    assert case.inspection.evidence.timed_out == ()


def test_an_officer_settles_what_was_uncertain_and_nothing_else(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    monkeypatch.setattr(zone_search, "PATIENCE_SECONDS", 0.0)
    right = lines()
    wrong = (right[0][:6] + "Q" + right[0][7:], right[1])
    able(agent, Step.DOCUMENT, sight=Sight([zone(wrong, doubts={(0, 6): 0.5})] * 2))
    case = proposal(agent, agent.desk.start().id)
    assert "document.uncertain" in case.inspection.verdict.codes  # type: ignore[union-attr]
    with pytest.raises(SecondDocument):
        agent.desk.type_document(case.id, lines(number="X9999999"))
    agent.desk.type_document(case.id, right)
    settled = proposal(agent, case.id)
    document = settled.inspection.evidence.document
    assert document is not None
    assert (document.mrz, document.typed, document.uncertain) == (mrz(), True, ())
    assert {"document.typed"} == typed_codes(settled)
    with pytest.raises(SecondDocument):
        agent.desk.type_document(case.id, wrong)
    movement = decided(agent, case.id)
    assert movement.document.source == "typed"


def test_a_reader_that_reads_the_same_document_settles_it_too(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    monkeypatch.setattr(zone_search, "PATIENCE_SECONDS", 0.0)
    able(agent, Step.DOCUMENT, Step.PAGE, sight=Blind([zone(doubts={(0, 6): 0.5})] * 2), page=1.5)
    case = agent.desk.start()
    deadline = time.monotonic() + 5
    while agent.desk.case(case.id).inspection.evidence.mrz is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    lay_page(agent, lines())
    done = proposal(agent, case.id)
    document = done.inspection.evidence.document
    assert document is not None
    assert document.source in (DocumentSource.READER, DocumentSource.CAMERA)
    assert "inspection.second_document" not in done.inspection.evidence.problems


class Blind(Sight):
    """Sees zones, and no face."""

    def look(self, role: Any) -> None:  # type: ignore[override]
        time.sleep(0.05)


def typed_codes(case: Any) -> set[str]:
    return {code for code in case.inspection.verdict.codes if code in ("document.typed", "document.uncertain")}


def decided(agent: Agent, inspection: str) -> Any:
    from mqtt_schemas.entries import Movement, read_entry

    agent.desk.decide(inspection, Decision.ADMIT, "4711", "seen")
    entries = [read_entry(body) for body in agent.journal.entries_after(0, 1000, 2**24).bodies]
    return next(entry for entry in entries if isinstance(entry, Movement))
