"""Signed containers: the CMS of EF.SOD, EF.CardSecurity and master lists (RFC 5652; Doc 9303-10 4.6.2, -12).

Only what the bytes say. Whether a signature holds, and who made it, is `border_agent.trust.passive`'s question. BER
with indefinite lengths is read too: New Zealand's security objects are written so.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from asn1crypto import core, parser

from border_agent.documents.lds.asn1 import (
    OPTIONAL,
    AlgorithmIdentifier,
    bounded,
    is_present,
    raw,
    refusing,
    sequence,
    set_of,
)
from border_agent.documents.lds.errors import LdsMalformed
from border_agent.documents.lds.security_infos import SecurityInfo, read_security_infos
from border_agent.documents.tlv import write_tlv

LARGEST_SOD = 65_536
"""Longest security object or EF.CardSecurity looked at, in bytes; real ones have 1 to 4 kB."""
MOST_SIGNERS = 4
MOST_CERTIFICATES = 32
LARGEST_PART = 262_144
"""Longest set of certificates, and of signers, in bytes: before they are counted, since counting reads them all."""
_MOST_ATTRIBUTES = 32

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CARD_SECURITY = "0.4.0.127.0.7.3.2.1"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_SET, _SEQUENCE, _OCTETS = 0x31, 0x30, (0x04, 0x24)
_CONTENTS = 4
"""Place of the value in what asn1crypto's parser returns."""


@dataclass(frozen=True)
class Algorithm:
    """A dotted identifier with its parameters as they stand (DER, "" without any)."""

    oid: str
    parameters: bytes = b""


@dataclass(frozen=True)
class SignerInfo:
    """One signature. It names its certificate by issuer (DER) and serial number, or by subject key identifier."""

    issuer: bytes
    serial: int | None
    key_identifier: bytes
    digest: Algorithm
    algorithm: Algorithm
    signature: bytes
    signed_attributes: bytes
    """As they are signed: re-tagged as a SET, never as they are stored. Empty where there are none: then the content
    itself is signed."""
    content_type: str
    message_digest: bytes | None
    signing_time: datetime.datetime | None


@dataclass(frozen=True)
class SignedData:
    content_type: str
    content: bytes
    """The bytes the digest is over."""
    document: bytes
    """The same as one ASN.1 object, which early containers hold without the octet string around it."""
    certificates: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]


_ContentInfo = sequence(
    "ContentInfo", ("content_type", core.ObjectIdentifier), ("content", core.Any, {"explicit": 0})
)
_Encapsulated = sequence(
    "EncapsulatedContentInfo",
    ("content_type", core.ObjectIdentifier),
    ("content", core.Any, OPTIONAL),
)
_Attribute = sequence("Attribute", ("kind", core.ObjectIdentifier), ("values", core.Any))
_IssuerAndSerial = sequence("IssuerAndSerialNumber", ("issuer", core.Any), ("serial", core.Integer))
_SignerInfo = sequence(
    "SignerInfo",
    ("version", core.Integer),
    ("identifier", core.Any),
    ("digest", AlgorithmIdentifier),
    ("signed", set_of(_Attribute), {"implicit": 0, "optional": True}),
    ("algorithm", AlgorithmIdentifier),
    ("signature", core.OctetString),
    ("unsigned", core.Any, OPTIONAL),
)
_SignedData = sequence(
    "SignedData",
    ("version", core.Integer),
    ("digests", set_of(AlgorithmIdentifier)),
    ("encapsulated", _Encapsulated),
    ("certificates", set_of(core.Any), {"implicit": 0, "optional": True}),
    ("lists", set_of(core.Any), {"implicit": 1, "optional": True}),
    ("signers", set_of(_SignerInfo)),
)


def read_signed_data(data: bytes, where: str, largest: int = LARGEST_SOD) -> SignedData:
    """A ContentInfo of type SignedData. Raises `LdsTooLong`, `LdsMalformed`."""
    bounded(where, data, largest)
    with refusing(where):
        outer = _ContentInfo.load(data, strict=True)
        if outer["content_type"].dotted != _SIGNED_DATA:
            raise LdsMalformed(where, "no signed data")
        signed = outer["content"].parse(_SignedData)
        content, document = _content(where, signed["encapsulated"]["content"])
        return SignedData(
            content_type=signed["encapsulated"]["content_type"].dotted,
            content=content,
            document=document,
            certificates=_certificates(where, signed["certificates"]),
            signers=_signers(where, signed["signers"]),
        )


def read_card_security(data: bytes) -> tuple[SecurityInfo, ...]:
    """The SecurityInfos of EF.CardSecurity, unverified. Raises `LdsTooLong`, `LdsMalformed`."""
    where = "EF.CardSecurity"
    signed = read_signed_data(data, where)
    if signed.content_type != _CARD_SECURITY:
        raise LdsMalformed(where, f"content of type {signed.content_type[:60]}")
    return read_security_infos(signed.document, where)


