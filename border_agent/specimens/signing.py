"""Signed visa codes for one run: keys are made in memory and never written.

The trusted signer stands for a consulate on the trust list, the second for one the list does not hold yet. The
forger names the trusted certificate and signs with a key of its own: the code reads well, the signature fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from border_agent.documents.mrz import MrzFormat, build_mrz
from border_agent.seals import VisaContent, VisaSigner, encode_visa, make_signer
from border_agent.specimens.cast import COUNTRY, Signer, Visa

USE_BEFORE, USE_AFTER = timedelta(200), timedelta(400)
"""The signers' use period around today; certificates outlive it by the longest visa (Doc 9303-12)."""


@dataclass(frozen=True)
class SpecimenSigners:
    """The signers of one run."""

    trusted: VisaSigner
    new_consulate: VisaSigner
    forger: VisaSigner
    retired: VisaSigner
    """On the trust list as revoked; nothing in the cast is signed by it."""

    def of(self, signer: Signer) -> VisaSigner:
        """Who signs for this part."""
        return {
            Signer.TRUSTED: self.trusted,
            Signer.NEW_CONSULATE: self.new_consulate,
            Signer.FORGER: self.forger,
        }[signer]


def make_signers(today: date) -> SpecimenSigners:
    """New keys and certificates, usable around `today`."""
    start, end = today - USE_BEFORE, today + USE_AFTER + timedelta(365)
    trusted = make_signer(name="Specimen consulate 1", not_before=start, not_after=end)
    other = make_signer(name="Specimen forger", not_before=start, not_after=end)
    return SpecimenSigners(
        trusted=trusted,
        new_consulate=make_signer(name="Specimen consulate 2", not_before=start, not_after=end),
        forger=VisaSigner(certificate=trusted.certificate, key=other.key),
        retired=make_signer(name="Specimen consulate 3", not_before=start, not_after=end),
    )


def sign_visa(visa: Visa, signers: SpecimenSigners, portrait_sha256: bytes | None) -> str:
    """The text of the visa's code (IDB, about 320 characters of ASCII)."""
    first, second = build_mrz(
        MrzFormat.MRVB,
        document_code="V",
        issuer=COUNTRY,
        surname=visa.surname,
        given_names=visa.given_names,
        number=visa.passport_number,
        nationality=visa.nationality,
        birth=visa.birth,
        sex=visa.sex,
        expiry=visa.valid_until,
    )
    content = VisaContent(
        issuer=COUNTRY,
        issued=visa.issued,
        mrz_lines=(first, second),
        passport_number=visa.passport_number,
        entries=visa.stated_entries,
        duration_days=visa.days,
        visa_type="C",
        visa_id=visa.visa_id,
        portrait_sha256=portrait_sha256,
        valid_from=visa.valid_from,
    )
    return encode_visa(content, signers.of(visa.signer))
