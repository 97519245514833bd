"""What is wrong at present: each problem once, with its beginning; logged when it begins and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable

from border_agent.clock import Clock
from border_agent.reporting.values import ProblemCode, ReportingEvent, ReportingProblem

_log = logging.getLogger(__name__)


class Problems:
    """The standing problems. Used by reporting's thread; `standing` may be read from any."""

    def __init__(self, clock: Clock, tell: Callable[[ReportingEvent], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._standing: dict[tuple[ProblemCode, str], ReportingProblem] = {}
        self.standing: tuple[ReportingProblem, ...] = ()

    def begin(self, code: ProblemCode, subject: str = "", detail: str = "") -> None:
        """It is so (again)."""
        if (code, subject) in self._standing:
            return
        _log.error("problem %s %s: %s", code.value, subject, detail)
        self._standing[code, subject] = ReportingProblem(
            code=code, subject=subject, detail=detail, since=self._clock.now()
        )
        self._changed("problem", code, subject)

    def end(self, code: ProblemCode, subject: str = "") -> None:
        """It is no longer so."""
        if self._standing.pop((code, subject), None) is not None:
            _log.info("problem %s %s is over", code.value, subject)
            self._changed("problem_over", code, subject)

    def only(self, codes: tuple[ProblemCode, ...], standing: ProblemCode | None, detail: str = "") -> None:
        """Of these codes, which exclude each other, this one stands, or none."""
        for code in codes:
            if code is not standing:
                self.end(code)
        if standing is not None:
            self.begin(standing, detail=detail)

    def _changed(self, kind: str, code: ProblemCode, subject: str) -> None:
        self.standing = tuple(self._standing.values())
        self._tell(ReportingEvent(kind=kind, subject=f"{code.value}:{subject}" if subject else code.value))
