"""Diffie-Hellman modulo a prime: the three groups of RFC 5114 with a subgroup of prime order."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Final

import msgspec

from border_agent.crypto.errors import GroupError


class ModpGroup(msgspec.Struct, frozen=True):
    """The integers modulo the prime p; g generates a subgroup of prime order q."""

    name: str
    p: int
    g: int
    q: int

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return (self.p.bit_length() + 7) // 8


class _Row(msgspec.Struct, frozen=True):
    name: str
    p: str
    g: str
    q: str


def _load() -> Mapping[str, ModpGroup]:
    data = resources.files(__package__).joinpath("groups.json").read_bytes()
    rows = msgspec.json.decode(data, type=list[_Row])
    return MappingProxyType(
        {row.name: ModpGroup(row.name, int(row.p, 16), int(row.g, 16), int(row.q, 16)) for row in rows}
    )


GROUPS: Final = _load()
"""modp1024_160, modp2048_224 and modp2048_256 of RFC 5114 sections 2.1 to 2.3."""


def check_public(group: ModpGroup, y: int) -> None:
    """Raises `GroupError` unless y lies in the subgroup of order q and is not its neutral element."""
    if not 1 < y < group.p - 1:
        raise GroupError(group.name, "out of range")
    if pow(y, group.q, group.p) != 1:
        raise GroupError(group.name, "in a small subgroup")


def read_public(group: ModpGroup, data: bytes) -> int:
    """A public key as a big-endian integer of at most the prime's length. Raises `GroupError`."""
    if len(data) > group.size:
        raise GroupError(group.name, f"{len(data)} bytes")
    y = int.from_bytes(data, "big")
    check_public(group, y)
    return y


def write_public(y: int) -> bytes:
    """As an unsigned integer in the fewest bytes (Doc 9303-11 9.4.2, TR-03110-3 D.2.1.1)."""
    return y.to_bytes((y.bit_length() + 7) // 8, "big")
