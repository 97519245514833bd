"""The devices of a post hold each other's journals in evidence: rewriting one with its own keys shows next door."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from post_kit import COUNTER, KIOSK, Station, World, wait_for

from border_agent.store import witness
from border_agent.store.export import Range, export_journal
from mqtt_schemas.audit import AuditKeys, verify_files
from mqtt_schemas.keys import public_bytes


def held(station: Station) -> list[witness.Witnessed]:
    with station.store.reading() as connection:
        return witness.of_others(connection)


def test_a_neighbour_is_a_witness_without_any_line_to_the_centre(world: World, tmp_path: Path) -> None:
    world.start(world.kiosk, world.counter)
    wait_for(lambda: held(world.kiosk) and held(world.counter))
    (seen,) = held(world.counter)
    assert (seen.source, seen.sequence) == (KIOSK, world.kiosk.journal.position().sequence)
    files = []
    for station in (world.kiosk, world.counter):
        files.append(tmp_path / f"{station.device}.jsonl")
        now = datetime.now(UTC)
        export_journal(station.store, station.key, files[-1], Range(), made_at=now, software="test")
    keys = AuditKeys({one.device: (public_bytes(one.key),) for one in (world.kiosk, world.counter)})
    report = verify_files(files, keys)
    assert report.ok, report.faults
    assert {(stream.device, stream.witnessed_by) for stream in report.streams} == {(KIOSK, COUNTER), (COUNTER, KIOSK)}
    assert all(stream.unwitnessed == 0 for stream in report.streams)


def test_one_statement_an_hour_is_kept(world: World) -> None:
    world.start(world.kiosk, world.counter)
    wait_for(lambda: held(world.counter))
    world.kiosk.condition = type(world.kiosk.condition)(gate="7")
    wait_for(lambda: any(device.gate == "7" for device in world.counter.line.devices()))
    assert len(held(world.counter)) == 1
