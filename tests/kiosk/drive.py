"""A true window on a true agent with twins, driven by touches through X: the faults a kiosk meets, one by one.

    python -m tests.kiosk.drive ALBUM [--size 1280x800]

Kivy has one window a process and wants the main thread, so the tests start this and read its last line: a JSON
object of each scenario's name and "" or what went wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from border_agent.agent.staff import StaffFile, StaffRole
from border_agent.api.client import AgentClient
from border_agent.demo.display import press_key, private_display
from border_agent.demo.hand import Hand
from border_agent.demo.kiosk import pass_kiosk
from border_agent.demo.kiosk_world import Cast, KioskWorld
from kiosk_app.flow.state import Screen, Status, Traveller
from kiosk_app.run import Settings, run
from tests.kiosk.stage import CODE, NUMBER, PAUSE, Stage, finish, hold, sign_in


def whole_flow(stage: Stage) -> None:
    """French, English and Arabic, to the end, each with a slip that came out of the printer."""
    before = len(stage.world.printer.slips())
    for number, language in enumerate(("fr", "en", "ar"), start=1):
        visit, _ = pass_kiosk(stage.hand, stage.cast, number, language, None)
        assert visit.slip, visit
        assert visit.seconds < 20.0, visit
    assert len(stage.world.printer.slips()) == before + 3


def agent_killed(stage: Stage) -> None:
    """SIGKILL while a passport is awaited: one moment, then the same traveller begins again in the same language."""
    stage.begin("es")
    stage.hand.see(Screen.PASSPORT, Screen.VISA, Screen.FACE)
    stage.world.world.kill_agent()
    stage.hand.see(Screen.MOMENT, seconds=10.0)
    stage.world.world.start_agent()
    state = stage.hand.see(Screen.PASSPORT, Screen.VISA, Screen.FACE, seconds=30.0)
    assert state.language == "es"
    stage.hand.see(Screen.COUNTER, Screen.OFFICER, Screen.GATE, seconds=60.0)
    finish(stage)


def agent_away_for_long(stage: Stage) -> None:
    """Gone for longer than a traveller waits: nothing of the traveller is left when it comes back."""
    stage.begin("pt")
    stage.hand.see(Screen.PASSPORT, Screen.VISA, Screen.FACE)
    stage.world.world.kill_agent()
    stage.hand.see(Screen.MOMENT, seconds=10.0)
    stage.hand.until("forgotten", lambda state: state.traveller == Traveller(), seconds=45.0)
    stage.world.world.start_agent()
    stage.at_ease()


def reader_unplugged(stage: Stage) -> None:
    """The reader's plug is pulled: the camera reads as well. Without it too, a calm screen; and back by itself."""
    stage.at_ease()
    world = stage.world.world
    world.reader.unplug()
    stage.hand.until("unplugged", lambda state: state.status is not None and not reads(state.status))
    assert stage.hand.state.screen is Screen.ATTRACT
    world.desk_camera.stop()
    stage.hand.see(Screen.READER_MISSING)
    world.reader.plug()
    stage.at_ease()
    world.desk_camera.start()


def reads(status: Status) -> bool:
    """Whether the document reader works."""
    return status.state_of("document_reader") == "ready"


def out_of_paper(stage: Stage) -> None:
    """No paper: the code stays up to be photographed."""
    stage.at_ease()
    stage.world.printer.paper("out")
    stage.hand.until("paper out", lambda state: state.status is not None and state.status.printer == "paper_out")
    stage.begin("fr")
    stage.hand.see(Screen.COUNTER, Screen.OFFICER, Screen.GATE, seconds=60.0)
    stage.hand.touch("next")
    state = stage.hand.see(Screen.PAPER_OUT)
    assert len(state.traveller.slip) == 6
    stage.world.printer.paper("ok")
    finish(stage)
    stage.hand.until("paper in", lambda state: state.status is not None and state.status.printer == "ready")


def line_down(stage: Stage) -> None:
    """The broker is killed: nothing changes for the traveller."""
    stage.at_ease()
    stage.world.world.broker.kill()
    stage.hand.until("offline", lambda state: state.status is not None and not state.status.online)
    visit, _ = pass_kiosk(stage.hand, stage.cast, 4, "en", None)
    assert visit.slip, visit
    stage.world.world.broker.start()


def officer_called(stage: Stage) -> None:
    """The call reaches an officer, the answer the traveller."""
    stage.begin("en")
    stage.hand.see(Screen.PASSPORT, Screen.VISA, Screen.FACE)
    stage.hand.touch("help")
    stage.hand.see(Screen.HELP)
    stage.hand.touch("call")
    stage.hand.see(Screen.CALLED)
    with AgentClient(str(stage.world.socket)) as officer:
        deadline = time.monotonic() + 10.0
        while not (calls := officer.calls()):
            assert time.monotonic() < deadline, "no call was raised"
            time.sleep(0.05)
        officer.answer_call(calls[0]["id"], "officer-7")
        stage.hand.until("answered", lambda state: state.status is not None and state.status.call is not None)
        stage.hand.until(
            "on the way", lambda state: state.status is not None and str(state.status.call) == "answered"
        )
        officer.end_call(calls[0]["id"], "officer-7")
    if stage.hand.state.screen is Screen.CALLED:
        stage.hand.touch("go_on")
    stage.hand.see(Screen.COUNTER, Screen.OFFICER, Screen.GATE, seconds=60.0)
    finish(stage)


