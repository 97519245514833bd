"""X.509 certificates of passports: authorities, document signers, list signers (Doc 9303-12 section 7).

Read by their structure, without forcing what is not needed: a list has hundreds, and one of them may be broken. The
key is read when it is asked for, and may turn out to be one that cannot be used.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from functools import cached_property

from border_agent.documents.lds import LdsError, PublicKey, read_public_key
from border_agent.documents.lds.signed_data import Algorithm
from border_agent.documents.tlv import Tlv, read_all, read_header, read_only
from border_agent.trust.passive import der
from border_agent.trust.passive.errors import CertificateUnreadable
from border_agent.trust.passive.names import Name, read_name

LARGEST = 16_384
"""Longest certificate looked at, in bytes."""
_MOST_EXTENSIONS = 64

_KEY_IDENTIFIER = bytes.fromhex("551d0e")
_AUTHORITY = bytes.fromhex("551d23")
_BASIC_CONSTRAINTS = bytes.fromhex("551d13")
_KEY_USAGE = bytes.fromhex("551d0f")
_EXTENDED_USAGE = bytes.fromhex("551d25")
_USE_PERIOD = bytes.fromhex("551d10")
_DIGITAL_SIGNATURE, _CERTIFICATE_SIGN = 0x80, 0x04
"""Bits 0 and 5 of a key usage."""


@dataclass(frozen=True)
class Extensions:
    """What is used of a certificate's extensions, as it states them."""

    key_identifier: bytes = b""
    authority_key_identifier: bytes = b""
    is_authority: bool | None = None
    """What its basic constraints say; None without any."""
    may_sign: bool = True
    """Its key usage, if it states one, allows signatures over documents."""
    may_issue: bool | None = None
    """Whether its key usage allows signatures over certificates; None where it states none."""
    extended_usage: tuple[str, ...] = ()
    use_from: datetime.datetime | None = None
    use_until: datetime.datetime | None = None
    """The period its private key is meant to be used in."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """A certificate as it states itself: nothing here is verified. Times are in UTC, both ends of a period
    included."""

    der: bytes
    serial: int
    subject: Name
    issuer: Name
    not_before: datetime.datetime
    not_after: datetime.datetime
    spki: bytes
    algorithm: Algorithm
    signed: bytes
    """What the signature is over."""
    signature: bytes
    extensions: Extensions

    @property
    def country(self) -> str:
        """Two letters in capitals, "" where neither name has a country."""
        return self.subject.country or self.issuer.country

    @property
    def self_issued(self) -> bool:
        """Issuer and subject have the same name. Not the same as self-signed: link certificates are like that too."""
        return self.subject.canonical == self.issuer.canonical

    @property
    def is_issuer(self) -> bool:
        """It is made to sign other certificates. Some authorities' basic constraints deny that they are any, so
        either of the two extensions suffices, and a name of its own where there are none."""
        if self.extensions.may_issue is None:
            return self.extensions.is_authority or (self.extensions.is_authority is None and self.self_issued)
        return self.extensions.may_issue

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @cached_property
    def key(self) -> PublicKey | None:
        """None where its kind, curve or size cannot be used."""
        try:
            return read_public_key(self.subject.shown, self.spki)
        except LdsError:
            return None


def read_certificate(data: bytes) -> Certificate:
    """Raises `CertificateUnreadable`, and nothing else."""
    where = hashlib.sha256(data).hexdigest()[:16]
    if len(data) > LARGEST:
        raise CertificateUnreadable(where, f"{len(data)} bytes")
    try:
        return _read(data)
    except Exception as error:
        # Hostile bytes make a parser raise whatever its internals do: one certificate must not stop a whole list.
        raise CertificateUnreadable(where, f"{type(error).__name__}: {str(error)[:120]}") from error


def _read(data: bytes) -> Certificate:
    tbs, algorithm, signature = read_all(read_only(data, der.SEQUENCE), most=3)
    fields = read_all(tbs.value, most=12)
    if fields[0].tag == 0xA0:  # the version; a certificate without it is of version 1 and has no extensions
        fields = fields[1:]
    serial, inner_algorithm, issuer, validity, subject, spki = fields[:6]
    if inner_algorithm.value != algorithm.value:
        raise ValueError("two signature algorithms")
    not_before, not_after = (der.moment(time.tag, time.value) for time in read_all(validity.value, most=2))
    start = read_header(data).start
    return Certificate(
        der=data,
        serial=der.integer(serial),
        subject=read_name(der.encoded(subject)),
        issuer=read_name(der.encoded(issuer)),
        not_before=not_before,
        not_after=not_after,
        spki=der.encoded(spki),
        algorithm=der.algorithm(algorithm),
        signed=data[start : read_header(data, start).end],
        signature=der.bits(signature),
        extensions=_extensions(next((element for element in fields[6:] if element.tag == 0xA3), None)),
    )


def _extensions(element: Tlv | None) -> Extensions:
    found = der.extensions(element, _MOST_EXTENSIONS)
    usage = _usage(found[_KEY_USAGE]) if _KEY_USAGE in found else None
    use_from, use_until = _use_period(found.get(_USE_PERIOD))
    return Extensions(
        key_identifier=read_only(found[_KEY_IDENTIFIER], der.OCTETS) if _KEY_IDENTIFIER in found else b"",
        authority_key_identifier=authority_key_identifier(found),
        is_authority=_is_authority(found[_BASIC_CONSTRAINTS]) if _BASIC_CONSTRAINTS in found else None,
        may_sign=usage is None or bool(usage & _DIGITAL_SIGNATURE),
        may_issue=None if usage is None else bool(usage & _CERTIFICATE_SIGN),
        extended_usage=_extended_usage(found.get(_EXTENDED_USAGE)),
        use_from=use_from,
        use_until=use_until,
    )


def authority_key_identifier(found: dict[bytes, bytes]) -> bytes:
    """The key identifier in an extension of that name (revocation lists have it too), "" without one."""
    if _AUTHORITY not in found:
        return b""
    return next((e.value for e in read_all(read_only(found[_AUTHORITY], der.SEQUENCE)) if e.tag == 0x80), b"")


def _usage(value: bytes) -> int:
    """The first eight bits of a key usage."""
    usage = read_only(value, der.BIT_STRING)
    return usage[1] if len(usage) > 1 else 0


def _is_authority(value: bytes) -> bool:
    constraints = read_all(read_only(value, der.SEQUENCE), most=2)
    return bool(constraints) and constraints[0].tag == der.BOOLEAN and constraints[0].value != b"\0"


def _extended_usage(value: bytes | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(der.dotted(kind) for kind in read_all(read_only(value, der.SEQUENCE), most=32))


def _use_period(value: bytes | None) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    if value is None:
        return None, None
    ends = read_all(read_only(value, der.SEQUENCE), most=2)
    moments = {end.tag: der.moment(der.GENERALIZED_TIME, end.value) for end in ends}
    return moments.get(0x80), moments.get(0x81)