def _content(where: str, wrapped: Any) -> tuple[bytes, bytes]:
    """What the digest is over, and the object it is."""
    if not is_present(wrapped):
        raise LdsMalformed(where, "no content")
    inner: bytes = parser.parse(raw(wrapped))[_CONTENTS]
    if inner[:1] and inner[0] in _OCTETS:
        octets: bytes = core.OctetString.load(inner, strict=True).native
        return octets, octets
    if inner[:1] and inner[0] in (_SEQUENCE, _SET):  # PKCS #7: the object itself; the digest is over its value
        return parser.parse(inner, strict=True)[_CONTENTS], inner
    raise LdsMalformed(where, f"content with tag {inner[:1].hex()}")


def _certificates(where: str, certificates: Any) -> tuple[bytes, ...]:
    """The X.509 certificates; other kinds are left out."""
    if not is_present(certificates):
        return ()
    bounded(where, certificates.contents, LARGEST_PART)
    if len(certificates) > MOST_CERTIFICATES:
        raise LdsMalformed(where, f"{len(certificates)} certificates")
    encoded = (raw(certificate) for certificate in certificates)
    return tuple(certificate for certificate in encoded if certificate[:1] == b"\x30")


def _signers(where: str, signers: Any) -> tuple[SignerInfo, ...]:
    bounded(where, signers.contents, LARGEST_PART)
    if not 1 <= len(signers) <= MOST_SIGNERS:
        raise LdsMalformed(where, f"{len(signers)} signers")
    return tuple(_signer(where, signer) for signer in signers)


def _signer(where: str, signer: Any) -> SignerInfo:
    issuer, serial, key_identifier = _identifier(signer["identifier"])
    attributes: dict[str, Any] = {}
    signed = b""
    if is_present(signer["signed"]):
        if len(signer["signed"]) > _MOST_ATTRIBUTES:
            raise LdsMalformed(where, f"{len(signer['signed'])} signed attributes")
        for attribute in signer["signed"]:
            name = attribute["kind"].dotted
            if name in attributes:
                raise LdsMalformed(where, f"attribute {name[:60]} twice")
            attributes[name] = attribute["values"]
        signed = _as_set(signer["signed"])
    kind, digest = attributes.get(_CONTENT_TYPE), attributes.get(_MESSAGE_DIGEST)
    return SignerInfo(
        issuer=issuer,
        serial=serial,
        key_identifier=key_identifier,
        digest=_algorithm(signer["digest"]),
        algorithm=_algorithm(signer["algorithm"]),
        signature=signer["signature"].native,
        signed_attributes=signed,
        content_type=_only(kind, core.ObjectIdentifier).dotted if kind else "",
        message_digest=_only(digest, core.OctetString).native if digest else None,
        signing_time=_time(attributes.get(_SIGNING_TIME)),
    )


def _identifier(identifier: Any) -> tuple[bytes, int | None, bytes]:
    encoded = raw(identifier)
    if encoded[:1] == b"\x30":
        pair = identifier.parse(_IssuerAndSerial)
        return raw(pair["issuer"]), pair["serial"].native, b""
    return b"", None, identifier.parse(core.OctetString, {"implicit": 0}).native


def _as_set(attributes: Any) -> bytes:
    """Signed attributes as they are signed (RFC 5652 section 5.4): the DER of a SET OF. Stored with a definite length
    their bytes are taken as they are, since some signers do not sort them; otherwise they are encoded anew."""
    stored: bytes = attributes.dump()
    if stored[1:2] == b"\x80":
        attributes = attributes.untag()
        encoded: bytes = attributes.dump(force=True)
        return encoded
    return write_tlv(_SET, attributes.contents)


def _only(values: Any, kind: Any) -> Any:
    """The one value of an attribute."""
    found = values.parse(set_of(kind))
    if len(found) != 1:
        raise ValueError("an attribute with several values")
    return found[0]


def _time(values: Any) -> datetime.datetime | None:
    """The signing time in UTC; None without one, or for one that is no time."""
    if values is None:
        return None
    try:
        when = _only(values, core.Any)
        kind = core.UTCTime if raw(when)[:1] == b"\x17" else core.GeneralizedTime
        moment = when.parse(kind).native
        if not isinstance(moment, datetime.datetime):
            return None
        return moment.astimezone(datetime.UTC) if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _algorithm(identifier: Any) -> Algorithm:
    parameters = identifier["parameters"]
    return Algorithm(identifier["algorithm"].dotted, raw(parameters) if is_present(parameters) else b"")
