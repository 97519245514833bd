"""A stream that cannot go on: an older store put back, an entry that no longer proves. Nothing is lost or doubled."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from passage_kit import movement
from store_kit import AT, DEVICE, Desk, event

from border_agent.store import (
    FaultKind,
    Journal,
    NotDamaged,
    PassageNoted,
    Passages,
    Position,
    Store,
    StoreDamaged,
    verify_journal,
)
from border_agent.store.carrying import spans
from border_agent.store.epochs import mend
from border_agent.store.tail import Tail
from mqtt_schemas.entries import DeviceEvent, EpochOpened, EpochReason, OfficerAct, read_entry


def bodies(journal: Journal) -> list[bytes]:
    return journal.latest(10_000)


def opening(journal: Journal) -> EpochOpened:
    opened = read_entry(bodies(journal)[0])
    assert isinstance(opened, EpochOpened)
    return opened


def keep(desk: Desk, name: str) -> None:
    """A copy of the closed store: a backup of the database alone."""
    shutil.copy(desk.path, desk.folder / name)


def put_back(desk: Desk, name: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{desk.path}{suffix}").unlink(missing_ok=True)
    shutil.copy(desk.folder / name, desk.path)


def alter(store: Store, statement: str) -> None:
    connection = store.open_connection()
    (trigger,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_unaltered'").fetchone()
    connection.execute("DROP TRIGGER journal_unaltered")
    connection.execute(statement)
    connection.execute(trigger)
    connection.close()


def test_a_store_left_alone_goes_on_in_its_epoch(desk: Desk) -> None:
    with desk.store() as store:
        first = desk.journal(store).commit([event()])
    with desk.store() as store:
        journal = desk.journal(store)
        assert journal.commit([event()]).epoch == first.epoch


def test_a_file_that_lags_behind_is_no_older_store(desk: Desk) -> None:
    """Power failed before the disk had it: the database, synced, is ahead."""
    with desk.store() as store:
        journal = desk.journal(store)
        old = journal.commit([event()])
        newer = journal.commit([event()])
        Tail(desk.path, DEVICE).note(old.epoch, old.sequence, old.head)
    with desk.store() as store:
        assert desk.journal(store).position().epoch == newer.epoch


def test_an_older_store_put_back_begins_a_new_epoch_at_once(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        moved = movement(AT)
        known = journal.commit([event("at the centre")])
        journal.move_mark(known.sequence, known.head, AT)
        journal.commit([event("one"), moved], [PassageNoted(entry=moved)])
        copied = bodies(journal)
    keep(desk, "backup.db")
    with desk.store() as store:
        last = desk.journal(store).commit([event("after the backup")])
    put_back(desk, "backup.db")
    with desk.store() as store:
        journal = desk.journal(store)
        opened = opening(journal)
        assert opened.reason is EpochReason.RESTORED
        assert (opened.previous_epoch, opened.previous_sequence) == (last.epoch, last.sequence)
        assert opened.previous_head == last.head
        assert opened.carried == 2
        assert bodies(journal)[1:] == copied[2:], "byte for byte, and only what the centre may lack"
        (passage,) = Passages(store).search()
        assert passage.sequence == 3
        assert Passages(store).entry(moved.id) == moved
        assert journal.commit([event()]).sequence == 4
        report = verify_journal(store, desk.key.public_key())
        assert (report.ok, report.epochs, report.entries) == (True, 2, 8)
    with desk.store() as store:
        assert desk.journal(store).position().sequence == 4, "once, not at every start"


def test_put_back_again_and_again_nothing_is_lost(desk: Desk) -> None:
    with desk.store() as store:
        desk.journal(store).commit([event("one")])
    keep(desk, "backup.db")
    for _ in range(3):
        with desk.store() as store:
            desk.journal(store).commit([event("lost with the newer store")])
        put_back(desk, "backup.db")
    with desk.store() as store:
        journal = desk.journal(store)
        opened = opening(journal)
        # The epoch's own opening too: it was never acknowledged.
        assert (opened.reason, opened.carried) == (EpochReason.RESTORED, 2)
        assert verify_journal(store, desk.key.public_key()).ok


def test_a_store_that_is_gone_is_no_first_start(desk: Desk) -> None:
    with desk.store() as store:
        last = desk.journal(store).commit([event()])
    desk.path.unlink()
    with desk.store() as store:
        opened = opening(desk.journal(store))
        assert opened.reason is EpochReason.STORE_LOST
        assert (opened.previous_epoch, opened.previous_head) == (last.epoch, last.head)


def test_a_machine_with_another_name_asks_the_file_nothing(desk: Desk) -> None:
    Tail(desk.path, "uto-other").note(b"e" * 16, 7, b"h" * 32)
    with desk.store() as store:
        assert opening(desk.journal(store)).reason is EpochReason.FIRST_START


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), cut=st.integers(0, 130), flip=st.integers(0, 123))
def test_a_torn_or_foreign_file_says_nothing(desk: Desk, data: bytes, cut: int, flip: int) -> None:
    tail = Tail(desk.path, DEVICE)
    end = Position(epoch=b"e" * 16, sequence=2**63 - 1, head=b"h" * 32)
    tail.path.unlink(missing_ok=True)
    assert tail.read() is None
    tail.note(end.epoch, end.sequence, end.head)
    tail.sync()
    assert tail.read() == end
    whole = tail.path.read_bytes()
    for torn in (
        data,
        whole[: min(cut, len(whole) - 1)],
        whole[:flip] + bytes((whole[flip] ^ 1,)) + whole[flip + 1 :],
    ):
        tail.path.write_bytes(torn)
        assert tail.read() is None


def test_where_the_file_cannot_be_written_decisions_go_on(desk: Desk, store: Store, journal: Journal) -> None:
    tail = Tail(desk.path, DEVICE).path
    tail.unlink()
    tail.mkdir()
    assert journal.commit([event()]).sequence == 2


ROT = {
    "a bit of the body": "UPDATE journal SET body = replace(CAST(body AS TEXT), 'word', 'wore') WHERE sequence = 4",
    "the body is gone": "UPDATE journal SET body = x'7b' WHERE sequence = 4",
}
ONLY_AROUND = {
    "the digest": "UPDATE journal SET digest = zeroblob(32) WHERE sequence = 4",
    "the head": "UPDATE journal SET head = zeroblob(32) WHERE sequence = 4",
    "the signature": "UPDATE journal SET signature = zeroblob(64) WHERE sequence = 4",
}


@pytest.mark.parametrize("name", ROT | ONLY_AROUND)
def test_a_damaged_entry_is_left_behind_by_a_recorded_act_only(
    desk: Desk, store: Store, journal: Journal, name: str
) -> None:
    known = journal.commit([event()])
    journal.move_mark(known.sequence, known.head, AT)
    journal.commit([event("word") for _ in range(4)])
    before, epoch = bodies(journal), known.epoch
    statement = (ROT | ONLY_AROUND)[name]
    if name in ROT:
        statement = statement.replace("replace(CAST(body AS TEXT), 'word', 'wore')", "CAST(body || x'20' AS BLOB)")
    assert journal.damaged() == ()
    with pytest.raises(NotDamaged):
        mend(journal, desk.hands.clock(), by="4711", reason="why not")
    alter(store, statement)
    assert 4 in journal.damaged()
    assert not verify_journal(store, desk.key.public_key()).ok
    receipt = mend(journal, desk.hands.clock(), by="4711", reason="a disk that is being replaced")
    after = bodies(journal)
    opened, act = read_entry(after[0]), read_entry(after[-1])
    assert isinstance(opened, EpochOpened)
    assert (opened.reason, opened.previous_epoch) == (EpochReason.DAMAGED, epoch)
    assert isinstance(act, OfficerAct)
    assert (act.officer, act.act, act.subject) == ("4711", "journal_mended", epoch.hex())
    assert act.details == {"reason": "a disk that is being replaced"}
    if name in ROT:
        left = read_entry(after[-2])
        assert isinstance(left, DeviceEvent)
        assert (left.event, left.details) == ("entries_left_behind", {"epoch": epoch.hex(), "entries": "4"})
        assert after[1:-2] == [before[2], *before[4:]], "everything else, byte for byte"
        assert opened.carried == 3
    else:
        assert after[1:-1] == before[2:]
        assert opened.carried == 4
    assert journal.damaged() == ()
    faults = verify_journal(store, desk.key.public_key()).faults
    assert {fault.epoch for fault in faults} == {epoch}, "what is damaged stays, and stays to be seen"
    assert journal.commit([event()]).sequence == receipt.sequence + 1


def test_a_damaged_page_costs_what_stands_on_it(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        for _ in range(60):
            journal.commit([event(size=3000)])
        before = bodies(journal)
    data = bytearray(desk.path.read_bytes())
    page = len(data) * 3 // 4 // 4096 * 4096
    data[page + 100] ^= 1
    desk.path.write_bytes(data)
    with desk.store() as store:
        journal = desk.journal(store)
        assert journal.commit([event()]).sequence == 62, "the device goes on recording"
        (damaged,) = journal.damaged()
        with pytest.raises(StoreDamaged):
            journal.entries_after(damaged - 1, 1, 10**6)
        assert journal.entries_after(damaged + 1, 1, 10**6) is not None, "on a connection that is good again"
        mend(journal, desk.hands.clock(), by="4711", reason="disk")
        carried = bodies(journal)[1:62]
        assert carried[:60] == before[: damaged - 1] + before[damaged:]


def test_a_shortened_stream_names_what_is_missing(desk: Desk, store: Store, journal: Journal) -> None:
    journal.commit([event() for _ in range(5)])
    connection = store.open_connection()
    connection.execute("DROP TRIGGER journal_kept")
    connection.execute("DELETE FROM journal WHERE sequence IN (3, 4)")
    connection.close()
    assert journal.damaged() == (3, 4)
    mend(journal, desk.hands.clock(), by="4711", reason="disk")
    left = read_entry(bodies(journal)[-2])
    assert isinstance(left, DeviceEvent)
    assert left.details["entries"] == "3-4"
    assert FaultKind.MISSING in {fault.kind for fault in verify_journal(store, desk.key.public_key()).faults}


def test_sequences_are_said_in_spans() -> None:
    assert spans([]) == ""
    assert spans([3, 7, 8, 9, 11, 12]) == "3, 7-9, 11-12"
