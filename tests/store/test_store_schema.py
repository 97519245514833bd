"""The schema of every version: as released, only added to, and databases of old versions still good.

The fixture databases were written by the version they are named after (`make_fixture`), under the key below.
"""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from passage_kit import movement
from store_kit import AT, Desk, event, head, visa

from border_agent.store import (
    EvidenceKept,
    EvidenceStore,
    Journal,
    Lists,
    Notes,
    PassageNoted,
    Passages,
    Staging,
    Store,
    VisaUsed,
    VisaUses,
    verify_journal,
)
from border_agent.store.migrations import VERSION, migrations, schema_of, snapshot
from mqtt_schemas.entries import Direction
from mqtt_schemas.feeds import put

FIXTURES = Path(__file__).with_name("fixtures")
STORE_KEY = bytes(range(32))
JOURNAL_KEY = bytes(range(32, 64))
VERSIONS = range(1, VERSION + 1)
PASSAGES_SINCE = 2
"""Fixtures from this version on hold a movement."""


def make_fixture(folder: Path) -> Path:
    """Write the fixture database of the present version (once, when a version is released)."""
    (folder / "key").touch(0o600)
    (folder / "key").write_bytes(STORE_KEY)
    desk = Desk(folder, Ed25519PrivateKey.from_private_bytes(JOURNAL_KEY))
    path = folder / f"v{VERSION}.db"
    with Store(path, folder / "key", reserve_bytes=0) as store:
        journal = desk.journal(store)
        use = VisaUsed(visa_id="a" * 16, movement_id="m1", direction=Direction.ENTRY, occurred_at=AT)
        journal.commit([event("one")], [use, EvidenceKept(b"picture")])
        desk.hands.turn(3600)
        moved = movement(AT)
        receipt = journal.commit([event("two"), moved], [PassageNoted(entry=moved)])
        journal.move_mark(2, journal.head_at(receipt.epoch, 2) or b"", AT)
        rows = [put(visa(n).visa_id, visa(n)) for n in range(3)]
        Staging(store).stage("visas", 1, rows)
        Staging(store).install(head("visas", rows[:3]), AT)
        Staging(store).stage("visas", 4, [put("x", visa(9))])
        Notes(store).put("name", b"value")
    return path


def open_copy(version: int, folder: Path) -> Store:
    (folder / "key").touch(0o600)
    (folder / "key").write_bytes(STORE_KEY)
    shutil.copy(FIXTURES / f"v{version}.db", folder / "store.db")
    return Store(folder / "store.db", folder / "key", reserve_bytes=0)


def test_a_new_store_has_the_released_schema(store: Store) -> None:
    with store.reading() as connection:
        assert schema_of(connection) == snapshot(VERSION)


def test_there_is_one_step_for_each_version(store: Store) -> None:
    with store.reading() as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
    assert names == [f"v{version}" for version in VERSIONS]
    assert migrations.name == "borne"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_every_version_goes_on(version: int, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.from_private_bytes(JOURNAL_KEY)
    with open_copy(version, tmp_path) as store:
        assert verify_journal(store, key.public_key()).ok
        with store.reading() as connection:
            assert schema_of(connection) == snapshot(VERSION)
        desk = Desk(tmp_path, key)
        journal: Journal = desk.journal(store)
        assert (journal.position().sequence, journal.mark().sequence) == (4, 2)
        assert journal.commit([event()]).sequence == 5
        assert verify_journal(store, key.public_key()).ok
        assert VisaUses(store).count("a" * 16) == 1
        assert EvidenceStore(store).size() == 7
        assert Lists(store).visa(visa(2).visa_id).records == (visa(2),)
        assert Lists(store).visa(visa(9).visa_id).records == ()
        assert Staging(store).position("visas").staged_version == 4
        assert Notes(store).get("name") == b"value"
        assert len(Passages(store).search()) == (1 if version >= PASSAGES_SINCE else 0)


def test_versions_only_add() -> None:
    for old, new in pairwise(VERSIONS):
        assert _columns(snapshot(old)) <= _columns(snapshot(new))


def test_what_an_older_version_checks_word_for_word_stays() -> None:
    """After an update was rolled back, its verification compares the triggers with its own snapshot."""
    for old, new in pairwise(VERSIONS):
        assert _triggers(snapshot(old)) <= _triggers(snapshot(new))


def test_a_step_of_a_newer_version_is_left_alone(desk: Desk) -> None:
    """After an update was rolled back, the older version opens the store of the newer one."""
    with desk.store() as store, store.writing() as connection:
        connection.execute("ALTER TABLE evidence ADD COLUMN sent_at TEXT")
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('borne', 'v99', '')"
        )
    with desk.store() as store:
        assert desk.journal(store).commit([event()], [EvidenceKept(b"x")]).sequence == 2


def _triggers(schema: str) -> set[str]:
    return {statement for statement in schema.split(";\n") if statement.startswith("CREATE TRIGGER")}


def _columns(schema: str) -> set[tuple[str, str]]:
    tables = re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", schema, flags=re.DOTALL)
    return {
        (table, line.split()[0])
        for table, body in tables
        for line in body.splitlines()
        if line.strip() and line.split()[0].islower()
    }
