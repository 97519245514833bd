"""What was told, what the devices have, what the centre has: compared entry by entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from border_agent.store import EvidenceStore, Store, verify_journal
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.reports import alarms
from mqtt_schemas.entries import read_entry
from tests.chaos.actors import DeviceActor


class Reckoning(Struct, frozen=True, kw_only=True):
    """The figures of a run. All but the first three must be 0 or empty."""

    told: int
    """Decisions that a device was told are durable."""
    at_devices: int
    at_centre: int
    """Entries."""
    lost: int
    """Told, and not at the centre as told."""
    doubled: int
    """Entries' ids that the centre has twice."""
    different: int
    """Places where both ends differ."""
    without_evidence: int
    """Told, and the device has no evidence or no use of the visa."""
    without_evidence_at_centre: int
    """Records and pictures of what was told that the centre has not."""
    epochs_too_many: int
    chain_faults: int
    quarantined: int
    alarms: dict[str, int]
    """By code: none is explained by a kill."""
    first_alarms: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        missing = (self.lost, self.without_evidence, self.without_evidence_at_centre)
        wrong = (self.doubled, self.different, self.epochs_too_many, self.chain_faults, self.quarantined)
        return not (any(missing) or any(wrong) or self.alarms)


def marks(centre: Path) -> dict[str, int]:
    """How far the centre has each device."""
    with CentreFolder(centre).database() as database:
        return {
            str(device): int(mark) for device, mark in database.rows("SELECT device, mark FROM stream ORDER BY id")
        }


def evidence(centre: Path) -> set[bytes]:
    """Names of the evidence that the centre has whole."""
    with CentreFolder(centre).database() as database:
        return {bytes(name) for (name,) in database.rows("SELECT sha256 FROM evidence WHERE whole_at IS NOT NULL")}


def reckon(centre: Path, devices: Sequence[DeviceActor]) -> Reckoning:
    """Compare; nobody may be writing any more."""
    with CentreFolder(centre).database() as database:
        stored: dict[tuple[str, bytes], dict[int, tuple[bytes, bytes]]] = {}
        rows = database.rows(
            "SELECT s.device, s.epoch, j.sequence, j.head, j.body FROM journal j JOIN stream s ON s.id = j.stream"
        )
        for device, epoch, sequence, head, body in rows:
            stored.setdefault((str(device), bytes(epoch)), {})[int(sequence)] = (bytes(head), bytes(body))
        quarantined = database.one("SELECT count(*) FROM quarantine")
        whole = {
            (str(device), bytes(name)): str(kind)
            for device, name, kind in database.rows(
                "SELECT device, sha256, kind FROM evidence WHERE whole_at IS NOT NULL"
            )
        }
    identities = [read_entry(body).id for stream in stored.values() for _, body in stream.values()]
    told = at_devices = lost = different = without = unsent = faults = 0
    for device in devices:
        decisions = list(device.told())
        told += len(decisions)
        for one in decisions:
            held = stored.get((device.device, one.epoch), {}).get(one.sequence)
            lost += held is None or held[0] != one.head or read_entry(held[1]).id != one.entry
        with Store(device.folder / "store.db", device.folder / "store.key", reserve_bytes=0) as store:
            with store.reading() as connection:
                own = connection.execute(
                    "SELECT s.epoch, j.sequence, j.head, j.body FROM journal j JOIN stream s ON s.id = j.stream"
                ).fetchall()
                uses = {row[0] for row in connection.execute("SELECT movement FROM visa_use").fetchall()}
            kept = EvidenceStore(store)
            without += sum(one.entry not in uses or not all(map(kept.holds, one.evidence)) for one in decisions)
            unsent += sum((device.device, name) not in whole for one in decisions for name in one.evidence)
            faults += len(verify_journal(store, device.key.public_key()).faults)
        at_devices += len(own)
        here = {(bytes(epoch), int(sequence)): (bytes(head), bytes(body)) for epoch, sequence, head, body in own}
        there = {
            (epoch, sequence): held
            for (name, epoch), stream in stored.items()
            if name == device.device
            for sequence, held in stream.items()
        }
        different += sum(here.get(place) != there.get(place) for place in here.keys() | there.keys())
    raised = alarms(centre)
    return Reckoning(
        told=told,
        at_devices=at_devices,
        at_centre=len(identities),
        lost=lost,
        doubled=len(identities) - len(set(identities)),
        different=different,
        without_evidence=without,
        without_evidence_at_centre=unsent,
        epochs_too_many=len(stored) - len(devices),
        chain_faults=faults,
        quarantined=int(quarantined[0]) if quarantined is not None else 0,
        alarms=dict(Counter(alarm.code.value for alarm in raised)),
        first_alarms=tuple(f"{alarm.device} {alarm.code}: {alarm.detail}" for alarm in raised[:5]),
    )
