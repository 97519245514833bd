"""The journal: what is written stays as it is, and where it is."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from store_kit import DEVICE, Desk, Hands, event

from border_agent.store import (
    FaultKind,
    Journal,
    NotAppended,
    Receipt,
    Store,
    StoreDamaged,
    StoreError,
    VerifyReport,
    VisaUsed,
    VisaUses,
    verify_journal,
)
from border_agent.store.sqlcipher import Connection, DatabaseError
from mqtt_schemas import chain
from mqtt_schemas.codec import SecretTable, build_batch, prove_batch
from mqtt_schemas.entries import Direction, EpochOpened, EpochReason, read_entry

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def used(movement: str) -> VisaUsed:
    return VisaUsed(visa_id="0" * 16, movement_id=movement, direction=Direction.ENTRY, occurred_at=NOW)


def verify(desk: Desk, store: Store) -> VerifyReport:
    return verify_journal(store, desk.key.public_key())


def test_a_new_store_opens_an_epoch_with_its_reason(desk: Desk, store: Store, journal: Journal) -> None:
    position = journal.position()
    assert position.sequence == 1
    (body,) = journal.latest(10)
    opened = read_entry(body)
    assert isinstance(opened, EpochOpened)
    assert (opened.reason, opened.device) == (EpochReason.FIRST_START, DEVICE)
    assert verify(desk, store).ok


def test_receipts_follow_the_chain_and_batches_prove_it(desk: Desk, journal: Journal) -> None:
    receipt = journal.commit([event("a"), event("b")])
    assert receipt.sequence == 3
    chain.verify_head(desk.key.public_key(), DEVICE, receipt.epoch, 3, receipt.head, receipt.signature)
    segment = journal.entries_after(0, 200, 10**6)
    assert segment is not None
    assert segment.head == receipt.head
    batch = build_batch(
        DEVICE,
        segment.epoch,
        segment.first,
        segment.previous,
        segment.bodies,
        segment.head,
        segment.signature,
        segment.secrets,
    )
    secrets = SecretTable()
    secrets.add(batch.secrets)
    assert len(prove_batch(batch, secrets, desk.key.public_key())) == 3


def test_segments_are_bounded_contiguous_and_each_ends_at_a_signed_head(desk: Desk, journal: Journal) -> None:
    journal.commit([event(size=3000) for _ in range(20)])
    after, count = 0, 0
    while (segment := journal.entries_after(after, 4, 7000)) is not None:
        assert segment.first == after + 1
        assert segment.last - segment.first + 1 == len(segment.bodies) <= 4
        assert len(segment.bodies) == 1 or sum(map(len, segment.bodies)) <= 7000
        assert segment.previous == journal.head_at(segment.epoch, after)
        chain.verify_head(desk.key.public_key(), DEVICE, segment.epoch, segment.last, segment.head, segment.signature)
        after, count = segment.last, count + len(segment.bodies)
    assert count == 21


def test_a_restart_finds_the_end(desk: Desk) -> None:
    with desk.store() as store:
        receipt = desk.journal(store).commit([event()])
    with desk.store() as store:
        journal = desk.journal(store)
        assert journal.position().head == receipt.head
        assert journal.commit([event()]).sequence == receipt.sequence + 1
        assert verify(desk, store).ok


def test_one_salt_secret_serves_one_day_of_the_clock(desk: Desk, store: Store, journal: Journal) -> None:
    journal.commit([event()])
    desk.hands.turn(2 * 3600)
    journal.commit([event()])
    desk.hands.system -= 3 * 3600
    journal.commit([event()])
    segment = journal.entries_after(0, 200, 10**6)
    assert segment is not None
    assert [secret.first for secret in segment.secrets] == [1, 3]
    assert verify(desk, store).ok


def test_a_journal_raises_the_floor_of_the_clock(desk: Desk) -> None:
    with desk.store() as store:
        desk.journal(store).commit([event()])
        at = desk.hands.clock().now()
    hands = Hands(system=0.0)
    with desk.store() as store:
        clock = hands.clock()
        Journal(store, DEVICE, desk.key, clock, software="test")
        assert clock.now() == at


def test_a_clock_set_right_stays_right_after_a_restart(desk: Desk) -> None:
    """A year ahead for some entries: once the centre has set it right, the next entry is the mark."""
    right = desk.hands.system
    desk.hands.system += 366 * 86400
    with desk.store() as store:
        clock = desk.hands.clock()
        journal = Journal(store, DEVICE, desk.key, clock, software="test")
        journal.commit([event()])
        assert clock.acknowledged(datetime.fromtimestamp(right, UTC))
        receipt = journal.commit([event()])
        segment = journal.entries_after(receipt.sequence - 1, 1, 10**6)
        assert segment is not None
        assert len(segment.secrets) == 1, "a day of its own again"
        assert verify(desk, store).ok
    hands = Hands(system=right)
    with desk.store() as store:
        clock = hands.clock()
        Journal(store, DEVICE, desk.key, clock, software="test")
        assert clock.read().went_back_seconds == 0.0
        assert clock.now() == datetime.fromtimestamp(right, UTC)


def test_what_a_commit_changes_locally_is_there_with_it_or_not_at_all(store: Store, journal: Journal) -> None:
    uses = VisaUses(store)
    journal.commit([event()], [used("m1")])
    assert uses.count("0" * 16) == 1
    before = journal.position()
    with pytest.raises(StoreError):
        journal.commit([event()], [used("m2"), used("m1")])
    assert uses.count("0" * 16) == 1
    assert journal.position() == before
    journal.commit([event()], [used("m2")])
    assert [use.movement_id for use in uses.of("0" * 16)] == ["m1", "m2"]


def test_exits_do_not_use_a_visa_up(store: Store, journal: Journal) -> None:
    leaving = VisaUsed(visa_id="0" * 16, movement_id="m", direction=Direction.EXIT, occurred_at=NOW)
    journal.commit([event()], [leaving])
    assert VisaUses(store).count("0" * 16) == 0
    for number, direction in enumerate((Direction.ENTRY, Direction.UNKNOWN)):
        other = VisaUsed(visa_id="0" * 16, movement_id=str(number), direction=direction, occurred_at=NOW)
        journal.commit([event()], [other])
    assert VisaUses(store).count("0" * 16) == 2


def test_too_many_too_large_or_no_entries_are_refused(journal: Journal) -> None:
    before = journal.position()
    for entries in ([], [event() for _ in range(65)], [event(size=90_000)]):
        with pytest.raises(NotAppended):
            journal.commit(entries)
    assert journal.position() == before


def test_listeners_hear_of_commits_and_cannot_undo_them(journal: Journal) -> None:
    heard: list[Receipt] = []

    def stumble(_: Receipt) -> None:
        raise RuntimeError("listener")

    journal.on_commit(stumble)
    journal.on_commit(heard.append)
    assert journal.commit([event()]) == heard[0]


def test_many_threads_write_one_chain(desk: Desk, store: Store, journal: Journal) -> None:
    def write() -> None:
        for _ in range(20):
            journal.commit([event()])
            journal.entries_after(0, 5, 1000)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verify(desk, store)
    assert (report.ok, report.entries) == (True, 81)


def test_the_mark_moves_both_ways_but_only_on_the_chain(store: Store, journal: Journal) -> None:
    receipt = journal.commit([event()])
    assert journal.mark().sequence == 0
    journal.move_mark(receipt.sequence, receipt.head, NOW)
    mark = journal.mark()
    assert (mark.sequence, mark.at) == (2, NOW)
    first = journal.head_at(receipt.epoch, 1)
    assert first is not None
    journal.move_mark(1, first, NOW + timedelta(seconds=1))
    for sequence, head in ((2, first), (3, receipt.head), (99, b"\0" * 32)):
        with pytest.raises(NotAppended):
            journal.move_mark(sequence, head, NOW)
    assert journal.mark().sequence == 1


def test_another_epoch_names_the_one_before(desk: Desk, store: Store, journal: Journal) -> None:
    before = journal.commit([event()])
    journal.open_epoch(EpochReason.RESTORED)
    opened = read_entry(journal.latest(1)[0])
    assert isinstance(opened, EpochOpened)
    assert (opened.previous_epoch, opened.previous_sequence) == (before.epoch, 2)
    assert opened.previous_head == before.head
    assert journal.head_at(before.epoch, 1) is None
    report = verify(desk, store)
    assert (report.ok, report.epochs, report.entries) == (True, 2, 3)


def test_a_journal_is_of_one_device(desk: Desk, store: Store, journal: Journal) -> None:
    with pytest.raises(StoreDamaged):
        Journal(store, "uto-other", desk.key, desk.hands.clock(), software="test")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = x'00' WHERE sequence = 2",
        "UPDATE OR REPLACE journal SET sequence = 2 WHERE sequence = 3",
        "DELETE FROM journal WHERE sequence = 3",
        "DELETE FROM journal",
        "REPLACE INTO journal SELECT stream, sequence, x'00', digest, head, signature FROM journal",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE sequence = 2",
        "INSERT INTO journal SELECT stream, 9, body, digest, head, signature FROM journal WHERE sequence = 2",
        "UPDATE secret SET secret = zeroblob(32)",
        "REPLACE INTO secret SELECT stream, first, zeroblob(32), day FROM secret",
        "DELETE FROM secret",
        "DELETE FROM stream",
        "REPLACE INTO stream SELECT * FROM stream",
    ],
)
def test_the_database_itself_refuses_to_alter_the_journal(
    desk: Desk, store: Store, journal: Journal, statement: str
) -> None:
    journal.commit([event(), event()])
    connection = store.open_connection()
    with pytest.raises(DatabaseError):
        connection.execute(statement)
    connection.close()
    assert verify(desk, store).ok


GUARDS = (
    "journal_contiguous",
    "journal_kept",
    "journal_unaltered",
    "secret_kept",
    "secret_unaltered",
    "stream_kept",
)

TAMPERING = {
    "edit": ("UPDATE journal SET body = x'7b7d' WHERE sequence = 3", FaultKind.ALTERED),
    "edit with its digest": (
        "UPDATE journal SET body = x'7b7d', digest = zeroblob(32) WHERE sequence = 3",
        FaultKind.ALTERED,
    ),
    "delete": ("DELETE FROM journal WHERE sequence = 3", FaultKind.MISSING),
    "delete the tail": ("DELETE FROM journal WHERE sequence = 5", FaultKind.END),
    "delete and close the gap": (
        "DELETE FROM journal WHERE sequence = 3; UPDATE journal SET sequence = sequence - 1 WHERE sequence > 3",
        FaultKind.ALTERED,
    ),
    "exchange": (
        "UPDATE journal SET sequence = 99 WHERE sequence = 2; UPDATE journal SET sequence = 2 WHERE sequence = 3;"
        "UPDATE journal SET sequence = 3 WHERE sequence = 99",
        FaultKind.ALTERED,
    ),
    "insert": (
        "INSERT INTO journal SELECT stream, 6, body, digest, head, signature FROM journal WHERE sequence = 5",
        FaultKind.CHAIN,
    ),
    "another secret": ("UPDATE secret SET secret = zeroblob(32)", FaultKind.ALTERED),
    "another signature": (
        "UPDATE journal SET signature = zeroblob(64) WHERE sequence = 4",
        FaultKind.SIGNATURE,
    ),
    "no opening": ("DELETE FROM journal WHERE sequence = 1", FaultKind.MISSING),
    "another mark": ("UPDATE stream SET acknowledged = 2", FaultKind.MARK),
    "the stream's own row": ("DELETE FROM stream", FaultKind.END),
}


@pytest.mark.parametrize("name", TAMPERING)
@pytest.mark.parametrize("mended", [True, False], ids=["triggers back", "triggers gone"])
def test_verification_finds_what_was_done_without_the_triggers(
    desk: Desk, store: Store, journal: Journal, name: str, mended: bool
) -> None:
    journal.commit([event() for _ in range(4)])
    script, kind = TAMPERING[name]
    connection = store.open_connection()
    connection.execute("PRAGMA foreign_keys = OFF")
    saved = [_drop(connection, guard) for guard in GUARDS]
    for statement in script.split(";"):
        connection.execute(statement)
    for trigger in saved if mended else []:
        connection.execute(trigger)
    connection.close()
    report = verify(desk, store)
    assert not report.ok
    assert kind in {fault.kind for fault in report.faults}
    assert (FaultKind.GUARD in {fault.kind for fault in report.faults}) is not mended


def test_a_weakened_trigger_is_found(desk: Desk, store: Store, journal: Journal) -> None:
    connection = store.open_connection()
    _drop(connection, "journal_kept")
    connection.execute("CREATE TRIGGER journal_kept BEFORE DELETE ON journal BEGIN SELECT 1; END")
    connection.close()
    assert [fault.kind for fault in verify(desk, store).faults] == [FaultKind.GUARD]


def test_a_history_under_another_key_is_found(store: Store, journal: Journal) -> None:
    report = verify_journal(store, Ed25519PrivateKey.generate().public_key())
    assert {fault.kind for fault in report.faults} == {FaultKind.SIGNATURE}


def test_a_shortened_journal_is_not_continued(desk: Desk) -> None:
    with desk.store() as store:
        desk.journal(store).commit([event()])
        connection = store.open_connection()
        _drop(connection, "journal_kept")
        connection.execute("DELETE FROM journal WHERE sequence = 2")
        connection.close()
    with desk.store() as store, pytest.raises(StoreDamaged):
        desk.journal(store)


def _drop(connection: Connection, trigger: str) -> str:
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)).fetchone()
    connection.execute(f"DROP TRIGGER {trigger}")
    return str(sql)