def cancelled(stage: Stage) -> None:
    """Cancel, and yes: the agent's inspection has ended too, and the next traveller may begin."""
    stage.at_ease()
    stage.cast.pause = 3.0
    stage.begin("ar")
    stage.hand.see(Screen.PASSPORT)
    stage.hand.touch("cancel")
    stage.hand.see(Screen.CANCEL)
    stage.hand.touch("stop")
    stage.cast.pause = PAUSE
    stage.at_ease()
    with AgentClient(str(stage.world.socket)) as officer:
        deadline = time.monotonic() + 10.0
        while any(case["phase"] == "collecting" for case in officer.inspections()):
            assert time.monotonic() < deadline, "the agent still collects"
            time.sleep(0.05)


def family(stage: Stage) -> None:
    """The next person of a family is of the first one's group, as the officer sees."""
    stage.begin("fr")
    first = stage.hand.see(Screen.COUNTER, Screen.OFFICER, Screen.GATE, seconds=60.0).traveller.inspection
    stage.hand.touch("next_person")
    stage.hand.see(Screen.PASSPORT, Screen.VISA, Screen.FACE)
    second = stage.hand.see(Screen.COUNTER, Screen.OFFICER, Screen.GATE, seconds=60.0).traveller.inspection
    deadline = time.monotonic() + 10.0
    while (seen := stage.cast.seen[-1])["id"] != second:
        assert time.monotonic() < deadline, "the officer never saw the second one"
        time.sleep(0.02)
    assert (seen["group"], seen["accompanied"]) == (first, True), seen["group"]
    finish(stage)


def child(stage: Stage) -> None:
    """A child under the policy's age is never asked for its face, and goes to an officer with its family."""
    stage.at_ease()
    stage.cast.out_of_turn.append(stage.child)
    stage.begin("fr")
    seen = set()
    while (screen := stage.hand.state.screen) not in (Screen.COUNTER, Screen.OFFICER, Screen.GATE):
        seen.add(screen)
        time.sleep(0.005)
    assert screen is Screen.OFFICER
    assert Screen.PASSPORT in seen
    assert Screen.FACE not in seen
    assert "come_with_family" in stage.hand.state.traveller.say
    finish(stage)


def only_the_service_ends_it(stage: Stage) -> None:
    """Neither the window manager's close nor Alt-F4 and Escape end the window."""
    from kivy.core.window import Window

    stage.at_ease()
    assert stage.hand.on_window(lambda: Window.dispatch("on_request_close"))
    for key in ("Escape", "alt+F4", "ctrl+q"):
        press_key(key)
    time.sleep(0.3)
    stage.at_ease()


def comfort(stage: Stage) -> None:
    """Contrast, large letters and low controls; forgotten with the traveller."""
    stage.at_ease()
    stage.hand.touch("settings")
    stage.hand.see(Screen.SETTINGS)
    for name in ("contrast", "large", "reach"):
        stage.hand.touch("toggle", name)
        stage.hand.until(name, lambda state, which=name: getattr(state.traveller.comfort, which))
    stage.hand.touch("go_on")
    stage.hand.see(Screen.LANGUAGE)
    stage.hand.touch("cancel")
    stage.at_ease()


def staff(stage: Stage) -> None:
    """A wrong code, the right one, a test of the printer, and out again; a long press all through X."""
    sign_in(stage, wrong_first=True)
    stage.hand.until("facts", lambda state: state.staff is not None and bool(state.staff.facts))
    before = len(stage.world.printer.slips())
    stage.hand.touch("test", "printer")
    stage.hand.until(
        "tested", lambda state: state.staff is not None and dict(state.staff.tests).get("printer") == "passed"
    )
    assert len(stage.world.printer.slips()) == before + 1
    stage.hand.touch("sign_out")
    stage.at_ease()


