"""DG11, DG12 and DG16: details of the holder, of the document, and of people to notify (Doc 9303-10 4.7.11, .12,
.16).

All of it is what the issuer wrote, in its letters: names and places keep their `<` fillers. Everything is optional.
"""

from __future__ import annotations

from dataclasses import dataclass

from border_agent.documents.lds.asn1 import refusing
from border_agent.documents.lds.errors import LdsMalformed
from border_agent.documents.lds.templates import (
    TAG_LIST,
    counted,
    read_tag_list,
    read_template,
    to_digits,
    to_text,
    value_of,
)
from border_agent.documents.tlv import Tlv, read_all

LARGEST = 1 << 20
"""Longest of these files looked at, in bytes: DG12 may hold pictures of the data page."""
_LARGEST_DG16 = 65_536
_MOST_PERSONS = 15
_LIST = 0xA0
"""What holds several names, with their number."""


@dataclass(frozen=True)
class AdditionalPersonal:
    """DG11. `tags` are the fields the file announces; a date is eight digits, year first."""

    tags: tuple[int, ...]
    full_name: str = ""
    other_names: tuple[str, ...] = ()
    personal_number: str = ""
    birth: str = ""
    place_of_birth: str = ""
    address: str = ""
    telephone: str = ""
    profession: str = ""
    title: str = ""
    summary: str = ""
    proof_of_citizenship: bytes = b""
    """A coded picture, as it stands."""
    other_documents: str = ""
    custody: str = ""


@dataclass(frozen=True)
class AdditionalDocument:
    """DG12. `issued` is eight digits, year first; `personalised` fourteen, down to the second."""

    tags: tuple[int, ...]
    authority: str = ""
    issued: str = ""
    other_persons: tuple[str, ...] = ()
    endorsements: str = ""
    exit_requirements: str = ""
    front: bytes = b""
    rear: bytes = b""
    """Coded pictures of the document, as they stand."""
    personalised: str = ""
    personalised_by: str = ""


@dataclass(frozen=True)
class PersonToNotify:
    """One entry of DG16; `recorded` is eight digits, year first."""

    recorded: str
    name: str
    telephone: str
    address: str


def read_dg11(data: bytes) -> AdditionalPersonal:
    """Raises `LdsTooLong`, `LdsMalformed`."""
    where = "DG11"
    elements = read_template(data, 0x6B, where, LARGEST)
    texts = _texts(elements)
    return AdditionalPersonal(
        tags=read_tag_list(value_of(elements, TAG_LIST, where), where),
        full_name=texts.get(0x5F0E, ""),
        other_names=_names(elements, 0x5F0F, where),
        personal_number=texts.get(0x5F10, ""),
        birth=to_digits(_raw(elements, 0x5F2B)),
        place_of_birth=texts.get(0x5F11, ""),
        address=texts.get(0x5F42, ""),
        telephone=texts.get(0x5F12, ""),
        profession=texts.get(0x5F13, ""),
        title=texts.get(0x5F14, ""),
        summary=texts.get(0x5F15, ""),
        proof_of_citizenship=_raw(elements, 0x5F16),
        other_documents=texts.get(0x5F17, ""),
        custody=texts.get(0x5F18, ""),
    )


def read_dg12(data: bytes) -> AdditionalDocument:
    """Raises `LdsTooLong`, `LdsMalformed`."""
    where = "DG12"
    elements = read_template(data, 0x6C, where, LARGEST)
    texts = _texts(elements)
    return AdditionalDocument(
        tags=read_tag_list(value_of(elements, TAG_LIST, where), where),
        authority=texts.get(0x5F19, ""),
        issued=to_digits(_raw(elements, 0x5F26)),
        other_persons=_names(elements, 0x5F1A, where),
        endorsements=texts.get(0x5F1B, ""),
        exit_requirements=texts.get(0x5F1C, ""),
        front=_raw(elements, 0x5F1D),
        rear=_raw(elements, 0x5F1E),
        personalised=to_digits(_raw(elements, 0x5F55)),
        personalised_by=texts.get(0x5F56, ""),
    )


def read_dg16(data: bytes) -> tuple[PersonToNotify, ...]:
    """Raises `LdsTooLong`, `LdsMalformed`."""
    where = "DG16"
    elements = read_template(data, 0x70, where, _LARGEST_DG16)
    announced = counted(elements, where, _MOST_PERSONS)
    templates = [element for element in elements if 0xA1 <= element.tag <= 0xAF]
    if len(templates) != announced:
        raise LdsMalformed(where, f"{announced} templates announced, {len(templates)} present")
    with refusing(where):
        return tuple(_person(read_all(template.value, where)) for template in templates)


def _person(elements: list[Tlv]) -> PersonToNotify:
    texts = _texts(elements)
    return PersonToNotify(
        recorded=to_digits(_raw(elements, 0x5F50)),
        name=texts.get(0x5F51, ""),
        telephone=texts.get(0x5F52, ""),
        address=texts.get(0x5F53, ""),
    )


def _texts(elements: list[Tlv]) -> dict[int, str]:
    """Text of every field by its tag; of one that stands twice, the first."""
    return {element.tag: to_text(element.value) for element in reversed(elements)}


def _raw(elements: list[Tlv], tag: int) -> bytes:
    return next((element.value for element in elements if element.tag == tag), b"")


def _names(elements: list[Tlv], tag: int, where: str) -> tuple[str, ...]:
    """Names that come as a list with its number, or one alone."""
    with refusing(where):
        inside = [child for element in elements if element.tag == _LIST for child in read_all(element.value, where)]
    return tuple(to_text(element.value) for element in (*inside, *elements) if element.tag == tag)
