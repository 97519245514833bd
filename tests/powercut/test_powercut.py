"""The power is cut, a few times: what was told is there; each fault put in is found. Often: `make proof-powercut`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

import pytest
from powercut_disk import Damage
from powercut_log import Kind, have_compiler, read_log, record
from powercut_pages import pages
from powercut_rounds import CENTRE, DEVICE, Cut, Result, Round, Subject, replay, replay_kept

pytestmark = pytest.mark.skipif(not have_compiler(), reason="no gcc here")

SEED = 20270301


def cut(subject: Subject, images: int, folder: Path, control: str = "", size: int = 24) -> Result:
    return Round(subject, SEED, images, folder, control=control, size=size).run()


@pytest.mark.parametrize(("subject", "images"), [(DEVICE, 48), (CENTRE, 24)], ids=["device", "centre"])
def test_what_was_told_survives(subject: Subject, images: int, tmp_path: Path) -> None:
    result = cut(subject, images, tmp_path)
    assert result.findings == []
    assert result.images == images
    # Not by luck: there was something to be lost, and something had been told.
    assert result.pending > images * 0.9
    assert result.told["decision" if subject is DEVICE else "acknowledged"] > 30


@pytest.mark.parametrize("control", ["normal", "early"])
@pytest.mark.parametrize("subject", [DEVICE, CENTRE], ids=["device", "centre"])
def test_a_fault_put_in_is_found(subject: Subject, control: str, tmp_path: Path) -> None:
    result = cut(subject, 16, tmp_path, control)
    assert result.kinds().get("lost", 0) > 0
    # The image of a finding can be made again, from what is kept of the round.
    finding = result.findings[0]
    assert subject.judge(*_image(tmp_path, finding.cut)) == finding.what


ERASES = """
import sys
from pathlib import Path
sys.path.append(sys.argv[3])
from powercut_log import Marker
from border_agent.store import Store, database
if sys.argv[4] == "unsynced":
    database._sync = lambda path, flags: None
with Store(Path(sys.argv[1]) / "store.db", bytes(32), reserve_bytes=0) as store:
    with store.writing() as connection:
        connection.execute("INSERT INTO evidence_key VALUES ('2027-03-01', ?, '')", (bytes.fromhex(sys.argv[2]),))
    with store.writing() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("DELETE FROM evidence_key")
    assert store.truncate_log()
    Marker()(told="clean")
"""


@pytest.mark.parametrize("control", ["", "unsynced"])
def test_a_log_that_was_emptied_stays_empty(control: str, tmp_path: Path) -> None:
    """SQLite by itself does not sync that: a destroyed key would still be there for whoever has the store's."""
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    secret = os.urandom(32)
    record([sys.executable, "-c", ERASES, folder, secret.hex(), Path(__file__).parent, control], folder, log)
    operations = list(read_log(log))
    mark = next(number for number, one in enumerate(operations, start=1) if one.kind is Kind.MARK)
    last = Cut(life=0, after=mark, damage=Damage.DROPPED, seed=1)
    ((_, disk, _),) = replay(operations, {}, [], [last])
    image = tmp_path / "image"
    image.mkdir()
    disk.image(Damage.DROPPED, Random(1), image)
    left = any(secret in page for page in pages(image / "store.db", bytes(32)))
    assert left == (control == "unsynced")


def _image(folder: Path, of: Cut):  # type: ignore[no-untyped-def]
    into = folder / "again"
    into.mkdir()
    return replay_kept(folder, of, into)
