"""Erasing evidence: when, what stays, and that nothing of it is left in the file."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from evidence_kit import AT, LIVE, PAGE, acknowledge, keep, picture, plain_pages, record
from store_kit import Desk, event

from border_agent.store import EvidenceKept, EvidenceStore, Journal, Store, verify_journal
from border_agent.store.erasure import Erased, erase, erased_days
from border_agent.store.evidence import PictureKept
from border_agent.store.evidence_places import NOWHERE
from border_agent.store.evidence_waiting import EvidenceWaiting
from border_agent.store.referrals import Referrals, Referred
from mqtt_schemas.entries import Direction

NEXT_DAY = AT + timedelta(hours=2)


def hold(store: Store, journal: Journal, *pieces: EvidenceKept | PictureKept) -> None:
    """The centre holds the journal, and these."""
    acknowledge(journal, journal.position().sequence)
    EvidenceWaiting(store).whole([piece.digest for piece in pieces], AT)


def test_a_day_that_is_over_goes_with_its_key_and_leaves_no_byte(desk: Desk) -> None:
    key_file = desk.key_file.read_bytes()
    with desk.store() as store:
        journal = desk.journal(store)
        kept = record(1, LIVE, PAGE)
        keep(journal, kept, LIVE, PAGE)
        hold(store, journal, kept, LIVE, PAGE)
        with store.reading() as connection:
            (key,) = connection.execute("SELECT key FROM evidence_key").fetchone()
            sealed = connection.execute("SELECT data FROM evidence_blob").fetchall()
        before = plain_pages(desk.path, key_file)
        assert key in before
        assert kept.data in before
        assert erase(store, 0, NEXT_DAY) == Erased(records=1, pictures=2, days=("2027-03-01",))
        after = plain_pages(desk.path, key_file)
        assert key not in after
        assert kept.data not in after
        assert not any(data[at : at + 64] in after for (data,) in sealed for at in range(0, len(data), 64))
        evidence = EvidenceStore(store)
        assert [evidence.get(piece.digest) for piece in (kept, LIVE, PAGE)] == [None, None, None]
        assert evidence.size() == 0
        assert verify_journal(store, desk.key.public_key()).ok
        with store.reading() as connection:
            assert erased_days(connection) == {"2027-03-01": 2}
        assert not erase(store, 0, NEXT_DAY).anything


def test_without_overwriting_it_would_be_left(desk: Desk) -> None:
    """The control of the test before: a plain deletion leaves the key where it was."""
    with desk.store() as store:
        journal = desk.journal(store)
        keep(journal, LIVE)
        with store.writing() as connection:
            connection.execute("PRAGMA secure_delete = OFF").fetchone()
            (key,) = connection.execute("SELECT key FROM evidence_key").fetchone()
            connection.execute("DELETE FROM evidence_blob")
            connection.execute("DELETE FROM evidence_key")
        assert key in plain_pages(desk.path, desk.key_file.read_bytes())


@pytest.mark.parametrize(
    ("days", "at", "goes"),
    [
        (0, AT + timedelta(minutes=59), False),
        (0, AT + timedelta(hours=1), True),
        (30, AT + timedelta(days=30), False),
        (30, AT + timedelta(days=30, hours=1), True),
    ],
)
def test_it_goes_when_the_policy_says(store: Store, journal: Journal, days: int, at: object, goes: bool) -> None:
    kept = record(1)
    keep(journal, kept, LIVE)
    hold(store, journal, kept, LIVE)
    assert erase(store, days, at).anything is goes  # type: ignore[arg-type]
    assert EvidenceStore(store).holds(LIVE.digest) is not goes


def test_what_the_centre_does_not_hold_stays_with_its_key(store: Store, journal: Journal) -> None:
    kept = record(1, LIVE, PAGE)
    keep(journal, kept, LIVE, PAGE)
    hold(store, journal, kept, LIVE)
    assert erase(store, 0, NEXT_DAY) == Erased(records=1, pictures=1, days=())
    assert EvidenceStore(store).get(PAGE.digest) == PAGE.data
    assert [piece.name for piece in EvidenceWaiting(store).after(NOWHERE)] == [PAGE.digest]
    hold(store, journal, PAGE)
    assert erase(store, 0, NEXT_DAY) == Erased(pictures=1, days=("2027-03-01",))
    with store.reading() as connection:
        assert erased_days(connection) == {"2027-03-01": 2}


def test_a_referral_that_waits_keeps_its_record(store: Store, journal: Journal) -> None:
    kept = record(1)
    referred = Referred(
        inspection="1" * 32,
        entry="2" * 32,
        evidence=kept.digest,
        direction=Direction.ENTRY,
        started_at=AT,
        finished_at=AT,
    )
    journal.commit([event()], [kept, referred])
    hold(store, journal, kept)
    assert not erase(store, 0, NEXT_DAY).anything
    assert EvidenceStore(store).get(kept.digest) == kept.data
    Referrals(store).settle("1" * 32, "admit", NEXT_DAY)
    assert erase(store, 0, NEXT_DAY).records == 1


def test_many_go_in_small_transactions_and_decisions_pass(store: Store, journal: Journal) -> None:
    pictures = [picture("live", number, 60_000) for number in range(100)]
    for one in pictures:
        keep(journal, one)
    hold(store, journal, *pictures)
    done = threading.Event()
    slowest: list[float] = []

    def decide() -> None:
        while not done.is_set():
            slowest.append(journal.commit([event()]).milliseconds)

    thread = threading.Thread(target=decide)
    thread.start()
    erased = erase(store, 0, NEXT_DAY)
    done.set()
    thread.join()
    assert (erased.pictures, erased.days) == (100, ("2027-03-01",))
    assert len(slowest) > 3


def test_a_reader_in_the_way_is_said_and_the_log_is_emptied_later(store: Store, journal: Journal) -> None:
    keep(journal, LIVE)
    hold(store, journal, LIVE)
    with store.opened() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM journal").fetchone()
        assert not erase(store, 0, NEXT_DAY).clean
    assert store.truncate_log()
