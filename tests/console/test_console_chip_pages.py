"""A chip on the traveller's page, over HTTPS: what stands there, and reading it again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator

import pytest

from border_agent.agent.chip_reader import ChipReader
from border_agent.documents.chip.reading import ChipOutcome
from border_agent.inspection.evidence import DocumentEvidence, DocumentSource
from border_agent.inspection.machine import Phase
from firmware_bridge.roles import CardTransport, DeviceProblem, DeviceState
from tests.console.console_kit import Post
from tests.console.inspection_kit import REGIMES, decide, found, opened, post_form, recorded
from tests.inspection.inspection_cases import chip, passport

MINE = passport(nationality="BFA", issuer="BFA", number="P1234567")
OTHER = passport(nationality="BFA", issuer="BFA", number="P1234561")


class EmptyReader:
    """A reader on which nothing lies. See `firmware_bridge.roles.CardReader`."""

    name = "puce"
    state = DeviceState.ready

    def __init__(self) -> None:
        self.problems: deque[DeviceProblem] = deque()
        self.asked = threading.Event()

    def open(self) -> None: ...

    def close(self) -> None: ...

    def look(self) -> None: ...

    def card(self, timeout: float) -> CardTransport | None:
        self.asked.set()
        return None


@pytest.fixture(autouse=True)
def quiet(post: Post) -> Iterator[None]:
    post.rule(regimes=REGIMES)
    yield
    for case in post.agent.desk.cases():
        post.agent.desk.cancel(case.id)


@pytest.fixture
def reader(post: Post, monkeypatch: pytest.MonkeyPatch) -> EmptyReader:
    """The counter has a chip reader."""
    empty = EmptyReader()
    chips = ChipReader(empty)
    monkeypatch.setattr(post.agent.desk, "_chips", chips)
    monkeypatch.setattr(post.agent.kiosk.devices, "_chips", chips)
    return empty


def test_the_page_says_what_the_chip_is_worth(post: Post) -> None:
    client, _ = post.signed_in()
    page = opened(client, found(post, chip=chip(), document=DocumentEvidence(mrz=passport())))
    for words in ("Puce du passeport", "original", "valable", "identique", "signée par l’État", "Ghana CSCA"):
        assert words in page.text, words
    assert "/pictures/chip" in page.text and "Photo de la puce" in page.text
    assert "<mark>" not in page.text and "Relire la puce" not in page.text


def test_without_a_chip_there_is_no_block(post: Post) -> None:
    client, _ = post.signed_in()
    page = opened(client, found(post))
    assert "Puce du passeport" not in page.text and "/pictures/chip" not in page.text


def test_what_differs_is_marked_on_both_zones(post: Post) -> None:
    client, _ = post.signed_in()
    held = chip(mrz=OTHER, agrees=False)
    page = opened(client, found(post, chip=held, document=DocumentEvidence(mrz=MINE)))
    assert "différent\N{NO-BREAK SPACE}: numéro du passeport" in page.text
    assert page.text.count("<mark>") >= 2 and "<mark>7" in page.text and "<mark>1" in page.text


def test_what_the_camera_did_not_see_for_certain_is_marked(post: Post) -> None:
    client, _ = post.signed_in()
    document = DocumentEvidence(mrz=MINE, source=DocumentSource.CAMERA, confidence=0.4, uncertain=((0, 5),))
    page = opened(client, found(post, document=document))
    assert f"<mark>{MINE.lines[0][5]}</mark>" in page.text
    assert "lue par caméra" in page.text and "incertain\N{NO-BREAK SPACE}: nom" in page.text


def test_without_a_reader_it_cannot_be_read_again(post: Post) -> None:
    client, _ = post.signed_in()
    case = found(post, chip=chip())
    page = opened(client, case)
    answer = post_form(client, page, f"/inspections/{case.id}/chip")
    assert answer.status_code >= 400 and "puce" in answer.text.lower()
    assert post.agent.desk.case(case.id).phase is Phase.PROPOSED


def test_it_is_read_again_by_this_counters_reader(post: Post, reader: EmptyReader) -> None:
    client, _ = post.signed_in()
    case = found(post, chip=chip())
    page = opened(client, case)
    assert "Relire la puce" in page.text
    answer = post_form(client, page, f"/inspections/{case.id}/chip")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/inspections/{case.id}")
    assert reader.asked.wait(10)
    deadline = time.monotonic() + 20
    while post.agent.desk.case(case.id).phase is Phase.COLLECTING and time.monotonic() < deadline:
        time.sleep(0.05)
    now = post.agent.desk.case(case.id)
    assert now.phase is Phase.PROPOSED
    held = now.inspection.evidence.chip
    assert held is not None
    # Nothing lay there: what was read before still counts, and the page says that it was tried twice.
    assert (held.outcome, held.attempts) == (ChipOutcome.read, 2)
    assert "<dt>Essais</dt><dd>2</dd>" in opened(client, case).text


def test_somebody_else_s_traveller_is_not_read_again(post: Post, reader: EmptyReader) -> None:
    first, _ = post.signed_in()
    second, _ = post.signed_in()
    case = found(post, chip=chip())
    opened(first, case)
    page = opened(second, case)
    assert "Relire la puce" not in page.text
    assert post_form(second, page, f"/inspections/{case.id}/chip").status_code == 409
    assert not reader.asked.is_set()


def test_the_movement_keeps_what_the_chip_was_worth(post: Post) -> None:
    client, _ = post.signed_in()
    case = found(post, chip=chip(), document=DocumentEvidence(mrz=passport()))
    assert decide(client, case, "refer", reason="contrôle").status_code in (303, 422)
    passage = recorded(post, case)
    assert passage is not None
    page = client.get(f"/movements/{passage.entry}").text
    assert "<h2>Puce</h2>" in page and "original" in page and "PACE-GM" in page
