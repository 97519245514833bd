"""A kiosk's world: the demo's, with a slip printer, and somebody who holds out what each traveller brings."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from border_agent.api.client import AgentClient, AgentGone, ApiRefused, Json
from border_agent.demo.chips import obstacle
from border_agent.demo.counter import OFFICER, Arrival, clear, show
from border_agent.demo.flight import lists_are_there, prepare_flight
from border_agent.demo.world import World
from border_agent.specimens.feeds import QUESTIONS
from firmware_bridge.virtual.launch import PrinterTwin

KIOSK = "uto-aeroport-borne-1"
TRAINING = "uto-formation-borne-1"


class KioskWorld:
    """Broker, centre, agent, twins and the cast of one kiosk, in one folder. Leaving ends every process."""

    def __init__(
        self, folder: Path, album: Path, *, training: bool = False, questions: bool = False, extra: str = ""
    ) -> None:
        """`extra`: more lines for the `[kiosk]` section."""
        folder.mkdir(parents=True, exist_ok=True)
        self.printer = PrinterTwin(folder / "dev" / "printer", folder / "slips")
        self.world = World(
            folder,
            role="kiosk",
            device=TRAINING if training else KIOSK,
            extra=f"""
[devices.printer]
name = "printer"
port = "{self.printer.link}"

[kiosk]
gate = "A"
counter = "3"
contact_fr = "Délégué à la protection des données, aéroport d’Utopia, guichet 1"
contact_en = "Data protection officer, Utopia airport, counter 1"
{extra}
""",
            training=training,
        )
        self.socket = self.world.socket
        self.folder = folder
        self._album_folder = album
        self._questions = questions

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.world.stop()
        self.printer.stop()

    def start(self) -> list[Arrival]:
        """Start everything; the travellers, in the order of the cast. Raises DemoFailed."""
        flight = prepare_flight(
            self._album_folder,
            self.folder,
            chips=not obstacle(),
            questions=QUESTIONS if self._questions else (),
        )
        (self.folder / "dev").mkdir(exist_ok=True)
        (self.folder / "slips").mkdir(exist_ok=True)
        self.printer.start()
        self.world.prepare(flight.feeds)
        self.world.start_centre()
        self.world.start_agent()
        self.world.wait_for("lists", lists_are_there)
        return flight.arrivals


class Cast:
    """Holds out what the next traveller brings, whenever the kiosk asks; and an officer who confirms at once.

    A thread of its own that sees the inspections as an officer does: the window knows nothing of it.
    """

    POLL_SECONDS = 0.05

    def __init__(self, world: World, arrivals: Sequence[Arrival], *, pause: float = 0.0) -> None:
        """`pause`: seconds from the question to the document, for somebody who wants to see the screen."""
        self.seen: deque[Json] = deque(maxlen=20)
        """The last proposals, as the officer saw them."""
        self.decided = 0
        """How many there were."""
        self.out_of_turn: deque[Arrival] = deque()
        """Who comes before the next in order."""
        self._world = world
        self._arrivals = arrivals
        self.pause = pause
        self._next = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cast", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(10.0)

    @property
    def travellers(self) -> int:
        """How many have begun."""
        return self._next

    def _run(self) -> None:
        shown: tuple[str, str] = ("", "")
        who: dict[str, Arrival] = {}
        while not self._ending.wait(self.POLL_SECONDS):
            try:
                with AgentClient(str(self._world.socket)) as agent:
                    while not self._ending.wait(self.POLL_SECONDS):
                        shown = self._look(agent, who, shown)
            except (AgentGone, ApiRefused):
                continue

    def _follower(self) -> Arrival:
        if self.out_of_turn:
            return self.out_of_turn.popleft()
        self._next += 1
        return self._arrivals[(self._next - 1) % len(self._arrivals)]

    def _look(self, agent: AgentClient, who: dict[str, Arrival], shown: tuple[str, str]) -> tuple[str, str]:
        for case in agent.inspections():
            id_ = case["id"]
            if case["phase"] == "proposed":
                with contextlib.suppress(ApiRefused):
                    agent.decide(id_, case["proposal"], OFFICER)
                    self.seen.append(case)
                    self.decided += 1
                clear(self._world)
                who.pop(id_, None)
            elif case["phase"] == "collecting" and case["step"] and (id_, case["step"]) != shown:
                if id_ not in who:
                    who.clear()
                    who[id_] = self._follower()
                shown = (id_, case["step"])
                if self._ending.wait(self.pause):
                    return shown
                show(self._world, agent, id_, who[id_], case["step"])
        return shown
