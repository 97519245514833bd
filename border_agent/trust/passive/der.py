"""Pieces of DER that certificates and revocation lists share. Everything raises `TlvError` or `ValueError` only where
the bytes are not what they should be; the readers of whole files turn that into their own error."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache

from asn1crypto import core

from border_agent.documents.lds.signed_data import Algorithm
from border_agent.documents.tlv import Tlv, read_all, write_tlv

SEQUENCE, INTEGER, BIT_STRING, OCTETS, OBJECT, BOOLEAN = 0x30, 0x02, 0x03, 0x04, 0x06, 0x01
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?Z", re.ASCII)


def encoded(element: Tlv) -> bytes:
    """An element with its tag and length."""
    return write_tlv(element.tag, element.value)


def integer(element: Tlv) -> int:
    if element.tag != INTEGER or not element.value:
        raise ValueError("no integer")
    return int.from_bytes(element.value, "big", signed=True)


def bits(element: Tlv) -> bytes:
    """A BIT STRING of whole bytes."""
    if element.tag != BIT_STRING or element.value[:1] != b"\0":
        raise ValueError("no string of whole bytes")
    return element.value[1:]


def dotted(element: Tlv) -> str:
    """An OBJECT IDENTIFIER as people write it."""
    return _dotted(encoded(element))


@lru_cache(maxsize=256)
def _dotted(identifier: bytes) -> str:
    oid: str = core.ObjectIdentifier.load(identifier, strict=True).dotted
    return oid


def algorithm(element: Tlv) -> Algorithm:
    kind, *parameters = read_all(element.value, most=2)
    return Algorithm(dotted(kind), encoded(parameters[0]) if parameters else b"")


def moment(tag: int, value: bytes) -> datetime.datetime:
    """A UTCTime or GeneralizedTime, in UTC."""
    if tag not in (UTC_TIME, GENERALIZED_TIME):
        raise ValueError("no time")
    text = value.decode("ascii")
    if tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text  # RFC 5280 section 4.1.2.5.1
    if match := _TIME.fullmatch(text):
        year, month, day, hour, minute, second = (int(part) for part in match.groups(default="0"))
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    # Offsets, fractions and what else BER allows.
    kind = core.UTCTime if tag == UTC_TIME else core.GeneralizedTime
    when: datetime.datetime = kind.load(write_tlv(tag, value), strict=True).native
    if when.tzinfo is None:
        raise ValueError("a time without a zone")
    return when.astimezone(datetime.UTC)


def extensions(element: Tlv | None, most: int) -> dict[bytes, bytes]:
    """Extensions by their object identifier (as encoded), each as its own DER. Of one that stands twice, an error."""
    found: dict[bytes, bytes] = {}
    if element is None:
        return found
    (sequence,) = read_all(element.value, most=1)
    for extension in read_all(sequence.value, most=most):
        kind, *_, value = read_all(extension.value, most=3)
        if kind.tag != OBJECT or value.tag != OCTETS or kind.value in found:
            raise ValueError("no extension, or one twice")
        found[kind.value] = value.value
    return found
