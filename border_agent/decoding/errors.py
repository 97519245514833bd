"""Why a picture gave no answer."""

from __future__ import annotations

from typing import ClassVar

from border_agent.errors import BorneError


class DecoderError(BorneError):
    """Base of what the decoding worker's client raises. The inspection goes on without this answer."""

    code: ClassVar[str] = "decoder"


class DecoderCrashed(DecoderError):
    """The worker died, could not start, or answered nonsense. It is started anew."""

    code: ClassVar[str] = "decoder.crashed"


class DecoderTimedOut(DecoderError):
    """No answer in time. The worker is killed and started anew (unless it was only busy for someone else)."""

    code: ClassVar[str] = "decoder.timeout"


class DecoderRefused(DecoderError):
    """The picture is torn, too large or of no known kind, or the worker lacks what the request needs."""

    code: ClassVar[str] = "decoder.refused"
