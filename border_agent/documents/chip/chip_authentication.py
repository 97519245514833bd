"""Chip Authentication, Doc 9303-11 section 6.2, and the proof inside PACE's chip authentication mapping (4.4.3.5).

The chip proves to hold the private key of DG14 by agreeing on new session keys with it: an answer under the new keys
is the proof, so one is asked for. That DG14 is the issuer's is for passive authentication to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.crypto.errors import CryptoError
from border_agent.crypto.points import multiply
from border_agent.documents.chip.agreement import (
    LONGEST_PRIME,
    DhDomain,
    Domain,
    EcDomain,
    Element,
    Private,
    random_private,
)
from border_agent.documents.chip.apdu import CommandApdu, ResponseApdu
from border_agent.documents.chip.errors import ChipCloned, ChipProtocolError, MessagingError, Reason, Unsupported
from border_agent.documents.chip.general_authenticate import (
    general_authenticate,
    manage_security,
    read_answer,
    write_oid,
)
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.chip.pace import CamData
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.public_keys import DhKey, EcKey, PublicKey
from border_agent.documents.lds.security_infos import (
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKeyInfo,
    InfoCipher,
    KeyAgreement,
    SecurityInfo,
)

WHERE: Final = "chip authentication"
_3DES_OF: Final = {KeyAgreement.DH: "0.4.0.127.0.7.2.2.3.1.1", KeyAgreement.ECDH: "0.4.0.127.0.7.2.2.3.2.1"}


class ProofMethod(StrEnum):
    CHIP_AUTHENTICATION = "ca"
    CHIP_AUTHENTICATION_MAPPING = "cam"
    ACTIVE_AUTHENTICATION = "aa"


class ChipProof(msgspec.Struct, frozen=True):
    """The chip holds its private key. `algorithm` names key and cipher or hash, for the record."""

    method: ProofMethod
    algorithm: str


class ChipKey(msgspec.Struct, frozen=True):
    """A protocol a chip offers, with the key for it."""

    info: ChipAuthenticationInfo
    key: PublicKey
    key_id: int | None


def choose_chip_key(infos: Iterable[SecurityInfo]) -> ChipKey | None:
    """The best protocol DG14 offers that has a key this reader can use: curves first, then longer keys.

    A key without a protocol means 3DES (older French chips). None where nothing is offered, or nothing usable.
    """
    all_infos = tuple(infos)
    protocols = [info for info in all_infos if isinstance(info, ChipAuthenticationInfo)]
    keys = [info for info in all_infos if isinstance(info, ChipAuthenticationPublicKeyInfo)]
    found = [
        ChipKey(protocol, one.key, one.key_id)
        for protocol in protocols or [_implied(one) for one in keys]
        for one in keys
        if one.key is not None
        and one.agreement is protocol.agreement
        and (protocol.key_id is None or one.key_id is None or protocol.key_id == one.key_id)
        and _domain(one.key) is not None
    ]
    return max(found, key=_rank, default=None)


def authenticate_chip(
    session: ChipSession, infos: Sequence[SecurityInfo], *, private: Private = random_private
) -> ChipProof:
    """Agree on new keys with the chip's static key, go over to them, and have one answer under them.

    `infos` are DG14's. The session must have messaging and has the new one after it. Raises `Unsupported` where
    nothing that is offered can be used, `ChipCloned` where the chip does not prove itself, `MessagingError` and
    `ChipProtocolError` where the old session breaks before that.
    """
    chosen = choose_chip_key(infos)
    if chosen is None:
        raise Unsupported(WHERE, reason=Reason.key)
    domain, theirs = _usable(chosen.key)
    own = private(domain.order)
    public = domain.write(domain.public(own))
    if chosen.info.cipher is InfoCipher.TDES:
        _expect(manage_security(session, 0x41, 0xA6, (0x91, public), *_key_id(chosen)), "MSE:Set KAT")
    else:
        protocol = (0x80, write_oid(chosen.info.oid))
        _expect(manage_security(session, 0x41, 0xA4, protocol, *_key_id(chosen)), "MSE:Set AT")
        response = general_authenticate(session, (0x80, public), more=False)
        _expect(response, "GENERAL AUTHENTICATE")
        read_answer(response, "GENERAL AUTHENTICATE", ChipCloned)
    cipher = SymmetricCipher[chosen.info.cipher.value]
    session.messaging = SecureMessaging.from_secret(cipher, domain.secret(own, theirs))
    try:
        session.send(CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x0e"))
    except (MessagingError, ChipProtocolError) as error:
        raise ChipCloned(WHERE, "no answer under the new keys", reason=error.reason, sw=error.sw) from None
    return ChipProof(ProofMethod.CHIP_AUTHENTICATION, f"{chosen.key}, {cipher}")


def verify_cam(cam: CamData | None, infos: Iterable[SecurityInfo]) -> ChipProof:
    """Whether what the chip sent in PACE-CAM goes with its static key: CA_IC times that key is its mapping key.

    `infos` are EF.CardSecurity's (or DG14's, where the same key stands in it). Raises `ChipCloned`.
    """
    if cam is None:
        raise ChipCloned("PACE-CAM", reason=Reason.structure)
    keys = [
        info.key
        for info in infos
        if isinstance(info, ChipAuthenticationPublicKeyInfo)
        and isinstance(info.key, EcKey)
        and info.key.curve == cam.curve
    ]
    if not keys:
        raise ChipCloned("PACE-CAM", f"no key on {cam.curve.name}", reason=Reason.key)
    if not any(multiply(cam.curve, cam.data, key.point) == cam.mapping_key for key in keys):
        raise ChipCloned("PACE-CAM", reason=Reason.signature)
    return ChipProof(ProofMethod.CHIP_AUTHENTICATION_MAPPING, cam.curve.name)


def _implied(key: ChipAuthenticationPublicKeyInfo) -> ChipAuthenticationInfo:
    return ChipAuthenticationInfo(_3DES_OF[key.agreement], key.agreement, InfoCipher.TDES, 1, None)


def _rank(chosen: ChipKey) -> tuple[bool, int]:
    cipher = SymmetricCipher[chosen.info.cipher.value]
    return isinstance(chosen.key, EcKey), cipher.key_size if cipher is not SymmetricCipher.TDES else 0


def _key_id(chosen: ChipKey) -> tuple[tuple[int, bytes], ...]:
    """Which key is meant, where the chip says that it has several."""
    number = chosen.info.key_id if chosen.info.key_id is not None else chosen.key_id
    if number is None or number < 0:
        return ()
    return ((0x84, number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")),)


def _domain(key: PublicKey) -> Domain | None:
    match key:
        case EcKey(curve=curve):
            return EcDomain(curve, curve.base)
        case DhKey(p=p, g=g, q=q) if p.bit_length() <= LONGEST_PRIME and (q is None or 1 < q < p):
            return DhDomain(str(key), p, g, q)
    return None


def _usable(key: PublicKey) -> tuple[Domain, Element]:
    """The domain of a chosen key and its element, checked. Raises `ChipCloned`: no issuer makes such a key."""
    domain = _domain(key)
    try:
        if isinstance(domain, DhDomain) and isinstance(key, DhKey):
            return domain, domain.checked(key.y)
        if isinstance(domain, EcDomain) and isinstance(key, EcKey) and key.point is not None:
            return domain, domain.read(domain.write(key.point))
    except CryptoError as error:
        raise ChipCloned(WHERE, error.detail, reason=Reason.key) from None
    raise Unsupported(WHERE, str(key), reason=Reason.key)


def _expect(response: ResponseApdu, where: str) -> None:
    """A chip that offers a protocol and then refuses it has not proved itself."""
    if not response.ok:
        raise ChipCloned(where, reason=Reason.status_word, sw=response.sw)
