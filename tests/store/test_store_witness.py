"""Witnesses: which are kept, and that they go out with the range they belong to."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import pytest
from store_kit import BEGIN, Desk, event

from border_agent.store import FaultKind, Store, verify_journal, witness
from border_agent.store.errors import NothingToExport
from border_agent.store.export import Range, export_journal
from border_agent.store.retention import prune
from mqtt_schemas.audit import AuditKeys, verify_files
from mqtt_schemas.audit import FaultKind as AuditFault
from mqtt_schemas.journal_file import EntryLine, WitnessLine, read_lines
from mqtt_schemas.keys import public_bytes

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def kept(store: Store) -> list[tuple[int, str]]:
    with store.reading() as connection:
        rows = connection.execute("SELECT sequence, source FROM witness ORDER BY id").fetchall()
    return [(sequence, source) for sequence, source in rows]


def test_of_each_hour_the_last_stays(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        for _ in range(9):
            journal.commit([event()])
        for sequence, at in ((1, 0), (2, 10), (3, 55), (4, 61), (5, 119), (6, 120)):
            head = journal.head_at(journal.position().epoch, sequence)
            assert head is not None
            journal.move_mark(sequence, head, BEGIN + at * MINUTE, statement=b"ack")
        assert kept(store) == [(3, "centre"), (5, "centre"), (6, "centre")]
        with store.reading() as connection:
            newest = witness.latest(connection, 1)
        assert newest is not None
        assert (newest.sequence, newest.head) == (6, journal.mark().head)


def test_a_restored_centre_takes_no_witness_away(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        for _ in range(9):
            journal.commit([event()])
        for sequence in (8, 3):
            head = journal.head_at(journal.position().epoch, sequence)
            assert head is not None
            journal.move_mark(sequence, head, BEGIN + sequence * MINUTE, statement=b"ack")
        assert kept(store) == [(8, "centre"), (3, "centre")]


def test_other_devices_are_kept_apart_by_device_and_epoch(desk: Desk) -> None:
    with desk.store() as store, store.writing() as connection:
        for number, (source, epoch) in enumerate(
            (("kiosk-1", b"a"), ("kiosk-2", b"b"), ("kiosk-1", b"a"), ("kiosk-1", b"c"))
        ):
            witness.keep(
                connection, stream=None, epoch=epoch * 16, sequence=number + 1, head=b"h" * 32,
                at=BEGIN + number * MINUTE, source=source, statement=b"state",
            )  # fmt: skip
        found = witness.of_others(connection)
    assert [(one.source, one.sequence) for one in found] == [("kiosk-2", 2), ("kiosk-1", 3), ("kiosk-1", 4)]


def test_bodies_that_were_let_go_leave_digests_that_prove(desk: Desk, tmp_path: Path) -> None:
    """By the store's own retention, secrets of whole days gone with them; a range ends at a witness."""
    day = 86_400.0
    with desk.store() as store:
        journal = desk.journal(store)
        for _ in range(5):
            journal.commit([event() for _ in range(3)])
            desk.hands.turn(day)
        end = journal.position()
        journal.move_mark(end.sequence, end.head, BEGIN, statement=b"ack")
        journal.commit([event()])
        now = BEGIN + timedelta(days=5)
        while prune(store, 2, now).more:
            pass
        exported = export_journal(store, desk.key, tmp_path / "x", Range(), made_at=now, software="test")
        assert (exported.entries, 0 < exported.without_body < 16) == (17, True)
        with pytest.raises(NothingToExport):
            export_journal(store, desk.key, tmp_path / "y", Range(first=18), made_at=now, software="test")
        ranged = export_journal(store, desk.key, tmp_path / "z", Range(last=13), made_at=now, software="test")
        assert ranged.entries == 16, "digests up to the witness"
    keys = AuditKeys({}, anyone=public_bytes(desk.key))
    report = verify_files([tmp_path / "x"], keys)
    assert [fault.kind for fault in report.faults if fault.kind is not AuditFault.WITNESS] == []
    assert (report.streams[0].without_body, report.streams[0].proven_upto) == (exported.without_body, 17)


@pytest.mark.parametrize("how", ["cut", "written anew"])
def test_the_devices_own_check_holds_its_journal_against_what_was_acknowledged(desk: Desk, how: str) -> None:
    """By somebody with every key: the store looks whole, but for what the centre has once signed."""
    with desk.store() as store:
        journal = desk.journal(store)
        for _ in range(9):
            journal.commit([event()])
        head = journal.head_at(journal.position().epoch, 8)
        assert head is not None
        journal.move_mark(8, head, BEGIN, statement=b"ack")
        assert verify_journal(store, desk.key.public_key()).ok
        with store.writing() as connection:
            triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("DELETE FROM journal WHERE sequence > 5")
            connection.execute(
                "UPDATE stream SET (sequence, head) = (SELECT sequence, head FROM journal WHERE sequence = 5),"
                " acknowledged = 5, acknowledged_head = (SELECT head FROM journal WHERE sequence = 5)"
            )
            for _, sql in triggers:
                connection.execute(sql)
        desk.path.with_name(f"{desk.path.name}.tail").unlink(missing_ok=True)
        if how == "written anew":
            again = desk.journal(store)
            for _ in range(5):
                again.commit([event("rather")])
        report = verify_journal(store, desk.key.public_key())
    assert [(fault.kind, fault.sequence) for fault in report.faults] == [(FaultKind.WITNESS, 8)]


def test_nothing_is_left_of_an_export_that_was_ended(desk: Desk, tmp_path: Path) -> None:
    def ended(done: int, _total: int) -> None:
        raise KeyboardInterrupt(done)

    (tmp_path / "x").write_bytes(b"an older one")
    with desk.store() as store:
        journal = desk.journal(store)
        for _ in range(2):
            journal.commit([event() for _ in range(64)])
        with pytest.raises(KeyboardInterrupt):
            export_journal(
                store, desk.key, tmp_path / "x", Range(), made_at=BEGIN, software="test", progress=ended
            )  # fmt: skip
        journal.commit([event()])
    assert (tmp_path / "x").read_bytes() == b"an older one"
    assert not list(tmp_path.glob("*.part"))


def test_an_entry_tells_nothing_of_the_days_secret(desk: Desk, tmp_path: Path) -> None:
    """Whoever is shown one entry must not be able to guess its neighbours."""
    with desk.store() as store:
        journal = desk.journal(store)
        for _ in range(5):
            journal.commit([event()])
        with store.reading() as connection:
            secrets = [bytes(row[0]) for row in connection.execute("SELECT secret FROM secret")]
        export_journal(store, desk.key, tmp_path / "x", Range(first=3, last=3), made_at=BEGIN, software="test")
    with (tmp_path / "x").open("rb") as file:
        lines = [line.value for line in read_lines(file)]
    (entry,) = [line for line in lines if isinstance(line, EntryLine)]
    assert entry.salt is not None
    assert entry.salt not in secrets
    assert not [line for line in lines if isinstance(line, WitnessLine)]
    assert not [secret for secret in secrets if b64encode(secret) in (tmp_path / "x").read_bytes()]
