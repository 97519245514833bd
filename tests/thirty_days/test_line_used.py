"""A thin line, to the second: how full a backlog keeps it, and how long an acknowledgement waits for other things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from border_agent.reporting import ReportingEvent
from mqtt_schemas.centre import desk as desk_module
from mqtt_schemas.centre import service as service_module
from tests.thirty_days.nation import LINE, Nation
from tests.thirty_days.timeline import lived_in

BACKLOG = 3_000
ROUND_TRIP = 2 * LINE.delay


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Nation]:
    """One post alone on the line; nothing happens but what the test does."""
    made = Nation(tmp_path, 1, posts=1, picture=40_000)
    with lived_in(made.timeline, service_module, desk_module):
        yield made
    made.close()


def test_a_backlog_keeps_the_line_full(lonely: Nation) -> None:
    (post,), up = lonely.all, lonely.line.up
    post.fill(BACKLOG)
    seen: list[tuple[float, int]] = []

    def heard(event: ReportingEvent) -> None:
        if event.kind == "acknowledged":
            seen.append((lonely.timeline.now, up.carried))

    post.service.on_event(heard)
    lonely.centre.start(lonely._broker)
    post.wake()
    lonely.timeline.run(120)
    assert post.waiting == 0
    # Between two acknowledgements: the connection's beginning and the backlog's end cannot fill it.
    (begun, before), (ended, after) = seen[1], seen[-4]
    assert ended - begun > 10
    assert (after - before) * 8 / LINE.rate / (ended - begun) >= 0.97
    assert up.carried / BACKLOG < 130


def test_decisions_are_acknowledged_while_a_long_list_comes_down(lonely: Nation) -> None:
    (post,) = lonely.all
    lonely.centre.start(lonely._broker)
    post.wake()
    lonely.timeline.run(30)
    lonely.centre.publish_visas([post.travellers.visa(number) for number in range(6_000)])
    for second in range(40, 100, 2):
        lonely.timeline.run(second)
        post.refer()
    lonely.timeline.run(110)
    down = lonely.line.bytes["down/chunk"]
    post.delays[:] = post.delays[-30:]
    assert len(post.delays) == 30
    # Not behind more than what a device has asked for at once.
    assert down > 200_000
    assert max(delay for _, delay in post.delays) < ROUND_TRIP + 1.0
    lonely.timeline.run(400)
    assert lonely.quiet()


def test_decisions_are_acknowledged_while_photos_go_up(lonely: Nation) -> None:
    (post,) = lonely.all
    lonely.centre.start(lonely._broker)
    post.wake()
    lonely.timeline.run(30)
    for number in range(1, 31):
        post.decide(number)
    lonely.timeline.run(40)
    post.delays.clear()
    for second in range(40, 100, 2):
        lonely.timeline.run(second)
        post.refer()
    lonely.timeline.run(110)
    assert lonely.line.bytes["up/evidence"] > 400_000
    assert len(post.delays) == 30
    assert max(delay for _, delay in post.delays) < ROUND_TRIP + 1.0
    lonely.timeline.run(400)
    assert lonely.quiet()
