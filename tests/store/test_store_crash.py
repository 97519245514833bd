"""Killed in the middle of commits: nothing that was told is missing, and the chain goes on."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_kit import Desk

from border_agent.store import Store, VisaUses, verify_journal

KILLS = 6


def start(desk: Desk) -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("commit_loop.py")
    return subprocess.Popen(
        [
            sys.executable,
            str(program),
            str(desk.path),
            str(desk.key_file),
            desk.key.private_bytes_raw().hex(),
        ],
        stdout=subprocess.PIPE,
    )


def told(output: bytes) -> list[tuple[int, bytes, str]]:
    """The lines that were written whole."""
    lines = [line.split() for line in output.decode().splitlines(keepends=True) if line.endswith("\n")]
    return [(int(sequence), bytes.fromhex(head), visa) for sequence, head, visa in lines]


def test_nothing_told_is_missing_after_kills(desk: Desk) -> None:
    chance = random.Random(20270301)
    everything: list[tuple[int, bytes, str]] = []
    for _ in range(KILLS):
        process = start(desk)
        assert process.stdout is not None
        # However slow the disk: some commits have been told before the kill.
        first = b"".join(process.stdout.readline() for _ in range(5))
        time.sleep(chance.uniform(0.05, 0.25))
        process.kill()
        rest = process.stdout.read()
        process.wait()
        process.stdout.close()
        everything += told(first + rest)
    assert len(everything) > KILLS * 3
    with desk.store() as store:
        _check(desk, store, everything)
        assert desk.journal(store).position().sequence >= everything[-1][0]


def _check(desk: Desk, store: Store, everything: list[tuple[int, bytes, str]]) -> None:
    journal, uses = desk.journal(store), VisaUses(store)
    epoch = journal.position().epoch
    assert verify_journal(store, desk.key.public_key()).ok
    sequences = [sequence for sequence, _, _ in everything]
    assert sequences == sorted(set(sequences)), "each entry has a place of its own"
    for sequence, head, visa in everything:
        assert journal.head_at(epoch, sequence) == head
        assert uses.count(visa) == 1


def test_the_check_can_fail(desk: Desk) -> None:
    """The negative control: an entry that was told and is not there is noticed."""
    with desk.store() as store, pytest.raises(AssertionError):
        _check(desk, store, [(2, b"\0" * 32, "0" * 16)])
