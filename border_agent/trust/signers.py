"""The list of visa signers, and a seal held against it (Doc 9303-12; RFC 5280 section 5.3.1)."""

from __future__ import annotations

import datetime
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from border_agent.seals import (
    CertificateUnusable,
    SealedVisa,
    SignerCertificate,
    certificate_reference,
    read_certificate,
    signed_by,
)
from border_agent.trust.judgement import Reason, SealJudgement, SignatureVerdict
from mqtt_schemas.records import SignerRecord

_log = logging.getLogger(__name__)

_KEY_COMPROMISE = "keyCompromise"
_KEY_STAYED_SAFE = frozenset({"superseded", "cessationOfOperation"})
"""Reasons that leave the key in honest hands, so that the date in a seal can be believed."""

_BEST_FIRST = (
    SignatureVerdict.VALID,
    SignatureVerdict.SIGNER_EXPIRED,
    SignatureVerdict.SIGNER_REVOKED,
    SignatureVerdict.SIGNER_OUT_OF_SCOPE,
    SignatureVerdict.SIGNER_UNKNOWN,
    SignatureVerdict.FORGED,
)
"""Which verdict counts where several entries have the issuer and reference of a seal."""


@dataclass(frozen=True)
class _Signer:
    record: SignerRecord
    certificate: SignerCertificate | None
    """None: it cannot be used."""


class SignerList:
    """Signers by certificate reference. A certificate that cannot be used does not touch the others."""

    def __init__(self, signers: Iterable[_Signer]) -> None:
        self._by_reference: dict[str, list[_Signer]] = defaultdict(list)
        for signer in signers:
            self._by_reference[certificate_reference(signer.record.certificate)].append(signer)

    @classmethod
    def from_records(cls, records: Iterable[SignerRecord]) -> SignerList:
        """The list of a trust feed's records. Never raises for what is in them."""
        signers: list[_Signer] = []
        for record in records:
            try:
                certificate = read_certificate(record.certificate)
            except CertificateUnusable as error:
                _log.warning("signer of %s cannot be used: %s", record.issuer, error)
                signers.append(_Signer(record, None))
            else:
                signers.append(_Signer(record, certificate))
        return cls(signers)

    def __len__(self) -> int:
        return sum(len(signers) for signers in self._by_reference.values())

    @property
    def unusable(self) -> tuple[str, ...]:
        """Issuer and reference of every signer whose certificate cannot be used."""
        return tuple(
            f"{signer.record.issuer} {reference}"
            for reference, signers in self._by_reference.items()
            for signer in signers
            if signer.certificate is None
        )

    def judge(self, visa: SealedVisa, at: datetime.date, first_seen: datetime.date | None = None) -> SealJudgement:
        """Whether the seal's signer may say what it says.

        `at` is today by the device's clock; `first_seen` the day this device's journal first saw the very
        same seal, which no thief of a key can date back.
        """
        signer = f"{visa.issuer} {visa.certificate_ref}".rstrip()
        if not visa.signature:
            return SealJudgement(SignatureVerdict.UNSIGNED, signer)
        named = self._by_reference.get(visa.certificate_ref, [])
        findings = [
            _judge(candidate, visa, at, first_seen) for candidate in named if candidate.record.issuer == visa.issuer
        ]
        if not findings:
            findings = [_judge_foreign(candidate, visa) for candidate in named]
        verdict, reason = min(
            findings,
            key=lambda finding: _BEST_FIRST.index(finding[0]),
            default=(SignatureVerdict.SIGNER_UNKNOWN, Reason.NONE),
        )
        return SealJudgement(verdict, signer, reason.value)


_Finding = tuple[SignatureVerdict, Reason]


def _judge(signer: _Signer, visa: SealedVisa, at: datetime.date, first_seen: datetime.date | None) -> _Finding:
    record, certificate = signer.record, signer.certificate
    if certificate is None:
        return SignatureVerdict.SIGNER_UNKNOWN, Reason.CERTIFICATE_UNUSABLE
    if not signed_by(visa, certificate):
        return SignatureVerdict.FORGED, Reason.NONE
    if f"visa:{visa.issuer}" not in record.scopes:
        return SignatureVerdict.SIGNER_OUT_OF_SCOPE, Reason.SCOPE
    if not certificate.may_sign:
        return SignatureVerdict.SIGNER_OUT_OF_SCOPE, Reason.KEY_USAGE
    revoked = _revocation(record, visa.issued, first_seen)
    if revoked is not Reason.NONE:
        return SignatureVerdict.SIGNER_REVOKED, revoked
    # Without a date of its own a seal was made at the latest when it was first seen, here and now if never
    # before.
    made = visa.issued or first_seen or at
    outside = _outside_periods(record, certificate, made, at)
    if outside is not Reason.NONE:
        return SignatureVerdict.SIGNER_EXPIRED, outside
    return SignatureVerdict.VALID, Reason.NONE


def _judge_foreign(signer: _Signer, visa: SealedVisa) -> _Finding:
    """A signer of another issuer that the seal names: it speaks out of turn, unless it did not speak at
    all."""
    if signer.certificate is not None and signed_by(visa, signer.certificate):
        return SignatureVerdict.SIGNER_OUT_OF_SCOPE, Reason.OTHER_ISSUER
    return SignatureVerdict.SIGNER_UNKNOWN, Reason.NONE


def _revocation(record: SignerRecord, issued: datetime.date | None, first_seen: datetime.date | None) -> Reason:
    """Why a revocation undoes this seal; `NONE` where there is none, or it leaves earlier signatures good.

    The device's own clock has no part in it: one that is slow must not bring a revoked signer back.
    """
    revoked_at = record.revoked_at
    if revoked_at is None:
        return Reason.NONE
    if record.revocation_reason == _KEY_COMPROMISE:
        return Reason.KEY_COMPROMISED
    if issued is not None and issued >= revoked_at:
        return Reason.SIGNED_AFTER_REVOCATION
    seen_before = first_seen is not None and first_seen < revoked_at
    believable = issued is not None and record.revocation_reason in _KEY_STAYED_SAFE
    return Reason.NONE if seen_before or believable else Reason.UNPROVEN_BEFORE_REVOCATION


def _outside_periods(
    record: SignerRecord, certificate: SignerCertificate, made: datetime.date, at: datetime.date
) -> Reason:
    """The key's use period holds for the day of the signature, the certificate's for that day and for
    today."""
    if made < record.use_from:
        return Reason.BEFORE_USE_PERIOD
    if made > record.use_until:
        return Reason.AFTER_USE_PERIOD
    if made < certificate.not_before.date():
        return Reason.BEFORE_CERTIFICATE
    if max(made, at) > certificate.not_after.date():
        return Reason.CERTIFICATE_EXPIRED
    return Reason.NONE
