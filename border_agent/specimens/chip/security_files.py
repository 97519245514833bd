"""What a chip says of its own abilities: EF.CardAccess, EF.CardSecurity, EF.ATR/INFO, DG14, DG15 (9303-11)."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from border_agent.crypto.curves import PACE_PARAMETERS, Curve
from border_agent.documents.tlv import write_tlv
from border_agent.specimens.chip import der, oids
from border_agent.specimens.chip.agreement import Domain
from border_agent.specimens.chip.certificates import Signer
from border_agent.specimens.chip.profile import ActiveKind, ChipAuthenticationOffer, ChipProfile, Written
from border_agent.specimens.chip.signed_data import signed_data
from border_agent.specimens.chip.signing_keys import ec_public_info

_X942 = "1.2.840.10046.2.1"


def card_access(profile: ChipProfile) -> bytes:
    """EF.CardAccess: every PACE the chip offers."""
    return der.set_of(_pace_infos(profile))


def card_security(profile: ChipProfile, mapping_key: bytes, signer: Signer, at: datetime) -> bytes:
    """EF.CardSecurity: the same, and the static key of Chip Authentication Mapping; signed."""
    offer = profile.cam
    assert offer is not None
    static = _chip_key(offer.parameter_id, mapping_key, Written.STANDARD, None)
    return signed_data(oids.SECURITY_OBJECT, der.set_of((*_pace_infos(profile), static)), signer, at)


def atr_info(profile: ChipProfile) -> bytes:
    """EF.ATR/INFO: capabilities, and the longest APDUs where extended length is known (ISO 7816-4, 12.7)."""
    capabilities = write_tlv(0x47, bytes((0x80, 0x01, 0x40 if profile.extended else 0x00)))
    if not profile.extended:
        return capabilities
    lengths = (profile.largest_command, profile.largest_response)
    return capabilities + write_tlv(0x7F66, b"".join(write_tlv(0x02, n.to_bytes(2, "big")) for n in lengths))


def dg14(profile: ChipProfile, authentication_key: bytes) -> bytes:
    """DG14: PACE once more (so that EF.CardAccess can be checked), Chip and Active Authentication."""
    infos = _pace_infos(profile)
    if offer := profile.chip_authentication:
        infos.append(_chip_info(offer))
        infos.append(_chip_key(offer.parameter_id, authentication_key, offer.written, offer.key_id))
    active = profile.active_authentication
    if active is not None and active.kind is ActiveKind.ECDSA:
        infos.append(
            der.sequence(
                der.oid(oids.ACTIVE_AUTHENTICATION), der.integer(1), der.oid(oids.PLAIN_ECDSA[active.digest])
            )
        )
    return write_tlv(0x6E, der.set_of(infos))


def dg15(profile: ChipProfile, key: bytes) -> bytes:
    """DG15: the public key of Active Authentication."""
    offer = profile.active_authentication
    assert offer is not None
    if offer.kind is ActiveKind.RSA:
        private = load_der_private_key(key, password=None)
        info = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        curve = PACE_PARAMETERS[offer.parameter_id]
        assert isinstance(curve, Curve)
        info = ec_public_info(curve, int.from_bytes(key, "big"))
    return write_tlv(0x6F, info)


def needs_dg14(profile: ChipProfile) -> bool:
    """Whether there is anything to say in DG14."""
    active = profile.active_authentication
    ecdsa = active is not None and active.kind is ActiveKind.ECDSA
    return bool(profile.pace) or profile.chip_authentication is not None or ecdsa


def _pace_infos(profile: ChipProfile) -> list[bytes]:
    return [
        der.sequence(der.oid(oids.pace_oid(offer)), der.integer(2), der.integer(offer.parameter_id))
        for offer in profile.pace
    ]


def _chip_info(offer: ChipAuthenticationOffer) -> bytes:
    named = [der.integer(offer.key_id)] if offer.key_id is not None else []
    return der.sequence(der.oid(oids.chip_authentication_oid(offer)), der.integer(1), *named)


def _chip_key(parameter_id: int, private: bytes, written: Written, key_id: int | None) -> bytes:
    info = _public_info(parameter_id, int.from_bytes(private, "big"), written)
    named = [der.integer(key_id)] if key_id is not None else []
    return der.sequence(der.oid(oids.chip_key_oid(parameter_id)), info, *named)


def _public_info(parameter_id: int, private: int, written: Written) -> bytes:
    """SubjectPublicKeyInfo of a static key."""
    domain = Domain.standard(parameter_id)
    public = domain.encode(domain.public(private))
    group = domain.group
    if written is Written.STANDARD:
        # A member of a prime group is an INTEGER within the bit string, a point just its bytes.
        content = public if domain.is_curve else der.integer(int.from_bytes(public, "big"))
        return der.sequence(
            der.sequence(der.oid(oids.STANDARD_PARAMETERS), der.integer(parameter_id)), der.bits(content)
        )
    if isinstance(group, Curve):
        return ec_public_info(group, private, explicit=written is Written.EXPLICIT)
    numbers = der.sequence(der.integer(group.p), der.integer(group.g), der.integer(group.q))
    return der.sequence(der.sequence(der.oid(_X942), numbers), der.bits(der.integer(int.from_bytes(public, "big"))))
