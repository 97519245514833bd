"""SecurityInfos: what a chip can do, in EF.CardAccess, EF.CardSecurity and DG14 (Doc 9303-11 section 9.2).

    SecurityInfos ::= SET OF SecurityInfo
    SecurityInfo  ::= SEQUENCE { protocol OBJECT IDENTIFIER, requiredData ANY, optionalData ANY OPTIONAL }

The structure must hold; a protocol nobody here knows is kept as `OtherInfo`, and a key that cannot be used does not
stop the rest from being read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asn1crypto import core

from border_agent.documents.lds.asn1 import (
    OPTIONAL,
    AlgorithmIdentifier,
    SubjectPublicKeyInfo,
    bounded,
    is_present,
    raw,
    refusing,
    sequence,
    set_of,
)
from border_agent.documents.lds.errors import LdsError, LdsMalformed
from border_agent.documents.lds.public_keys import PublicKey, read_public_key

LARGEST = 16_384
"""Longest set of SecurityInfos looked at, in bytes."""
MOST = 64
"""Most SecurityInfos in one set."""

_BSI = "0.4.0.127.0.7.2.2."
_PACE, _PUBLIC_KEY, _TERMINAL, _CHIP = f"{_BSI}4.", f"{_BSI}1.", f"{_BSI}2", f"{_BSI}3."
_ACTIVE = "2.23.136.1.1.5"


class KeyAgreement(StrEnum):
    DH = "DH"
    ECDH = "ECDH"


class PaceMapping(StrEnum):
    GENERIC = "GM"
    INTEGRATED = "IM"
    CHIP_AUTHENTICATION = "CAM"


class InfoCipher(StrEnum):
    """Ciphers of secure messaging; values as in `border_agent.crypto.ciphers.SymmetricCipher`'s names."""

    TDES = "TDES"
    AES128 = "AES128"
    AES192 = "AES192"
    AES256 = "AES256"


_PACE_KINDS = {
    "1": (KeyAgreement.DH, PaceMapping.GENERIC),
    "2": (KeyAgreement.ECDH, PaceMapping.GENERIC),
    "3": (KeyAgreement.DH, PaceMapping.INTEGRATED),
    "4": (KeyAgreement.ECDH, PaceMapping.INTEGRATED),
    "6": (KeyAgreement.ECDH, PaceMapping.CHIP_AUTHENTICATION),
}
_AGREEMENTS = {"1": KeyAgreement.DH, "2": KeyAgreement.ECDH}
_CIPHERS = {"1": InfoCipher.TDES, "2": InfoCipher.AES128, "3": InfoCipher.AES192, "4": InfoCipher.AES256}


@dataclass(frozen=True)
class PaceInfo:
    """PACE with a mapping and a cipher. `parameter_id` is a number of Doc 9303-11 table 6, or one the chip explains
    in a `PaceDomainParameterInfo`; None where the chip has one set of parameters only and states it there."""

    oid: str
    agreement: KeyAgreement
    mapping: PaceMapping
    cipher: InfoCipher
    version: int
    parameter_id: int | None


@dataclass(frozen=True)
class PaceDomainParameterInfo:
    """A chip's own PACE parameters: its AlgorithmIdentifier as it stands (DER)."""

    oid: str
    agreement: KeyAgreement
    mapping: PaceMapping
    domain: bytes
    parameter_id: int | None


@dataclass(frozen=True)
class ChipAuthenticationInfo:
    """Chip Authentication with a cipher. Version 1 is the one of Doc 9303-11; `key_id` names the key where the chip
    has several."""

    oid: str
    agreement: KeyAgreement
    cipher: InfoCipher
    version: int
    key_id: int | None


@dataclass(frozen=True)
class ChipAuthenticationPublicKeyInfo:
    """A chip's static key. `key` is None where its kind, curve or size cannot be used: `spki` is it as it stands
    (DER)."""

    oid: str
    agreement: KeyAgreement
    spki: bytes
    key: PublicKey | None
    key_id: int | None


@dataclass(frozen=True)
class ActiveAuthenticationInfo:
    """Which ECDSA an Active Authentication key signs with; `signature_algorithm` is a dotted identifier of
    TR-03111."""

    oid: str
    version: int
    signature_algorithm: str


