"""The twins themselves: the wire they speak over, and that none is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from firmware_bridge.errors import TwinFailed
from firmware_bridge.virtual.launch import CameraTwin, PrinterTwin, SerialTwin
from firmware_bridge.virtual.wire import Wire


def carried(wire: Wire, data: bytes, pace: float | None = None) -> list[tuple[float, bytes]]:
    return list(wire.pieces(data, pace, random.Random(wire.seed)))


@given(st.binary(max_size=200), st.integers(0, 50), st.floats(0, 1), st.none() | st.floats(10, 1e6))
def test_a_wire_without_loss_or_noise_changes_nothing(
    data: bytes, chunk: int, gap: float, pace: float | None
) -> None:
    pieces = carried(Wire(chunk=chunk, gap=gap), data, pace)
    assert b"".join(piece for _, piece in pieces) == data
    assert all(pause >= 0 and piece for pause, piece in pieces)
    if chunk:
        assert all(len(piece) <= chunk for _, piece in pieces)


def test_pace_is_kept() -> None:
    pieces = carried(Wire(), bytes(960), 960)
    assert {len(piece) for _, piece in pieces} == {1}
    assert sum(pause for pause, _ in pieces) == pytest.approx(1, rel=0.01)


def test_loss_and_noise_are_as_asked_and_repeatable() -> None:
    sent = b"A" * 10_000
    (_, arrived), *_ = carried(Wire(loss=0.2, seed=7), sent)
    assert 7_700 < len(arrived) < 8_300
    assert carried(Wire(loss=0.2, seed=7), sent) == carried(Wire(loss=0.2, seed=7), sent)
    lengths = {len(carried(Wire(noise=5, seed=seed), b"AAAA")[0][1]) for seed in range(20)}
    assert lengths == {4, 9, 14}


def gone(pid: int, timeout: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True  # ended; whoever adopted it has not asked yet
        time.sleep(0.02)
    return False


PARENT = """
import sys, time
from pathlib import Path
from firmware_bridge.virtual.launch import CameraTwin, PrinterTwin, SerialTwin
link = Path(sys.argv[1])
twins = [SerialTwin(link).start(), CameraTwin().start(), PrinterTwin(link.with_name("printer"), link.parent).start()]
sys.stdout.write(" ".join(str(twin.pid) for twin in twins) + "\\n")
sys.stdout.flush()
time.sleep(60)
"""


def test_twins_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    link = tmp_path / "port"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(link)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert all(gone(pid) for pid in pids)
    assert not link.is_symlink() and not link.with_name("printer").is_symlink()


def test_stop_ends_the_process_and_takes_the_link_away(tmp_path: Path) -> None:
    link = tmp_path / "port"
    twin = SerialTwin(link).start()
    pid = twin.pid
    assert pid is not None and link.exists()
    twin.stop()
    assert gone(pid) and not link.is_symlink()
    twin.stop()  # again: nothing

    twin.start()
    twin.kill()
    assert not link.is_symlink()


def test_a_twin_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    twin = SerialTwin(tmp_path / "port")
    with pytest.raises(TwinFailed):
        twin.emit(b"x")
    taken = tmp_path / "file"
    taken.write_text("no link")
    with pytest.raises(TwinFailed):
        SerialTwin(taken).start()
    with CameraTwin() as first, pytest.raises(TwinFailed):
        CameraTwin(first.port).start()
    assert taken.read_text() == "no link"


def test_a_picture_that_is_not_there_leaves_the_twin_alive(tmp_path: Path) -> None:
    with CameraTwin() as twin:
        twin.show([tmp_path / "missing.jpg"])
        twin.show([])
        assert twin.pid is not None and not gone(twin.pid, 0.2)


def test_a_printer_twin_keeps_the_slips_of_earlier_ones(tmp_path: Path) -> None:
    """And obeys what text editors and other drivers send, without a picture for a cut of nothing."""
    link, folder = tmp_path / "printer", tmp_path / "slips"
    row = b"\x1b@text\n\x1dv0\x00\x01\x00\x01\x00\x80\x1bJ\x02\x1dv0\x00\x01\x00\x01\x00\x01\x1bd\x03"
    for number in (1, 2):
        with PrinterTwin(link, folder, dots=8) as twin, link.open("wb", buffering=0) as port:
            port.write(b"\x1dV\x01" + row + b"\x1dVA\x00" + b"\x1dV0")
            deadline = time.monotonic() + 60
            while len(twin.slips()) < number and time.monotonic() < deadline:
                time.sleep(0.01)
    assert [slip.name for slip in sorted(folder.iterdir())] == ["slip-0001.png", "slip-0002.png"]
    with Image.open(folder / "slip-0002.png") as picture:
        assert picture.size == (8, 30 + 1 + 2 + 1)  # text is passed over, its line is fed
        assert [picture.getpixel((0, y)) for y in (29, 30, 31, 33)] == [255, 0, 255, 255]
        assert picture.getpixel((7, 33)) == 0
