"""Who vouches for the specimens' chips: for each fictional issuer a CSCA, its document signers and its CRL.

Made anew for each run, in memory; names say SPECIMEN, and no key of a real state is anywhere. Countries are the two
letters of a certificate (UT: Utopia); the data page has three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

from border_agent.specimens.cast import years_before
from border_agent.specimens.chip import der
from border_agent.specimens.chip.certificates import (
    MASTER_LIST_SIGNER,
    Signer,
    authority_certificate,
    document_signer,
    name,
    revocation_list,
)
from border_agent.specimens.chip.signed_data import signed_data
from border_agent.specimens.chip.signing_keys import KeyKind, make_key

_MASTER_LIST = "2.23.136.1.1.2"
_FIRST, _SECOND, _SIGNING = 0, 1, 2
"""Uses of keys: one kind of key is not made anew each time."""
_YEARS = 12
"""How long ago the oldest CSCA was made: longer than any passport is valid."""


class SignerCondition(StrEnum):
    """What can be the matter with a document signer."""

    GOOD = "good"
    LAPSED = "lapsed"
    """Valid when it signed, expired now."""
    EXPIRED = "expired"
    """Signed after its certificate had expired."""
    REVOKED = "revoked"


@dataclass
class Authority:
    """One state's CSCA, in one or two generations."""

    country: str
    today: date
    kind: KeyKind = KeyKind.P256
    rollover: bool = False
    """A second key followed the first two years ago, tied to it by a link certificate of the same name."""
    signers: int = 0
    revoked: list[tuple[int, date]] = field(default_factory=list)

    def __post_init__(self) -> None:
        subject = name(self.country, f"CSCA {self.country} SPECIMEN")
        start, end = years_before(self.today, _YEARS), years_before(self.today, -_YEARS)
        first = authority_certificate(subject, make_key(self.kind, _FIRST), None, 1, start, end)
        self.generations = [first]
        """Certificates that sign themselves, the oldest first."""
        self.link = b""
        """Certificate of the second key under the first."""
        if self.rollover:
            key, since = make_key(self.kind, _SECOND), years_before(self.today, 2)
            self.generations.append(authority_certificate(subject, key, None, 2, since, end))
            self.link = authority_certificate(subject, key, first, 3, since, end).certificate

    @property
    def current(self) -> Signer:
        """The key that signs now."""
        return self.generations[-1]

    def signer(
        self, signed: date, condition: SignerCondition = SignerCondition.GOOD, kind: KeyKind | None = None
    ) -> Signer:
        """A document signer that signs on the day `signed`, under the key of that time."""
        self.signers += 1
        serial = 0x1000 + self.signers
        subject = name(self.country, f"DS {self.country} SPECIMEN {self.signers}")
        start, end = signed - timedelta(40), years_before(signed, -_YEARS)
        if condition is SignerCondition.LAPSED:
            end = min(signed + timedelta(40), self.today - timedelta(1))
        elif condition is SignerCondition.EXPIRED:
            end = signed - timedelta(5)
        elif condition is SignerCondition.REVOKED:
            self.revoked.append((serial, signed))
        authority = self.generations[0] if signed < years_before(self.today, 2) else self.current
        return document_signer(subject, make_key(kind or self.kind, _SIGNING), authority, serial, start, end)

    def certificates(self) -> tuple[bytes, ...]:
        """What the state publishes: its CSCA certificates, the link certificate among them."""
        own = tuple(generation.certificate for generation in self.generations)
        return (*own, self.link) if self.link else own

    def crl(self, *, at: date | None = None, days: int = 90) -> bytes:
        """The revocation list as of `at` (today), under the current key."""
        at = at or self.today
        return revocation_list(self.current, self.revoked, 1 + len(self.revoked), at, at + timedelta(days))


@dataclass(frozen=True)
class Published:
    """One certificate of a CSCA as others get it."""

    country: str
    certificate: bytes
    crl: bytes
    """Signed with this certificate's key; empty: it signs none now."""


class SpecimenPki:
    """The authorities of one run. Those of `unknown` countries exist and sign, but nobody is told of them."""

    def __init__(
        self,
        today: date,
        countries: Mapping[str, KeyKind],
        *,
        rollover: Iterable[str] = (),
        unknown: Iterable[str] = (),
    ) -> None:
        self.today = today
        self._unknown = frozenset(unknown)
        self._authorities = {
            country: Authority(country, today, kind, rollover=country in set(rollover))
            for country, kind in countries.items()
        }

    def authority(self, country: str) -> Authority:
        """A country's; `KeyError` for one that is not there."""
        return self._authorities[country]

    @property
    def _published(self) -> list[Authority]:
        return [authority for country, authority in self._authorities.items() if country not in self._unknown]

    def published(self) -> tuple[Published, ...]:
        """All certificates of all countries but the unknown ones, each current key's list with it."""
        return tuple(
            Published(authority.country, certificate, authority.crl() if certificate == current else b"")
            for authority in self._published
            for current in (authority.current.certificate,)
            for certificate in authority.certificates()
        )

    def csca_certificates(self) -> tuple[bytes, ...]:
        """What every border service knows: all CSCA certificates but those of unknown countries, DER."""
        return tuple(der_ for authority in self._published for der_ in authority.certificates())

    def crls(self) -> tuple[bytes, ...]:
        """Their revocation lists, DER. Take them after the last signer was made."""
        return tuple(authority.crl() for authority in self._published)

    def write(self, folder: Path) -> None:
        """A folder of trust: one master list with all certificates, its signer's root, the revocation lists."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "specimen.ml").write_bytes(self.master_list())
        (folder / "specimen-root.cer").write_bytes(self.authority("UT").current.certificate)
        for authority in self._published:
            (folder / f"{authority.country}.crl").write_bytes(authority.crl())

    def master_list(self, country: str = "UT") -> bytes:
        """The same certificates as one country's master list (9303-12, 8), CMS in DER."""
        authority = self.authority(country)
        subject = name(country, f"Master list signer {country} SPECIMEN")
        start, end = self.today - timedelta(30), self.today + timedelta(365)
        signer = document_signer(
            subject,
            make_key(authority.kind, _SIGNING),
            authority.current,
            0x900,
            start,
            end,
            usages=(MASTER_LIST_SIGNER,),
        )
        content = der.sequence(der.integer(0), der.set_of(self.csca_certificates()))
        at = datetime.combine(self.today, time(6), UTC)
        return signed_data(_MASTER_LIST, content, signer, at, more=(authority.current.certificate,))
