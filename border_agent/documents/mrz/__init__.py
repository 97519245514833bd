"""The machine readable zone: reading and writing all five formats of ICAO Doc 9303 (eighth edition).

`parse_mrz` takes what a reader sent and gives every field with its own verdict; `parse_sealed_mrv` takes
the part of a visa's zone that a signed code carries; `build_mrz` writes lines. `same_name` and
`names_agree` compare names that may have been cut or transliterated in another way. Only `MrzError` is ever
raised for what was read.
"""

from __future__ import annotations

from border_agent.documents.mrz.build import build_mrz
from border_agent.documents.mrz.digits import check_digit
from border_agent.documents.mrz.errors import MrzAlphabet, MrzError, MrzTooLong, MrzUnwritable, NotMrz
from border_agent.documents.mrz.names import PersonName, names_agree, same_name
from border_agent.documents.mrz.parse import (
    MAX_TEXT,
    SEALED_SECOND_LINE,
    mrz_information,
    parse_mrz,
    parse_sealed_mrv,
)
from border_agent.documents.mrz.states import is_state_code
from border_agent.documents.mrz.transliteration import transliterate
from border_agent.documents.mrz.types import CheckDigit, IssueCode, Mrz, MrzFormat, MrzIssue, PartialDate

__all__ = [
    "MAX_TEXT",
    "SEALED_SECOND_LINE",
    "CheckDigit",
    "IssueCode",
    "Mrz",
    "MrzAlphabet",
    "MrzError",
    "MrzFormat",
    "MrzIssue",
    "MrzTooLong",
    "MrzUnwritable",
    "NotMrz",
    "PartialDate",
    "PersonName",
    "build_mrz",
    "check_digit",
    "is_state_code",
    "mrz_information",
    "names_agree",
    "parse_mrz",
    "parse_sealed_mrv",
    "same_name",
    "transliterate",
]
