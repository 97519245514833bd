"""Password Authenticated Connection Establishment, Doc 9303-11 section 4.4: generic, integrated and chip
authentication mapping, over curves and groups, with 3DES and AES.

A failing PACE raises and leaves the session without messaging. It never turns into anything else here: whether BAC
may be tried after it is the policy's choice (a chip that only pretends to fail asks for the weaker protocol).
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

import msgspec

from border_agent.crypto.ciphers import SymmetricCipher, cbc_decrypt, unpad
from border_agent.crypto.curves import PACE_PARAMETERS, Curve
from border_agent.crypto.errors import CryptoError, PaddingError
from border_agent.crypto.groups import ModpGroup
from border_agent.documents.chip.agreement import Domain, Element, Private, domain_of, random_private
from border_agent.documents.chip.apdu import ResponseApdu
from border_agent.documents.chip.errors import AccessRefused, PaceFailed, Reason, Unsupported
from border_agent.documents.chip.general_authenticate import (
    AGREEMENT,
    CHIP_AUTHENTICATION_DATA,
    MAPPING,
    TOKEN,
    general_authenticate,
    manage_security,
    read_answer,
    write_oid,
)
from border_agent.documents.chip.mapping import map_generic, map_integrated, nonce_size
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.chip.passwords import Password, pace_key
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.security_infos import KeyAgreement, PaceInfo, PaceMapping, SecurityInfo
from border_agent.documents.tlv import write_tlv

_VERSION: Final = 2
_LONGEST_NONCE: Final = 64
_LONGEST_DATA: Final = 80
"""Bytes of a number below the longest order, padded."""
_ONES: Final = b"\xff" * 16
_NONCE: Final = 0x80
_PUBLIC_KEY_TEMPLATE: Final = 0x7F49


class CamData(msgspec.Struct, frozen=True):
    """What the chip said about its static key in the chip authentication mapping: see `chip_authentication`."""

    curve: Curve
    mapping_key: tuple[int, int]
    """The chip's ephemeral key of the mapping step."""
    data: int
    """CA_IC: with the chip's static public key it must give `mapping_key`."""


class PaceResult(msgspec.Struct, frozen=True):
    mapping: PaceMapping
    agreement: KeyAgreement
    cipher: SymmetricCipher
    parameters: str
    """Name of curve or group."""
    cam_data: CamData | None

    @property
    def access(self) -> str:
        """pace-gm, pace-im, pace-cam."""
        return f"pace-{self.mapping.value.lower()}"


class _Run(msgspec.Struct):
    """One attempt and what all its steps need."""

    session: ChipSession
    info: PaceInfo
    cipher: SymmetricCipher
    private: Private
    random: Callable[[int], bytes]

    def ask(self, where: str, tags: tuple[int, int], value: bytes) -> bytes:
        """Steps 2 and 3: send a value, have one back."""
        response = general_authenticate(self.session, (tags[0], value), more=True)
        _expect(response, where)
        return _object(read_answer(response, where, PaceFailed), tags[1], where)


def choose_pace(infos: Iterable[SecurityInfo]) -> PaceInfo | None:
    """The best of what a chip offers that this reader speaks: CAM (it proves the chip as well), then curves before
    groups, generic before integrated, longer keys before shorter ones. None where it speaks none."""
    offered = [info for info in infos if isinstance(info, PaceInfo) and _parameters(info) is not None]
    return max(offered, key=_rank, default=None)


def establish_pace(
    session: ChipSession,
    info: PaceInfo,
    password: Password,
    *,
    random: Callable[[int], bytes] = os.urandom,
    private: Private = random_private,
) -> PaceResult:
    """Log in and turn secure messaging on.

    `random(n)` gives the terminal's nonce of the integrated mapping; `private(order)` each private key, in the order
    of the protocol. Raises `Unsupported` where the info cannot be followed, `AccessRefused` where the chip does not
    take the terminal's proof (a wrong password), `PaceFailed` for everything else.
    """
    parameters = _parameters(info)
    if parameters is None:
        raise Unsupported("PACE", f"{info.oid}, parameters {info.parameter_id}", reason=Reason.key)
    run = _Run(session, info, SymmetricCipher[info.cipher.value], private, random)
    reference = bytes((password.reference,))
    response = manage_security(
        session, 0xC1, 0xA4, (0x80, write_oid(info.oid)), (0x83, reference), (0x84, bytes((info.parameter_id or 0,)))
    )
    if response.sw == 0x6983:
        raise AccessRefused("MSE:Set AT", "blocked", reason=Reason.status_word, sw=response.sw)
    if response.sw & 0xFFF0 != 0x63C0:  # a warning that few tries are left is none of ours
        _expect(response, "MSE:Set AT")
    s = _nonce(run, password)
    domain, mapping_key = _map(run, parameters, s)
    ours, theirs, messaging = _agree(run, domain)
    cam = _authenticate(run, messaging, ours, theirs)
    session.messaging = messaging
    cam_data = None
    if cam is not None and isinstance(mapping_key, tuple) and isinstance(parameters, Curve):
        cam_data = CamData(parameters, mapping_key, cam)
    return PaceResult(info.mapping, info.agreement, run.cipher, parameters.name, cam_data)


def _parameters(info: PaceInfo) -> Curve | ModpGroup | None:
    """The standardised parameters of an info, None where they are not known or do not fit its protocol."""
    found = PACE_PARAMETERS.get(info.parameter_id) if info.parameter_id is not None else None
    if info.version != _VERSION or isinstance(found, Curve) is not (info.agreement is KeyAgreement.ECDH):
        return None
    if isinstance(found, Curve) and info.mapping is PaceMapping.INTEGRATED and found.p & 3 != 3:
        return None  # secp224r1: the point encoding of the integrated mapping is not defined on it
    return found


