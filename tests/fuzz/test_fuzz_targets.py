"""Every fuzz target stands on its own seeds, and on them with a byte changed: `make fuzz` does the rest."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tests.fuzz.targets import TARGETS, check, seeds_of


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_stands_on_its_seeds(name: str) -> None:
    seeds = seeds_of(name)
    assert seeds
    dice = random.Random(7)
    for seed in dice.sample(seeds, min(8, len(seeds))):
        check(name, seed)
        changed = bytearray(seed)
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
        check(name, bytes(changed))
    check(name, b"")


def test_the_command_repeats_what_was_found() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--repeat", "/dev/null", "tlv"]
    assert subprocess.run(command).returncode == 0
    assert subprocess.run([*command[:3], "nothing"], stderr=subprocess.DEVNULL).returncode == 2
