"""The worker's cage, tried from inside and looked at from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from border_agent.decoding import Confinement, DecodingWorker

STUB = Path(__file__).parent / "stub_worker.py"

ENVIRONMENT = {
    "LANG",
    "MALLOC_ARENA_MAX",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_LOG_LEVEL",
    # Set by OpenCV's own package in its own process.
    "LD_LIBRARY_PATH",
    "QT_QPA_FONTDIR",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
}


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodingWorker]:
    os.environ["BORNE_SECRET_KEY"] = "must not travel"
    with DecodingWorker() as started:
        assert started.wait_ready()
        yield started
    del os.environ["BORNE_SECRET_KEY"]


def test_every_way_out_is_closed(worker: DecodingWorker) -> None:
    check = worker.self_check()
    assert check.confinement is worker.confinement is Confinement.seccomp
    assert {"open", "socket", "connect", "bind", "exec", "fork", "ptrace", "kill", "unlink", "rename"} <= set(
        check.attempts
    )
    assert set(check.attempts.values()) == {"EPERM"}
    assert check.descriptors == (0, 1, 2)
    assert check.holds
    assert worker.starts == 1, "the worker survives its own attempts"


def test_nothing_of_the_agent_s_environment_is_inside(worker: DecodingWorker) -> None:
    assert set(worker.self_check().environment) <= ENVIRONMENT
    start = Path(f"/proc/{worker.pid}/environ")
    if os.access(start, os.R_OK):
        assert b"BORNE" not in start.read_bytes()


def test_as_the_kernel_sees_it(worker: DecodingWorker) -> None:
    status = Path(f"/proc/{worker.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    for task in Path(f"/proc/{worker.pid}/task").iterdir():
        assert "Seccomp:\t2" in (task / "status").read_text(), "every thread is under the filter"
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    for name in ("Max core file size", "Max file size"):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line.removeprefix(name).split()[:2] == ["0", "0"]
    space = next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert "unlimited" not in space
    if os.access(f"/proc/{worker.pid}/fd", os.R_OK | os.X_OK):
        targets = [str(fd.readlink()) for fd in Path(f"/proc/{worker.pid}/fd").iterdir()]
        assert len(targets) == 3
        assert all(target.startswith("pipe:") for target in targets)


def test_start_up_time_and_memory(worker: DecodingWorker, capsys: pytest.CaptureFixture[str]) -> None:
    idle = worker.memory_bytes()
    with capsys.disabled():
        print(f"\n[decoding worker: ready in {worker.ready_seconds:.2f} s, idle {idle / 2**20:.0f} MiB]")
    assert 20 * 2**20 < idle < 300 * 2**20
    assert worker.ready_seconds < 30  # about 1 s; the rest is for a machine that does other things


def test_start_does_not_wait() -> None:
    worker = DecodingWorker(command=[sys.executable, "-I", str(STUB), "never_ready"])
    begun = time.monotonic()
    worker.start()
    took = time.monotonic() - begun
    worker.stop()
    assert took < 15  # this one is ready in sixty, and would be given up after thirty


def test_a_worker_started_from_a_thread_outlives_it() -> None:
    worker = DecodingWorker()

    def start() -> None:
        worker.start()
        worker.wait_ready()  # until it has asked the kernel to end with the one who started it

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    try:
        assert worker.self_check().holds
        assert worker.starts == 1
    finally:
        worker.stop()


def test_threads_that_run_already_are_confined_too() -> None:
    script = (
        "import threading; from border_agent.decoding.confine import Purpose, confine\n"
        "closed = threading.Event(); answers = []\n"
        "def late():\n"
        "    closed.wait()\n"
        "    try: open('/dev/null'); answers.append('open')\n"
        "    except PermissionError: answers.append('refused')\n"
        "thread = threading.Thread(target=late); thread.start()\n"
        "confine(Purpose.decoder); closed.set(); thread.join(); print(*answers, flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "refused"


def test_the_worker_ends_with_its_parent() -> None:
    """Even one that is stuck, and so does not see that its input has ended."""
    script = (
        "import os, signal, time; from border_agent.decoding import DecodingWorker; w = DecodingWorker(); w.start();"
        "w.wait_ready(); os.kill(w.pid, signal.SIGSTOP); print(w.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    os.kill(pid, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert _gone(pid, 60.0)


def test_stop_ends_it() -> None:
    worker = DecodingWorker()
    worker.start()
    pid = worker.pid
    worker.stop()
    worker.stop()
    assert pid and _gone(pid, 60.0)
    assert worker.memory_bytes() == 0


def _gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
