"""The journal's verification as something a page can follow: one at a time, in a thread, with progress."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct, structs

from border_agent.clock import Clock
from border_agent.store import Journal, Position, Store, StoreError, VerifyReport, verify_journal

_log = logging.getLogger(__name__)

JOURNAL = "journal"
"""Hub key: the journal's verification has begun, gone on, ended."""
Act = Callable[[str, str, str, dict[str, str]], object]
"""Writes an officer's act: number, act, subject, details (`agent.officers.Acts.note`)."""


class Verification(Struct, frozen=True, kw_only=True):
    """One verification: under way, or what it found."""

    officer: str
    begun_at: datetime
    position: Position
    """Where the journal ended when it began."""
    progress: int = 0
    """Percent."""
    ended_at: datetime | None = None
    report: VerifyReport | None = None
    error: str = ""
    """Code of what kept it from being finished."""


class Verifying:
    """Calls may come from any thread. `changed`: called after every step."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        public: Ed25519PublicKey,
        clock: Clock,
        act: Act,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._public = public
        self._clock = clock
        self._act = act
        self._changed = changed
        self._lock = threading.Lock()
        self._last: Verification | None = None

    @property
    def last(self) -> Verification | None:
        """The one under way, or the last."""
        return self._last

    def start(self, officer: str) -> Verification:
        """Begin; where one is under way that one is given. Raises StoreError."""
        with self._lock:
            if self._last is not None and self._last.ended_at is None:
                return self._last
            begun = Verification(officer=officer, begun_at=self._clock.now(), position=self._journal.position())
            self._show(begun)
        threading.Thread(target=self._run, args=(begun,), name="verify", daemon=True).start()
        return begun

    def _run(self, begun: Verification) -> None:
        def progress(done: int, total: int) -> None:
            percent = 100 * done // max(1, total)
            if self._last is not None and percent != self._last.progress:
                self._show(structs.replace(begun, progress=percent))

        report, error = None, ""
        try:
            report = verify_journal(self._store, self._public, progress)
        except StoreError as failure:
            error = failure.code
        except Exception:
            _log.exception("a verification met a fault of its own")
            error = "store.failed"
        outcome = error or ("good" if report is not None and report.ok else "faults")
        self._act(begun.officer, "verified", "journal", {"outcome": outcome})
        self._show(structs.replace(begun, progress=100, ended_at=self._clock.now(), report=report, error=error))

    def _show(self, verification: Verification) -> None:
        self._last = verification
        self._changed()
