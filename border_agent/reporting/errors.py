"""Errors of reporting. None of them ever reaches a traveller: reporting outlives them all."""

from __future__ import annotations

from border_agent.errors import BorneError


class ReportingError(BorneError):
    """Base of every error of reporting."""

    code = "reporting"


class LineDown(ReportingError):
    """No broker can be reached, or the connection broke."""

    code = "reporting.line_down"


class LineRefused(ReportingError):
    """A broker answered, and refused: certificate, client id, subscription."""

    code = "reporting.line_refused"


class BadLine(ReportingError):
    """A broker's address or a TLS file that cannot be used."""

    code = "reporting.bad_line"


class BadRoot(ReportingError):
    """The pinned root is not 32 bytes."""

    code = "reporting.bad_root"


class NotInstalled(ReportingError):
    """The files of the device's enrolment cannot be read or written; what was there is still there."""

    code = "reporting.not_installed"
