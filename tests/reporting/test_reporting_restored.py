"""A backup put back into service: a new epoch, nothing lost, nothing doubled, and nobody taken for a clone."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from reporting_kit import Post, TrueCentre, event, wait_for

from mqtt_schemas.entries import EpochOpened, EpochReason, read_entry


def put_back(device: Post, backup: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (device.folder / f"store.db{suffix}").unlink(missing_ok=True)
    shutil.copy(backup, device.folder / "store.db")


def alarms(centre: TrueCentre) -> set[str]:
    with centre.database() as database:
        return {str(row[0]) for row in database.rows("SELECT code FROM alarm")}


@pytest.mark.parametrize("whole_disk", [False, True], ids=["the database alone", "the whole disk"])
def test_a_backup_put_back_loses_and_doubles_nothing(
    device: Post, centre: TrueCentre, tmp_path: Path, whole_disk: bool
) -> None:
    backup, decided = tmp_path / "backup.db", []
    with device:
        wait_for(device.drained)
        decided += [event() for _ in range(3)]
        device.journal.commit(decided)
        wait_for(device.drained)
    device.open()
    decided += [event()]
    device.journal.commit(decided[-1:])  # with the line down: the backup holds what the centre lacks
    device.close()
    shutil.copy(device.folder / "store.db", backup)
    with device:
        decided += [event() for _ in range(4)]
        device.journal.commit(decided[-4:])
        wait_for(device.drained)
        known = device.journal.position()
    put_back(device, backup)
    if whole_disk:
        (device.folder / "store.db.tail").unlink()
    # And it is used before the line is up again.
    device.open()
    decided += [event(), event()]
    device.journal.commit(decided[-2:])
    device.service.start()
    try:
        wait_for(lambda: device.journal.position().epoch != known.epoch)
        wait_for(device.drained)
        assert not device.problems()
        opened = read_entry(device.journal.latest(99)[0])
        assert isinstance(opened, EpochOpened)
        assert opened.reason is EpochReason.RESTORED
        assert (opened.previous_epoch, opened.previous_sequence) == (known.epoch, known.sequence)
        assert opened.previous_head == known.head
    finally:
        device.close()
    at_centre = Counter(read_entry(body).id for _, _, body in centre.entries())
    assert {entry.id for entry in decided} <= set(at_centre), "nothing is lost"
    carried_twice = [entry.id for entry in decided if at_centre[entry.id] > 1]
    assert carried_twice == [decided[3].id], "only what the centre was not known to have; its id counts once there"
    # That the device changed its epoch is told; that it was cloned, or contradicts itself, is not.
    assert alarms(centre) == {"epoch_changed"}


def test_a_copy_that_is_used_beside_its_original_is_told(device: Post, centre: TrueCentre, tmp_path: Path) -> None:
    """Neither can know which it is, and neither is stopped at the border; the centre says that there are two."""
    with device:
        wait_for(device.drained)
    shutil.copytree(device.folder, tmp_path / "copy")
    copy = Post.__new__(Post)
    copy.__dict__ = {**device.__dict__, "folder": tmp_path / "copy"}
    decided = []
    for one in (copy, device, copy, device):
        with one:
            decided.append(event())
            one.journal.commit(decided[-1:])
            wait_for(one.drained)
            assert not one.problems()
    assert {entry.id for entry in decided} <= {read_entry(body).id for _, _, body in centre.entries()}
    assert alarms(centre) == {"epoch_changed", "closed_epoch"}
