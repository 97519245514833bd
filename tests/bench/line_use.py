"""How much of a thin line a backlog uses: 128 kbit/s, 600 ms round trip, true sockets through `tests/line`.

From the first acknowledgement after the hello, when entries may go, until the last: start and end of the stream, when
the line cannot be full, are in it.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from line_world import wait_for, world

from tests.line.slow_line import Reading, SlowLine
from tests.line.wire import Quality

LINE = Quality(rate=128_000, delay=0.3)
BACKLOG = 12_000


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    with (
        tempfile.TemporaryDirectory(dir=".") as name,
        world(Path(name)) as there,
        SlowLine(("127.0.0.1", there.broker.port), LINE) as line,
    ):
        device = there.device(line.url)
        device.fill(BACKLOG)
        readings: list[Reading] = []
        looking = threading.Event()

        def heard(event: object) -> None:
            if not readings and getattr(event, "kind", "") == "acknowledged":
                readings.append(line.reading())
                looking.set()

        device.service.on_event(heard)
        begun = time.monotonic()
        device.service.start()
        assert looking.wait(60)
        wait_for(device.drained, 600, every=0.01)
        whole = time.monotonic() - begun
        last = line.reading()
        used = line.used(readings[0], last)
        device.close()
    baseline = "the line's rate"
    yield f"use of 128 kbit/s, 600 ms: backlog of {BACKLOG}, from the first acknowledgement", used, "", baseline, used
    yield (
        "bytes an entry on that line, headers of TCP/IP too",
        last.up / BACKLOG,
        "B",
        "130 B",
        last.up / BACKLOG / 130,
    )
    yield "entries a second on that line, connecting too", BACKLOG / whole, "/s", baseline, used
