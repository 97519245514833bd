"""The line cut for an exercise: nothing leaves, nothing is lost, and it is taken up again by itself."""

from __future__ import annotations

import time

from reporting_kit import Post, TrueCentre, event, wait_for

from border_agent.reporting import ReportingEvent


def test_a_pause_cuts_the_line_and_ends_by_itself(device: Post, centre: TrueCentre) -> None:
    seen: list[ReportingEvent] = []
    device.open().service.on_event(seen.append)
    device.service.start()
    wait_for(device.drained)
    before = len(centre.entries())
    device.service.pause(2.5)
    wait_for(lambda: not device.service.status().online, 2.0)
    assert device.service.status().paused
    for _ in range(5):
        device.journal.commit([event()])
    time.sleep(0.5)
    status = device.service.status()
    assert (status.online, status.unacknowledged, len(centre.entries())) == (False, 5, before)
    assert not status.problems, "an exercise is no fault"
    wait_for(device.drained)
    assert not device.service.status().paused
    assert len(centre.entries()) == before + 5
    kinds = [event.kind for event in seen]
    assert (kinds.count("line_up"), kinds.count("line_down")) == (2, 1)
    device.close()


def test_a_pause_can_be_ended_and_holds_from_the_start(device: Post, centre: TrueCentre) -> None:
    device.open()
    device.service.pause(3600)
    device.service.start()
    time.sleep(0.8)
    assert not device.service.status().online
    assert device.service.status().paused
    device.service.resume()
    wait_for(device.drained)
    assert not device.service.status().paused
    device.close()
