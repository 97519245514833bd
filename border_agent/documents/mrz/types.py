"""What a machine readable zone says, as values.

ICAO Doc 9303 parts 3 (common rules), 4 (TD3), 5 (TD1), 6 (TD2) and 7 (visas), eighth edition.
"""

from __future__ import annotations

import datetime
from enum import StrEnum

from msgspec import Struct


class MrzFormat(StrEnum):
    """The five sizes. A visa (`MRVA`, `MRVB`) has no composite check digit."""

    TD1 = "TD1"
    TD2 = "TD2"
    TD3 = "TD3"
    MRVA = "MRVA"
    MRVB = "MRVB"


class IssueCode(StrEnum):
    """What can be wrong with a field, apart from its check digit (those are in `Mrz.checks`)."""

    CHARACTER = "character"
    """A character this field cannot hold."""
    MISSING = "missing"
    """A field that must not be empty."""
    DATE_IMPOSSIBLE = "date_impossible"
    """No day of the calendar: month 13, 30 February, half a filler pair."""
    DATE_INCOMPLETE = "date_incomplete"
    """An expiry with unknown parts; only a date of birth may have them."""
    STATE_UNKNOWN = "state_unknown"
    """A code that is not in the table of Doc 9303-3 section 5."""
    DOCUMENT_CODE_UNKNOWN = "document_code_unknown"
    """A document code this format cannot have."""
    NAME_STRUCTURE = "name_structure"
    """Empty, starting with a filler, or with a second double filler."""
    SEX_NONSTANDARD = "sex_nonstandard"
    """The letter X where the standard writes a filler."""


class MrzIssue(Struct, frozen=True):
    """One thing wrong with one field.

    `field` is `document_code`, `issuer`, `name`, `number`, `nationality`, `birth`, `sex`, `expiry`,
    `optional` or `optional2`; `detail` is for a technician and holds at most positions and codes, no
    personal data.
    """

    field: str
    code: IssueCode
    detail: str = ""


class CheckDigit(Struct, frozen=True):
    """One check digit: `number`, `birth`, `expiry`, `optional` (TD3 only) or `composite` (not on visas).

    `expected` is empty where the field holds a character that has no value.
    """

    field: str
    found: str
    expected: str
    ok: bool


class PartialDate(Struct, frozen=True):
    """A date of which parts may be unknown (Doc 9303-3 section 4.8).

    `year` is the full year, its century resolved by context; a part that is unknown or unreadable is None.
    `raw` is the six characters read. `valid` is false where no day of the calendar fits.
    """

    year: int | None
    month: int | None
    day: int | None
    raw: str
    valid: bool

    @property
    def known(self) -> datetime.date | None:
        """The date, if it is valid and no part of it is unknown."""
        if not self.valid or self.year is None or self.month is None or self.day is None:
            return None
        return datetime.date(self.year, self.month, self.day)


class Mrz(Struct, frozen=True, kw_only=True):
    """A machine readable zone as read, never repaired.

    Codes and numbers are without fillers; names have single spaces; `sex` is `M`, `F` or `X` (unspecified);
    `expiry` of a visa is its "valid until". `optional` is what follows a long document number, if there is
    one; `optional2` is TD1's second optional field.
    """

    format: MrzFormat
    lines: tuple[str, ...]
    document_code: str
    issuer: str
    surname: str
    given_names: str
    name_truncated: bool
    """The name reaches the field's last position: it may have been cut (Doc 9303-4 section 4.2.3)."""
    number: str
    nationality: str
    birth: PartialDate
    sex: str
    expiry: PartialDate
    optional: str = ""
    optional2: str = ""
    checks: tuple[CheckDigit, ...] = ()
    issues: tuple[MrzIssue, ...] = ()

    @property
    def checks_ok(self) -> bool:
        """Every check digit this format has is right."""
        return all(check.ok for check in self.checks)

    @property
    def valid(self) -> bool:
        """Check digits, characters and dates hold and nothing is missing. Says nothing of unknown states,
        document codes or odd names."""
        return self.checks_ok and not any(issue.code in _INVALIDATING for issue in self.issues)


_INVALIDATING = frozenset(
    {IssueCode.CHARACTER, IssueCode.MISSING, IssueCode.DATE_IMPOSSIBLE, IssueCode.DATE_INCOMPLETE}
)
