"""A signed container held against its own signature: is it whole, and which certificate made it (RFC 5652 section
5.6).

The same for a security object, EF.CardSecurity and a master list. Who stands behind the certificate is asked later.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from border_agent.documents.lds import EcKey, RsaKey, SignedData, SignerInfo
from border_agent.trust.passive.certificates import Certificate, read_certificate
from border_agent.trust.passive.errors import CertificateUnreadable
from border_agent.trust.passive.judgement import PassiveFinding, found
from border_agent.trust.passive.names import read_name
from border_agent.trust.passive.signatures import hash_name, scheme_of, verify

_BROKEN = ("message_digest", "signed_attributes", "signature")
_UNPROVEN = ("algorithm", "signer_missing", "key", "unreadable")
_STRONG_RSA, _STRONG_EC = 2048, 224
"""Shortest keys thought safe today, in bits (Doc 9303-12 section 4.1.6.2 allows shorter ones for old chips)."""


@dataclass(frozen=True)
class Container:
    """`certificate` is the signer's, None where it is missing or unreadable; `brought` are all certificates the
    container holds that can be read."""

    signer: SignerInfo
    certificate: Certificate | None
    brought: tuple[Certificate, ...]
    findings: tuple[PassiveFinding, ...]

    @property
    def broken(self) -> bool:
        """It was altered after it was signed, or was never signed by this certificate."""
        return _any(self.findings, _BROKEN)

    @property
    def intact(self) -> bool:
        """Its signature was checked, and holds."""
        return not self.broken and not _any(self.findings, _UNPROVEN)


def open_container(signed: SignedData, what: str, known: Iterable[Certificate] = ()) -> Container:
    """Hold a container against its signature. `what` begins the codes of findings about it (`sod`, `list`); `known`
    are signers' certificates we have beforehand. Where it has several signatures the best one counts. Never
    raises."""
    brought: list[Certificate] = []
    unreadable: list[str] = []
    for encoded in signed.certificates:
        try:
            brought.append(read_certificate(encoded))
        except CertificateUnreadable as error:
            unreadable.append(error.detail)
    opened = [_open(signed, signer, what, tuple(brought), tuple(known), unreadable) for signer in signed.signers]
    return min(opened, key=lambda one: (not one.intact, one.broken))


def _any(findings: Iterable[PassiveFinding], ends: tuple[str, ...]) -> bool:
    return any(finding.code.rpartition(".")[2] in ends for finding in findings)


def _open(
    signed: SignedData,
    signer: SignerInfo,
    what: str,
    brought: tuple[Certificate, ...],
    known: tuple[Certificate, ...],
    unreadable: list[str],
) -> Container:
    findings: list[PassiveFinding] = []

    def find(code: str, detail: str = "") -> None:
        findings.append(found(code, detail))

    digest = hash_name(signer.digest)
    if signer.signed_attributes:
        message = signer.signed_attributes
        if not digest:
            find(f"{what}.algorithm", f"digest {signer.digest.oid[:60]}")
        elif signer.message_digest is None or signer.content_type != signed.content_type:
            find(f"{what}.signed_attributes", "content type or digest missing, or of another content")
        elif not hmac.compare_digest(hashlib.new(digest, signed.content).digest(), signer.message_digest):
            find(f"{what}.message_digest", digest)
    else:
        message = signed.content
        find(f"{what}.no_signed_attributes")

    certificate = _certificate(signer, (*brought, *known))
    if certificate is None and len(brought) == 1:
        certificate = brought[0]
        find(f"{what}.signer_identifier", certificate.subject.shown)
    scheme = scheme_of(signer.algorithm, signer.digest)
    if scheme is None:
        find(f"{what}.algorithm", signer.algorithm.oid[:60])
    elif digest == "sha1" or scheme.hash == "sha1":
        find(f"{what}.weak_hash", str(scheme))
    if certificate is None:
        find("dsc.unreadable" if unreadable else f"{what}.signer_missing", unreadable[0] if unreadable else "")
    elif certificate.key is None:
        find("dsc.key", certificate.subject.shown)
    elif scheme is not None:
        if not verify(certificate.key, scheme, signer.signature, message):
            find(f"{what}.signature", f"{scheme}, {certificate.key}")
        if _weak(certificate):
            find(f"{what}.weak_key", str(certificate.key))
    return Container(signer, certificate, brought, tuple(findings))


def _certificate(signer: SignerInfo, candidates: tuple[Certificate, ...]) -> Certificate | None:
    """The one the signature names: by key identifier, or by serial number and issuer. Some states write the issuer's
    name otherwise than its certificate does, so a serial number alone suffices where no name fits."""
    if signer.serial is None:
        named = [one for one in candidates if one.extensions.key_identifier == signer.key_identifier]
        return named[0] if named and signer.key_identifier else None
    same = [one for one in candidates if one.serial == signer.serial]
    try:
        issuer = read_name(signer.issuer).canonical
    except Exception:  # a name of hostile origin that is none: then no certificate has it
        return same[0] if same else None
    return next((one for one in same if one.issuer.canonical == issuer), same[0] if same else None)


def _weak(certificate: Certificate) -> bool:
    match certificate.key:
        case RsaKey() as key:
            return key.n.bit_length() < _STRONG_RSA
        case EcKey() as key:
            return key.curve.n.bit_length() < _STRONG_EC
        case _:
            return False
