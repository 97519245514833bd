"""What the traveller's window is told of this device, and whether anybody can be inspected here at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from border_agent.agent.answers import NO_POLICY, Answers
from border_agent.agent.calls import Calls, CallState
from border_agent.agent.devices import DeviceRole, Devices, DeviceView
from border_agent.agent.diary import Note
from border_agent.agent.slips import Slips
from border_agent.agent.window import Window
from border_agent.config import Config, ReaderShape, Role
from border_agent.decoding.client import DecodingWorker
from border_agent.inspection.evidence import Step
from border_agent.inspection.questions import askable
from border_agent.store import Journal, Room, Store, StoreError
from mqtt_schemas.records import Policy, Question

WATCH_SECONDS = 1.0
AGAIN_SECONDS = 30.0
"""Out of service nobody is inspected, so nothing would show that it works again: it is tried so often."""
FAILED_STARTS = 3
"""So many in a row, and the decoders do not start by themselves."""


class OutOfService(StrEnum):
    """Why nobody can be inspected here. The line is never a reason."""

    CONFIGURED = "configured"
    DECODERS = "decoders"
    STORE = "store"
    ROOM = "room"
    """The disk is nearly full: what is under way can still be recorded."""


class OpenCall(Struct, frozen=True, kw_only=True):
    id: str
    state: CallState


class KioskStatus(Struct, frozen=True, kw_only=True):
    """The device, for its window. Keys are stable."""

    device: str
    post: str
    role: Role
    training: bool
    ready: bool
    in_service: bool
    steps: tuple[Step, ...]
    reader: ReaderShape | str
    """Shape of the document reader; empty: there is none."""
    document_by: tuple[str, ...]
    """Ways a document can be read: reader, camera."""
    chip_reader: bool
    code_by: tuple[str, ...]
    """Ways a code can be read: scanner, camera."""
    devices: tuple[DeviceView, ...]
    printer: str
    """The printer's condition, or none."""
    online: bool
    gate: str
    counter: str
    contact: dict[str, str]
    """Whom to ask about one's data."""
    questions: tuple[Question, ...]
    face_minimum_age: int
    call: OpenCall | None


class Kiosk:
    """The window's side of the agent. A context manager: a thread of it watches, and tries again what has failed."""

    def __init__(
        self,
        config: Config,
        *,
        worker: DecodingWorker,
        store: Store,
        journal: Journal,
        answers: Answers,
        devices: Devices,
        slips: Slips,
        calls: Calls,
        note: Note,
        abilities: Callable[[], tuple[Step, ...]],
        online: Callable[[], bool],
    ) -> None:
        self.devices = devices
        self.slips = slips
        self.calls = calls
        self.window = Window(config.kiosk.silent_seconds, note)
        self._config = config
        self._worker = worker
        self._store = store
        self._journal = journal
        self._answers = answers
        self._note = note
        self._abilities = abilities
        self._online = online
        self._full_commits_over = 0
        self._tried_at = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kiosk-watch", daemon=True)

    def __enter__(self) -> Kiosk:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(timeout=5.0)

    def status(self) -> KioskStatus:
        """The device as its window shows it. Never raises: a store that cannot be read is out of service."""
        config, call = self._config, self.calls.current
        reasons, policy = self._reasons()
        views = self.devices.views()
        roles = {view.role for view in views}
        code_by = {"scanner": DeviceRole.CODE_SCANNER, "camera": DeviceRole.DOCUMENT_CAMERA}
        document_by = {"reader": DeviceRole.DOCUMENT_READER, "camera": DeviceRole.DOCUMENT_CAMERA}
        reader = config.devices.document_reader
        return KioskStatus(
            device=config.device.id,
            post=config.device.post,
            role=config.device.role,
            training=config.device.training,
            ready=self._worker.model is not None,
            in_service=not reasons,
            steps=self._abilities(),
            reader=reader.shape if reader is not None else "",
            document_by=tuple(way for way, role in document_by.items() if role in roles),
            chip_reader=DeviceRole.CHIP_READER in roles,
            code_by=tuple(way for way, role in code_by.items() if role in roles),
            devices=views,
            printer=self.slips.condition,
            online=self._online(),
            gate=config.kiosk.gate,
            counter=config.kiosk.counter,
            contact={"fr": config.kiosk.contact_fr, "en": config.kiosk.contact_en},
            questions=askable(policy),
            face_minimum_age=policy.face_minimum_age,
            call=OpenCall(id=call.id, state=call.state) if call is not None else None,
        )

    def out_of_service(self) -> tuple[OutOfService, ...]:
        """Why nobody can be inspected here; empty: in service."""
        return self._reasons()[0]

    def _reasons(self) -> tuple[tuple[OutOfService, ...], Policy]:
        try:
            policy, readable, room = self._answers.policy(), True, self._store.room()
        except StoreError:
            policy, readable, room = NO_POLICY, False, Room.OK
        reasons = {
            OutOfService.CONFIGURED: not self._config.kiosk.in_service,
            OutOfService.DECODERS: self._blind,
            OutOfService.STORE: self._crowded or not readable,
            OutOfService.ROOM: room is not Room.OK,
        }
        return tuple(reason for reason, holds in reasons.items() if holds), policy

    @property
    def _blind(self) -> bool:
        return bool(self._config.devices.cameras) and self._worker.failed_starts >= FAILED_STARTS

    @property
    def _crowded(self) -> bool:
        """Since a commit found no room. That a small one succeeds meanwhile does not make room for a traveller's."""
        return self._journal.full_commits > self._full_commits_over

    def _watch(self) -> None:
        while not self._ending.wait(WATCH_SECONDS):
            self.window.watch()
            if time.monotonic() - self._tried_at >= AGAIN_SECONDS:
                self._tried_at = time.monotonic()
                self._try_again()

    def _try_again(self) -> None:
        if self._worker.failed_starts:
            # Beside this thread: a start may take long, and the window is watched meanwhile.
            threading.Thread(target=self._worker.wait_ready, name="decoders-again", daemon=True).start()
        if self._crowded:
            try:
                self._store.require_room(0)
            except StoreError:
                return
            before = self._journal.full_commits
            self._note("store_writable", {})
            if self._journal.full_commits == before:
                self._full_commits_over = before
