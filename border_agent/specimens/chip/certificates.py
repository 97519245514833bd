"""X.509 certificates and revocation lists of specimens, to the profile of 9303-12, written element by element.

Element by element, because no library writes all that states do: curves with their numbers written out,
brainpoolP224r1, two certificates of one name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from border_agent.specimens.chip import der
from border_agent.specimens.chip.signing_keys import SigningKey

_SUBJECT_KEY, _AUTHORITY_KEY = "2.5.29.14", "2.5.29.35"
_KEY_USAGE, _KEY_PERIOD = "2.5.29.15", "2.5.29.16"
_BASIC, _EXTENDED_USAGE = "2.5.29.19", "2.5.29.37"
_DOCUMENT_TYPES = "2.23.136.1.1.6.2"
MASTER_LIST_SIGNER = "2.23.136.1.1.3"
_CRL_NUMBER, _REASON = "2.5.29.20", "2.5.29.21"


_SIGNS_FOR = timedelta(90)
"""How long a document signer signs; its certificate outlives its documents."""


@dataclass(frozen=True)
class Signer:
    """A certificate with its key."""

    certificate: bytes
    """DER."""
    key: SigningKey = field(repr=False)
    subject: bytes
    """Name, DER."""
    issuer: bytes
    serial: int


def name(country: str, common: str) -> bytes:
    """A distinguished name: country in two letters, organisation SPECIMEN, common name."""
    parts = (("2.5.4.6", der.printable(country)), ("2.5.4.10", der.utf8("SPECIMEN")), ("2.5.4.3", der.utf8(common)))
    return der.sequence(*(der.set_of((der.sequence(der.oid(kind), value),)) for kind, value in parts))


def utc_time(at: datetime) -> bytes:
    """UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5)."""
    at = at.astimezone(UTC)
    if at.year < 2050:
        return b"\x17\x0d" + at.strftime("%y%m%d%H%M%SZ").encode("ascii")
    return b"\x18\x0f" + at.strftime("%Y%m%d%H%M%SZ").encode("ascii")


def key_identifier(key: SigningKey) -> bytes:
    """SHA-1 over the public key's information: 20 bytes."""
    return hashlib.sha1(key.info(), usedforsecurity=False).digest()


def authority_certificate(
    subject: bytes, key: SigningKey, signer: Signer | None, serial: int, not_before: date, not_after: date
) -> Signer:
    """A CSCA: signed by itself, or (a link certificate) by the key before it, whose name is the same."""
    by = signer.key if signer else key
    extensions = (
        _extension(_KEY_USAGE, b"\x03\x02\x01\x06", critical=True),
        _extension(_BASIC, der.sequence(der.boolean(True), der.integer(0)), critical=True),
        *_identifiers(key, by),
        _period(not_before, not_after),
    )
    issuer = signer.subject if signer else subject
    return _certificate(subject, key, issuer, by, serial, not_before, not_after, extensions)


def document_signer(
    subject: bytes,
    key: SigningKey,
    authority: Signer,
    serial: int,
    not_before: date,
    not_after: date,
    *,
    usages: Sequence[str] = (),
) -> Signer:
    """A document signer; with `usages` (extended key usage), a signer of master lists."""
    purpose = (
        _extension(_EXTENDED_USAGE, der.sequence(*map(der.oid, usages)), critical=True)
        if usages
        else _extension(_DOCUMENT_TYPES, der.sequence(der.integer(0), der.set_of((der.printable("P"),))))
    )
    extensions = (
        _extension(_KEY_USAGE, b"\x03\x02\x07\x80", critical=True),
        *_identifiers(key, authority.key),
        _period(not_before, min(not_before + _SIGNS_FOR, not_after)),
        purpose,
    )
    return _certificate(subject, key, authority.subject, authority.key, serial, not_before, not_after, extensions)


def revocation_list(
    authority: Signer, revoked: Sequence[tuple[int, date]], number: int, at: date, until: date
) -> bytes:
    """A CRL, DER: serial numbers with the day of their revocation (key compromise)."""
    reason = der.sequence(_extension(_REASON, b"\x0a\x01\x01"))
    entries = [der.sequence(der.integer(serial), utc_time(_midnight(day)), reason) for serial, day in revoked]
    extensions = der.sequence(
        _extension(_AUTHORITY_KEY, der.sequence(der.primitive(0, key_identifier(authority.key)))),
        _extension(_CRL_NUMBER, der.integer(number)),
    )
    body = der.sequence(
        der.integer(1),
        authority.key.algorithm(),
        authority.subject,
        utc_time(_midnight(at)),
        utc_time(_midnight(until)),
        *([der.sequence(*entries)] if entries else []),
        der.tagged(0, extensions),
    )
    return _signed(body, authority.key)


def _certificate(
    subject: bytes,
    key: SigningKey,
    issuer: bytes,
    by: SigningKey,
    serial: int,
    not_before: date,
    not_after: date,
    extensions: Sequence[bytes],
) -> Signer:
    body = der.sequence(
        der.tagged(0, der.integer(2)),
        der.integer(serial),
        by.algorithm(),
        issuer,
        der.sequence(utc_time(_midnight(not_before)), utc_time(_last_second(not_after))),
        subject,
        key.info(),
        der.tagged(3, der.sequence(*extensions)),
    )
    return Signer(_signed(body, by), key, subject, issuer, serial)


def _signed(body: bytes, by: SigningKey) -> bytes:
    return der.sequence(body, by.algorithm(), der.bits(by.sign(body)))


def _extension(kind: str, value: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(der.oid(kind), *([der.boolean(True)] if critical else []), der.octets(value))


def _identifiers(key: SigningKey, by: SigningKey) -> tuple[bytes, bytes]:
    return (
        _extension(_SUBJECT_KEY, der.octets(key_identifier(key))),
        _extension(_AUTHORITY_KEY, der.sequence(der.primitive(0, key_identifier(by)))),
    )


def _period(start: date, end: date) -> bytes:
    """PrivateKeyUsagePeriod: for how long the key may sign."""
    times = (_midnight(start).strftime("%Y%m%d%H%M%SZ"), _last_second(end).strftime("%Y%m%d%H%M%SZ"))
    return _extension(_KEY_PERIOD, der.sequence(*(der.primitive(i, t.encode("ascii")) for i, t in enumerate(times))))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _last_second(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)
