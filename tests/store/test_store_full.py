"""A full disk: a typed error, nothing told, nothing half written; and once there is room, on it goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from store_kit import DEVICE, Desk, event

from border_agent.store import (
    EvidenceKept,
    Journal,
    Staging,
    Store,
    StoreFull,
    VisaUsed,
    VisaUses,
    verify_journal,
)
from mqtt_schemas.entries import Direction
from mqtt_schemas.feeds import put
from mqtt_schemas.records import WatchRecord


def limit(store: Store, pages: int) -> None:
    """So many pages more, on the connection that writes."""
    with store.writing() as connection:
        (used,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {used + pages}")


def unlimit(store: Store) -> None:
    with store.writing() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")


def test_a_commit_that_does_not_fit_is_not_told_and_leaves_nothing(
    desk: Desk, store: Store, journal: Journal
) -> None:
    limit(store, 6)
    heard: list[object] = []
    journal.on_commit(heard.append)
    told = 0
    with pytest.raises(StoreFull):
        for number in range(100):
            use = VisaUsed(
                visa_id="1" * 16,
                movement_id=str(number),
                direction=Direction.ENTRY,
                occurred_at=desk.hands.clock().now(),
            )
            journal.commit([event(size=8000)], [use, EvidenceKept(os.urandom(3000))])
            told += 1
    assert 0 < told < 100
    assert len(heard) == told
    assert journal.position().sequence == 1 + told
    assert VisaUses(store).count("1" * 16) == told
    assert verify_journal(store, desk.key.public_key()).ok
    unlimit(store)
    assert journal.commit([event(size=8000)]).sequence == 2 + told
    assert verify_journal(store, desk.key.public_key()).ok


def test_an_entry_is_still_refused_whole_when_only_its_change_does_not_fit(store: Store, journal: Journal) -> None:
    limit(store, 4)
    before = journal.position()
    with pytest.raises(StoreFull):
        journal.commit([event()], [EvidenceKept(os.urandom(100_000))])
    assert journal.position() == before


def test_staging_that_does_not_fit_stages_nothing_and_goes_on_later(store: Store) -> None:
    staging = Staging(store)
    rows = [put(f"r{n}", WatchRecord(record_id=f"r{n}", surname="X" * 100)) for n in range(400)]
    staging.stage("watchlist", 1, rows[:10])
    limit(store, 5)
    with pytest.raises(StoreFull):
        staging.stage("watchlist", 11, rows[10:])
    assert staging.position("watchlist").staged_version == 10
    unlimit(store)
    assert staging.stage("watchlist", 11, rows[10:]).staged_version == 400


def test_lists_and_evidence_stop_before_decisions_do(desk: Desk) -> None:
    with Store(desk.path, desk.key_file, reserve_bytes=2**62) as store:
        journal = desk.journal(store)
        with pytest.raises(StoreFull):
            Staging(store).stage("watchlist", 1, [put("r", WatchRecord(record_id="r"))])
        assert journal.commit([event()], [EvidenceKept(b"record")]).sequence == 2


TMPFS = """\
set -e
mount -t tmpfs -o size=1m tmpfs "$1"
cp "$2" "$1/store.key"; chmod 600 "$1/store.key"
cd "$3"
"$4" commit_loop.py "$1/store.db" "$1/store.key" "$5" > "$6"
mount -o remount,size=8m "$1"
timeout -s KILL 60 "$4" commit_loop.py "$1/store.db" "$1/store.key" "$5" >> "$6" || true
cp "$1"/store.db* "$7"
"""


@pytest.mark.usefixtures("mounting")
def test_a_real_full_disk(desk: Desk, tmp_path: Path) -> None:
    disk, output, kept = tmp_path / "disk", tmp_path / "told", tmp_path / "kept"
    disk.mkdir()
    kept.mkdir()
    arguments = [
        disk,
        desk.key_file,
        Path(__file__).parent,
        sys.executable,
        desk.key.private_bytes_raw().hex(),
        output,
        kept,
    ]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", TMPFS, "sh", *map(str, arguments)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = output.read_text().splitlines()
    refused = lines.index("refused store.full")
    assert refused > 5
    told = [line.split() for line in lines if not line.startswith("refused")]
    assert len(told) > refused + 5, "with room again, it goes on"
    with Store(kept / "store.db", desk.key_file, reserve_bytes=0) as store:
        journal = Journal(store, DEVICE, desk.key, desk.hands.clock(), software="test")
        epoch = journal.position().epoch
        assert verify_journal(store, desk.key.public_key()).ok
        for sequence, head, visa in told:
            assert journal.head_at(epoch, int(sequence)) == bytes.fromhex(head)
            assert VisaUses(store).count(visa) == 1


SMALL_DISK = """\
set -e
mount -t tmpfs -o size=5m tmpfs "$1"
cp "$2" "$1/store.key"; chmod 600 "$1/store.key"
cd "$3"
"$4" commit_loop.py "$1/store.db" "$1/store.key" "$5" 8388608 > "$6"
"""


@pytest.mark.usefixtures("mounting")
def test_a_disk_says_that_it_is_nearly_full_long_before_it_is(desk: Desk, tmp_path: Path) -> None:
    """With eight megabytes kept for decisions, the last two say low, and the last quarter of one full."""
    disk, output = tmp_path / "disk", tmp_path / "told"
    disk.mkdir()
    key = desk.key.private_bytes_raw().hex()
    arguments = [disk, desk.key_file, Path(__file__).parent, sys.executable, key, output]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", SMALL_DISK, "sh", *map(str, arguments)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = output.read_text().splitlines()
    low, full, refused = (lines.index(word) for word in ("room low", "room full", "refused store.full"))
    assert low > 20
    assert full - low > 50, "between the word and the end there is room for everybody who waits"
    assert refused > full
