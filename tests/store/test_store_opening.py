"""Opening: keys, wrong keys, rubbish, damage, and what is put aside."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from store_kit import DEVICE, Desk, event

from border_agent.store import (
    Journal,
    KeyRefused,
    Store,
    StoreDamaged,
    StoreError,
    WrongKey,
    create_key,
    read_key,
    set_aside,
    verify_journal,
)
from mqtt_schemas.entries import EpochOpened, EpochReason, read_entry


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(read_key(path)) == 32
    with pytest.raises(KeyRefused):
        create_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666])
def test_a_key_that_others_may_read_is_refused(desk: Desk, mode: int) -> None:
    desk.key_file.chmod(mode)
    with pytest.raises(KeyRefused):
        desk.store()
    assert not desk.path.exists()


@pytest.mark.parametrize("content", [b"", b"k" * 31, b"k" * 33, b"6b" * 32])
def test_a_key_is_32_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyRefused):
        read_key(path)


def test_a_missing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused):
        read_key(tmp_path / "none")


def test_another_key_opens_nothing_and_says_nothing(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    with desk.store() as store:
        desk.journal(store).commit([event("secret-word")])
    before = desk.path.read_bytes()
    desk.key_file.write_bytes(secrets.token_bytes(32))
    with pytest.raises(WrongKey):
        desk.store()
    assert desk.path.read_bytes() == before
    assert capfd.readouterr().err == ""


def test_no_plain_text_reaches_the_disk(desk: Desk) -> None:
    with desk.store() as store:
        desk.journal(store).commit([event("secret-word")])
        for file in desk.folder.iterdir():
            data = file.read_bytes()
            assert b"secret-word" not in data
            assert b"SQLite format" not in data


def test_rubbish_is_no_store(desk: Desk) -> None:
    desk.path.write_bytes(secrets.token_bytes(8192))
    with pytest.raises(WrongKey):
        desk.store()


def test_a_damaged_page_is_found_when_it_is_read(desk: Desk) -> None:
    with desk.store() as store:
        journal = desk.journal(store)
        journal.commit([event(size=3000) for _ in range(60)])
    data = bytearray(desk.path.read_bytes())
    page = len(data) * 3 // 4 // 4096 * 4096  # beyond the tables that are empty: of the journal
    data[page : page + 4096] = secrets.token_bytes(4096)
    desk.path.write_bytes(data)
    with pytest.raises(StoreDamaged), desk.store() as store:
        verify_journal(store, desk.key.public_key())


def test_a_lost_store_is_kept_and_the_device_goes_on_in_a_new_epoch(desk: Desk) -> None:
    desk.path.write_bytes(rubbish := secrets.token_bytes(8192))
    with pytest.raises(StoreError):
        desk.store()
    aside = set_aside(desk.path)
    assert aside is not None
    assert aside.read_bytes() == rubbish
    with desk.store() as store:
        assert store.created
        journal = Journal(store, DEVICE, desk.key, desk.hands.clock(), software="test", reason=EpochReason.STORE_LOST)
        opened = read_entry(journal.latest(1)[0])
        assert isinstance(opened, EpochOpened)
        assert opened.reason is EpochReason.STORE_LOST
    assert set_aside(desk.folder / "other.db") is None


def test_a_new_store_never_takes_up_an_old_log(desk: Desk) -> None:
    """A crash in the middle of putting a store aside leaves its log behind."""
    store = desk.store()
    desk.journal(store).commit([event()])
    log = desk.path.with_name("store.db-wal")
    left = log.read_bytes()
    assert left
    store.close()
    desk.path.unlink()
    log.write_bytes(left)
    with desk.store() as fresh:
        assert desk.journal(fresh).position().sequence == 1
    assert [file.read_bytes() for file in desk.folder.glob("*.lost-*-wal")] == [left]


def test_a_folder_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(StoreError):
        Store(desk.folder / "none" / "store.db", desk.key_file)


def test_a_closed_store_says_so(desk: Desk) -> None:
    store = desk.store()
    journal = desk.journal(store)
    store.close()
    with pytest.raises(StoreError):
        journal.commit([event()])
    with pytest.raises(StoreError):
        journal.position()


def test_every_connection_has_every_setting(store: Store) -> None:
    wanted = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "recursive_triggers": 1}
    for use in (store.writing, store.reading, store.opened):
        with use() as connection:
            for name, value in wanted.items():
                assert connection.execute(f"PRAGMA {name}").fetchone()[0] == value


def test_an_error_within_a_transaction_undoes_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        connection.execute("INSERT INTO note (name, value) VALUES ('a', x'00')")
        raise ZeroDivisionError
    with store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM note").fetchone()[0] == 0
