"""Errors of reading a chip. Whatever bytes a chip answers, only these are raised for them."""

from __future__ import annotations

from enum import StrEnum

from border_agent.errors import BorneError


class Reason(StrEnum):
    """Why a step was refused, in one word for logs and tests."""

    status_word = "status_word"
    """The chip answered with an error; `sw` says which."""
    length = "length"
    """An answer too short, too long, or of another length than it must have."""
    structure = "structure"
    """Data objects that are missing, twice, or malformed."""
    chaining = "chaining"
    """More pieces of an answer than any answer has."""
    mac = "mac"
    padding = "padding"
    unprotected = "unprotected"
    """An answer without protection where secure messaging is on."""
    dead = "dead"
    """Secure messaging has failed before: nothing may follow on it."""
    rnd_ifd = "rnd_ifd"
    """The chip answered to another random number than the terminal's."""
    rnd_ic = "rnd_ic"
    """The chip repeats another random number than it gave."""
    point_not_on_curve = "point_not_on_curve"
    """A public key off the curve, at infinity, or outside the group."""
    same_public_key = "same_public_key"
    """The chip sent the terminal's own public key back."""
    mapping = "mapping"
    """A mapped generator that generates nothing."""
    chip_token = "chip_token"  # noqa: S105 (no password)
    signature = "signature"
    key = "key"
    """A key the chip offers that cannot be what it should be."""
    truncated = "truncated"
    """A file that ends before the length at its head."""
    too_long = "too_long"
    """A file longer than is read."""


class ChipError(BorneError):
    """Base of every error about a chip."""

    code = "chip"

    def __init__(self, where: str, detail: str = "", *, reason: Reason | None = None, sw: int | None = None) -> None:
        self.reason = reason
        self.sw = sw
        """The status word, where the chip answered with one that is an error."""
        said = [reason.value] if reason is not None else []
        if sw is not None:
            said.append(f"{sw:04X}")
        if detail:
            said.append(detail)
        super().__init__(where, ", ".join(said))


class AccessRefused(ChipError):
    """The chip does not take the password: another document's lines, or a wrong card access number."""

    code = "chip.access_refused"


class PaceFailed(ChipError):
    """PACE broke off for another reason than the password. It is an end: what follows is the policy's choice."""

    code = "chip.pace_failed"


class MessagingError(ChipError):
    """An answer that secure messaging refuses. The session is over."""

    code = "chip.messaging"


class ChipProtocolError(ChipError):
    """An answer that no chip may give."""

    code = "chip.protocol"


class ChipCloned(ChipError):
    """The chip did not prove to hold its own key: a copy, or a chip that is not sound."""

    code = "chip.cloned"


class FileMissing(ChipError):
    """The chip has no such file."""

    code = "chip.file_missing"


class ChipBudget(ChipError):
    """The time or the number of commands allowed for one chip is used up."""

    code = "chip.budget"


class ChipLost(ChipError):
    """The contact was lost, and lost again after every resumption."""

    code = "chip.lost"


class Unsupported(ChipError):
    """A protocol, curve or key this reader does not know."""

    code = "chip.unsupported"
