"""Evidence by its hash: kept with its entry, sealed under its day, waiting for the centre; small values."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from evidence_kit import AT, LIVE, PAGE, acknowledge, keep, plain_pages, record
from store_kit import Desk, event

from border_agent.store import EvidenceKept, EvidenceStore, EvidenceTooLarge, Journal, Notes, Store, StoreDamaged
from border_agent.store.copying import copy_store
from border_agent.store.evidence import LARGEST, LARGEST_PICTURE, PictureKept
from border_agent.store.evidence_keys import seal, unseal
from border_agent.store.evidence_places import NOWHERE, catch_up
from border_agent.store.evidence_waiting import EvidenceWaiting
from mqtt_schemas.entries import EpochReason

DAY = 86_400.0


def test_a_piece_is_kept_with_the_entry_that_names_it(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        piece = EvidenceKept(b"record")
        journal.commit([event()], [piece])
        journal.commit([event()], [piece])
        assert EvidenceStore(store).size() == 6
    with desk.store() as store:
        assert EvidenceStore(store).get(piece.digest) == b"record"
        assert EvidenceStore(store).get(b"\0" * 32) is None


def test_a_piece_is_bounded(store: Store, journal: Journal) -> None:
    before = journal.position()
    for piece in (EvidenceKept(b"\0" * (LARGEST + 1)), PictureKept("live", b"\0" * (LARGEST_PICTURE + 1))):
        with pytest.raises(EvidenceTooLarge):
            journal.commit([event()], [piece])
    with pytest.raises(EvidenceTooLarge):
        journal.commit([event()], [PictureKept("live", b"")])
    assert journal.position() == before


def test_a_picture_is_sealed_and_comes_back_whole(store: Store, journal: Journal) -> None:
    keep(journal, LIVE, PAGE)
    evidence = EvidenceStore(store)
    for kept in (LIVE, PAGE):
        assert evidence.holds(kept.digest)
        assert evidence.get(kept.digest) == kept.data
    with store.reading() as connection:
        rows = connection.execute("SELECT data, size, stream, sequence FROM evidence_blob").fetchall()
        keys = connection.execute("SELECT key FROM evidence_key").fetchall()
    assert len(keys) == 1
    assert all(LIVE.data[:64] not in data and PAGE.data[:64] not in data for data, *_ in rows)
    assert {(row[1] + 16, *row[2:]) for row in rows} == {(len(row[0]), 1, 2) for row in rows}


def test_each_day_has_a_key_of_its_own_and_a_later_day_takes_a_picture_over(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        keep(journal, LIVE)
        desk.hands.turn(DAY)
        keep(journal, LIVE, PAGE)
        with store.reading() as connection:
            days = connection.execute("SELECT day FROM evidence_key ORDER BY day").fetchall()
            live = connection.execute("SELECT day FROM evidence_blob WHERE sha256 = ?", (LIVE.digest,)).fetchone()
        assert [day for (day,) in days] == ["2027-03-01", "2027-03-02"]
        assert live == ("2027-03-02",)
        assert EvidenceStore(store).get(LIVE.digest) == LIVE.data


def test_a_row_put_in_anothers_place_does_not_open(store: Store, journal: Journal) -> None:
    keep(journal, LIVE, PAGE)
    with store.writing() as connection:
        nonce, data = connection.execute(
            "SELECT nonce, data FROM evidence_blob WHERE sha256 = ?", (PAGE.digest,)
        ).fetchone()
        connection.execute(
            "UPDATE evidence_blob SET nonce = ?, data = ? WHERE sha256 = ?", (nonce, data, LIVE.digest)
        )
    with pytest.raises(StoreDamaged):
        EvidenceStore(store).get(LIVE.digest)
    assert EvidenceStore(store).get(PAGE.digest) == PAGE.data


def test_sealing_is_bound_to_key_and_name() -> None:
    key, name = os.urandom(32), sha256(b"picture").digest()
    nonce, sealed = seal(key, name, b"picture")
    assert unseal(key, name, nonce, sealed) == b"picture"
    assert unseal(os.urandom(32), name, nonce, sealed) is None
    assert unseal(key, bytes(32), nonce, sealed) is None
    assert unseal(key, name, nonce, sealed[:-1] + bytes([sealed[-1] ^ 1])) is None


def test_what_waits_comes_entry_by_entry_the_record_first_and_only_acknowledged(
    store: Store, journal: Journal
) -> None:
    first, second = record(1), record(2)
    keep(journal, first, LIVE)
    keep(journal, second, PAGE)
    waiting = EvidenceWaiting(store)
    assert waiting.after(NOWHERE) == []
    assert (waiting.count().pieces, waiting.count().size) == (
        4,
        sum(len(p.data) for p in (first, second, LIVE, PAGE)),
    )
    acknowledge(journal, 2)
    assert [piece.name for piece in waiting.after(NOWHERE)] == [first.digest, LIVE.digest]
    acknowledge(journal, 3)
    found = waiting.after(NOWHERE)
    assert [(piece.name, piece.kind, piece.size) for piece in found] == [
        (first.digest, "record", len(first.data)),
        (LIVE.digest, "live", len(LIVE.data)),
        (second.digest, "record", len(second.data)),
        (PAGE.digest, "page", len(PAGE.data)),
    ]
    assert [piece.name for piece in waiting.after(found[1].place)] == [second.digest, PAGE.digest]
    assert {piece.epoch for piece in found} == {journal.position().epoch}


def test_what_the_centre_holds_waits_no_more_until_it_is_doubted(store: Store, journal: Journal) -> None:
    kept = record(1)
    keep(journal, kept, LIVE)
    acknowledge(journal, 2)
    waiting = EvidenceWaiting(store)
    waiting.whole([kept.digest, LIVE.digest], AT)
    assert waiting.after(NOWHERE) == []
    assert waiting.count().pieces == 0
    waiting.doubt()
    assert [(piece.sent, piece.size) for piece in waiting.after(NOWHERE)] == [
        (len(kept.data), len(kept.data)),
        (len(LIVE.data), len(LIVE.data)),
    ]


def test_evidence_follows_an_entry_into_another_epoch(store: Store, journal: Journal) -> None:
    kept = record(1)
    keep(journal, kept, LIVE)
    journal.open_epoch(EpochReason.RESTORED, carry=True)
    acknowledge(journal, journal.position().sequence)
    found = EvidenceWaiting(store).after(NOWHERE)
    assert {piece.name for piece in found} == {kept.digest, LIVE.digest}
    assert {piece.epoch for piece in found} == {journal.position().epoch}


def test_records_of_the_version_before_find_their_entries(store: Store, journal: Journal) -> None:
    kept, stray = record(1), EvidenceKept(b"no entry names this")
    keep(journal, kept)
    with store.writing() as connection:
        stray.apply(connection, AT)
        connection.execute("DELETE FROM evidence_state")  # which version 2 does not write
    with store.opened() as connection:
        catch_up(connection)
        catch_up(connection)
        places = dict(connection.execute("SELECT sha256, sequence FROM evidence_state").fetchall())
    assert places == {kept.digest: 2, stray.digest: 0}
    acknowledge(journal, 2)
    assert [piece.name for piece in EvidenceWaiting(store).after(NOWHERE)] == [kept.digest]


def test_a_copy_has_no_keys_and_not_a_byte_of_one(desk: Desk, tmp_path: Path) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        keep(journal, record(1), LIVE)
        with store.reading() as connection:
            ((key,),) = connection.execute("SELECT key FROM evidence_key").fetchall()
        assert key in plain_pages(desk.path, desk.key_file.read_bytes())
        copied = copy_store(store, tmp_path / "copy.db")
        assert copied.rows["evidence_key"] == 0
        assert EvidenceStore(store).get(LIVE.digest) == LIVE.data
    pages = plain_pages(tmp_path / "copy.db", desk.key_file.read_bytes())
    assert record(1).data in pages
    assert key not in pages
    with Store(tmp_path / "copy.db", desk.key_file) as copy:
        assert EvidenceStore(copy).get(record(1).digest) == record(1).data
        assert not EvidenceStore(copy).holds(LIVE.digest)
        assert EvidenceStore(copy).get(LIVE.digest) is None
        assert EvidenceWaiting(copy).count().pieces == 1
        with copy.reading() as connection:
            assert connection.execute("SELECT count(*) FROM evidence_key").fetchone() == (0,)


def test_what_no_key_opens_is_given_up(store: Store, journal: Journal) -> None:
    keep(journal, record(1), LIVE)
    acknowledge(journal, 2)
    with store.writing() as connection:
        # As in a database that was put back without its keys, and began a new one on the same day.
        connection.execute("UPDATE evidence_key SET key = ?", (os.urandom(32),))
    waiting = EvidenceWaiting(store)
    with pytest.raises(StoreDamaged):
        EvidenceStore(store).get(LIVE.digest)
    assert waiting.read(LIVE.digest) is None
    assert EvidenceStore(store).get(LIVE.digest) is None
    assert [piece.kind for piece in waiting.after(NOWHERE)] == ["record"]


def test_notes_outlive_a_restart(desk: Desk) -> None:
    with desk.store() as store:
        notes = Notes(store)
        assert notes.get("a") is None
        notes.put("a", b"1")
        notes.put("a", b"2")
    with desk.store() as store:
        assert Notes(store).get("a") == b"2"
