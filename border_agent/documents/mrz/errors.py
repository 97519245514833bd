"""Errors of the machine readable zone."""

from __future__ import annotations

from border_agent.errors import BorneError


class MrzError(BorneError):
    """Base of every error about a machine readable zone."""

    code = "mrz"


class MrzTooLong(MrzError):
    """More text than any machine readable zone with its line ends can have."""

    code = "mrz.too_long"


class NotMrz(MrzError):
    """Text whose lines are those of no format."""

    code = "mrz.not_mrz"


class MrzAlphabet(MrzError):
    """A control character inside the text, or a letter that has no place in a machine readable zone."""

    code = "mrz.alphabet"


class MrzUnwritable(MrzError):
    """Values that no line of the asked format can carry."""

    code = "mrz.unwritable"