@dataclass(frozen=True)
class TerminalAuthenticationInfo:
    """Extended access control: fingerprints behind it are not read here."""

    oid: str
    version: int


@dataclass(frozen=True)
class OtherInfo:
    """A protocol that is not known here: its data as they stand (DER, "" where there are none)."""

    oid: str
    required: bytes
    optional: bytes


SecurityInfo = (
    PaceInfo
    | PaceDomainParameterInfo
    | ChipAuthenticationInfo
    | ChipAuthenticationPublicKeyInfo
    | ActiveAuthenticationInfo
    | TerminalAuthenticationInfo
    | OtherInfo
)


_Info = sequence(
    "SecurityInfo", ("protocol", core.ObjectIdentifier), ("required", core.Any), ("optional", core.Any, OPTIONAL)
)
_Infos = set_of(_Info)


def read_security_infos(data: bytes, where: str = "EF.CardAccess") -> tuple[SecurityInfo, ...]:
    """A SET OF SecurityInfo (DER or BER), in the order it has. Raises `LdsMalformed`, `LdsTooLong`."""
    bounded(where, data, LARGEST)
    with refusing(where):
        infos = _Infos.load(data, strict=True)
        if len(infos) > MOST:
            raise LdsMalformed(where, f"{len(infos)} security infos")
        return tuple(_read(where, info) for info in infos)


def _read(where: str, info: Any) -> SecurityInfo:
    oid: str = info["protocol"].dotted
    found: SecurityInfo | None = None
    if oid.startswith(_PACE):
        found = _pace(oid, info)
    elif oid.startswith(_PUBLIC_KEY):
        found = _chip_key(where, oid, info)
    elif oid.startswith(_CHIP):
        found = _chip(oid, info)
    elif oid == _TERMINAL:
        found = TerminalAuthenticationInfo(oid, _integer(info["required"]))
    elif oid == _ACTIVE:
        algorithm: str = info["optional"].parse(core.ObjectIdentifier).dotted
        found = ActiveAuthenticationInfo(oid, _integer(info["required"]), algorithm)
    return found or OtherInfo(
        oid, raw(info["required"]), raw(info["optional"]) if is_present(info["optional"]) else b""
    )


def _pace(oid: str, info: Any) -> PaceInfo | PaceDomainParameterInfo | None:
    kind, _, cipher = oid.removeprefix(_PACE).partition(".")
    if kind not in _PACE_KINDS or (cipher and cipher not in _CIPHERS):
        return None
    agreement, mapping = _PACE_KINDS[kind]
    number = _optional_integer(info["optional"])
    if not cipher:
        domain: bytes = info["required"].parse(AlgorithmIdentifier).dump()
        return PaceDomainParameterInfo(oid, agreement, mapping, domain, number)
    return PaceInfo(oid, agreement, mapping, _CIPHERS[cipher], _integer(info["required"]), number)


def _chip(oid: str, info: Any) -> ChipAuthenticationInfo | None:
    kind, _, cipher = oid.removeprefix(_CHIP).partition(".")
    if kind not in _AGREEMENTS or cipher not in _CIPHERS:
        return None
    version, key_id = _integer(info["required"]), _optional_integer(info["optional"])
    return ChipAuthenticationInfo(oid, _AGREEMENTS[kind], _CIPHERS[cipher], version, key_id)


def _chip_key(where: str, oid: str, info: Any) -> ChipAuthenticationPublicKeyInfo | None:
    agreement = _AGREEMENTS.get(oid.removeprefix(_PUBLIC_KEY))
    if agreement is None:
        return None
    spki: bytes = info["required"].parse(SubjectPublicKeyInfo).dump()
    try:
        key = read_public_key(where, spki)
    except LdsError:
        key = None
    return ChipAuthenticationPublicKeyInfo(oid, agreement, spki, key, _optional_integer(info["optional"]))


def _integer(value: Any) -> int:
    number: int = value.parse(core.Integer).native
    return number


def _optional_integer(value: Any) -> int | None:
    return _integer(value) if is_present(value) else None
