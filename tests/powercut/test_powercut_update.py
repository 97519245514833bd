"""The power is cut while an update makes an older database new: it is the old one or the new one, and whole."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from powercut_disk import Damage
from powercut_log import have_compiler, read_log, record
from powercut_rounds import Cut, replay

from border_agent.clock import Clock
from border_agent.store import Journal, Notes, Staging, Store, VisaUses, verify_journal
from border_agent.store.migrations import VERSION, schema_of, snapshot

FIXTURES = Path(__file__).parents[1] / "store" / "fixtures"
# As `tests/store/test_store_schema.py` wrote them.
STORE_KEY, JOURNAL_KEY = bytes(range(32)), bytes(range(32, 64))
DEVICE = "uto-test-1"
CUTS = 16

OPENS = """
import sys
from pathlib import Path
from border_agent.store import Store
Store(Path(sys.argv[1]) / "store.db", bytes(range(32)), reserve_bytes=0).close()
"""


@pytest.mark.skipif(not have_compiler(), reason="no gcc here")
@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_migration_is_whole_or_not_at_all(version: int, tmp_path: Path) -> None:
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    shutil.copy(FIXTURES / f"v{version}.db", folder / "store.db")
    begun_with = {"store.db": (folder / "store.db").read_bytes()}
    record([sys.executable, "-c", OPENS, folder], folder, log)
    operations, chance = list(read_log(log)), Random(version)
    cuts = [
        Cut(life=0, after=chance.randint(0, len(operations)), damage=damage, seed=chance.getrandbits(32))
        for damage in Damage
        for _ in range(CUTS // len(Damage))
    ]
    seen = set()
    for number, (cut, disk, _) in enumerate(replay(operations, begun_with, [], cuts)):
        image = tmp_path / f"image-{number}"
        image.mkdir()
        disk.image(cut.damage, Random(cut.seed), image)
        with Store(image / "store.db", STORE_KEY, reserve_bytes=0) as store:
            _check(store)
        seen.add(cut.after)
    assert len(seen) > CUTS / 2


def _check(store: Store) -> None:
    key = Ed25519PrivateKey.from_private_bytes(JOURNAL_KEY)
    assert not store.created
    with store.reading() as connection:
        assert schema_of(connection) == snapshot(VERSION)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    journal = Journal(store, DEVICE, key, Clock(), software="powercut")
    assert verify_journal(store, key.public_key()).ok
    assert (journal.position().sequence, journal.mark().sequence) == (4, 2)
    assert VisaUses(store).count("a" * 16) == 1
    assert Staging(store).position("visas").staged_version == 4
    assert Notes(store).get("name") == b"value"
