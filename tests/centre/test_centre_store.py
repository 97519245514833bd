"""The database: append-only, durable settings, no room, rows it refuses."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, movement, open_office
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.centre.database import open_database, stamp
from mqtt_schemas.centre.errors import BadFolder, DiskFull, Refused, StoreFailed
from mqtt_schemas.centre.folder import StoreSettings
from mqtt_schemas.centre.ingest import read_taken
from mqtt_schemas.centre.sqlite import SqliteDatabase
from mqtt_schemas.codec import ProvedEntry
from mqtt_schemas.entries import write_entry

_READ_ONLY = "SET default_transaction_read_only = on"
_WRITING = "SET default_transaction_read_only = off"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "centre.db"


@pytest.fixture
def office(file: Path, store: StoreSettings) -> Office:
    made = open_office(file, url=store.url)
    device = PaperDevice()
    made.enrol(device)
    made.desk.handle([device.greets()])
    device.travellers(3)
    made.acks(device.sent(1, 4))
    return made


@pytest.mark.parametrize("table", ["journal", "secret", "head_signature", "keys_document"])
def test_what_was_said_can_neither_be_changed_nor_erased(office: Office, table: str) -> None:
    database = office.store.database
    name = "version" if table == "keys_document" else "stream"
    statements = [f"DELETE FROM {table}", f"UPDATE {table} SET {name} = {name}"]
    if isinstance(database, SqliteDatabase):
        statements += [
            f"REPLACE INTO {table} SELECT * FROM {table}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
        ]
    else:
        statements.append(f"TRUNCATE {table} CASCADE")
    for statement in statements:
        with pytest.raises(Refused, match="append-only"):
            database.execute(statement)
    assert len(office.bodies()) == 4


def test_a_mark_never_goes_back(office: Office) -> None:
    with pytest.raises(Refused, match="never goes back"):
        office.store.database.execute("UPDATE stream SET mark = mark - 1")
    with pytest.raises(Refused, match="kept"):
        office.store.database.execute("DELETE FROM stream")


def test_a_commit_is_durable(file: Path) -> None:
    office = open_office(file)
    assert office.store.database.one("PRAGMA synchronous") == (2,)
    assert office.store.database.one("PRAGMA journal_mode") == ("wal",)
    assert office.store.database.one("PRAGMA foreign_keys") == (1,)


def test_another_connection_sees_it_at_once(file: Path, office: Office, store: StoreSettings) -> None:
    with open_database(file, store.url) as other:
        assert other.one("SELECT count(*) FROM journal") == (4,)


def test_a_full_disk_acknowledges_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """For PostgreSQL see test_centre_postgres: there it takes a disk."""
    office = open_office(file)
    database = office.store.database
    device = PaperDevice("kiosk-2")
    office.enrol(device)
    (ack,) = office.acks(device.greets())
    device.travellers(400)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (pages,) = database.one("PRAGMA page_count")
    database.execute(f"PRAGMA max_page_count = {pages + 2}")
    for _ in range(3):
        assert office.acks(device.sent(1, 200)) == []
        assert isinstance(office.desk.trouble, DiskFull)
    assert office.bodies() == []
    # A hello is answered all the same, and truly: nothing is there.
    (ack,) = office.acks(device.sent(1, 200), device.greets())
    assert (ack.upto, ack.head) == (0, device.heads[0])
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    # Room again: the same batches go in, and a person is told.
    database.execute("PRAGMA max_page_count = 100000")
    (ack,) = office.acks(device.sent(1, 200), device.sent(201, 401))
    assert ack.upto == 401
    assert office.desk.trouble is None
    assert office.codes() == ["disk_full"]


def test_a_read_only_database_acknowledges_nothing(office: Office) -> None:
    device = PaperDevice("kiosk-2")
    office.enrol(device)
    office.acks(device.greets())
    sqlite = isinstance(office.store.database, SqliteDatabase)
    off, on = ("PRAGMA query_only = ON", "PRAGMA query_only = OFF") if sqlite else (_READ_ONLY, _WRITING)
    office.store.database.execute(off)
    assert office.acks(device.sent(1, 1)) == []
    assert isinstance(office.desk.trouble, StoreFailed)
    office.store.database.execute(on)
    (ack,) = office.acks(device.sent(1, 1))
    assert ack.upto == 1


def test_a_failed_transaction_leaves_nothing(office: Office) -> None:
    database = office.store.database
    with pytest.raises(KeyError), database.transaction():
        office.store.retire_device("kiosk-1", AT)
        raise KeyError
    with database.transaction():
        with pytest.raises(KeyError), database.savepoint():
            office.store.retire_device("kiosk-1", AT)
            raise KeyError
        office.store.keep_state("kiosk-1", b"{}", online=False, at=AT)
    assert database.one("SELECT state FROM device") == ("enrolled",)
    assert database.one("SELECT online FROM device_state") == (0,)


def test_only_a_database_of_ours_is_opened(tmp_path: Path, file: Path) -> None:
    with pytest.raises(BadFolder):
        SqliteDatabase(file)
    assert not file.exists()
    file.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StoreFailed):
        SqliteDatabase(file)
    newer = tmp_path / "newer.db"
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreFailed, match="newer"):
        SqliteDatabase(newer)


def test_moments_sort_as_text() -> None:
    assert stamp(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == "2026-01-02T03:04:05.000006Z"
    assert stamp(datetime(1, 1, 1, tzinfo=UTC)) < stamp(AT)


@given(at=st.datetimes(timezones=st.just(UTC)))
def test_the_time_of_an_entry_is_kept_as_any_other_time(at: datetime) -> None:
    """The columns' text is made without reading the calendar, and must sort with what `stamp` makes."""
    entry = msgspec.structs.replace(movement(1), occurred_at=at, recorded_at=at)
    taken = read_taken(ProvedEntry(1, write_entry(entry), b"", b""))
    assert (taken.kind, taken.inspection) == ("movement", entry.inspection_id)
    assert taken.occurred_at == stamp(at)
