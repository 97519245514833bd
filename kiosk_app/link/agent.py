"""`Link`: what the flow wants done, done in its order; and the sign of life, once a second."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from kiosk_app.flow.commands import (
    Answer,
    AskFacts,
    Call,
    Command,
    Drop,
    Print,
    Reboot,
    Resume,
    SignIn,
    SignOut,
    Skip,
    Start,
    TryDevice,
    UseAgent,
    Withdraw,
)
from kiosk_app.flow.events import (
    AgentLost,
    AnswerRefused,
    Event,
    InspectionLost,
    SignedIn,
    SignInRefused,
    SlipCame,
    StartRefused,
    StatusCame,
    Tried,
)
from kiosk_app.flow.state import State
from kiosk_app.link.camera import Camera
from kiosk_app.link.following import Following
from kiosk_app.link.reading import facts, inspection, status
from kiosk_app.link.slips import slip_of

_log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0
FIRST_BEAT_SECONDS: Final = 0.05
MOST_WAITING: Final = 200
"""Commands that wait while the agent is away; more would be a defect, and are dropped."""

Lane = queue.Queue[tuple[Command, State] | None]
Post = Callable[[Event], None]
Vitals = Callable[[], tuple[str, int]]
"""The screen that is shown, and how many frames reached the window."""


class Link:
    """Speaks with one agent at a time: the true one, or, while somebody learns, the training one."""

    def __init__(self, socket: str, training_socket: str = "") -> None:
        self._sockets = {False: socket, True: training_socket}
        self._socket = socket
        self._post: Post = lambda _event: None
        self._vitals: Vitals = lambda: ("", 0)
        self._camera_wake: Callable[[], None] = lambda: None
        self._talk: Lane = queue.Queue(MOST_WAITING)
        self._paper: Lane = queue.Queue(MOST_WAITING)
        """What takes seconds: nobody's passport waits for another one's slip."""
        self._ending = threading.Event()
        self._begun: dict[int, str] = {}
        """Inspections by ticket, of the last few: a drop may come before the window has heard the id."""
        self._following: Following | None = None
        self._camera: Camera | None = None
        self._call = ""
        self._away = False

    def start(self, post: Post, vitals: Vitals, camera_wake: Callable[[], None]) -> None:
        """Begin; `post` and `camera_wake` may be called from any thread."""
        self._post, self._vitals, self._camera_wake = post, vitals, camera_wake
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        for name, lane in (("talk", self._talk), ("paper", self._paper)):
            threading.Thread(target=self._work, args=(lane,), name=name, daemon=True).start()

    def stop(self) -> None:
        """End. What waits is not done any more."""
        self._ending.set()
        for lane in (self._talk, self._paper):
            lane.put(None)
        self.watch("")
        if self._following is not None:
            self._following.end()

    @property
    def camera(self) -> Camera | None:
        """The camera that is watched."""
        return self._camera

    def do(self, command: Command, state: State) -> None:
        """Have a command carried out, after those before it. Returns at once."""
        try:
            lane = self._paper if isinstance(command, Print | TryDevice) else self._talk
            lane.put_nowait((command, state))
        except queue.Full:
            _log.error("a command was dropped: %s", type(command).__name__)

    def watch(self, inspection_id: str) -> None:
        """Show the face camera to this inspection's traveller; empty: to nobody."""
        if self._camera is not None and self._camera.id != inspection_id:
            self._camera.end()
            self._camera = None
        if inspection_id and self._camera is None:
            self._camera = Camera(self._socket, inspection_id, self._camera_wake)

    def _beat(self) -> None:
        while not self._ending.is_set():
            socket = self._socket
            try:
                with AgentClient(socket, timeout=5.0, as_kiosk=True) as client:
                    while socket == self._socket and not self._ending.is_set():
                        screen, frames = self._vitals()
                        answer = client.alive(screen, frames, resident_bytes())
                        call = answer.get("call")
                        self._call = str(call.get("id", "")) if isinstance(call, dict) else ""
                        self._away = False
                        if socket == self._socket:
                            self._post(StatusCame(status(answer)))
                        # The first frame is told as soon as it is there: until then nobody sees anything.
                        self._ending.wait(BEAT_SECONDS if frames else FIRST_BEAT_SECONDS)
            except (AgentGone, ApiRefused) as error:
                if not self._away:
                    _log.warning("the agent does not answer: %s", error)
                self._away = True
                if socket == self._socket:
                    self._post(AgentLost())
                self._ending.wait(BEAT_SECONDS / 4)

    def _work(self, lane: Lane) -> None:
        while (item := lane.get()) is not None:
            command, state = item
            try:
                with AgentClient(self._socket, as_kiosk=True) as client:
                    self._carry_out(client, command, state)
            except AgentGone:
                self._failed(command, "api.agent_gone")
            except ApiRefused as error:
                self._failed(command, error.reason, error.seconds)
            except Exception:
                # A defect of ours in one command must not leave the kiosk deaf to all others.
                _log.exception("a command failed: %s", type(command).__name__)
                self._failed(command, "kiosk.failed")

    def _carry_out(self, client: AgentClient, command: Command, state: State) -> None:
        match command:
            case Start(ticket, group, accompanied):
                view = inspection(client.start(group=group, accompanied=accompanied), ticket)
                self._begun = {**dict(list(self._begun.items())[-8:]), ticket: view.id}
                self._post(view)
                self._follow(view.id)
            case Resume(id_):
                self._post(inspection(client.inspection(id_)))
                self._follow(id_)
            case Drop(id_, ticket):
                found = id_ or self._begun.get(ticket, "")
                if found:
                    self._let_go(found)
                    client.cancel(found)
            case Skip(id_, step):
                client.skip(id_, step)
            case Answer(id_, key, value):
                client.answer(id_, key, value)
            case Call(id_):
                client.call_officer(id_)
            case Withdraw():
                if self._call:
                    client.withdraw_call(self._call)
            case Print(id_):
                rows = slip_of(state, datetime.now())
                client.slip(id_, rows.data, rows.width, rows.height)
                self._post(SlipCame(id_))
            case SignIn(number, code):
                answer = client.sign_in(number, code)
                self._post(SignedIn(str(answer["token"]), str(answer["name"]), str(answer["role"])))
            case SignOut(token):
                client.sign_out(token)
            case AskFacts(token):
                self._post(facts(client.maintenance(token)))
            case TryDevice(token, device):
                answer = client.test_device(device, token)
                self._post(Tried(device, "passed" if answer.get("passed") is True else "failed"))
            case Reboot(token):
                client.reboot(token)
            case UseAgent(training):
                self._let_go()
                self._socket = self._sockets[training]
            case _:
                _log.error("nobody carries out %s", type(command).__name__)

    def _failed(self, command: Command, code: str, seconds: int = 0) -> None:
        match command:
            case Start(ticket):
                if code != "api.agent_gone":  # else the sign of life finds out, and the flow asks again
                    self._post(StartRefused(ticket, code))
            case Resume(id_):
                if code == "inspection.unknown":
                    self._post(InspectionLost(id_))
            case Answer(id_, key):
                self._post(AnswerRefused(id_, key))
            case Print(id_):
                self._post(SlipCame(id_, code))
            case SignIn():
                self._post(SignInRefused(code, seconds))
            case TryDevice(_, device):
                self._post(Tried(device, "failed"))
            case _:
                _log.info("%s: %s", type(command).__name__, code)

    def _follow(self, id_: str) -> None:
        self._let_go()
        self._following = Following(self._socket, id_, self._post)

    def _let_go(self, id_: str = "") -> None:
        if self._following is not None and id_ in ("", self._following.id):
            self._following.end()
            self._following = None


def resident_bytes() -> int:
    """Memory of this process."""
    try:
        with Path("/proc/self/statm").open(encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        return 0
