"""Errors of signed visa codes."""

from __future__ import annotations

from border_agent.errors import BorneError


class SealError(BorneError):
    """Base of every error about a code that should be a signed visa."""

    code = "seal"


class NotASeal(SealError):
    """A code that is no seal at all: a web address, a boarding pass, rubbish."""

    code = "seal.not_a_seal"


class SealTooLong(SealError):
    """More bytes than any code holds, or that unpack to more than any seal holds."""

    code = "seal.too_long"


class SealMalformed(SealError):
    """A seal whose structure does not hold."""

    code = "seal.malformed"


class SealUnsupported(SealError):
    """A seal of a kind, version or algorithm this reader does not know."""

    code = "seal.unsupported"


class NotAVisa(SealError):
    """A well-formed seal of something else: a residence permit, an identity document."""

    code = "seal.not_a_visa"


class SealUnwritable(SealError):
    """Content that no seal can carry."""

    code = "seal.unwritable"


class CertificateUnusable(SealError):
    """A signer's certificate that cannot be parsed, or whose key cannot be used."""

    code = "seal.certificate_unusable"
