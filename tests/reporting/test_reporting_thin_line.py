"""A long list on a thin line: it fills the line, and an acknowledgement hardly waits for it."""

from __future__ import annotations

import random
import time
from pathlib import Path
from statistics import median

from reporting_kit import Post, TrueCentre, event, wait_for
from stick_kit import Ministry, visa

from mqtt_schemas.centre.register import enrol
from mqtt_schemas.feeds import Feed
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from tests.line.slow_line import SlowLine
from tests.line.wire import Quality

RATE, DELAY = 256_000, 0.15
CHUNK_SECONDS = 4096 * 8 / RATE
CHANCE = random.Random(7)
VISAS = [visa(number, portrait=CHANCE.randbytes(600)) for number in range(150)]
"""Some 100 kB that nothing compresses: three seconds of the line."""


def delays(post: Post, until: object) -> list[float]:
    """Seconds from a commit to its acknowledgement, one entry after the other, while `until()` does not hold."""
    found: list[float] = []
    while not until() and len(found) < 60:  # type: ignore[operator]
        receipt = post.journal.commit([event()])
        begun = time.monotonic()
        wait_for(lambda: post.service.status().acknowledged >= receipt.sequence)  # noqa: B023
        found.append(time.monotonic() - begun)
    return found


def test_an_acknowledgement_hardly_waits_behind_a_list(
    tmp_path: Path, device: Post, centre: TrueCentre, broker: LabBroker
) -> None:
    enrol(centre.folder, "uto-post-1", "airport", public_bytes(device.key))
    with SlowLine((broker.host, broker.port), Quality(rate=RATE, delay=DELAY)) as line:
        device.brokers = (line.url,)
        with device as post:
            wait_for(post.drained)
            wait_for(lambda: post.installed("devices") > 0)
            count = 0

            def four() -> bool:
                nonlocal count
                count += 1
                return count > 4

            idle = delays(post, four)
            before, begun = line.reading(), time.monotonic()
            Ministry(centre.folder, centre.root).lists(Feed.VISAS, VISAS)
            wait_for(lambda: any(state.name == "visas" and state.staged for state in post.service.status().feeds))
            busy = delays(post, lambda: post.installed("visas") == len(VISAS))
            seconds, carried = time.monotonic() - begun, line.reading().down - before.down
    assert len(busy) >= 3
    # Behind what may be on its way, less what the way itself takes: never behind the list, which takes three seconds.
    assert median(busy) < median(idle) + 4 * CHUNK_SECONDS, (idle, busy)
    assert max(busy) < max(idle) + 12 * CHUNK_SECONDS, (idle, busy)
    assert carried * 8 / RATE / seconds > 0.5, (carried, seconds)
