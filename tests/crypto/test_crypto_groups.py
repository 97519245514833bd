"""The groups of RFC 5114, proved, and public keys that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto.errors import GroupError
from border_agent.crypto.groups import (
    GROUPS,
    ModpGroup,
    check_public,
    read_public,
    write_public,
)

GROUP = GROUPS["modp1024_160"]


@pytest.mark.parametrize("group", GROUPS.values(), ids=lambda group: group.name)
def test_the_constants_hold(group: ModpGroup) -> None:
    bits, order = (int(part) for part in group.name.removeprefix("modp").split("_"))
    assert (group.p.bit_length(), group.q.bit_length(), group.size) == (bits, order, bits // 8)
    assert all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7) for number in (group.p, group.q))
    assert (group.p - 1) % group.q == 0
    assert pow(group.g, group.q, group.p) == 1 and group.g > 1
    check_public(group, group.g)


@pytest.mark.parametrize("group", GROUPS.values(), ids=lambda group: group.name)
def test_numbers_outside_the_subgroup_are_refused(group: ModpGroup) -> None:
    small = pow(3, group.q, group.p)  # of an order that divides the cofactor
    assert small not in (0, 1)
    for bad in (0, 1, group.p - 1, group.p, group.p + group.g, -group.g, small, small * group.g % group.p):
        with pytest.raises(GroupError):
            check_public(group, bad)


@given(st.binary(max_size=140))
def test_any_bytes_are_a_public_key_or_a_typed_error(data: bytes) -> None:
    try:
        y = read_public(GROUP, data)
    except GroupError:
        return
    assert pow(y, GROUP.q, GROUP.p) == 1


@given(st.integers(1, GROUP.q - 1))
def test_public_keys_survive_their_bytes(private: int) -> None:
    y = pow(GROUP.g, private, GROUP.p)
    encoded = write_public(y)
    assert encoded[0] and read_public(GROUP, encoded) == y
    assert read_public(GROUP, encoded.rjust(GROUP.size, b"\x00")) == y
