"""Travellers pass the kiosk: touches through X, documents on the wire, slips on paper; timed and pictured."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from border_agent.api.client import AgentClient
from border_agent.demo.hand import Hand
from border_agent.demo.kiosk_world import Cast, KioskWorld
from border_agent.demo.parts import DemoFailed
from kiosk_app import words
from kiosk_app.flow.state import ENDINGS, RESULTS, STEPS, Screen
from kiosk_app.link.agent import resident_bytes
from kiosk_app.run import Settings, run


class Visit(Struct, frozen=True, kw_only=True):
    """One traveller at the kiosk."""

    number: int
    language: str
    result: str
    """The screen that said where to go."""
    seconds: float
    """From the first touch to the result."""
    machine_ms: float
    """Of it, time the agent worked, as it counts itself."""
    slip: bool


class Report(Struct, frozen=True, kw_only=True):
    """What a scripted run found out."""

    visits: tuple[Visit, ...]
    frames: int
    pictures: int
    memory: tuple[tuple[int, int, int], ...] = ()
    """Travellers passed, bytes of this process (the window), bytes of the agent's: after each tenth, and the last."""

    def growth(self, which: int) -> int | None:
        """Bytes a traveller in the second half of the run: all is loaded by then. None: the run was too short."""
        half = self.memory[len(self.memory) // 2 :]
        if len(half) < 5:
            return None
        first, last = half[0], half[-1]
        return round((last[which] - first[which]) / (last[0] - first[0]))

    def as_json(self) -> dict[str, Any]:
        """Keys are stable."""
        seconds = sorted(visit.seconds for visit in self.visits)
        machine = sorted(visit.machine_ms for visit in self.visits)
        return {
            "travellers": len(self.visits),
            "results": {str(visit.number): visit.result for visit in self.visits},
            "seconds": {"p50": round(statistics.median(seconds), 2), "p95": round(at(seconds, 0.95), 2)},
            "machine_ms": {"p50": round(statistics.median(machine), 1), "p95": round(at(machine, 0.95), 1)},
            "slips": sum(visit.slip for visit in self.visits),
            "frames": self.frames,
            "pictures": self.pictures,
            "memory": [{"travellers": n, "window": window, "agent": agent} for n, window, agent in self.memory],
            "window_growth_bytes": self.growth(1),
            "agent_growth_bytes": self.growth(2),
            "within_20_seconds": at(seconds, 0.95) <= 20.0,
            "machine_within_2_seconds": at(machine, 0.95) <= 2000.0,
        }


def at(values: list[float], share: float) -> float:
    """Nearest rank; `values` are sorted and not empty."""
    return values[min(len(values) - 1, int(share * len(values)))]


def play_kiosk(
    world: KioskWorld,
    cast: Cast,
    *,
    travellers: int,
    width: int,
    height: int,
    languages: tuple[str, ...] = (),
    pictures: Path | None = None,
    tell: Callable[[Visit], None] = lambda _visit: None,
) -> Report:
    """Open the window and have scripted travellers pass. Raises DemoFailed, glass.NoTrueWindow."""
    every = languages or words.languages()
    visits: list[Visit] = []
    memory: list[tuple[int, int, int]] = []
    failed: list[Exception] = []
    shots = 0
    held: list[Any] = []

    def script(app: Any) -> None:
        nonlocal shots
        hand = Hand(app)
        try:
            for number in range(1, travellers + 1):
                language = every[(number - 1) % len(every)]
                folder = pictures / f"{number:02d}-{language}" if pictures is not None else None
                visit, count = pass_kiosk(hand, cast, number, language, folder)
                shots += count
                visits.append(visit)
                tell(visit)
                if number % 10 == 0 or number == travellers:
                    memory.append((number, resident_bytes(), agent_bytes(world)))
        except Exception as error:
            failed.append(error)
        finally:
            hand.on_window(app.stop)

    def with_app(app: Any) -> None:
        held.append(app)
        threading.Thread(target=script, args=(app,), name="traveller", daemon=True).start()

    run(Settings(socket=str(world.socket), width=width, height=height, sound=False), with_app)
    if failed:
        raise failed[0]
    return Report(visits=tuple(visits), frames=held[0].frames, pictures=shots, memory=tuple(memory))


def agent_bytes(world: KioskWorld) -> int:
    """Memory of the agent's own process."""
    with AgentClient(str(world.socket)) as officer:
        return int(officer.state()["memory_bytes"]["agent"])


def address(language: str) -> str:
    """A short address on the keys that this language has, and the key that sends it."""
    from kiosk_app.ui.keys import DONE, SPACE, rows_for

    return rows_for(language)[1][:4] + SPACE + "12" + DONE


def pass_kiosk(hand: Hand, cast: Cast, number: int, language: str, folder: Path | None) -> tuple[Visit, int]:
    """One traveller, from the first touch until nobody is there again."""
    seen: list[Screen] = []

    def keep(screen: Screen) -> None:
        if folder is not None and screen not in seen:
            time.sleep(0.3)  # the fade
            hand.picture(folder / f"{len(seen) + 1:02d}-{screen.value}.png")
        seen.append(screen)

    hand.see(Screen.ATTRACT, seconds=60.0)
    keep(Screen.ATTRACT)
    begun, told = time.monotonic(), cast.decided
    hand.touch("begin")
    hand.see(Screen.LANGUAGE)
    keep(Screen.LANGUAGE)
    hand.touch("language", language)
    state = hand.see(*STEPS, *RESULTS)
    while state.screen not in RESULTS:
        screen = state.screen
        keep(screen)
        if screen is Screen.PURPOSE:
            hand.touch("answer", "tourism")
        elif screen is Screen.ADDRESS:
            hand.type(address(language))
        state = hand.leave(screen, 60.0)
    seconds = time.monotonic() - begun
    result = state.screen
    keep(result)
    slip = state.traveller.paper.value in ("printing", "printed")
    while hand.state.screen in ENDINGS:
        before = hand.state.screen
        keep(before)
        hand.touch("next")
        hand.leave(before)
    deadline = time.monotonic() + 10.0
    while cast.decided <= told:
        if time.monotonic() > deadline:
            raise DemoFailed("officer", "no proposal was seen")
        time.sleep(0.02)
    machine = sum(cast.seen[-1]["step_ms"].values())
    visit = Visit(
        number=number,
        language=language,
        result=result.value,
        seconds=round(seconds, 2),
        machine_ms=round(machine, 1),
        slip=slip,
    )
    return visit, len(set(seen)) if folder is not None else 0
