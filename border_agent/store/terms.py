"""By which words a list's record is found, and whether a name and a birth date fit one."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from mqtt_schemas.errors import ContractError
from mqtt_schemas.feeds import RECORDS, Feed, read_record
from mqtt_schemas.records import VisaRecord, WatchRecord

_NAME_LETTERS: Final = 10
"""Letters of a surname that the index holds: fewer than any MRZ keeps of a long one."""

_TRUNCATED: Final = 20
"""An MRZ surname at least so long may have been cut: then a common beginning is enough."""


def terms_of(feed: str, record: bytes) -> tuple[str, ...]:
    """The terms of a record; none where it cannot be read or its feed is not searched by terms."""
    try:
        kind: type[Struct] = RECORDS[Feed(feed)]
        read = read_record(kind, record)
    except (ValueError, ContractError):
        return ()
    match read:
        case VisaRecord():
            return (visa_term(read.visa_id), document_term(read.document_number))
        case WatchRecord():
            found = [document_term(read.document_number)] if read.document_number else []
            named = squash(read.surname + read.given_names)
            return tuple(found + ([name_term(read.surname)] if named else []))
        case _:
            return ()


def visa_term(visa_id: str) -> str:
    """Term of a visa's id. This version looks by the key; the one before, to which an update may be rolled back,
    by the term."""
    return f"visa:{visa_id}"


def document_term(number: str) -> str:
    """Term of a document number, whoever issued it."""
    return f"document:{number}"


def name_term(surname: str) -> str:
    """Term of a surname: its first letters, so that one cut short is found too."""
    return f"name:{squash(surname)[:_NAME_LETTERS]}"


def squash(name: str) -> str:
    """A name without its gaps: `VAN DER BERG` and `VANDER BERG` are one."""
    return name.replace(" ", "")


def same_surname(one: str, other: str) -> bool:
    """Whether two transliterated surnames are one, an MRZ having perhaps cut the longer."""
    one, other = sorted((squash(one), squash(other)), key=len)
    return one == other or (len(one) >= _TRUNCATED and other.startswith(one))


def same_given_names(one: str, other: str) -> bool:
    """Whether given names may be one person's: a common name, one beginning with the other, or none known."""
    if not squash(one) or not squash(other):
        return True
    short, long = sorted((squash(one), squash(other)), key=len)
    return long.startswith(short) or not set(one.split()).isdisjoint(other.split())


def same_birth(one: str, other: str) -> bool:
    """Whether two birth dates (`YYYY-MM-DD`, unknown parts as X, empty: unknown) do not contradict each other."""
    if not one or not other:
        return True
    parts = zip(one.split("-"), other.split("-"), strict=False)
    return all(left == right or "X" in left or "X" in right for left, right in parts)
