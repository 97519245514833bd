"""The proof of the thirty days in small: three posts, a day and a quarter, one outage (`make proof-thirty-days`)."""

from __future__ import annotations

from pathlib import Path

from tests.thirty_days.nation import Nation, compare
from tests.thirty_days.proof import summarise

DAYS = 1.25


def test_three_posts_through_one_line_and_an_outage(tmp_path: Path) -> None:
    nation = Nation(tmp_path, DAYS, posts=3, arrivals=120, picture=5_000)
    nation.run()
    found = compare(nation)
    summary = summarise(nation, DAYS)
    # The control: an entry that nobody has sent is missed.
    nation.all[0].fill(1)
    caught = compare(nation)
    nation.close()
    assert not caught.ok and caught.different == 1
    assert found.ok, found
    assert found.decided > 80
    assert found.pictures == found.decided
    (recovery,) = nation.recoveries
    assert recovery.backlog > 20
    assert 0 < recovery.drained_seconds < 120
    # A round trip of the line, and never less; what else is on it makes nobody wait long.
    assert 0.6 <= summary["ack_seconds"]["p50"] < 1.5
    assert summary["ack_seconds"]["most"] < 30
    assert nation.line.bytes["up/evidence"] > 5_000 * found.decided
