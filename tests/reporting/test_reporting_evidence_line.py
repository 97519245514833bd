"""Evidence over a thin line: an entry that is committed meanwhile does not wait until the photos are through."""

from __future__ import annotations

import time

from reporting_kit import Post, TrueCentre, event, wait_for
from test_reporting_evidence import held, inspected, waiting

from mqtt_schemas.lab.broker import LabBroker
from tests.line.slow_line import SlowLine
from tests.line.wire import Quality


def acknowledged_after(post: Post) -> float:
    """Seconds from a commit to the centre's word for it."""
    sequence = post.journal.commit([event()]).sequence
    begun = time.monotonic()
    wait_for(lambda: post.journal.mark().sequence >= sequence)
    return time.monotonic() - begun


def test_an_entry_does_not_wait_for_photos(broker: LabBroker, centre: TrueCentre, device: Post) -> None:
    with SlowLine((broker.host, broker.port), Quality(rate=128_000, delay=0.15)) as line:
        device.brokers = (line.url,)
        with device:
            wait_for(device.drained)
            alone = min(acknowledged_after(device) for _ in range(3))
            pieces = inspected(device, 1, 30_000)
            wait_for(lambda: device.count("evidence.sent") > 4)
            beside = []
            while waiting(device) > 1 and len(beside) < 4:
                beside.append(acknowledged_after(device))
                time.sleep(0.5)
            wait_for(lambda: waiting(device) == 0)
            assert held(centre, pieces)
    # Of these 60 kB, 4 s of the line, two parts of 4 kB are before it at most: half a second.
    assert len(beside) > 1
    assert sorted(beside)[len(beside) // 2] < alone + 0.8
    assert max(beside) < alone + 2.0
