"""Keys that sign specimens: elliptic curves, named or with their numbers written out, and RSA in both paddings."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from border_agent.crypto.curves import Curve, curve_by_name
from border_agent.crypto.ecdsa import sign_ecdsa, write_der
from border_agent.crypto.points import encode_point, multiply
from border_agent.specimens.chip import der

_HASH_OIDS = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_ECDSA_OIDS = {
    "sha1": "1.2.840.10045.4.1",
    "sha224": "1.2.840.10045.4.3.1",
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
_RSA_OIDS = {
    "sha1": "1.2.840.113549.1.1.5",
    "sha224": "1.2.840.113549.1.1.14",
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 (states have signed with it)
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_PRIME_FIELD = "1.2.840.10045.1.1"
_PSS, _MGF1 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"


def digest_algorithm(digest: str) -> bytes:
    """AlgorithmIdentifier of a hash."""
    return der.sequence(der.oid(_HASH_OIDS[digest]), der.null())


class SigningKey(Protocol):
    """A private key with its own way to sign."""

    @property
    def digest(self) -> str:
        """The hash that goes with it, as `hashlib` calls it."""
        ...

    def info(self) -> bytes:
        """SubjectPublicKeyInfo."""
        ...

    def algorithm(self) -> bytes:
        """AlgorithmIdentifier of its signatures."""
        ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True)
class EcKey:
    """ECDSA."""

    curve: Curve
    private: int = field(repr=False)
    digest: str = "sha256"
    explicit: bool = False

    def info(self) -> bytes:
        return ec_public_info(self.curve, self.private, explicit=self.explicit)

    def algorithm(self) -> bytes:
        return der.sequence(der.oid(_ECDSA_OIDS[self.digest]))

    def sign(self, data: bytes) -> bytes:
        digest = hashlib.new(self.digest, data).digest()
        return write_der(*sign_ecdsa(self.curve, self.private, digest))


@dataclass(frozen=True)
class RsaKey:
    """RSA, PKCS #1 v1.5 or PSS."""

    private: rsa.RSAPrivateKey = field(repr=False)
    digest: str = "sha256"
    pss: bool = False

    def info(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def algorithm(self) -> bytes:
        if not self.pss:
            return der.sequence(der.oid(_RSA_OIDS[self.digest]), der.null())
        hashed = digest_algorithm(self.digest)
        return der.sequence(
            der.oid(_PSS),
            der.sequence(
                der.tagged(0, hashed),
                der.tagged(1, der.sequence(der.oid(_MGF1), hashed)),
                der.tagged(2, der.integer(_HASHES[self.digest].digest_size)),
            ),
        )

    def sign(self, data: bytes) -> bytes:
        algorithm = _HASHES[self.digest]
        if self.pss:
            scheme = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            return self.private.sign(data, scheme, algorithm)
        return self.private.sign(data, padding.PKCS1v15(), algorithm)


class KeyKind(StrEnum):
    """The kinds of signing keys specimens use."""

    P256 = "secp256r1"
    BRAINPOOL256 = "brainpoolP256r1"
    BRAINPOOL384 = "brainpoolP384r1"
    BRAINPOOL224 = "brainpoolP224r1"
    P256_EXPLICIT = "secp256r1 explicit"
    RSA = "rsa"
    RSA_PSS = "rsa-pss"


def make_key(kind: KeyKind, use: int = 0) -> SigningKey:
    """A new key. RSA has one for each process and `use`, as making one takes a second."""
    if kind in (KeyKind.RSA, KeyKind.RSA_PSS):
        return RsaKey(rsa_private(2048, use), pss=kind is KeyKind.RSA_PSS)
    name, _, explicit = kind.value.partition(" ")
    curve = curve_by_name(name)
    assert curve is not None
    digest = "sha384" if curve.size > 32 else "sha224" if curve.size < 32 else "sha256"
    return EcKey(curve, secrets.randbelow(curve.n - 1) + 1, digest, explicit=bool(explicit))


@lru_cache(maxsize=8)
def rsa_private(bits: int, use: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key of so many bits, the same throughout a process for each `use`."""
    return rsa.generate_private_key(65537, bits)


def ec_public_info(curve: Curve, private: int, *, explicit: bool = False) -> bytes:
    """SubjectPublicKeyInfo of an EC key, its curve named or written out."""
    parameters = _written_out(curve) if explicit else der.oid(curve.oid)
    point = encode_point(curve, multiply(curve, private, (curve.x, curve.y)))
    return der.sequence(der.sequence(der.oid(_EC_PUBLIC_KEY), parameters), der.bits(point))


def _written_out(curve: Curve) -> bytes:
    """X9.62 SpecifiedECDomain."""
    return der.sequence(
        der.integer(1),
        der.sequence(der.oid(_PRIME_FIELD), der.integer(curve.p)),
        der.sequence(
            der.octets(curve.a.to_bytes(curve.size, "big")), der.octets(curve.b.to_bytes(curve.size, "big"))
        ),
        der.octets(encode_point(curve, (curve.x, curve.y))),
        der.integer(curve.n),
        der.integer(curve.h),
    )
