"""DG14: what the chip can prove itself with, and DG15: its Active Authentication key (Doc 9303-10 4.7.14, .15)."""

from __future__ import annotations

from dataclasses import dataclass

from border_agent.documents.lds.asn1 import bounded, refusing
from border_agent.documents.lds.errors import LdsUnsupported
from border_agent.documents.lds.public_keys import EcKey, PublicKey, RsaKey, read_public_key
from border_agent.documents.lds.security_infos import LARGEST, SecurityInfo, read_security_infos
from border_agent.documents.tlv import read_only

_DG14, _DG15 = 0x6E, 0x6F


@dataclass(frozen=True)
class ActiveAuthenticationKey:
    key: RsaKey | EcKey


def read_dg14(data: bytes) -> tuple[SecurityInfo, ...]:
    """Raises `LdsTooLong`, `LdsMalformed`."""
    return read_security_infos(_inside(data, _DG14, "DG14"), "DG14")


def read_dg15(data: bytes) -> ActiveAuthenticationKey:
    """Raises `LdsTooLong`, `LdsMalformed`, `LdsUnsupported` for a key that cannot be used."""
    key: PublicKey = read_public_key("DG15", _inside(data, _DG15, "DG15"))
    if not isinstance(key, RsaKey | EcKey):
        raise LdsUnsupported("DG15", f"key of kind {key}")
    return ActiveAuthenticationKey(key)


def _inside(data: bytes, tag: int, where: str) -> bytes:
    bounded(where, data, LARGEST)
    with refusing(where):
        return read_only(data, tag, where)
