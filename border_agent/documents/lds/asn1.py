"""ASN.1 of hostile origin: sizes checked before, everything lazy forced inside one `refusing`.

asn1crypto reads lazily and answers hostile bytes with whatever its internals raise (ValueError, TypeError, KeyError,
RecursionError, ...). So a reader bounds the size first, does all its work inside `refusing`, and hands out plain
values only: nothing of asn1crypto leaves it half read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asn1crypto import core

from border_agent.documents.lds.errors import LdsError, LdsMalformed, LdsTooLong
from border_agent.documents.tlv import TlvError


@contextmanager
def refusing(where: str) -> Iterator[None]:
    """Turn whatever a parser raises into `LdsMalformed`; `LdsError`s pass as they are."""
    try:
        yield
    except LdsError:
        raise
    except TlvError as error:
        raise LdsMalformed(where, error.detail) from error
    except Exception as error:
        raise LdsMalformed(where, f"{type(error).__name__}: {' '.join(str(error)[:120].split())}") from error


def bounded(where: str, data: bytes, largest: int) -> bytes:
    """The data, where it is not longer than `largest` bytes. Raises `LdsTooLong`."""
    if len(data) > largest:
        raise LdsTooLong(where, f"{len(data)} bytes, at most {largest}")
    return data


def unsigned(value: Any) -> int:
    """An INTEGER that stands for a size or a coordinate: some chips leave out the leading zero byte, and what they
    mean is never negative."""
    return int.from_bytes(value.contents, "big")


OPTIONAL = {"optional": True}
Field = tuple[str, Any] | tuple[str, Any, dict[str, Any]]


def sequence(name: str, *fields: Field) -> Any:
    """A SEQUENCE of these fields, as a class of asn1crypto (which has no types)."""
    return type(name, (core.Sequence,), {"_fields": list(fields)})


def sequence_of(child: Any) -> Any:
    return type(f"{child.__name__}s", (core.SequenceOf,), {"_child_spec": child})


def set_of(child: Any) -> Any:
    return type(f"{child.__name__}Set", (core.SetOf,), {"_child_spec": child})


AlgorithmIdentifier = sequence(
    "AlgorithmIdentifier", ("algorithm", core.ObjectIdentifier), ("parameters", core.Any, OPTIONAL)
)
"""Identifier and whatever parameters: which ones it has is for whoever knows the algorithm."""

SubjectPublicKeyInfo = sequence(
    "SubjectPublicKeyInfo", ("algorithm", AlgorithmIdentifier), ("public_key", core.OctetBitString)
)
"""RFC 5280 section 4.1.2.7."""


def is_present(value: Any) -> bool:
    """Whether an optional field is there."""
    return not isinstance(value, core.Void)


def raw(value: Any) -> bytes:
    """An ANY as it stands. Its own `dump` looks inside, and refuses context tags that it does not know."""
    encoded: bytes = value._header + value.contents + value._trailer
    return encoded
