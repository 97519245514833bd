"""What was decided against what arrived: three witnesses that cannot agree by accident.

The receipts the officer's client was given, the device's encrypted journal opened again, and the centre's
database, each read by itself; both chains are computed again from the stored bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from border_agent.agent.identity import load_journal_key
from border_agent.agent.opening import open_store
from border_agent.config import load_config
from border_agent.demo.appliance import Appliance
from border_agent.demo.counter import Passage
from border_agent.demo.national import National
from border_agent.demo.world import World
from border_agent.store import verify_journal
from mqtt_schemas.centre import proof as centre_proof
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.entries import Decision, Inspection, Movement, read_entry
from mqtt_schemas.errors import Malformed

_ENTRIES = "SELECT s.epoch, j.sequence, j.body FROM journal j JOIN stream s ON s.id = j.stream"
"""The same question to both sides: their tables have these names in common."""


class Proof(Struct, frozen=True, kw_only=True):
    """The comparison. `holds` is the demo's exit status."""

    entries_decided: int
    entries_at_centre: int
    lost: int
    duplicated: int
    chain_ok: bool
    same_bytes: bool

    @property
    def holds(self) -> bool:
        return (
            self.entries_decided == self.entries_at_centre
            and self.lost == 0
            and self.duplicated == 0
            and self.chain_ok
            and self.same_bytes
        )


def prove(world: World, passages: Iterable[Passage]) -> Proof:
    """Compare, once agent and centre have ended."""
    told = {(passage.epoch, passage.sequence): passage.inspection for passage in passages}
    journal, device_ok = _journal(world)
    arrived = _arrived(world.centre_folder)
    centre_ok = all(stream.ok for stream in centre_proof.verify(world.centre_folder))
    decided = [inspection for body in arrived.values() if (inspection := _decided(body))]
    at_centre = Counter(decided)
    return Proof(
        entries_decided=len(told),
        entries_at_centre=len(decided),
        lost=sum(1 for place, inspection in told.items() if _decided(arrived.get(place, b"")) != inspection),
        duplicated=sum(times - 1 for times in at_centre.values()),
        chain_ok=device_ok and centre_ok,
        same_bytes=journal == arrived,
    )


def _decided(body: bytes) -> str:
    """Inspection id of an entry that holds an officer's decision; empty for any other entry."""
    try:
        entry = read_entry(body)
    except Malformed:
        return ""
    if isinstance(entry, Movement | Inspection) and entry.decision is not Decision.UNKNOWN:
        return entry.inspection_id
    return ""


def prove_all(national: National, appliances: Iterable[Appliance], told: Mapping[str, str]) -> Proof:
    """The same for a whole post; `told`: the decision of each inspection, as its officer's page said."""
    journal: dict[tuple[str, int], bytes] = {}
    devices_ok = True
    for appliance in appliances:
        entries, ok = _journal(appliance)
        journal |= entries
        devices_ok = devices_ok and ok
    arrived = _arrived(national.centre_folder)
    centre_ok = all(stream.ok for stream in centre_proof.verify(national.centre_folder))
    at_centre = Counter(inspection for body in arrived.values() if (inspection := _decided(body)))
    return Proof(
        entries_decided=len(told),
        entries_at_centre=sum(at_centre.values()),
        lost=sum(1 for inspection in told if not at_centre[inspection]),
        duplicated=sum(times - 1 for times in at_centre.values()),
        chain_ok=devices_ok and centre_ok,
        same_bytes=journal == arrived,
    )


def _journal(appliance: Appliance) -> tuple[dict[tuple[str, int], bytes], bool]:
    """A device's journal by epoch and sequence, and whether its chain holds."""
    config = load_config(appliance.config)
    key = load_journal_key(config.path(config.identity.journal_key)).public_key()
    with open_store(config) as store:
        ok = verify_journal(store, key).ok
        with store.reading() as connection:
            rows = connection.execute(_ENTRIES)
            return {(epoch.hex(), sequence): bytes(body) for epoch, sequence, body in rows}, ok


def _arrived(centre: Path) -> dict[tuple[str, int], bytes]:
    with CentreFolder(centre).database() as database:
        return {(epoch.hex(), sequence): body for epoch, sequence, body in database.rows(_ENTRIES)}