def _rank(info: PaceInfo) -> tuple[bool, bool, bool, int, int]:
    cipher, parameters = SymmetricCipher[info.cipher.value], _parameters(info)
    return (
        info.mapping is PaceMapping.CHIP_AUTHENTICATION,
        info.agreement is KeyAgreement.ECDH,
        info.mapping is PaceMapping.GENERIC,
        cipher.key_size if cipher is not SymmetricCipher.TDES else 0,
        parameters.size if parameters is not None else 0,
    )


def _nonce(run: _Run, password: Password) -> bytes:
    """Step 1: the chip's nonce, decrypted with the password's key."""
    where = "PACE nonce"
    response = general_authenticate(run.session, more=True)
    _expect(response, where)
    encrypted = _object(read_answer(response, where, PaceFailed), _NONCE, where)
    integrated = run.info.mapping is PaceMapping.INTEGRATED
    size = len(encrypted)
    if not 0 < size <= _LONGEST_NONCE or size % run.cipher.block or (integrated and size != nonce_size(run.cipher)):
        raise PaceFailed(where, f"{size} bytes", reason=Reason.length)
    return cbc_decrypt(run.cipher, pace_key(password, run.cipher), bytes(run.cipher.block), encrypted)


def _map(run: _Run, parameters: Curve | ModpGroup, s: bytes) -> tuple[Domain, Element | None]:
    """Step 2: the new domain, and the chip's key of the mapping where there was one."""
    where = "PACE mapping"
    domain = domain_of(parameters)
    if run.info.mapping is PaceMapping.INTEGRATED:
        t = run.random(run.cipher.key_size)
        response = general_authenticate(run.session, (MAPPING[0], t), more=True)
        _expect(response, where)
        read_answer(response, where, PaceFailed)  # empty, and however the chip writes that
        try:
            return map_integrated(domain, run.cipher, s, t), None
        except CryptoError as error:
            _refuse(where, Reason.mapping, error)
    private = run.private(domain.order)
    answer = run.ask(where, MAPPING, domain.write(domain.public(private)))
    try:
        theirs = domain.read(answer)
    except CryptoError as error:
        _refuse(where, Reason.point_not_on_curve, error)
    try:
        return map_generic(domain, s, domain.times(private, theirs)), theirs
    except CryptoError as error:
        _refuse(where, Reason.mapping, error)


def _agree(run: _Run, domain: Domain) -> tuple[bytes, bytes, SecureMessaging]:
    """Step 3: both public keys as they went over the wire, and the session keys."""
    where = "PACE key agreement"
    private = run.private(domain.order)
    ours = domain.write(domain.public(private))
    answer = run.ask(where, AGREEMENT, ours)
    try:
        theirs = domain.read(answer)
    except CryptoError as error:
        _refuse(where, Reason.point_not_on_curve, error)
    if domain.write(theirs) == ours:
        raise PaceFailed(where, reason=Reason.same_public_key)
    return ours, answer, SecureMessaging.from_secret(run.cipher, domain.secret(private, theirs))


def _authenticate(run: _Run, messaging: SecureMessaging, ours: bytes, theirs: bytes) -> int | None:
    """Step 4: tokens both ways; with CAM the chip authentication data, decrypted."""
    where = "PACE tokens"
    response = general_authenticate(run.session, (TOKEN[0], _token(run, messaging, theirs)), more=False)
    if response.sw1 in (0x63, 0x69):
        raise AccessRefused(where, reason=Reason.status_word, sw=response.sw)
    _expect(response, where)
    answer = read_answer(response, where, PaceFailed)
    token = _object(answer, TOKEN[1], where)
    if not hmac.compare_digest(token, _token(run, messaging, ours)):
        raise PaceFailed(where, reason=Reason.chip_token)
    if run.info.mapping is not PaceMapping.CHIP_AUTHENTICATION:
        return None
    encrypted = _object(answer, CHIP_AUTHENTICATION_DATA, where)
    if not 0 < len(encrypted) <= _LONGEST_DATA or len(encrypted) % run.cipher.block:
        raise PaceFailed(where, f"{len(encrypted)} bytes of chip authentication data", reason=Reason.length)
    try:
        return int.from_bytes(unpad(messaging.decrypt_with(_ONES, encrypted)), "big")
    except PaddingError:
        raise PaceFailed(where, "chip authentication data", reason=Reason.padding) from None


def _token(run: _Run, messaging: SecureMessaging, public: bytes) -> bytes:
    """The code of a public key with its protocol (9303-11 4.4.3.4, 9.4): 86 for a point, 84 for a number."""
    tag = 0x86 if run.info.agreement is KeyAgreement.ECDH else 0x84
    content = write_tlv(0x06, write_oid(run.info.oid)) + write_tlv(tag, public)
    return messaging.token(write_tlv(_PUBLIC_KEY_TEMPLATE, content))


def _expect(response: ResponseApdu, where: str) -> None:
    if not response.ok:
        raise PaceFailed(where, reason=Reason.status_word, sw=response.sw)


def _object(answer: dict[int, bytes], tag: int, where: str) -> bytes:
    if tag not in answer:
        raise PaceFailed(where, f"no tag {tag:02X}", reason=Reason.structure)
    return answer[tag]


def _refuse(where: str, reason: Reason, error: CryptoError) -> NoReturn:
    raise PaceFailed(where, error.detail, reason=reason) from None
