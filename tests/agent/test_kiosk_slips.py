"""Slips over a true printer's wire: what comes out, what does not, and what a client is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from border_agent.agent.runtime import Agent
from border_agent.agent.slips import MOST_BEGUN, MOST_ROWS, WIDEST, bar_pattern
from border_agent.api.client import AgentClient, ApiRefused
from firmware_bridge.errors import PrinterSilent, SlipMalformed
from firmware_bridge.virtual.launch import PrinterTwin
from tests.agent.conftest import Start
from tests.agent.kiosk_kit import kiosk_socket, until
from tests.agent.test_local_api import READER, proposed

ROW = WIDEST // 8
HEIGHT = 120
SLIP = bytes((x * 7 + y * 13) % 256 for y in range(HEIGHT) for x in range(ROW))


@pytest.fixture
def printer(folder: Path) -> Iterator[PrinterTwin]:
    with PrinterTwin(folder / "printer", folder / "slips") as twin:
        yield twin


@pytest.fixture
def window(start: Start, folder: Path, printer: PrinterTwin) -> Iterator[AgentClient]:
    agent, _ = start(f'{READER}[devices.printer]\nname = "printer"\nport = "{printer.link}"\n')
    with kiosk_socket(agent, folder) as client:
        until(lambda: client.kiosk()["printer"] == "ready")
        yield client


def skipped(client: AgentClient) -> str:
    """An inspection at its proposal."""
    case = client.start()["id"]
    client.skip(case, "document")
    until(lambda: client.inspection(case)["phase"] == "proposed")
    return str(case)


def test_a_slip_comes_out_dot_for_dot(window: AgentClient, printer: PrinterTwin) -> None:
    case = skipped(window)
    assert window.slip(case, SLIP, WIDEST, HEIGHT) == {"printed": True, "left": 2}
    (paper,) = printer.slips()
    with Image.open(paper) as picture:
        black = np.asarray(picture.convert("L")) < 128
    wanted = np.unpackbits(np.frombuffer(SLIP, np.uint8).reshape(HEIGHT, ROW), axis=1).astype(bool)
    rows = np.flatnonzero(black.any(axis=1))
    assert black.shape[1] == WIDEST
    assert np.array_equal(black[rows[0] : rows[0] + HEIGHT], wanted)


def test_an_inspection_has_three_slips_and_another_has_its_own(window: AgentClient, printer: PrinterTwin) -> None:
    case = skipped(window)
    assert [window.slip(case, SLIP, WIDEST, HEIGHT)["left"] for _ in range(3)] == [2, 1, 0]
    with pytest.raises(ApiRefused, match="409 slip.spent"):
        window.slip(case, SLIP, WIDEST, HEIGHT)
    assert window.slip(skipped(window), SLIP, WIDEST, HEIGHT)["left"] == 2
    assert len(printer.slips()) == 4


def test_only_an_inspection_with_a_proposal_has_a_slip(window: AgentClient, printer: PrinterTwin) -> None:
    collecting = window.start()["id"]
    with pytest.raises(ApiRefused, match="409 inspection.wrong_phase"):
        window.slip(collecting, SLIP, WIDEST, HEIGHT)
    window.cancel(collecting)
    with pytest.raises(ApiRefused, match="409 inspection.wrong_phase"):
        window.slip(collecting, SLIP, WIDEST, HEIGHT)
    with pytest.raises(ApiRefused, match="404 inspection.unknown"):
        window.slip("00" * 16, SLIP, WIDEST, HEIGHT)
    assert printer.slips() == []


def test_paper_cover_and_cable_are_told_apart_and_cost_no_slip(window: AgentClient, printer: PrinterTwin) -> None:
    case = skipped(window)
    printer.paper("out")
    until(lambda: window.kiosk()["printer"] == "paper_out")
    with pytest.raises(ApiRefused, match="409 printer.paper_out"):
        window.slip(case, SLIP, WIDEST, HEIGHT)
    printer.paper("ok")
    printer.cover("open")
    until(lambda: window.kiosk()["printer"] == "cover_open")
    with pytest.raises(ApiRefused, match="409 printer.cover_open"):
        window.slip(case, SLIP, WIDEST, HEIGHT)
    printer.cover("closed")
    until(lambda: window.kiosk()["printer"] == "ready")
    printer.unplug()
    until(lambda: window.kiosk()["printer"] == "absent")
    with pytest.raises(ApiRefused, match="409 printer.absent"):
        window.slip(case, SLIP, WIDEST, HEIGHT)
    printer.plug()
    until(lambda: window.kiosk()["printer"] == "ready")
    assert window.slip(case, SLIP, WIDEST, HEIGHT)["left"] == 2


def test_a_slip_in_which_the_paper_ends_is_printed_again_whole(window: AgentClient, printer: PrinterTwin) -> None:
    case = skipped(window)
    printer.paper("out", after=HEIGHT // 2)
    with pytest.raises(ApiRefused, match="409 printer.paper_out"):
        window.slip(case, SLIP, WIDEST, HEIGHT)
    printer.paper("low")
    until(lambda: window.kiosk()["printer"] == "paper_low")
    assert window.slip(case, SLIP, WIDEST, HEIGHT)["left"] == 2


def test_slips_that_may_be_on_paper_are_not_begun_without_end(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start()
    printer = Unsure()
    agent.kiosk.slips.printer = printer  # type: ignore[assignment]
    case = proposed(client)["id"]
    for _ in range(MOST_BEGUN):
        with pytest.raises(ApiRefused, match="409 printer.failed"):
            client.slip(case, SLIP, WIDEST, HEIGHT)
    with pytest.raises(ApiRefused, match="409 slip.spent"):
        client.slip(case, SLIP, WIDEST, HEIGHT)
    assert printer.asked == MOST_BEGUN


def test_nobody_waits_for_a_printer_that_is_at_work(start: Start) -> None:
    agent, client = start()
    printer = Unsure(PrinterSilent("printer", begun=False))
    printer.goes_on.clear()
    agent.kiosk.slips.printer = printer  # type: ignore[assignment]
    first, second = proposed(client)["id"], proposed(client)["id"]
    begun = threading.Thread(target=_print_quietly, args=(agent, first), daemon=True)
    begun.start()
    until(lambda: printer.asked == 1)
    at = time.monotonic()
    with pytest.raises(ApiRefused, match="409 printer.busy"):
        client.slip(second, SLIP, WIDEST, HEIGHT)
    assert time.monotonic() - at < 5.0
    printer.goes_on.set()
    begun.join(20.0)


def test_a_device_without_a_printer_and_one_of_another_width(start: Start) -> None:
    agent, client = start()
    case = proposed(client)["id"]
    with pytest.raises(ApiRefused, match="409 printer.none"):
        client.slip(case, SLIP, WIDEST, HEIGHT)
    agent.kiosk.slips.printer = Unsure(SlipMalformed("printer", "384 dots"))  # type: ignore[assignment]
    with pytest.raises(ApiRefused, match="400 printer.refused"):
        client.slip(case, SLIP, WIDEST, HEIGHT)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", SLIP),
        ("width=576", SLIP),
        ("width=576&height=0", b""),
        ("width=0&height=120", SLIP),
        ("width=577&height=120", SLIP),
        ("width=584&height=120", SLIP),
        ("width=-8&height=120", SLIP),
        ("width=571&height=120", SLIP),
        ("width=576&height=2001", SLIP),
        ("width=576&height=99999999999999999999", SLIP),
        ("width=576&height=%D9%A1%D9%A2", SLIP),
        ("width=576&height=119", SLIP),
        ("width=576&height=121", SLIP),
        ("width=576&height=120", b""),
        ("width=576&height=120", bytes(5_000_000)),
    ],
)
def test_rubbish_never_reaches_the_printer(start: Start, folder: Path, query: str, body: bytes) -> None:
    agent, client = start()
    printer = Unsure()
    agent.kiosk.slips.printer = printer  # type: ignore[assignment]
    case = proposed(client)["id"]
    transport = httpx.HTTPTransport(uds=str(folder / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent") as raw:
        try:
            answer = raw.post(f"/v1/inspections/{case}/slip?{query}", content=body)
            assert (answer.status_code, answer.json()["error"]) == (400, "api.bad_request")
        except httpx.TransportError:
            assert len(body) > ROW * MOST_ROWS, "answered, and hung up, before all of it was sent"
    assert printer.asked == 0
    assert client.capabilities()


def test_the_test_slip_has_every_dot_black_and_white() -> None:
    pattern = np.unpackbits(np.frombuffer(bar_pattern(), np.uint8).reshape(-1, ROW), axis=1)
    assert len(pattern) <= MOST_ROWS
    assert pattern.any(axis=0).all()


class Unsure:
    """A printer that never says that it is done."""

    name = "printer"

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._error = error or PrinterSilent("printer", begun=True)

    def print_rows(self, rows: bytes, width: int, timeout: float) -> None:
        self.asked += 1
        self.goes_on.wait(timeout)
        raise self._error


def _print_quietly(agent: Agent, case: str) -> None:
    try:
        agent.kiosk.slips.print_slip(case, SLIP, WIDEST)
    except Exception:
        return
