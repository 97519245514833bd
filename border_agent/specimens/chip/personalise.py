"""From a profile and a holder's data to a booklet: keys made, files written and signed; and how to spoil one.

What spoils a booklet here is its content: a clone's keys, a file changed after signing, lines that differ from the
page. What goes wrong on the wire is in `faults`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, time

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from border_agent.specimens.chip import groups, security_files
from border_agent.specimens.chip.agreement import Domain
from border_agent.specimens.chip.booklet import ATR_INFO, CARD_ACCESS, CARD_SECURITY, COM, SOD, Booklet, ChipKeys
from border_agent.specimens.chip.certificates import Signer
from border_agent.specimens.chip.faults import Fault
from border_agent.specimens.chip.profile import ActiveKind, ChipProfile
from border_agent.specimens.chip.signing_keys import rsa_private
from border_agent.specimens.chip.sod import security_object

_ACTIVE = 10
"""Uses of RSA keys from here on are Active Authentication's: two, so that a clone's can be another."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """What the data groups about the holder hold: whole files, empty where there is none."""

    lines: tuple[str, ...]
    dg2: bytes = b""
    dg7: bytes = b""
    dg11: bytes = b""
    dg12: bytes = b""


def personalise(
    profile: ChipProfile,
    holder: Holder,
    signer: Signer,
    signed: date,
    *,
    digest: str = "sha256",
    printed: tuple[str, ...] = (),
    faults: tuple[Fault, ...] = (),
) -> Booklet:
    """A booklet's chip, signed on that day (at noon, UTC).

    `digest` hashes the data groups. `printed`: the lines on the page, where they are not DG1's.
    """
    at = datetime.combine(signed, time(12), UTC)
    keys = make_keys(profile)
    data = _data_groups(profile, holder, keys)
    files = {f"DG{number}": file for number, file in data.items()}
    files[COM] = groups.com(data)
    files[SOD] = security_object(data, signer, at, digest=digest)
    files[ATR_INFO] = security_files.atr_info(profile)
    if profile.pace:
        files[CARD_ACCESS] = security_files.card_access(profile)
    if profile.cam:
        files[CARD_SECURITY] = security_files.card_security(profile, keys.mapping, signer, at)
    password = password_of(printed or holder.lines)
    return Booklet(profile=profile, mrz_information=password, files=files, keys=keys, faults=faults)


def password_of(lines: tuple[str, ...]) -> str:
    """What BAC and PACE make their keys of: number, birth and expiry with their check digits (9303-11, 4.3.2).

    A number too long for its field goes on in the optional data, check digit last (9303-5, 4.2.2.1).
    """
    if len(lines) == 3:
        number, more, dates = lines[0][5:15], lines[0][15:30], lines[1][0:7] + lines[1][8:15]
    else:
        second = lines[1]
        number, dates = second[0:10], second[13:20] + second[21:28]
        more = second[28:35] if len(second) == 36 else ""
    if number.endswith("<") and more.strip("<"):
        number = number[:-1] + more.split("<", 1)[0]
    return number + dates


def make_keys(profile: ChipProfile) -> ChipKeys:
    """New private keys for all that a profile can prove. RSA keys are a process's own, see `rsa_private`."""
    active = b""
    if offer := profile.active_authentication:
        if offer.kind is ActiveKind.RSA:
            key = rsa_private(offer.bits, _ACTIVE + secrets.randbelow(2))
            active = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        else:
            active = _scalar(offer.parameter_id)
    authentication = profile.chip_authentication
    return ChipKeys(
        chip_authentication=_scalar(authentication.parameter_id) if authentication else b"",
        mapping=_scalar(profile.cam.parameter_id) if profile.cam else b"",
        active=active,
    )


def cloned(booklet: Booklet) -> Booklet:
    """A copy of everything that can be read, in a chip that has to make up the keys that cannot."""
    keys = make_keys(booklet.profile)
    while keys.active and keys.active == booklet.keys.active:
        keys = make_keys(booklet.profile)
    return msgspec.structs.replace(booklet, keys=keys)


def with_files(booklet: Booklet, files: Mapping[str, bytes]) -> Booklet:
    """The booklet with these files changed after it was signed."""
    return msgspec.structs.replace(booklet, files={**booklet.files, **files})


def with_faults(booklet: Booklet, *faults: Fault) -> Booklet:
    """The booklet with these faults and no others."""
    return msgspec.structs.replace(booklet, faults=faults)


def _data_groups(profile: ChipProfile, holder: Holder, keys: ChipKeys) -> dict[int, bytes]:
    data = {1: groups.dg1(holder.lines), 2: holder.dg2, 7: holder.dg7, 11: holder.dg11, 12: holder.dg12}
    if security_files.needs_dg14(profile):
        data[14] = security_files.dg14(profile, keys.chip_authentication)
    if profile.active_authentication:
        data[15] = security_files.dg15(profile, keys.active)
    return {number: file for number, file in data.items() if file}


def _scalar(parameter_id: int) -> bytes:
    domain = Domain.standard(parameter_id)
    private = domain.private(secrets.token_bytes)
    return private.to_bytes((private.bit_length() + 7) // 8, "big")
