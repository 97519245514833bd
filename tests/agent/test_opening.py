"""An agent always begins: what cannot be read or continued is moved aside whole, and the new epoch says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from border_agent.agent.runtime import Agent
from border_agent.config import load_config
from border_agent.store import Position, Store, StoreDamaged
from mqtt_schemas.entries import DeviceEvent, EpochOpened, EpochReason, read_entry
from tests.agent.conftest import DEVICE, write_device
from tests.agent.desk_kit import entered


def started(folder: Path) -> tuple[EpochOpened, Position]:
    """The first entry and the end of the epoch that a life of the agent leaves behind."""
    with Agent(load_config(write_device(folder))) as agent:
        position = agent.journal.position()
        opened = read_entry(agent.journal.latest(position.sequence)[0])
    assert isinstance(opened, EpochOpened)
    return opened, position


def shorten(folder: Path) -> None:
    """The last entry is gone, as with the page it stood on."""
    with Store(folder / "store.db", folder / "store.key") as store, store.writing() as connection:
        connection.execute("DROP TRIGGER journal_kept")
        connection.execute("DELETE FROM journal WHERE sequence = (SELECT sequence FROM stream)")


def test_a_journal_that_does_not_end_where_it_says_is_kept_and_the_device_goes_on(folder: Path) -> None:
    first, end = started(folder)
    assert first.reason is EpochReason.FIRST_START
    with Agent(load_config(write_device(folder))) as agent:
        moved = entered(agent, days_ago=1)
        written = agent.journal.latest(99)
        entered(agent, days_ago=0)
        end = agent.journal.position()
    shorten(folder)
    second, _ = started(folder)
    assert second.reason is EpochReason.STORE_LOST
    assert second.carried == len(written) == end.sequence - 1
    with Agent(load_config(write_device(folder))) as agent:
        bodies = agent.journal.latest(99)
        assert bodies[1 : 1 + second.carried] == written, "what it had still to say is said, byte for byte"
        left = read_entry(bodies[1 + second.carried])
        assert isinstance(left, DeviceEvent)
        assert left.details == {"epoch": end.epoch.hex(), "entries": str(end.sequence)}
        assert [passage.entry for passage in agent.passages.search()] == [moved.id]
        assert agent.verify_journal().ok
    assert (second.previous_epoch, second.previous_sequence) == (end.epoch, end.sequence)
    assert second.previous_head == end.head, "the file beside the store remembers the end that the store has lost"
    assert len(list(folder.glob("store.db.lost-*"))) >= 1
    third, _ = started(folder)
    assert third == second, "and that is all: the next start goes on"


def test_another_devices_journal_is_for_a_person(folder: Path) -> None:
    started(folder)
    config = write_device(folder)
    config.write_text(config.read_text(encoding="utf-8").replace(DEVICE, "test-device-2"), encoding="utf-8")
    with pytest.raises(StoreDamaged), Agent(load_config(config)):
        pass
    assert list(folder.glob("store.db.lost-*")) == []
