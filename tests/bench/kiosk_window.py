"""One size of the kiosk's measurements; the last line on standard output is a JSON object."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from border_agent.api.client import AgentClient
from border_agent.demo.display import private_display
from border_agent.demo.hand import Hand
from border_agent.demo.kiosk import at, pass_kiosk
from border_agent.demo.kiosk_world import Cast, KioskWorld
from kiosk_app.flow.state import Screen
from kiosk_app.link.agent import resident_bytes
from kiosk_app.run import Settings, run

ALBUM = Path("build", "specimens")
SECONDS = 6.0
TOUCHES = 60
VISITS = 10


def main() -> None:
    width, height = (int(side) for side in sys.argv[1].split("x"))
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="borne-") as name, KioskWorld(Path(name), ALBUM) as world:
        arrivals = world.start()
        with private_display(width, height):
            first_frame(world, width, height, found)
            # The first traveller of this cast never shows a face, so the camera's step can be held.
            faceless = msgspec.structs.replace(arrivals[8], live=())
            with Cast(world.world, [faceless, *[arrivals[8]] * VISITS]) as cast:
                failed: list[Exception] = []

                def script(app: Any) -> None:
                    hand = Hand(app)
                    try:
                        frames(hand, world, arrivals[1].code_frames, found)
                        touches(hand, found)
                        visits(hand, cast, found)
                    except Exception as error:
                        failed.append(error)
                    finally:
                        hand.on_window(app.stop)

                run(
                    Settings(socket=str(world.socket), width=width, height=height, sound=False),
                    lambda app: threading.Thread(target=script, args=(app,), daemon=True).start(),
                )
        if failed:
            raise failed[0]
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)


def first_frame(world: KioskWorld, width: int, height: int, found: dict[str, float]) -> None:
    """`borne kiosk run` until the agent hears of the window's first frame, and what the process then holds."""
    plain = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    plain = time.monotonic() - plain
    held = "import kivy.app, os; print(int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE'))"
    bare = subprocess.run([sys.executable, "-c", held], capture_output=True, text=True, check=True)
    begun = time.monotonic()
    command = ["-m", "border_agent.cli", "kiosk", "run", "--socket", str(world.socket), "--window", "--silent"]
    window = subprocess.Popen([sys.executable, *command, "--size", f"{width}x{height}"])
    try:
        with AgentClient(str(world.socket)) as officer:
            while not ((seen := officer.state()["window"]) and seen["frames"]):
                time.sleep(0.01)
            found["first_frame"] = time.monotonic() - begun
            time.sleep(5.0)
            found["memory"] = officer.state()["window"]["memory_bytes"]
    finally:
        window.terminate()
        window.wait()
    found["start_ratio"] = found["first_frame"] / plain
    found["memory_ratio"] = found["memory"] / int(bare.stdout.split()[-1])


def frames(hand: Hand, world: KioskWorld, pictures: Any, found: dict[str, float]) -> None:
    """As many frames as the window manages, first of nothing, then of the face's screen at work."""
    from kivy.clock import Clock
    from kivy.core.window import Window

    hand.see(Screen.ATTRACT)
    time.sleep(4.0)  # the screens are warm
    found["empty_ms"] = hand.on_window(empty_frame)
    hand.touch("begin")
    hand.see(Screen.LANGUAGE)
    hand.touch("language", "fr")
    hand.see(Screen.FACE, seconds=60.0)
    world.world.face_camera.show(pictures, fps=15)
    time.sleep(1.0)
    drawn = {"previews": 0}
    shown = hand.app.camera_came

    def counted(*frame: Any) -> None:
        drawn["previews"] += 1
        shown(*frame)

    hand.app.camera_came = counted
    every = hand.on_window(lambda: Clock.schedule_interval(lambda _: Window.canvas.ask_update(), 0))
    with AgentClient(str(world.socket)) as officer:
        before, begun, looked = hand.app.frames, time.monotonic(), officer.state()["decoders"]["requests"]
        time.sleep(SECONDS)
        passed = time.monotonic() - begun
        found["face_frames"] = (hand.app.frames - before) / passed
        found["previews"] = drawn["previews"] / passed
        found["searches"] = (officer.state()["decoders"]["requests"] - looked) / passed
    hand.on_window(every.cancel)
    hand.touch("cancel")
    hand.see(Screen.CANCEL)
    hand.touch("stop")
    hand.see(Screen.ATTRACT)


def empty_frame() -> float:
    """Milliseconds for a frame with nothing in it."""
    from kivy.core.window import Window

    begun = time.monotonic()
    for _ in range(60):
        Window.clear()
        Window.flip()
    return (time.monotonic() - begun) / 60 * 1000


def touches(hand: Hand, found: dict[str, float]) -> None:
    """From the X server's event to the first frame that shows the control pressed."""
    from kivy.core.window import Window

    from kiosk_app.ui.keypad import controls

    painted = threading.Event()
    moment = [0.0]
    control = hand.on_window(lambda: controls(hand.app.screen, hand.app.look)[0])
    place = hand.on_window(lambda: control.to_window(*control.center))

    def flipped(*_: Any) -> None:
        if control.state == "down" and not painted.is_set():
            moment[0] = time.monotonic()
            painted.set()

    hand.on_window(lambda: Window.bind(on_flip=flipped))
    taken = []
    with subprocess.Popen(["xdotool", "-"], stdin=subprocess.PIPE, text=True) as finger:
        assert finger.stdin is not None

        def tell(words: str) -> None:
            finger.stdin.write(words + "\n")  # type: ignore[union-attr]
            finger.stdin.flush()  # type: ignore[union-attr]

        tell(f"mousemove {round(place[0])} {round(hand.app.look.height - place[1])}")
        time.sleep(0.3)
        for _ in range(TOUCHES):
            painted.clear()
            begun = time.monotonic()
            tell("mousedown 1")
            painted.wait(2.0)
            taken.append((moment[0] - begun) * 1000)
            # Let go beside it, so that nothing is begun.
            tell("mousemove 5 5")
            tell("mouseup 1")
            tell(f"mousemove {round(place[0])} {round(hand.app.look.height - place[1])}")
            time.sleep(0.12)
    hand.on_window(lambda: Window.unbind(on_flip=flipped))
    taken.sort()
    found["touch_p50"], found["touch_p95"] = statistics.median(taken), at(taken, 0.95)


def visits(hand: Hand, cast: Cast, found: dict[str, float]) -> None:
    """Scripted travellers, one after the other."""
    passed = [pass_kiosk(hand, cast, number, "fr", None)[0] for number in range(VISITS)]
    found["visit_p95"] = at(sorted(visit.seconds for visit in passed), 0.95)
    found["machine_p95"] = at(sorted(visit.machine_ms for visit in passed), 0.95)
    found["memory_after"] = resident_bytes()


main()
