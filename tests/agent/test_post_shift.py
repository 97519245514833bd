"""A whole post at work: a short shift with an outage, and the post that stays open for people to walk about in."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from border_agent.demo.officer import Officer, Page, forms_of
from border_agent.demo.parts import DemoFailed
from border_agent.demo.shift import play_shift

REPOSITORY = Path(__file__).resolve().parents[2]
BORNE = REPOSITORY / ".venv" / "bin" / "borne"
ALBUM = REPOSITORY / "build" / "specimens"
TRAVELLERS = 8
PATIENCE = 120.0


@pytest.mark.timeout(240)
def test_a_shift_with_an_outage_loses_and_doubles_nothing() -> None:
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="borne-") as name:
        result = play_shift(Path(name), ALBUM, lambda key, **_: told.append(key), travellers=TRAVELLERS)
    assert result.good, result.as_json()
    assert sum(result.by_origin.values()) == len(result.waits) == TRAVELLERS
    assert set(result.by_origin) <= {"uto-aeroport-g1", "uto-aeroport-borne-1", "uto-aeroport-borne-2"}
    assert len(result.by_origin) > 1, "kiosks' travellers are decided at the counter, too"
    proof = result.proof
    assert proof.entries_decided == proof.entries_at_centre == TRAVELLERS
    assert (proof.lost, proof.duplicated, proof.chain_ok, proof.same_bytes) == (0, 0, True, True)
    assert result.outage_seconds > 0 and result.unacknowledged_most > 0, "decided while the line was cut"
    assert [key for key in told if key.startswith("shift.outage")] == ["shift.outage.begins", "shift.outage.ends"]
    assert json.loads(json.dumps(result.as_json()))["good"] is True


@dataclass
class Opened:
    """`borne post demo` as a person sees it."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self, words: str) -> str:
        """What was printed, once these words are among it."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.said:
            assert self.process.poll() is None and time.monotonic() < deadline, self.said
            time.sleep(0.1)
        return self.said

    def end(self, number: signal.Signals) -> int:
        """Interrupt it; its exit code. No process of it is left, nor its folder."""
        family = _descendants(self.process.pid)
        assert family, "there was something to end"
        self.process.send_signal(number)
        code = self.process.wait(60.0)
        left = {pid: _command(pid) for pid, started in family.items() if _started(pid) == started}
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left
        assert not list(self.log.parent.glob("borne-*"))
        assert "Traceback" not in self.said, self.said
        return code


@contextmanager
def post_demo() -> Iterator[Opened]:
    """The command, in English, printing into a file as wide as a plain terminal."""
    with tempfile.TemporaryDirectory(prefix="borne-") as name:
        log = Path(name, "said")
        environment = {**os.environ, "LC_ALL": "en_GB.UTF-8", "LANGUAGE": "", "COLUMNS": "80", "TMPDIR": name}
        with log.open("wb") as output:
            command = [BORNE, "post", "demo", "--album", ALBUM]
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=REPOSITORY,
                stdout=output,
                stderr=output,
                # Tests that run in a shell's background inherit that interrupts are ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        try:
            yield Opened(process, log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60.0)


@pytest.mark.timeout(240)
def test_an_open_post_lets_in_whoever_reads_the_screen_and_leaves_nothing_behind() -> None:
    with post_demo() as opened:
        said = opened.wait("└")  # the end of the table
        url = _found(r"(https://localhost:\d+)", said)
        password = _found(r"Password, the same for all: (\S+)", said)
        ca = Path(_found(r"(/\S+/ca\.pem)", said))
        people = dict(re.findall(r"^│ (\d{4}) .*│ (\d{6}) ", said, re.MULTILINE))
        assert len(people) == 6 and "…│" not in said.replace(" ", ""), "nothing is cut off"
        with Officer(url, ca) as officer:
            page = officer.get("/sign-in")
            typed = {"number": "2001", "password": password, "code": people["2001"]}
            page = officer.send(page, "/sign-in", typed)
            assert page.path == "/", "the code on the screen is good"
            assert len(officer.waiting()) >= 8, "the queue is full"
            assert "data-ring=" in page.text, "somebody has called"
            assert "borne-1" in page.text
            movements = officer.get("/movements").text
            assert movements.count("/movements/") >= 4, "some have passed before"
            ringing = page.form("/answer")
            page = officer.send(page, ringing.action, {})
            deadline = time.monotonic() + PATIENCE
            while "2001" not in (page := officer.get("/")).text or "data-ring=" in page.text:
                assert time.monotonic() < deadline, "the kiosk never heard that somebody comes"
                time.sleep(0.1)
        assert opened.end(signal.SIGINT) == 0


def test_ended_while_it_starts_it_leaves_nothing_behind() -> None:
    with post_demo() as opened:
        deadline = time.monotonic() + PATIENCE
        while not any(b"agent\0run" in _command(pid) for pid in _descendants(opened.process.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert opened.end(signal.SIGTERM) == 130


def test_a_form_is_read_as_a_browser_reads_it() -> None:
    (first, second) = forms_of(
        """
        <form action="/one"><input type="hidden" name="csrf" value="t&amp;k">
        <input type="checkbox" name="grounds" value="visa" checked><input type="checkbox" name="grounds" value="stay">
        <input type="radio" name="way" value="in"><input type="radio" name="way" value="out" checked>
        <textarea name="reason">
a &lt;b&gt;
c</textarea><input name="typed"><button name="go" value="1">Go</button></form>
        <input name="nobody's" value="x"><textarea>nameless</textarea>
        <form action="/two"><textarea name="lines"></textarea><input type="checkbox" name="alone"></form>
        """
    )
    assert first.fields == {
        "csrf": ["t&k"],
        "grounds": ["visa"],
        "way": ["out"],
        "reason": ["a <b>\nc"],
        "typed": [""],
    }
    assert first.choices == {"grounds": ["visa", "stay"], "way": ["in", "out"]}
    assert second.fields == {"lines": [""]}
    assert second.choices == {"alone": ["on"]}


def test_a_page_without_the_form_says_so() -> None:
    page = Page("/x", 403, "", forms_of('<form action="/sign-out?next=/"></form>'))
    assert page.form("/sign-out").action == "/sign-out?next=/"
    with pytest.raises(DemoFailed, match="403"):
        page.form("/decide/admit")


def _found(pattern: str, said: str) -> str:
    match = re.search(pattern, said)
    assert match is not None, said
    return match[1]


def _descendants(pid: int) -> dict[int, int]:
    """Every process below this one, with the moment at which it was started."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
    found, fresh = set(), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return {child: started for child in found if (started := _started(child)) is not None}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _started(pid: int) -> int | None:
    """Ticks from the machine's start; None: there is no such process (a zombie is none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19]) if fields[0] != "Z" else None
