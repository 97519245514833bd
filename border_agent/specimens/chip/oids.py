"""Object identifiers of 9303-10 and 9303-11, as dotted text."""

from __future__ import annotations

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.specimens.chip.profile import ChipAuthenticationOffer, Mapping, PaceOffer

_BSI = "0.4.0.127.0.7.2.2"
_CIPHERS = {
    SymmetricCipher.TDES: 1,
    SymmetricCipher.AES128: 2,
    SymmetricCipher.AES192: 3,
    SymmetricCipher.AES256: 4,
}
_MAPPINGS = {
    (Mapping.GENERIC, False): 1,
    (Mapping.GENERIC, True): 2,
    (Mapping.INTEGRATED, False): 3,
    (Mapping.INTEGRATED, True): 4,
    (Mapping.CHIP_AUTHENTICATION, True): 6,
}
_FIRST_CURVE = 8
"""Standardised domain parameters below are prime groups."""

ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
LDS_SECURITY_OBJECT = "2.23.136.1.1.1"
STANDARD_PARAMETERS = "0.4.0.127.0.7.1.2"
"""Domain parameters given by their number alone."""
SECURITY_OBJECT = "0.4.0.127.0.7.3.2.1"
"""Content of EF.CardSecurity."""

PLAIN_ECDSA = {
    "sha1": "0.4.0.127.0.7.1.1.4.1.1",
    "sha224": "0.4.0.127.0.7.1.1.4.1.2",
    "sha256": "0.4.0.127.0.7.1.1.4.1.3",
    "sha384": "0.4.0.127.0.7.1.1.4.1.4",
    "sha512": "0.4.0.127.0.7.1.1.4.1.5",
}


def is_curve(parameter_id: int) -> bool:
    """Whether these standardised domain parameters are a curve's."""
    return parameter_id >= _FIRST_CURVE


def pace_oid(offer: PaceOffer) -> str:
    """id-PACE-..."""
    kind = _MAPPINGS[offer.mapping, is_curve(offer.parameter_id)]
    return f"{_BSI}.4.{kind}.{_CIPHERS[offer.cipher]}"


def chip_authentication_oid(offer: ChipAuthenticationOffer) -> str:
    """id-CA-..."""
    return f"{_BSI}.3.{1 + is_curve(offer.parameter_id)}.{_CIPHERS[offer.cipher]}"


def chip_key_oid(parameter_id: int) -> str:
    """id-PK-DH or id-PK-ECDH."""
    return f"{_BSI}.1.{1 + is_curve(parameter_id)}"
