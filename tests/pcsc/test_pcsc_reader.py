"""The driver over the true daemon: cards, readers and daemons come and go as states, and nothing is left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from border_agent.specimens.chip.faults import Fault, FaultKind
from border_agent.specimens.chip.handle import PassportTwin
from border_agent.specimens.chip.sample import MODERN, sample_booklet
from firmware_bridge.devices.pcsc import PcscReader
from firmware_bridge.errors import CardGone, CardSilent
from firmware_bridge.roles import DeviceState
from firmware_bridge.roles import Fault as DeviceFault
from firmware_bridge.virtual.pcsc_stack import READER, PcscStack

SELECT = bytes.fromhex("00a4040c07a0000002471001")
AT_ONCE = 0.5
"""Seconds, for what ends without waiting; a busy machine included."""


def daemon_of(stack: PcscStack) -> int:
    """The process number of pcscd, out here."""
    children = Path(f"/proc/{stack.pid}/task/{stack.pid}/children")
    inner = int(children.read_text().split()[0])
    candidates = Path(f"/proc/{inner}/task/{inner}/children").read_text().split()
    return next(int(pid) for pid in candidates if Path(f"/proc/{pid}/comm").read_text().strip() == "pcscd")


def test_an_empty_reader_is_ready_and_has_no_card(reader: PcscReader) -> None:
    assert reader.state is DeviceState.ready
    began = time.monotonic()
    assert reader.card(0.3) is None
    assert 0.3 <= time.monotonic() - began < 0.3 + AT_ONCE
    assert reader.state is DeviceState.ready


def test_looking_says_whether_the_reader_is_there_and_leaves_the_card_alone(
    reader: PcscReader, passport: PassportTwin
) -> None:
    passport.place(sample_booklet(MODERN))
    reader.look()
    assert reader.state is DeviceState.ready
    card = reader.card(10.0)
    assert card is not None
    reader.look()
    assert card.transmit(SELECT) == b"\x90\x00"
    other = PcscReader("card_reader", "ACR1252")
    other.look()  # not open: nothing happens
    other.open()
    other.look()
    assert other.state is DeviceState.absent
    other.close()


def test_a_reader_of_another_name_is_absent(stack: PcscStack) -> None:
    other = PcscReader("card_reader", "ACR1252")
    other.open()
    assert other.card(0.2) is None
    assert other.state is DeviceState.absent
    other.close()
    this = PcscReader("card_reader", READER)
    this.open()
    assert this.card(0) is None
    assert this.state is DeviceState.ready
    this.close()


def test_a_card_is_seen_when_it_is_laid_down_and_answers(reader: PcscReader, passport: PassportTwin) -> None:
    placing = threading.Timer(0.3, passport.place, [sample_booklet(MODERN)])
    placing.start()
    card = reader.card(10.0)
    placing.join()
    assert card is not None
    assert card.atr[:1] == b"\x3b"
    assert card.transmit(SELECT) == b"\x90\x00"


def test_a_card_that_is_taken_away_is_gone_and_stays_so(reader: PcscReader, passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))
    card = reader.card(10.0)
    assert card is not None
    passport.remove()
    for _ in range(2):
        with pytest.raises(CardGone):
            card.transmit(SELECT)
    assert reader.state is DeviceState.ready
    assert reader.card(0.2) is None
    passport.place(sample_booklet(MODERN))
    again = reader.card(10.0)
    assert again is not None
    with pytest.raises(CardGone):
        card.transmit(SELECT)
    assert again.transmit(SELECT) == b"\x90\x00"


def test_asking_for_the_card_again_powers_it_up_anew(reader: PcscReader, passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))
    first = reader.card(10.0)
    assert first is not None
    assert first.transmit(SELECT) == b"\x90\x00"
    second = reader.card(10.0)
    assert second is not None
    with pytest.raises(CardGone):
        first.transmit(SELECT)
    # The application is not chosen any more: its EF.COM is not found from where a chip starts.
    assert second.transmit(bytes.fromhex("00a4020c02011e")) != b"\x90\x00"


def test_a_card_that_does_not_answer_is_silent_and_the_next_one_does(
    reader: PcscReader, passport: PassportTwin
) -> None:
    passport.place(sample_booklet(MODERN))
    card = reader.card(10.0)
    assert card is not None
    passport.fault(Fault(kind=FaultKind.SILENT))
    began = time.monotonic()
    with pytest.raises(CardSilent):
        card.transmit(SELECT)
    assert 1.0 <= time.monotonic() - began < 1.0 + AT_ONCE
    with pytest.raises(CardGone):
        card.transmit(SELECT)
    passport.place(sample_booklet(MODERN))
    again = reader.card(10.0)
    assert again is not None
    assert again.transmit(SELECT) == b"\x90\x00"


NO_CHIP = """
from firmware_bridge.virtual.card_wire import CardWire

class Card:
    atr = bytes(4)
    def power(self, on):
        pass
    def transmit(self, apdu):
        return bytes.fromhex("9000")

with CardWire() as wire:
    while wire.serve(Card()):
        pass
