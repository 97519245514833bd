"""Errors of the arithmetic under passports and seals."""

from __future__ import annotations

from border_agent.errors import BorneError


class CryptoError(BorneError):
    """Base of every error about keys, points and ciphertexts."""

    code = "crypto"


class PointError(CryptoError):
    """Bytes that are no point of the curve, or the point at infinity where a public key should be."""

    code = "crypto.point"


class GroupError(CryptoError):
    """A number that is no public key of the group: out of range, or of a small subgroup."""

    code = "crypto.group"


class PaddingError(CryptoError):
    """A plaintext whose padding does not hold."""

    code = "crypto.padding"
