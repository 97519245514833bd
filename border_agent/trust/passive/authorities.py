"""The authorities we hold, and who they vouch for: certificates by key identifier and by country.

Everything in a store was put there by somebody who may (a master list whose signature holds, the trust feed, a
folder of the operator's): a certificate in it is an anchor as it stands. Link certificates are anchors like any
other, with the name of another; a name alone proves nothing, so nothing here asks whether issuer and subject are
the same.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from border_agent.trust.passive.certificates import Certificate, read_certificate
from border_agent.trust.passive.errors import TrustError
from border_agent.trust.passive.revocation import RevocationList, read_revocation_list
from border_agent.trust.passive.signatures import scheme_of, verify

_log = logging.getLogger(__name__)

LONGEST_CHAIN = 3
"""Link certificates between a signer and an authority we hold, at most."""
MOST_LINKS = 8
"""Certificates out of the chip's own container that are tried as links, at most."""


def issued(authority: Certificate, certificate: Certificate) -> bool:
    """Whether the authority's key made the certificate's signature. Says nothing of names or periods."""
    scheme = scheme_of(certificate.algorithm)
    if scheme is None or authority.key is None:
        return False
    return verify(authority.key, scheme, certificate.signature, certificate.signed)


@dataclass(frozen=True)
class Vouching:
    """Who vouches for a certificate.

    `anchors` are certificates of ours with the key that signed it (or the last of `links`, which came with it);
    `named` are those whose key identifier it names as its issuer's; `of_country` counts authorities of its country.
    """

    anchors: tuple[Certificate, ...] = ()
    links: tuple[Certificate, ...] = ()
    named: tuple[Certificate, ...] = ()
    of_country: int = 0


class CscaStore:
    """Country signing authorities, their revocation lists, and document signers known beforehand.

    Building one never raises for what is in it: what cannot be read is named in `unusable`.
    """

    def __init__(
        self,
        certificates: Iterable[Certificate] = (),
        lists: Iterable[RevocationList] = (),
        unusable: Iterable[str] = (),
    ) -> None:
        self.authorities: list[Certificate] = []
        self.signers: list[Certificate] = []
        self.lists = tuple(lists)
        self.unusable = tuple(unusable)
        self._by_key: dict[bytes, list[Certificate]] = defaultdict(list)
        self._by_country: dict[str, list[Certificate]] = defaultdict(list)
        seen: set[bytes] = set()
        for certificate in certificates:
            if certificate.der in seen:
                continue
            seen.add(certificate.der)
            if not certificate.is_issuer:
                self.signers.append(certificate)
                continue
            self.authorities.append(certificate)
            self._by_country[certificate.country].append(certificate)
            if certificate.extensions.key_identifier:
                self._by_key[certificate.extensions.key_identifier].append(certificate)

    @classmethod
    def from_certificates(cls, certificates: Iterable[bytes], crls: Iterable[bytes] = ()) -> CscaStore:
        """A store of certificates and revocation lists (DER)."""
        unusable: list[str] = []
        usable: list[Certificate] = []
        for encoded in certificates:
            try:
                usable.append(read_certificate(encoded))
            except TrustError as error:
                _log.warning("certificate left out: %s", error)
                unusable.append(str(error))
        lists: list[RevocationList] = []
        for encoded in crls:
            try:
                lists.append(read_revocation_list(encoded))
            except TrustError as error:
                _log.warning("revocation list left out: %s", error)
                unusable.append(str(error))
        return cls(usable, lists, unusable)

    def __len__(self) -> int:
        return len(self.authorities)

    @property
    def countries(self) -> tuple[str, ...]:
        """Countries with an authority here, two letters, sorted."""
        return tuple(sorted(self._by_country))

    def of_country(self, country: str) -> tuple[Certificate, ...]:
        """Authorities of a country, two letters in capitals."""
        return tuple(self._by_country.get(country, ()))

    def signer(self, serial: int | None, key_identifier: bytes) -> list[Certificate]:
        """Document signers known beforehand, for containers that leave their certificate out."""
        return [
            one
            for one in self.signers
            if (serial is not None and one.serial == serial)
            or (key_identifier and one.extensions.key_identifier == key_identifier)
        ]

    def vouching(self, certificate: Certificate, others: Sequence[Certificate] = ()) -> Vouching:
        """Who vouches for a certificate: an authority of its country, at once or over link certificates among
        `others` (which the chip itself brought and nobody has to believe). One country from end to end."""
        named = tuple(self._by_key.get(certificate.extensions.authority_key_identifier, ()))
        of_country = len(self._by_country.get(certificate.country, ()))
        links = [one for one in others if one.is_issuer and one.country == certificate.country][:MOST_LINKS]
        chain: tuple[Certificate, ...] = ()
        last = certificate
        for _ in range(LONGEST_CHAIN + 1):
            if anchors := self._anchors(last):
                return Vouching(anchors, chain, named, of_country)
            link = next((one for one in links if one not in chain and issued(one, last)), None)
            if link is None:
                break
            chain, last = (*chain, link), link
        return Vouching(named=named, of_country=of_country)

    def _anchors(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Our certificates with the key that signed this one: those whose key identifier it names, or else any of its
        country (Doc 9303-12 wants both certificates to name one country)."""
        named = self._by_key.get(certificate.extensions.authority_key_identifier, [])
        same = [one for one in named if one.country in (certificate.country, "")]
        if found := _signed_by(same, certificate):
            return found
        tried = {id(one) for one in same}
        rest = [
            one
            for country in {certificate.country, ""}
            for one in self._by_country.get(country, ())
            if id(one) not in tried
        ]
        return _signed_by(rest, certificate)


def _signed_by(candidates: Iterable[Certificate], certificate: Certificate) -> tuple[Certificate, ...]:
    """Those with the key that signed it. A key that several certificates hold is tried once."""
    verdicts: dict[bytes, bool] = {}
    found: list[Certificate] = []
    for one in candidates:
        if one.spki not in verdicts:
            verdicts[one.spki] = issued(one, certificate)
        if verdicts[one.spki]:
            found.append(one)
    return tuple(found)
