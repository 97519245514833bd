"""Distinguished names (RFC 5280 section 4.1.2.4): to compare, to show, and whose country they say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from border_agent.documents.tlv import read_all, read_only

LONGEST_SHOWN = 200
"""Characters of a name that are shown."""

_COUNTRY = "550406"
_SHORT = {
    "550403": "CN",
    "550405": "SERIALNUMBER",
    _COUNTRY: "C",
    "550407": "L",
    "550408": "ST",
    "55040a": "O",
    "55040b": "OU",
    "2a864886f70d010901": "E",
}
"""Object identifiers as they are encoded, with the letters people know them by."""
_BMP, _UNIVERSAL = 0x1E, 0x1C


@dataclass(frozen=True)
class Name:
    """`canonical` is equal for names that differ in case, spaces or the kind of their strings only: states re-issue
    certificates with the same name written otherwise."""

    canonical: tuple[tuple[str, str], ...]
    shown: str
    country: str
    """Two letters in capitals, "" without one."""


@lru_cache(maxsize=1024)
def read_name(encoded: bytes) -> Name:
    """A Name (DER). Raises `TlvError`, `ValueError`."""
    parts: list[tuple[str, str]] = []
    for relative in read_all(read_only(encoded, 0x30)):
        for attribute in read_all(relative.value):
            kind, value, *_ = read_all(attribute.value)
            parts.append((kind.value.hex(), _text(value.tag, value.value)))
    shown = ", ".join(f"{_SHORT.get(kind, kind)}={text}" for kind, text in parts)
    country = next((text for kind, text in parts if kind == _COUNTRY), "")
    return Name(
        canonical=tuple((kind, " ".join(text.casefold().split())) for kind, text in parts),
        shown="".join(letter for letter in shown if letter.isprintable())[:LONGEST_SHOWN],
        country=country.strip().upper()[:3],
    )


def _text(tag: int, value: bytes) -> str:
    if tag == _BMP:
        return value.decode("utf-16-be", "replace")
    if tag == _UNIVERSAL:
        return value.decode("utf-32-be", "replace")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
