"""What the trust list says of one seal."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class SignatureVerdict(StrEnum):
    VALID = "valid"
    FORGED = "forged"
    """The signer it names did not make this signature."""
    SIGNER_UNKNOWN = "signer_unknown"
    """No such signer in the list, or one whose certificate cannot be used: neither good nor forged."""
    SIGNER_EXPIRED = "signer_expired"
    """Signed outside the key's use period, or the certificate is not valid now or was not then."""
    SIGNER_REVOKED = "signer_revoked"
    SIGNER_OUT_OF_SCOPE = "signer_out_of_scope"
    """A known signer that may not sign visas of this issuer."""
    UNSIGNED = "unsigned"


class Reason(StrEnum):
    """Why, for the detail of a judgement: stable codes for logs and evidence."""

    NONE = ""
    CERTIFICATE_UNUSABLE = "certificate_unusable"
    OTHER_ISSUER = "other_issuer"
    SCOPE = "scope"
    KEY_USAGE = "key_usage"
    BEFORE_USE_PERIOD = "before_use_period"
    AFTER_USE_PERIOD = "after_use_period"
    BEFORE_CERTIFICATE = "before_certificate"
    CERTIFICATE_EXPIRED = "certificate_expired"
    SIGNED_AFTER_REVOCATION = "signed_after_revocation"
    KEY_COMPROMISED = "key_compromised"
    UNPROVEN_BEFORE_REVOCATION = "unproven_before_revocation"


class SealJudgement(Struct, frozen=True):
    """A verdict, the signer it is about (issuer and certificate reference) and a `Reason`."""

    verdict: SignatureVerdict
    signer: str
    detail: str = ""
