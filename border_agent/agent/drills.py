"""Exercises that a post can hold by itself: the line cut, the journal tampered with, the database restored.

`outage` leaves the line alone for some minutes, and everything goes on as on a day without it. `tamper` and `restore`
work on an encrypted copy in a private folder beside the store, and destroy it: the store itself is never touched. One
runs at a time. Who asked is an officer's act, what came of it an event of the device, both in the journal; the last
result of each is kept for the page.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct, structs

from border_agent.agent.diary import Note
from border_agent.agent.rehearsal import Rehearsal, Stopped, restore, tamper
from border_agent.clock import Clock
from border_agent.errors import BorneError
from border_agent.store import Journal, Notes, Store, StoreError
from border_agent.store.copying import size_of

_log = logging.getLogger(__name__)


DRILLS = "drills"
"""Hub key: a drill has begun, gone on, ended."""
NOTE = "agent.drills"
MOST_MINUTES = 60
FOLDER_PREFIX = ".drill-"
STOP_SECONDS = 10.0

Act = Callable[[str, str, str, dict[str, str]], object]
"""Writes an officer's act: number, act, subject, details (`agent.officers.Acts.note`)."""


class DrillKind(StrEnum):
    OUTAGE = "outage"
    TAMPER = "tamper"
    RESTORE = "restore"