def headphones(stage: Stage) -> None:
    """Headphones in: the kiosk speaks, and the keypad alone leads through it; out: it is silent again."""
    stage.at_ease()
    stage.cast.pause = 30.0  # nothing may be read meanwhile
    stage.jack(inserted=True)
    stage.hand.see(Screen.LANGUAGE)
    stage.hand.until("voice", lambda state: state.traveller.comfort.voice)
    before = stage.heard()
    deadline = time.monotonic() + 10.0
    while stage.heard() <= before + 5_000:
        assert time.monotonic() < deadline, "nothing was heard"
        time.sleep(0.1)
    # Second button in order: English. The mark is moved, read aloud, and pressed.
    for key in ("Tab", "Tab", "Return"):
        press_key(key)
        time.sleep(0.15)
    state = stage.hand.until("language", lambda state: state.screen in (Screen.PASSPORT, Screen.VISA, Screen.FACE))
    assert state.language == "en", state.language
    press_key("F1")
    stage.hand.see(Screen.HELP)
    press_key("BackSpace")
    stage.jack(inserted=False)
    stage.hand.until("silence", lambda state: not state.traveller.comfort.voice)
    press_key("Escape")
    stage.hand.see(Screen.CANCEL)
    stage.hand.touch("stop")
    stage.cast.pause = PAUSE
    stage.at_ease()


def training(stage: Stage) -> None:
    """The staff turns the training mode on: another agent, another store, the mark on every screen; and off again."""
    sign_in(stage)
    stage.hand.touch("training")
    stage.hand.until("trained", lambda state: state.status is not None and state.status.training, seconds=30.0)
    stage.hand.see(Screen.ATTRACT, seconds=30.0)
    true_ones = stage.cast.decided
    visit, _ = pass_kiosk(stage.hand, stage.training_cast, 1, "fr", None)
    assert visit.slip, visit
    assert stage.cast.decided == true_ones, "nothing of the training reached the true agent"
    hold(stage)
    stage.hand.until("true again", lambda state: state.status is not None and not state.status.training)
    stage.at_ease()


def window_is_seen(stage: Stage) -> None:
    """The agent knows that the window lives, and what it shows."""
    stage.at_ease()
    with AgentClient(str(stage.world.socket)) as officer:
        deadline = time.monotonic() + 5.0
        while (window := officer.state()["window"])["screen"] != "attract":
            assert time.monotonic() < deadline, window
            time.sleep(0.1)
    assert window["seen_seconds"] < 3.0, window
    assert not window["silent"]


SCENARIOS: tuple[Callable[[Stage], None], ...] = (
    whole_flow,
    window_is_seen,
    cancelled,
    officer_called,
    out_of_paper,
    reader_unplugged,
    family,
    child,
    only_the_service_ends_it,
    comfort,
    headphones,
    staff,
    training,
    line_down,
    agent_killed,
    agent_away_for_long,
)


def main() -> int:
    """Every scenario on one world; exit status 1 where one failed."""
    parser = argparse.ArgumentParser(description="the kiosk's faults")
    parser.add_argument("album", type=Path)
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true", help="without the one that waits half a minute")
    chosen = parser.parse_args()
    width, height = (int(side) for side in chosen.size.split("x"))
    outcome: dict[str, str] = {}
    only = set(filter(None, chosen.only.split(",")))
    if chosen.quick:
        only = {one.__name__ for one in SCENARIOS} - {agent_away_for_long.__name__}
    with tempfile.TemporaryDirectory(prefix="borne-") as name:
        folder = Path(name)
        staff_file = folder / "staff.json"
        StaffFile(staff_file).add(NUMBER, "Awa Specimen", StaffRole.TECHNICIAN, CODE, datetime.now(UTC))
        with KioskWorld(folder, chosen.album, extra=f'staff = "{staff_file}"') as world:
            arrivals = world.start()
            os.mkfifo(folder / "jack")
            os.environ.update(SDL_AUDIODRIVER="disk", SDL_DISKAUDIOFILE=str(folder / "sound.raw"))
            with (
                KioskWorld(folder / "t", chosen.album, training=True) as learning,
                Cast(world.world, arrivals[:1] + arrivals[8:10], pause=PAUSE) as cast,
                Cast(learning.world, learning.start()) as training_cast,
                private_display(width, height),
            ):

                def play(app: Any) -> None:
                    stage = Stage(Hand(app), world, cast, training_cast, arrivals[10], folder)
                    threading.Thread(target=_all, args=(stage, only, outcome), daemon=True).start()

                run(
                    Settings(
                        socket=str(world.socket),
                        training_socket=str(learning.socket),
                        width=width,
                        height=height,
                        jack=str(folder / "jack"),
                    ),
                    play,
                )
    sys.stdout.write(json.dumps(outcome, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    os._exit(1 if any(outcome.values()) else 0)


def _all(stage: Stage, only: set[str], outcome: dict[str, str]) -> None:
    try:
        for scenario in SCENARIOS:
            if only and scenario.__name__ not in only:
                continue
            begun = time.monotonic()
            try:
                scenario(stage)
                outcome[scenario.__name__] = ""
            except Exception:
                outcome[scenario.__name__] = traceback.format_exc()[-1500:]
                break
            finally:
                sys.stderr.write(f"{scenario.__name__} {time.monotonic() - begun:.1f} s\n")
    finally:
        stage.hand.on_window(stage.hand.app.stop)


if __name__ == "__main__":
    sys.exit(main())
