"""Evidence by its hash, and small values."""

from __future__ import annotations

from hashlib import sha256

import pytest
from store_kit import Desk, event

from border_agent.store import EvidenceKept, EvidenceStore, EvidenceTooLarge, Journal, Notes, Store
from border_agent.store.evidence import LARGEST


def test_a_piece_is_kept_once_under_its_hash(desk: Desk) -> None:
    with desk.store() as store:
        evidence = EvidenceStore(store)
        name = evidence.put(b"picture")
        assert name == sha256(b"picture").digest() == evidence.put(b"picture")
        assert evidence.size() == 7
    with desk.store() as store:
        assert EvidenceStore(store).get(name) == b"picture"
        assert EvidenceStore(store).get(b"\0" * 32) is None


def test_a_piece_is_kept_with_the_entry_that_names_it(store: Store, journal: Journal) -> None:
    piece = EvidenceKept(b"record")
    journal.commit([event()], [piece])
    journal.commit([event()], [piece])
    assert EvidenceStore(store).get(piece.digest) == b"record"
    assert EvidenceStore(store).size() == 6


def test_a_piece_is_bounded(store: Store, journal: Journal) -> None:
    before = journal.position()
    with pytest.raises(EvidenceTooLarge):
        EvidenceStore(store).put(b"\0" * (LARGEST + 1))
    with pytest.raises(EvidenceTooLarge):
        journal.commit([event()], [EvidenceKept(b"\0" * (LARGEST + 1))])
    assert journal.position() == before


def test_notes_outlive_a_restart(desk: Desk) -> None:
    with desk.store() as store:
        notes = Notes(store)
        assert notes.get("a") is None
        notes.put("a", b"1")
        notes.put("a", b"2")
    with desk.store() as store:
        assert Notes(store).get("a") == b"2"