class DrillState(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    """What had to be shown was not shown: `code` says what."""
    STOPPED = "stopped"
    """Ended before it was through."""


class DrillRunning(BorneError):
    """One drill at a time."""

    code = "drill.running"


class NoDrill(BorneError):
    """No drill of this kind is running."""

    code = "drill.none"


class WrongMinutes(BorneError):
    """An outage lasts from one minute to an hour."""

    code = "drill.minutes"


class Drill(Struct, frozen=True, kw_only=True):
    """One drill: running, or how it ended."""

    kind: DrillKind
    state: DrillState = DrillState.RUNNING
    officer: str
    begun_at: datetime
    until: datetime | None = None
    """When an outage ends by itself."""
    ended_at: datetime | None = None
    progress: int = 0
    """Percent."""
    code: str = ""
    """Why it failed: `drill.…` or an error's code."""
    details: dict[str, str] = {}
    """What was found: seconds, bytes, entries, the place that was changed."""


class Line(Protocol):
    """What an outage needs of reporting."""

    def pause(self, seconds: float) -> None: ...

    def resume(self) -> None: ...


class _Kept(Struct, frozen=True, kw_only=True):
    running: Drill | None = None
    last: tuple[Drill, ...] = ()


class Drills:
    """Asked by technicians. Calls may come from any thread. A context manager: leaving it stops what runs."""

    def __init__(
        self,
        *,
        store: Store,
        key_file: Path,
        journal: Journal,
        public: Ed25519PublicKey,
        line: Line,
        clock: Clock,
        note: Note,
        act: Act,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`key_file`: the store's key, by which a restored copy is opened; `changed`: called after every step."""
        self._store = store
        self._rehearsal = Rehearsal(store=store, key_file=key_file, journal=journal, public=public)
        self._notes = Notes(store)
        self._line = line
        self._clock = clock
        self._note = note
        self._act = act
        self._changed = changed
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._current: Drill | None = None
        self._last: dict[DrillKind, Drill] = {}

    def __enter__(self) -> Drills:
        """Clear what a power cut left, and go on with an outage that is not over."""
        for left in self._store.path.parent.glob(f"{FOLDER_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        kept = self._kept()
        self._last = {drill.kind: drill for drill in kept.last}
        if (drill := kept.running) is not None:
            left_seconds = self._left(drill)
            if drill.kind is DrillKind.OUTAGE and left_seconds > 0:
                self._begin(drill, lambda: self._outage(drill, left_seconds))
            else:
                state = DrillState.PASSED if drill.kind is DrillKind.OUTAGE else DrillState.STOPPED
                self._end(drill, state)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    @property
    def current(self) -> Drill | None:
        """The one that runs."""
        return self._current

    @property
    def outage_until(self) -> datetime | None:
        """Until when the line is cut for an exercise; None: it is not. For the bar, which never lies."""
        drill = self._current
        return drill.until if drill is not None and drill.kind is DrillKind.OUTAGE else None

    def last(self) -> tuple[Drill, ...]:
        """How the last of each kind ended; survives restarts."""
        return tuple(self._last[kind] for kind in DrillKind if kind in self._last)

    def outage(self, minutes: int, officer: str) -> Drill:
        """Cut the line for so many minutes. Raises WrongMinutes, DrillRunning."""
        if not 1 <= minutes <= MOST_MINUTES:
            raise WrongMinutes("minutes", str(minutes))
        now = self._clock.now()
        span = timedelta(minutes=minutes)
        drill = Drill(
            kind=DrillKind.OUTAGE,
            officer=officer,
            begun_at=now,
            until=now + span,
            details={"minutes": str(minutes)},
        )
        return self._start(drill, lambda: self._outage(drill, span.total_seconds()))

    def tamper(self, officer: str) -> Drill:
        """Change one byte of one entry in a copy: the verification must find it. Raises DrillRunning, StoreFull."""
        return self._on_a_copy(DrillKind.TAMPER, officer, tamper)

    def restore(self, officer: str) -> Drill:
        """Make a backup, open it as a new device would, and hold it against the store. Raises as `tamper`."""
        return self._on_a_copy(DrillKind.RESTORE, officer, restore)

    def stop(self, officer: str) -> None:
        """End the running drill now. Raises NoDrill."""
        drill = self._current
        if drill is None:
            raise NoDrill("drill")
        self._act(officer, "drill_stopped", drill.kind.value, {})
        self._wake.set()

    def _on_a_copy(
        self, kind: DrillKind, officer: str, run: Callable[[Rehearsal, Path], tuple[str, dict[str, str]]]
    ) -> Drill:
        self._store.require_room(size_of(self._store))
        drill = Drill(kind=kind, officer=officer, begun_at=self._clock.now())
        return self._start(drill, lambda: self._rehearse(drill, run))

    def _start(self, drill: Drill, run: Callable[[], None]) -> Drill:
        with self._lock:
            if self._current is not None:
                raise DrillRunning(self._current.kind.value)
            self._begin(drill, run)
        self._act(drill.officer, "drill_started", drill.kind.value, drill.details)
        return drill

    def _begin(self, drill: Drill, run: Callable[[], None]) -> None:
        self._wake.clear()
        self._show(drill)
        self._keep()
        self._thread = threading.Thread(target=run, name=f"drill-{drill.kind.value}", daemon=True)
        self._thread.start()

    def _outage(self, drill: Drill, seconds: float) -> None:
        self._line.pause(seconds)
        begun = time.monotonic()
        while (gone := time.monotonic() - begun) < seconds and not self._wake.wait(min(1.0, seconds - gone)):
            self._show(structs.replace(drill, progress=int(100 * gone / seconds)))
        if self._closing:
            return  # the agent is being stopped, not the drill: it goes on when it is started again
        self._line.resume()
        self._end(drill, DrillState.STOPPED if self._wake.is_set() else DrillState.PASSED)

    def _rehearse(self, drill: Drill, run: Callable[[Rehearsal, Path], tuple[str, dict[str, str]]]) -> None:
        def progress(percent: int) -> None:
            if self._wake.is_set():
                raise Stopped
            if self._current is None or percent != self._current.progress:
                self._show(structs.replace(drill, progress=percent))

        begun = time.monotonic()
        state, code, details = DrillState.FAILED, "", dict(drill.details)
        self._rehearsal.progress = progress
        try:
            with _private_folder(self._store.path.parent) as folder:
                code, found = run(self._rehearsal, folder)
            details |= found
            state = DrillState.FAILED if code else DrillState.PASSED
        except Stopped:
            state = DrillState.STOPPED
        except BorneError as error:
            code = error.code
        except Exception:
            _log.exception("a drill met a fault of its own")
            code = "drill.fault"
        details["seconds"] = f"{time.monotonic() - begun:.1f}"
        self._end(structs.replace(drill, code=code, details=details), state)

    def _end(self, drill: Drill, state: DrillState) -> None:
        ended = structs.replace(drill, state=state, ended_at=self._clock.now(), progress=100)
        details = {"drill": drill.kind.value, "outcome": state.value, "number": drill.officer, **ended.details}
        if ended.code:
            details["code"] = ended.code
        self._note("drill_ended", details)
        with self._lock:
            self._last[drill.kind] = ended
            self._current = None
        self._keep()
        self._changed()

    def _show(self, drill: Drill) -> None:
        self._current = drill
        self._changed()

    def _left(self, drill: Drill) -> float:
        """Seconds an outage still has; never more than its whole length, whatever the clock says now."""
        if drill.until is None:
            return 0.0
        whole = (drill.until - drill.begun_at).total_seconds()
        return max(0.0, min(whole, (drill.until - self._clock.now()).total_seconds()))

    def _keep(self) -> None:
        kept = _Kept(running=self._current, last=tuple(self._last.values()))
        try:
            self._notes.put(NOTE, msgspec.json.encode(kept))
        except StoreError as error:
            _log.error("a drill could not be noted: %s", error.code)

    def _kept(self) -> _Kept:
        data = self._notes.get(NOTE)
        if data is None:
            return _Kept()
        try:
            return msgspec.json.decode(data, type=_Kept)
        except msgspec.MsgspecError:
            _log.error("the drills that were kept cannot be read")
            return _Kept()


@contextmanager
def _private_folder(beside: Path) -> Iterator[Path]:
    """A folder of the agent's own on the store's disk, gone afterwards with all that is in it. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{secrets.token_hex(4)}-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
