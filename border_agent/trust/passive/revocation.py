"""Certificate revocation lists of country signing authorities (Doc 9303-12 section 7; RFC 5280 section 5)."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from functools import cached_property

from border_agent.documents.lds.signed_data import Algorithm
from border_agent.documents.tlv import Tlv, read_all, read_header, read_only, read_tlv
from border_agent.trust.passive import der
from border_agent.trust.passive.certificates import Certificate, authority_key_identifier
from border_agent.trust.passive.errors import RevocationListUnreadable
from border_agent.trust.passive.names import Name, read_name
from border_agent.trust.passive.signatures import scheme_of, verify

LARGEST = 4 << 20
"""Longest list looked at, in bytes; those of passports have some hundreds."""
MOST_REVOKED = 50_000

_REASON = bytes.fromhex("551d15")
_REASONS = {
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: "certificateHold",
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
_REMOVED = 8
"""The reason that takes an entry back."""


@dataclass(frozen=True)
class Revoked:
    at: datetime.datetime
    reason: str
    """As RFC 5280 names it, "" where none is stated."""


@dataclass(frozen=True, eq=False)
class RevocationList:
    """A list as it states itself; `signed_by` tells whether a key made it."""

    der: bytes
    issuer: Name
    this_update: datetime.datetime
    next_update: datetime.datetime | None
    authority_key_identifier: bytes
    algorithm: Algorithm
    signed: bytes
    signature: bytes
    revoked: dict[int, Revoked]
    """By serial number."""

    @cached_property
    def _verdicts(self) -> dict[bytes, bool]:
        return {}

    def signed_by(self, authority: Certificate) -> bool:
        """Whether an authority's key signed this list. Asked often, found out once."""
        if authority.spki not in self._verdicts:
            scheme = scheme_of(self.algorithm)
            key = authority.key if scheme else None
            self._verdicts[authority.spki] = bool(scheme and key and verify(key, scheme, self.signature, self.signed))
        return self._verdicts[authority.spki]

    def stale(self, at: datetime.datetime) -> bool:
        """Whether a newer list should have come by then."""
        return self.next_update is not None and at > self.next_update


def read_revocation_list(data: bytes) -> RevocationList:
    """A CertificateList (DER). Raises `RevocationListUnreadable`, and nothing else."""
    where = hashlib.sha256(data).hexdigest()[:16]
    if len(data) > LARGEST:
        raise RevocationListUnreadable(where, f"{len(data)} bytes")
    try:
        return _read(data)
    except Exception as error:
        # As with certificates: one list of hostile origin must not stop the others.
        raise RevocationListUnreadable(where, f"{type(error).__name__}: {str(error)[:120]}") from error


def _read(data: bytes) -> RevocationList:
    tbs, algorithm, signature = read_all(read_only(data, der.SEQUENCE), most=3)
    fields = read_all(tbs.value, most=8)
    if fields[0].tag == der.INTEGER:  # version 2
        fields = fields[1:]
    inner_algorithm, issuer, this_update, *rest = fields
    if inner_algorithm.value != algorithm.value:
        raise ValueError("two signature algorithms")
    next_update = None
    if rest and rest[0].tag in (der.UTC_TIME, der.GENERALIZED_TIME):
        next_update = der.moment(rest[0].tag, rest[0].value)
        rest = rest[1:]
    entries = rest[0].value if rest and rest[0].tag == der.SEQUENCE else b""
    found = der.extensions(next((element for element in rest if element.tag == 0xA0), None), 16)
    start = read_header(data).start
    return RevocationList(
        der=data,
        issuer=read_name(der.encoded(issuer)),
        this_update=der.moment(this_update.tag, this_update.value),
        next_update=next_update,
        authority_key_identifier=authority_key_identifier(found),
        algorithm=der.algorithm(algorithm),
        signed=data[start : read_header(data, start).end],
        signature=der.bits(signature),
        revoked=_entries(entries),
    )


def _entries(data: bytes) -> dict[int, Revoked]:
    revoked: dict[int, Revoked] = {}
    position = 0
    while position < len(data):
        if len(revoked) == MOST_REVOKED:
            raise ValueError(f"more than {MOST_REVOKED} certificates")
        entry = read_tlv(data, position)
        position = entry.end
        serial, at, *more = read_all(entry.value, most=3)
        reason = _reason(more[0]) if more else 0
        if reason != _REMOVED:
            revoked[der.integer(serial)] = Revoked(der.moment(at.tag, at.value), _REASONS.get(reason, ""))
    return revoked


def _reason(element: Tlv) -> int:
    for extension in read_all(element.value, most=8):
        kind, *_, value = read_all(extension.value, most=3)
        if kind.value == _REASON:
            return int.from_bytes(read_only(value.value, 0x0A), "big")
    return 0
