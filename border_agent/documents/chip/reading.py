"""What a reading of a chip is told to do, what it tells meanwhile, and what comes of it: values only."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ChipOutcome(StrEnum):
    """How a reading ended."""

    read = "read"
    absent = "absent"
    """No card lay on the reader within the time."""
    access_refused = "access_refused"
    """The chip did not accept the MRZ or the CAN, or the key agreement failed."""
    lost = "lost"
    """Contact was lost and did not come back, or too often."""
    timed_out = "timed_out"
    """The budget was used up, or the reading was cancelled."""
    unreadable = "unreadable"
    """A protocol, a key or a file this reader does not know; nothing says that anybody meant harm."""
    hostile = "hostile"
    """The chip broke the protocol, or what it sent is not a passport's data."""


class ChipAuthenticity(StrEnum):
    """Whether the chip proved to hold the private key its files name, so that it is no copy.

    Only worth what the file with the public key is worth: passive authentication must hold for it (`proof_file`).
    """

    proved_ca = "proved_ca"
    proved_cam = "proved_cam"
    proved_aa = "proved_aa"
    unsupported = "unsupported"
    """No key that could be asked for: a copy cannot be told."""
    failed = "failed"
    untried = "untried"
    """The reading ended before."""

    @property
    def proved(self) -> bool:
        return self in (ChipAuthenticity.proved_ca, ChipAuthenticity.proved_cam, ChipAuthenticity.proved_aa)


class ChipStage(StrEnum):
    access = "access"
    files = "files"
    authentication = "authentication"
    done = "done"


class ChipProgress(msgspec.Struct, frozen=True):
    """Where a reading stands."""

    stage: ChipStage
    file: str = ""
    """The file being read ("DG2"); empty while there is none."""
    bytes_read: int = 0
    bytes_total: int = 0
    """Of this file; 0 until its header is there."""
    fraction: float = 0.0
    """Of the whole reading, 0 to 1; never falls, whatever is lost and read again."""
    waiting: bool = False
    """No card lies there: the document has to be laid down, or laid down again."""


class ChipReadPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What to read, and what to put up with."""

    files: tuple[str, ...] = ("DG7", "DG11", "DG12")
    """Read after the portrait where the chip has them. EF.COM, EF.SOD, DG1, DG14, DG15 and DG2 always are."""
    portrait: bool = True
    bac_after_pace: bool = False
    """Try BAC after a PACE that failed. Opens the way to a downgrade, so it is recorded (`pace_failed`)."""
    resumes: int = 3
    """How often a lost contact is taken up again."""
    wait: float = 5.0
    """Seconds to wait for the card, first and after each loss, within the budget."""


class ChipReading(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. Whatever the outcome, `files` holds those that were read whole."""

    outcome: ChipOutcome
    error: str = ""
    """Code of the error that ended it ("chip.lost"); empty when the outcome is read."""
    access: str = ""
    """"pace-gm", "pace-im", "pace-cam" or "bac"; empty without access."""
    pace_failed: bool = False
    """PACE failed and BAC was taken instead, as the policy allowed."""
    access_differs: bool = False
    """DG14 names PACE protocols that EF.CardAccess, which nobody signs, did not offer: somebody took them out."""
    authenticity: ChipAuthenticity = ChipAuthenticity.untried
    proof_file: str = ""
    """Where the key stands ("DG14", "DG15", "EF.CardSecurity"): the proof is worth what that file is worth."""
    files: dict[str, bytes] = {}
    """Whole files by name: "EF.CardAccess", "EF.COM", "EF.SOD", "DG1", "DG2" ..."""
    mrz_lines: tuple[str, ...] = ()
    """Of DG1."""
    missing: tuple[str, ...] = ()
    """Files EF.COM or EF.SOD names, or that every passport has, and the chip does not have, or did not give whole."""
    resumed: int = 0
    apdus: int = 0
    ms: dict[str, float] = {}
    """Milliseconds: "total", "chip" (of it, waiting for the card) and each stage ("access", "files", ...)."""
