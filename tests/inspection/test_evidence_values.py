"""Evidence as it lies on a disk: it reads back equal, and what was decided on it once is decided again."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from inspection_cases import NOW, POLICY, chip, clock, good, hit, with_visa
from msgspec import Struct

from border_agent.inspection import ClockEvidence, Evidence, Verdict, decide, without_pictures
from mqtt_schemas.records import Policy

GOLDEN = Path(__file__).parent / "golden"


class Stored(Struct):
    """One decision as it was made by the software of its day."""

    name: str
    evidence: Evidence
    policy: Policy
    verdict: Verdict


def test_evidence_reads_back_equal() -> None:
    evidence = good(hits=(hit(),), chip=chip())
    assert msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence) == evidence


def test_evidence_of_an_older_version_reads_with_defaults() -> None:
    raw = json.loads(msgspec.json.encode(good()))
    for key in ("chip", "page", "timed_out", "problems", "hits", "group", "accompanied", "purpose", "direction"):
        del raw[key]
    raw["something_newer"] = {"not": "known"}
    read = msgspec.json.decode(json.dumps(raw), type=Evidence)
    assert (read.timed_out, read.page, read.purpose, read.chip) == ((), None, "", None)
    assert read.document is not None
    assert (read.document.confidence, read.document.uncertain) == (None, ())


def test_a_moment_without_a_zone_is_no_evidence() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock(at=datetime(2026, 11, 22, 10, 30))
    naive = msgspec.json.encode(clock()).replace(b"Z", b"")
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(naive, type=ClockEvidence)
    assert clock().today == NOW.date()


def test_pictures_are_left_out_of_what_is_kept() -> None:
    kept = without_pictures(good())
    assert kept.visa is not None
    assert kept.visa.record is not None
    assert kept.visa.record.portrait == b""
    assert kept.visa.record.portrait_sha256
    assert without_pictures(with_visa(record=None)) == with_visa(record=None)
    evidence = without_pictures(good(chip=chip()))
    assert evidence.chip == chip()
    assert len(msgspec.json.encode(evidence)) < 16_384
    assert decide(evidence, POLICY) == decide(good(chip=chip()), POLICY)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_old_decisions_are_decided_again_the_same(file: Path) -> None:
    """Files here are only added: one that fails means that old rules, or stored evidence, have changed."""
    decisions = msgspec.json.decode(file.read_bytes(), type=list[Stored])
    assert decisions
    for stored in decisions:
        assert decide(stored.evidence, stored.policy) == stored.verdict, stored.name
