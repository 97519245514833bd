"""Signatures of documents and certificates: which algorithm, with which hash, and whether one holds.

Algorithm and hash come from the signature's own AlgorithmIdentifier, and from the signer's digest where that names
none (RFC 3370, RFC 4056, RFC 5753; BSI TR-03111 for ECDSA with plain signatures).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from asn1crypto import algos
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from border_agent.crypto.ecdsa import read_der, read_plain, verify_ecdsa
from border_agent.documents.lds import EcKey, PublicKey, RsaKey
from border_agent.documents.lds.signed_data import Algorithm

HASHES: dict[str, str] = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""Hashes documents use; MD5 and older are not among them."""

_LIBRARY: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303  old chips carry it; it is a finding, not a refusal
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class _Kind(StrEnum):
    PKCS1 = "RSA"
    PSS = "RSA-PSS"
    ECDSA = "ECDSA"
    PLAIN = "ECDSA plain"


_PSS = "1.2.840.113549.1.1.10"
_KINDS: dict[str, tuple[_Kind, str]] = {
    "1.2.840.113549.1.1.1": (_Kind.PKCS1, ""),
    "1.2.840.113549.1.1.5": (_Kind.PKCS1, "sha1"),
    "1.2.840.113549.1.1.14": (_Kind.PKCS1, "sha224"),
    "1.2.840.113549.1.1.11": (_Kind.PKCS1, "sha256"),
    "1.2.840.113549.1.1.12": (_Kind.PKCS1, "sha384"),
    "1.2.840.113549.1.1.13": (_Kind.PKCS1, "sha512"),
    "1.2.840.10045.2.1": (_Kind.ECDSA, ""),
    "1.2.840.10045.4.1": (_Kind.ECDSA, "sha1"),
    "1.2.840.10045.4.3.1": (_Kind.ECDSA, "sha224"),
    "1.2.840.10045.4.3.2": (_Kind.ECDSA, "sha256"),
    "1.2.840.10045.4.3.3": (_Kind.ECDSA, "sha384"),
    "1.2.840.10045.4.3.4": (_Kind.ECDSA, "sha512"),
    "0.4.0.127.0.7.1.1.4.1.1": (_Kind.PLAIN, "sha1"),
    "0.4.0.127.0.7.1.1.4.1.2": (_Kind.PLAIN, "sha224"),
    "0.4.0.127.0.7.1.1.4.1.3": (_Kind.PLAIN, "sha256"),
    "0.4.0.127.0.7.1.1.4.1.4": (_Kind.PLAIN, "sha384"),
    "0.4.0.127.0.7.1.1.4.1.5": (_Kind.PLAIN, "sha512"),
}


@dataclass(frozen=True)
class Scheme:
    """How one signature was made. `mask_hash` and `salt` are RSASSA-PSS's."""

    kind: str
    hash: str
    mask_hash: str = ""
    salt: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.hash}"


def hash_name(algorithm: Algorithm) -> str:
    """ "sha256" and so on, "" for a hash that is not used here."""
    return HASHES.get(algorithm.oid, "")


def scheme_of(algorithm: Algorithm, digest: Algorithm | None = None) -> Scheme | None:
    """What an AlgorithmIdentifier says, None where it is not known here. `digest` is the signer's, for algorithms
    that name no hash. Never raises."""
    if algorithm.oid == _PSS:
        return _pss(algorithm, digest)
    kind, named = _KINDS.get(algorithm.oid, (None, ""))
    name = named or (hash_name(digest) if digest else "")
    return Scheme(kind, name) if kind and name else None


def _pss(algorithm: Algorithm, digest: Algorithm | None) -> Scheme | None:
    if not algorithm.parameters:
        name = hash_name(digest) if digest else ""
        return Scheme(_Kind.PSS, name, name, hashlib.new(name).digest_size) if name else None
    try:
        parameters = algos.RSASSAPSSParams.load(algorithm.parameters, strict=True)
        name = HASHES.get(parameters["hash_algorithm"]["algorithm"].dotted, "")
        mask = HASHES.get(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].dotted, "")
        salt: int = parameters["salt_length"].native
        trailer = parameters["trailer_field"].contents == b"\1"
    except Exception:  # parameters of hostile origin: whatever the parser raises, the scheme is not known
        return None
    return Scheme(_Kind.PSS, name, mask, salt) if name and mask and trailer and 0 <= salt <= 512 else None


def verify(key: PublicKey, scheme: Scheme, signature: bytes, message: bytes) -> bool:
    """Whether the key made the signature over the message. Never raises."""
    if isinstance(key, RsaKey) and scheme.kind in (_Kind.PKCS1, _Kind.PSS):
        return _verify_rsa(key, scheme, signature, message)
    if isinstance(key, EcKey) and scheme.kind in (_Kind.ECDSA, _Kind.PLAIN):
        try:
            r, s = (read_der if scheme.kind == _Kind.ECDSA else read_plain)(signature)
        except ValueError:
            return False
        return verify_ecdsa(key.curve, key.point, hashlib.new(scheme.hash, message).digest(), r, s)
    return False


def _verify_rsa(key: RsaKey, scheme: Scheme, signature: bytes, message: bytes) -> bool:
    pad: padding.AsymmetricPadding = padding.PKCS1v15()
    if scheme.kind == _Kind.PSS:
        pad = padding.PSS(padding.MGF1(_LIBRARY[scheme.mask_hash]), scheme.salt)
    try:
        public = rsa.RSAPublicNumbers(key.e, key.n).public_key()
        public.verify(signature, message, pad, _LIBRARY[scheme.hash])
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
