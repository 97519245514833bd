"""Fixtures of the officers' tests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from border_agent.words import has
from tests.officers.officers_kit import Place, opened


def _quick(code: str) -> str:
    kdf = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=1, lanes=1, memory_cost=64)
    return kdf.derive_phc_encoded(code.encode())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id of 64 KiB: the cost itself is one test's matter, and not every one's."""
    for module in ("credentials", "activation"):
        monkeypatch.setattr(f"border_agent.agent.officers.{module}.hash_code", _quick)


@pytest.fixture
def place(tmp_path: Path, quick: None) -> Iterator[Place]:
    with opened(tmp_path / "place") as found:
        yield found
        for act in found.acts():
            assert has(f"act.{act.act}")
            assert act.act == "suspended" or all(has(key) for key in _words(act.details)), act.details


def _words(details: dict[str, str]) -> list[str]:
    """The keys of the words for an act's details."""
    names = {"reason": "act_reason", "factor": "act_factor", "scope": "act_scope", "clock": "clock_quality"}
    return [f"act_detail.{name}" for name in details] + [
        f"{names[name]}.{value}" for name, value in details.items() if name in names
    ]
