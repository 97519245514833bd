"""A decision on an idle line: from its commit to the centre's acknowledgement, against the durable commit alone.

Broker with TLS, centre in a process of its own, both stores durable (FULL); the device's lists empty.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from line_world import wait_for, world

DECISIONS = 300


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    commits, acks = [], []
    with tempfile.TemporaryDirectory(dir=".") as name, world(Path(name)) as there:
        device = there.device()
        acknowledged, upto = threading.Event(), 0

        def heard(event: object) -> None:
            nonlocal upto
            if getattr(event, "kind", "") == "acknowledged":
                upto = int(getattr(event, "version", 0))
                acknowledged.set()

        device.service.on_event(heard)
        device.service.start()
        wait_for(device.drained)
        for _ in range(DECISIONS):
            entry = device.travellers.movement(datetime.now(UTC))
            acknowledged.clear()
            begun = time.perf_counter()
            receipt = device.journal.commit([entry])
            committed = time.perf_counter()
            while upto < receipt.sequence:
                assert acknowledged.wait(30)
                acknowledged.clear()
            acks.append((time.perf_counter() - begun) * 1000)
            commits.append((committed - begun) * 1000)
            time.sleep(0.01)
        device.close()
    plain = statistics.median(commits)
    for label, share in (("p50", 50), ("p95", 95)):
        value = statistics.quantiles(acks, n=100)[share - 1]
        yield (
            f"decision to the centre's acknowledgement, idle, {label}",
            value,
            "ms",
            "its durable commit, p50",
            value / plain,
        )
