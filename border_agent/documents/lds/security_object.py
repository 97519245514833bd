"""EF.SOD: the signed list of the files' hashes (Doc 9303-10 section 4.6.2). Reading it believes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from asn1crypto import core

from border_agent.documents.lds.asn1 import (
    OPTIONAL,
    AlgorithmIdentifier,
    bounded,
    is_present,
    refusing,
    sequence,
    sequence_of,
)
from border_agent.documents.lds.errors import LdsMalformed
from border_agent.documents.lds.signed_data import LARGEST_SOD
from border_agent.documents.tlv import read_only

LARGEST_NUMBER = 16
"""Highest number of a data group."""

_WHERE = "EF.SOD"
_TEMPLATE = 0x77
_MOST_HASHES = 32

_HashValue = sequence("DataGroupHash", ("number", core.Integer), ("value", core.OctetString))
_VersionInfo = sequence("LDSVersionInfo", ("lds", core.PrintableString), ("unicode", core.PrintableString))
_SecurityObject = sequence(
    "LDSSecurityObject",
    ("version", core.Integer),
    ("algorithm", AlgorithmIdentifier),
    ("hashes", sequence_of(_HashValue)),
    ("version_info", _VersionInfo, OPTIONAL),
)


@dataclass(frozen=True)
class SecurityObject:
    """`hashes`: number of the data group and its hash. Versions are "" where the object (version 0) has none."""

    version: int
    hash_algorithm: str
    hashes: dict[int, bytes]
    lds_version: str = ""
    unicode_version: str = ""


def read_sod(data: bytes) -> bytes:
    """The CMS inside EF.SOD's tag 77. Raises `LdsTooLong`, `LdsMalformed`."""
    bounded(_WHERE, data, LARGEST_SOD)
    with refusing(_WHERE):
        return read_only(data, _TEMPLATE, _WHERE)


def read_security_object(data: bytes) -> SecurityObject:
    """An LDSSecurityObject, the content of that CMS. Raises `LdsTooLong`, `LdsMalformed`."""
    bounded(_WHERE, data, LARGEST_SOD)
    with refusing(_WHERE):
        read = _SecurityObject.load(data, strict=True)
        if len(read["hashes"]) > _MOST_HASHES:
            raise LdsMalformed(_WHERE, f"{len(read['hashes'])} hashes")
        hashes: dict[int, bytes] = {}
        for row in read["hashes"]:
            number = row["number"].native
            if number in hashes or not 1 <= number <= LARGEST_NUMBER:
                raise LdsMalformed(_WHERE, f"hash of data group {number} twice or out of range")
            hashes[number] = row["value"].native
        info = read["version_info"]
        return SecurityObject(
            version=read["version"].native,
            hash_algorithm=read["algorithm"]["algorithm"].dotted,
            hashes=hashes,
            lds_version=info["lds"].native if is_present(info) else "",
            unicode_version=info["unicode"].native if is_present(info) else "",
        )
