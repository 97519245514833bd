"""A file as a template: one outer tag, elements side by side in it, and what its readers share."""

from __future__ import annotations

from border_agent.documents.lds.asn1 import bounded, refusing
from border_agent.documents.lds.errors import LdsMalformed
from border_agent.documents.tlv import Tlv, read_all, read_only

TAG_LIST = 0x5C
COUNT = 0x02
LONGEST_TEXT = 1024
"""Longest text of a field, in bytes: longer ones are cut."""


def read_template(data: bytes, tag: int, where: str, largest: int) -> list[Tlv]:
    """The elements inside a file's outer tag. Raises `LdsTooLong`, `LdsMalformed`."""
    bounded(where, data, largest)
    with refusing(where):
        return read_all(read_only(data, tag, where), where)


def value_of(elements: list[Tlv], tag: int, where: str) -> bytes:
    """The value of the first element with a tag. Raises `LdsMalformed` where there is none."""
    for element in elements:
        if element.tag == tag:
            return element.value
    raise LdsMalformed(where, f"tag {tag:02X} is missing")


def read_tag_list(data: bytes, where: str) -> tuple[int, ...]:
    """The tags of a tag list, in its order. Raises `LdsMalformed` where it ends inside a tag."""
    tags: list[int] = []
    position = 0
    while position < len(data):
        end = position + (2 if data[position] & 0x1F == 0x1F else 1)
        if end > len(data):
            raise LdsMalformed(where, "the tag list ends inside a tag")
        tags.append(int.from_bytes(data[position:end], "big"))
        position = end
    return tuple(tags)


def counted(elements: list[Tlv], where: str, most: int) -> int:
    """How many instances a template announces: 1 to `most`. Raises `LdsMalformed`."""
    value = value_of(elements, COUNT, where)
    number = int.from_bytes(value, "big")
    if len(value) != 1 or not 1 <= number <= most:
        raise LdsMalformed(where, f"{number} instances announced, 1 to {most} allowed")
    return number


def to_text(value: bytes) -> str:
    """UTF-8 as a person may be shown it: what is no text becomes U+FFFD, control characters go."""
    return "".join(letter for letter in value[:LONGEST_TEXT].decode("utf-8", "replace") if letter.isprintable())


def to_digits(value: bytes) -> str:
    """A date or time in digits (ASCII), or packed two to a byte as early chips have them. "" for anything else."""
    text = value.decode("ascii", "replace") if len(value) in (8, 14) else value.hex()
    return text if len(text) in (8, 14) and text.isascii() and text.isdigit() else ""