"""


def test_what_does_not_power_up_is_told_once_and_the_next_card_is_read(
    stack: PcscStack, reader: PcscReader, passport: PassportTwin
) -> None:
    assert reader.card(0) is None
    process = stack.launch([sys.executable, "-c", NO_CHIP])
    try:
        deadline = time.monotonic() + 20.0
        while not reader.problems and time.monotonic() < deadline:
            assert reader.card(0.5) is None
        assert reader.card(2.5) is None  # tried again meanwhile
        assert [problem.fault for problem in reader.problems] == [DeviceFault.card_mute]
        assert reader.state is DeviceState.ready
    finally:
        process.kill()
        process.communicate()
    passport.place(sample_booklet(MODERN))
    card = reader.card(10.0)
    assert card is not None
    assert card.transmit(SELECT) == b"\x90\x00"


def test_the_longest_answers_come_through(reader: PcscReader, passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))
    card = reader.card(10.0)
    assert card is not None
    assert card.transmit(bytes.fromhex("00a4020c02") + b"\x01\x1c") == b"\x90\x00"
    whole = card.transmit(bytes.fromhex("00b0000000ffff"))
    assert whole[-2:] in (b"\x90\x00", b"\x62\x82")


def test_a_killed_daemon_is_absent_and_comes_back(
    stack: PcscStack, reader: PcscReader, passport: PassportTwin
) -> None:
    passport.place(sample_booklet(MODERN))
    card = reader.card(10.0)
    assert card is not None
    stack.kill_daemon()
    with pytest.raises(CardGone):
        card.transmit(SELECT)
    assert reader.state is DeviceState.absent
    assert reader.card(0.3) is None
    stack.start_daemon()
    again = reader.card(10.0)  # the twin lays it down again
    assert again is not None
    assert again.transmit(SELECT) == b"\x90\x00"


def test_a_daemon_that_hangs_ends_within_the_time(
    stack: PcscStack, reader: PcscReader, passport: PassportTwin
) -> None:
    passport.place(sample_booklet(MODERN))
    card = reader.card(10.0)
    assert card is not None
    daemon = daemon_of(stack)
    os.kill(daemon, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(CardSilent):
            card.transmit(SELECT)
        assert time.monotonic() - began < 1.0 + AT_ONCE
        closing = threading.Timer(0.5, reader.close)
        closing.start()
        assert reader.card(30.0) is None
        closing.join()
        assert time.monotonic() - began < 2.5 + AT_ONCE
    finally:
        os.kill(daemon, signal.SIGCONT)
    reader.open()
    assert reader.card(10.0) is not None


def test_closing_ends_a_wait_and_a_transmission(reader: PcscReader, passport: PassportTwin) -> None:
    closing = threading.Timer(0.3, reader.close)
    closing.start()
    began = time.monotonic()
    assert reader.card(30.0) is None
    closing.join()
    assert time.monotonic() - began < 0.3 + AT_ONCE
    assert reader.card(30.0) is None
    reader.open()
    passport.place(sample_booklet(MODERN))
    card = reader.card(10.0)
    assert card is not None
    passport.fault(Fault(kind=FaultKind.SLOW, seconds=3.0))
    closing = threading.Timer(0.3, reader.close)
    closing.start()
    began = time.monotonic()
    with pytest.raises(CardGone):
        card.transmit(SELECT)
    closing.join()
    assert time.monotonic() - began < 0.3 + AT_ONCE
    assert reader.state is DeviceState.absent


def test_two_readers_of_one_card_the_second_is_told(reader: PcscReader, passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))
    assert reader.card(10.0) is not None
    second = PcscReader("second")
    second.open()
    assert second.card(0.3) is None
    assert second.state is DeviceState.failed
    assert [problem.fault for problem in second.problems] == [DeviceFault.busy]
    second.close()


def test_nothing_is_left_over(stack: PcscStack, passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))

    def cycle() -> None:
        device = PcscReader("card_reader", patience=1.0)
        device.open()
        card = device.card(10.0)
        assert card is not None
        card.transmit(SELECT)
        device.close()

    cycle()
    threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        cycle()
    assert threading.active_count() == threads
    assert len(list(Path("/proc/self/fd").iterdir())) == files


def test_a_stack_ends_with_whoever_started_it(stack: PcscStack) -> None:
    program = (
        "from firmware_bridge.virtual.pcsc_stack import PcscStack\n"
        "import sys, time\n"
        "with PcscStack() as stack:\n"
        "    print(stack._inner(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    inner = Path("/proc") / starter.stdout.readline().strip()
    assert inner.exists()
    starter.kill()
    starter.wait()
    deadline = time.monotonic() + 10
    while inner.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not inner.exists()  # the first process in there: with it everything goes that was started in there


def test_what_stands_in_the_way_is_said(stack: PcscStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unshare = tmp_path / "unshare"
    unshare.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    unshare.chmod(0o755)
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{tmp_path}:{path}")
    assert "Operation not permitted" in PcscStack.obstacle()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "pcscd" in PcscStack.obstacle()
