"""Journals taken in at the centre: proved, committed, acknowledged; SQLite and PostgreSQL in turns, in one run."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "centre"))

from centre_device import PaperDevice, open_office
from postgres_kit import Cluster, installed

from mqtt_schemas.centre.database import MEMORY
from mqtt_schemas.centre.service import GROUP

ROUNDS = 5
SHAPES = ((500, 8, 4000), (50, GROUP, 3200), (1, GROUP, 320))
"""Entries in a batch, batches in a commit, entries in all."""


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    if not installed():
        return
    with tempfile.TemporaryDirectory(dir=".") as name, Cluster() as cluster:
        for size, group, entries in SHAPES:
            rates: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
            for turn in range(ROUNDS):
                device = PaperDevice(day=500)
                device.travellers(entries - 1)
                for store, kept in rates.items():
                    with ExitStack() as ending:
                        url = cluster.fresh() if store == "PostgreSQL" else ""
                        if url:
                            ending.callback(cluster.give_back, url)
                        kept.append(_rate(Path(name, f"{size}-{turn}.db"), url, device, size, group))
            plain = statistics.median(rates["SQLite"])
            for store, kept in rates.items():
                rate = statistics.median(kept)
                what = f"taken in at the centre, {store}, batches of {size}"
                yield what, rate, "/s", f"the same in SQLite, {group} batches a commit", rate / plain


def _rate(file: Path, url: str, device: PaperDevice, size: int, group: int) -> float:
    office = open_office(MEMORY if url else file, url=url)
    office.enrol(device)
    office.acks(device.greets())
    last = len(device.bodies)
    batches = [device.sent(first, min(first + size - 1, last)) for first in range(1, last + 1, size)]
    started = time.perf_counter()
    for first in range(0, len(batches), group):
        (ack,) = office.desk.handle(batches[first : first + group])
    seconds = time.perf_counter() - started
    assert office.open(ack.payload).upto == last
    office.store.database.close()
    return last / seconds
