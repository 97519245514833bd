"""Text goes, proof stays: below an acknowledged checkpoint, past the policy's days, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from passage_kit import movement, passes
from store_kit import BEGIN, Desk, event

from border_agent.store import FaultKind, Journal, Passages, Store, verify_journal
from border_agent.store.epochs import mend
from border_agent.store.retention import PORTION, prune
from border_agent.store.sqlcipher import DatabaseError
from mqtt_schemas.entries import Direction, EpochReason

DAY = 86_400.0
PAGE, RESERVED = 4096, 80
"""SQLCipher's page, and the end of it that holds its initialisation vector and its authentication code."""


def days(desk: Desk, store: Store, count: int, each: int = 3) -> Journal:
    """A journal of so many days, each with a movement first."""
    journal = desk.journal(store)
    for _ in range(count):
        now = datetime.fromtimestamp(desk.hands.system, UTC)
        passes(journal, movement(now, stay_days=0))
        journal.commit([event("secret-word") for _ in range(each)])
        desk.hands.turn(DAY)
    return journal


def acknowledge(journal: Journal, sequence: int) -> None:
    head = journal.head_at(journal.position().epoch, sequence)
    assert head is not None
    journal.move_mark(sequence, head, BEGIN)


def now(desk: Desk) -> datetime:
    return datetime.fromtimestamp(desk.hands.system, UTC)


def a_month_later(desk: Desk, journal: Journal) -> None:
    """The next day begins another secret, which says how old the one before is."""
    desk.hands.turn(DAY)
    journal.commit([event("other")])
    desk.hands.turn(40 * DAY)
    acknowledge(journal, journal.position().sequence)


def plain_text(desk: Desk) -> str:
    """Every page of the database and of its log as it lies on the disk, decrypted: free ones too."""
    key, text = desk.key_file.read_bytes(), ""
    pages = desk.path.read_bytes()
    log = desk.path.with_name("store.db-wal")
    frames = log.read_bytes()[32:] if log.exists() else b""
    whole = [pages[at : at + PAGE] for at in range(0, len(pages), PAGE)]
    whole += [frames[at + 24 : at + 24 + PAGE] for at in range(0, len(frames), PAGE + 24)]
    for page in whole:
        # The first page begins with the file's salt; its first block is rubbish then, and no matter.
        start = page[PAGE - RESERVED : PAGE - RESERVED + 16]
        if len(start) == 16:
            decryptor = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
            text += decryptor.update(page[: PAGE - RESERVED]).decode("latin-1")
    return text


def prune_all(desk: Desk, store: Store, keep: int) -> tuple[int, int, int]:
    entries = secrets = passages = 0
    while (step := prune(store, keep, now(desk))).more:
        entries, secrets = entries + step.entries, secrets + step.secrets
        passages += step.passages
    return entries, secrets, passages + step.passages


def bodies(store: Store) -> list[bytes]:
    with store.reading() as connection:
        return [row[0] for row in connection.execute("SELECT body FROM journal ORDER BY stream, sequence")]


def test_old_acknowledged_days_go_and_everything_else_stays(desk: Desk, store: Store) -> None:
    journal = days(desk, store, 10)
    end = journal.position().sequence
    acknowledge(journal, end)
    before = bodies(store)
    # Ten days of four entries and the opening; five days are kept. The day before them goes when the next but one
    # begins: a secret's entries are as old as the next secret.
    entries, secrets, passages = prune_all(desk, store, keep=5)
    after = bodies(store)
    assert (entries, secrets) == (after.count(b""), 5)
    assert entries == 21
    assert after == [b""] * entries + before[entries:]
    assert passages == 5
    report = verify_journal(store, desk.key.public_key())
    assert (report.ok, report.pruned, report.entries) == (True, entries, end)
    assert prune_all(desk, store, keep=5) == (0, 0, 0)
    assert journal.commit([event()]).sequence == end + 1
    assert len(Passages(store).search()) == 10, "what is counted stays"
    assert len(Passages(store).search(text="van")) == 5, "what names somebody does not"
    with store.reading() as connection:
        assert {row[0] for row in connection.execute("SELECT visa || number || issuer FROM passage")} == {
            "",
            "G1234567GHA",
        }


def test_what_the_centre_does_not_hold_stays(desk: Desk, store: Store) -> None:
    journal = days(desk, store, 10)
    assert prune_all(desk, store, keep=1) == (0, 0, 0)
    acknowledge(journal, 7)
    entries, _, _ = prune_all(desk, store, keep=1)
    assert entries == 5, "whole days only: the opening and the first day"
    assert verify_journal(store, desk.key.public_key()).ok


def test_a_long_backlog_goes_in_small_steps(desk: Desk, store: Store) -> None:
    journal = desk.journal(store)
    for _ in range(8):
        journal.commit([event() for _ in range(60)])
    a_month_later(desk, journal)
    sizes = []
    while (step := prune(store, 30, now(desk))).more:
        sizes.append(step.entries)
        assert verify_journal(store, desk.key.public_key()).ok, "at every moment"
    assert sizes == [PORTION, PORTION, 81]


def test_a_clock_that_began_in_1970_makes_nothing_older_than_it_is(desk: Desk, store: Store) -> None:
    desk.hands.system = 0.0
    journal = desk.journal(store)
    journal.commit([event() for _ in range(3)])
    desk.hands.system = BEGIN.timestamp()
    journal.commit([event()])
    acknowledge(journal, journal.position().sequence)
    assert prune_all(desk, store, keep=5) == (0, 0, 0)
    desk.hands.turn(7 * DAY)
    journal.commit([event()])
    assert prune_all(desk, store, keep=5)[0] == 4


