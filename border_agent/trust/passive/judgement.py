"""What passive authentication says of one chip (Doc 9303-11 section 5.1, -12).

One verdict, with every finding that led to it or that an officer should know beside it. Which verdict counts where
several findings stand is decided here and nowhere else: see `verdict_of`.
"""

from __future__ import annotations

import datetime
from enum import StrEnum

from msgspec import Struct


class PassiveVerdict(StrEnum):
    TRUSTED = "trusted"
    """Signed by a document signer of a country signing authority we hold, in force, and every file read is
    unaltered."""
    NO_TRUST_ANCHOR = "no_trust_anchor"
    """Unaltered since it was signed, but by a signer none of our authorities vouches for: neither good nor forged."""
    INVALID = "invalid"
    """Altered: a file, the list of hashes, or the signature over it; or signed by somebody who may not."""
    EXPIRED = "expired"
    """The signer's certificate, or that of its authority, is not in force on the day asked for or was not when it
    signed."""
    REVOKED = "revoked"
    """The authority has withdrawn the signer's certificate."""


class PassiveFinding(Struct, frozen=True):
    """One thing found. `code` is stable (see `border_agent.trust`'s README); `detail` is for a technician: names of
    certificates, dates and numbers, never what a file says of the traveller."""

    code: str
    detail: str = ""


LONGEST_DETAIL = 240


def found(code: str, detail: str = "") -> PassiveFinding:
    """A finding whose detail may hold what a chip said: printable, on one line, not longer than `LONGEST_DETAIL`."""
    clean = "".join(letter if letter.isprintable() else " " for letter in detail)
    return PassiveFinding(code, clean[:LONGEST_DETAIL])


class PassiveJudgement(Struct, frozen=True, kw_only=True):
    """The verdict, and what it stands on.

    `issuer` is the country of the document signer's certificate, two letters; `signer` and `anchor` are subject
    names ("" where there is none); `signed_at` is the signed signing time, None where the signer gave none.
    `hashes_checked` names the files whose hash held ("DG1", ...): of any other file nobody has said anything.
    `hashes_listed` names every file the signed list has. EF.COM, which says what a chip holds, is signed by nobody: a
    key file that stands here and that the chip withholds was hidden.
    """

    verdict: PassiveVerdict
    issuer: str = ""
    signer: str = ""
    signer_serial: str = ""
    anchor: str = ""
    signed_at: datetime.datetime | None = None
    findings: tuple[PassiveFinding, ...] = ()
    hashes_checked: tuple[str, ...] = ()
    hashes_listed: tuple[str, ...] = ()

    def has(self, code: str) -> bool:
        """Whether a finding has this code, or one under it (`sod.hash` for `sod.hash.DG2`)."""
        return any(one.code == code or one.code.startswith(f"{code}.") for one in self.findings)
