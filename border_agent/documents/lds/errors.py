"""Errors of the logical data structure."""

from __future__ import annotations

from border_agent.errors import BorneError


class LdsError(BorneError):
    """Base of every error about a file of the logical data structure."""

    code = "lds"


class LdsMalformed(LdsError):
    """A file whose structure does not hold."""

    code = "lds.malformed"


class LdsTooLong(LdsError):
    """More bytes than a file of this kind can have."""

    code = "lds.too_long"


class LdsUnsupported(LdsError):
    """A file, key or record of a kind or version this reader does not know."""

    code = "lds.unsupported"


class LdsNoFace(LdsError):
    """A face file without a picture in a coding that is known."""

    code = "lds.no_face"