def test_the_stay_that_is_open_is_still_known_at_the_exit(desk: Desk, store: Store) -> None:
    journal = desk.journal(store)
    entered = movement(now(desk), stay_days=90)
    passes(journal, entered)
    a_month_later(desk, journal)
    prune_all(desk, store, keep=30)
    assert bodies(store)[1] == b""
    found = Passages(store)
    stay = found.open_stay("GHA", "G1234567")
    assert stay is not None
    assert stay.entry == entered.id
    assert found.entry(entered.id) is None
    passes(journal, movement(now(desk), direction=Direction.EXIT))
    prune_all(desk, store, keep=30)
    with store.reading() as connection:
        assert connection.execute("SELECT number FROM passage ORDER BY sequence").fetchall() == [("",), ("G1234567",)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = x'' WHERE sequence = 2",
        "DELETE FROM secret WHERE first = 1",
        "INSERT INTO checkpoint SELECT id, sequence, head, latest_at FROM stream",
        "UPDATE checkpoint SET sequence = 30",
        "DELETE FROM checkpoint",
    ],
)
def test_also_without_the_two_triggers_the_database_keeps_what_is_needed(
    desk: Desk, store: Store, statement: str
) -> None:
    journal = days(desk, store, 10)
    if "checkpoint" in statement and "INSERT" not in statement:
        acknowledge(journal, 20)
        prune_all(desk, store, keep=5)
    connection = store.open_connection()
    for trigger in ("journal_unaltered", "secret_kept"):
        connection.execute(f"DROP TRIGGER {trigger}")
    with pytest.raises(DatabaseError):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE journal SET digest = zeroblob(32) WHERE sequence = 3", FaultKind.CHAIN),
        ("UPDATE journal SET signature = zeroblob(64) WHERE sequence = 3", FaultKind.SIGNATURE),
        ("UPDATE journal SET body = x'7b7d' WHERE sequence = 3", FaultKind.ALTERED),
        ("UPDATE journal SET body = x'' WHERE sequence = 30", FaultKind.ALTERED),
        ("UPDATE checkpoint SET head = zeroblob(32)", FaultKind.MARK),
    ],
)
def test_verification_still_finds_what_was_done(desk: Desk, store: Store, statement: str, kind: FaultKind) -> None:
    journal = days(desk, store, 10)
    acknowledge(journal, journal.position().sequence)
    prune_all(desk, store, keep=5)
    connection = store.open_connection()
    kept = []
    for trigger in ("journal_unaltered", "journal_emptied"):
        kept += connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)).fetchone()
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(statement)
    for sql in kept:
        connection.execute(sql)
    connection.close()
    assert kind in {fault.kind for fault in verify_journal(store, desk.key.public_key()).faults}


def test_text_that_is_gone_is_in_no_page_any_more(desk: Desk, store: Store) -> None:
    journal = days(desk, store, 3, each=40)
    a_month_later(desk, journal)
    assert "secret-word" in plain_text(desk)
    prune_all(desk, store, keep=30)
    assert store.truncate_log()
    assert "secret-word" not in plain_text(desk)


def test_a_centre_that_asks_for_what_is_gone_needs_a_persons_act(desk: Desk, store: Store) -> None:
    """It was restored from a backup older than the days this device keeps."""
    journal = days(desk, store, 10)
    acknowledge(journal, journal.position().sequence)
    prune_all(desk, store, keep=5)
    acknowledge(journal, 10)
    assert journal.damaged() == tuple(range(11, 22))
    mend(journal, desk.hands.clock(), by="4711", reason="the centre was restored")
    assert journal.damaged() == ()
    report = verify_journal(store, desk.key.public_key())
    assert (report.ok, report.epochs) == (True, 2)


def test_the_streams_before_are_emptied_once_the_centre_has_what_was_carried(desk: Desk, store: Store) -> None:
    journal = days(desk, store, 4)
    first = journal.position().sequence
    acknowledge(journal, 5)
    for _ in range(2):  # and what was carried is carried again
        journal.open_epoch(EpochReason.RESTORED, carry=True)
        desk.hands.turn(DAY)
        journal.commit([event()])
    desk.hands.turn(20 * DAY)
    assert prune_all(desk, store, keep=5)[0] == 5
    journal.commit([event()])
    end = journal.position().sequence
    assert end == 1 + (first - 5) + 2 + 1 + 1
    acknowledge(journal, end - 1)
    desk.hands.turn(20 * DAY)
    prune_all(desk, store, keep=5)
    with store.reading() as connection:
        texts = connection.execute("SELECT stream, sum(body IS NOT x'') FROM journal GROUP BY stream").fetchall()
        secrets = connection.execute("SELECT count(*) FROM secret WHERE stream < 3").fetchone()[0]
    assert texts == [(1, 0), (2, 0), (3, 1)]
    assert secrets == 0
    report = verify_journal(store, desk.key.public_key())
    assert (report.ok, report.epochs) == (True, 3)


def test_what_was_left_behind_stays_for_whoever_can_read_it_yet(desk: Desk, store: Store) -> None:
    journal = days(desk, store, 4)
    connection = store.open_connection()
    (trigger,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_unaltered'").fetchone()
    connection.execute("DROP TRIGGER journal_unaltered")
    connection.execute("UPDATE journal SET body = x'7b' WHERE sequence = 8")
    connection.execute(trigger)
    connection.close()
    mend(journal, desk.hands.clock(), by="4711", reason="disk")
    acknowledge(journal, journal.position().sequence)
    desk.hands.turn(20 * DAY)
    journal.commit([event()])
    assert prune_all(desk, store, keep=5)[0] == 5, "the whole days before it"
    with store.reading() as connection:
        assert connection.execute("SELECT body FROM journal WHERE stream = 1 AND sequence = 8").fetchone()[0] == b"{"
