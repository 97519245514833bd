"""The power is cut while a store that cannot be read is set aside: it is kept, and the device begins anew, once."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from powercut_disk import Damage
from powercut_log import have_compiler, read_log, record
from powercut_rounds import Cut, replay

from border_agent.clock import Clock
from border_agent.store import Journal, Store, StoreDamaged, WrongKey, set_aside, verify_journal, was_set_aside
from mqtt_schemas.entries import EpochReason

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DEVICE = "uto-test-1"
OLD, OLD_LOG = b"old" * 20_000, b"log" * 5_000
"""A database that opens under no key, and its log."""
CUTS = 24


def begin(folder: Path) -> tuple[Store, Journal]:
    """As the agent begins (`agent.opening.open_or_set_aside`)."""
    path = folder / "store.db"
    try:
        store = Store(path, bytes(32), reserve_bytes=0)
    except (WrongKey, StoreDamaged):
        set_aside(path)
        store = Store(path, bytes(32), reserve_bytes=0)
    reason = EpochReason.STORE_LOST if was_set_aside(path) else EpochReason.FIRST_START
    return store, Journal(store, DEVICE, KEY, Clock(), software="powercut", reason=reason)


PROGRAM = """
import sys
from pathlib import Path
sys.path.append(sys.argv[2])
from powercut_log import Marker
from test_powercut_aside import begin
store, journal = begin(Path(sys.argv[1]))
Marker()(told="opened", epoch=journal.position().epoch)
store.close()
"""


@pytest.mark.skipif(not have_compiler(), reason="no gcc here")
def test_what_is_set_aside_is_kept_and_a_device_begins_anew_once(tmp_path: Path) -> None:
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    begun_with = {"store.db": OLD, "store.db-wal": OLD_LOG}
    for name, content in begun_with.items():
        (folder / name).write_bytes(content)
    record([sys.executable, "-c", PROGRAM, folder, Path(__file__).parent], folder, log)
    operations, chance = list(read_log(log)), Random(1)
    renamed = next(number for number, one in enumerate(operations) if one.kind == "R")
    cuts = [
        Cut(life=0, after=after, damage=damage, seed=chance.getrandbits(32))
        for damage in Damage
        for after in (renamed + 1, renamed + 2, *chance.sample(range(len(operations) + 1), CUTS // len(Damage) - 2))
    ]
    for number, (cut, disk, told) in enumerate(replay(operations, begun_with, [], cuts)):
        image = tmp_path / f"image-{number}"
        image.mkdir()
        disk.image(cut.damage, Random(cut.seed), image)
        store, journal = begin(image)
        with store:
            assert verify_journal(store, KEY.public_key()).ok
            opened = [one["epoch"] for one in told]
            assert opened in ([], [journal.position().epoch.hex()]), cut
            with store.reading() as connection:
                assert connection.execute("SELECT reason FROM stream").fetchall() == [("store_lost",)], cut
        kept = [file.read_bytes() for file in image.glob("store.db.lost-*")]
        assert kept.count(OLD) == 1, cut
