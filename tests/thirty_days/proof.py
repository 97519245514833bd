"""`make proof-thirty-days`: the whole run; its summary goes to build/proofs. Exit code 0: nothing is lost."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.actors import REPOSITORY
from tests.thirty_days.nation import ARRIVALS_A_DAY, LINE, POSTS, Nation, compare, outages

_ROOM = 8 * 1024**3
_MEMORY = Path("/dev/shm")
_AFTER = 3600.0
_DAY = 86_400.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="proof-thirty-days")
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--posts", type=int, default=POSTS)
    parser.add_argument("--arrivals", type=float, default=ARRIVALS_A_DAY, help="a day, of all posts")
    parser.add_argument("--picture", type=int, default=0, help="bytes of a photo of each traveller, sent up too")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "proofs" / "thirty-days.json")
    chosen = parser.parse_args()
    logging.disable(logging.ERROR)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=_place(), prefix="thirty-days-") as folder:
        nation = Nation(
            Path(folder),
            chosen.days,
            posts=chosen.posts,
            arrivals=chosen.arrivals,
            picture=chosen.picture,
            seed=chosen.seed,
        )
        nation.run(lambda day, it: _say(day, it, begun))
        outcome = compare(nation)
        summary = summarise(nation, chosen.days) | msgspec.to_builtins(outcome)
        summary |= {"seed": chosen.seed, "compute_seconds": round(time.perf_counter() - begun), "ok": outcome.ok}
        nation.close()
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    for name, value in summary.items():
        print(f"{name:>24}  {value}")
    sys.exit(0 if outcome.ok else 1)


def summarise(nation: Nation, days: float) -> dict[str, Any]:
    """The figures of a run."""
    cuts = [(outage.begin * _DAY, (outage.begin + outage.length) * _DAY) for outage in outages(days)]
    zero = nation.timeline.now - nation.timeline.elapsed
    calm: list[float] = []
    after: list[float] = []
    for post in nation.all:
        for at, delay in post.delays:
            begin = at - zero
            if any(begin < end and start < begin + delay for start, end in cuts):
                continue
            near = any(end <= begin < end + _AFTER for _, end in cuts)
            (after if near else calm).append(delay)
    line = nation.line
    seconds = nation.timeline.elapsed - sum(end - start for start, end in cuts)
    return {
        "proof": "thirty days",
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "days": days,
        "posts": len(nation.all),
        "line": f"{LINE.rate / 1000:.0f} kbit/s, {LINE.delay * 2000:.0f} ms round trip, one for all",
        "bytes_up": line.up.carried,
        "bytes_down": line.down.carried,
        "line_used_up": round(line.up.carried * 8 / LINE.rate / seconds, 4),
        "line_used_down": round(line.down.carried * 8 / LINE.rate / seconds, 4),
        "bytes_by_kind": dict(line.bytes.most_common()),
        "journal_bytes_an_entry": round(
            line.bytes["up/journal"]
            / max(1, sum(post.service.status().counts["sent.entries"] for post in nation.all)),
            1,
        ),
        "batches": sum(post.service.status().counts["sent.batches"] for post in nation.all),
        "ack_seconds": _spread(calm),
        "ack_seconds_in_the_hour_after_an_outage": _spread(after),
        "backlog_most_all_posts": nation.most_waiting,
        "backlog_most_one_post": max(post.most_waiting for post in nation.all),
        "outages": msgspec.to_builtins(nation.recoveries),
    }


def _spread(delays: list[float]) -> dict[str, float]:
    if len(delays) < 2:
        return {"entries": len(delays)}
    cut = statistics.quantiles(delays, n=1000)
    return {
        "entries": len(delays),
        "p50": round(cut[499], 3),
        "p99": round(cut[989], 3),
        "p999": round(cut[998], 3),
        "most": round(max(delays), 3),
    }


def _place() -> Path:
    """In memory, where there is room: durability is another proof's subject, and a disk only makes this one slow."""
    build = REPOSITORY / "build"
    build.mkdir(exist_ok=True)
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM else build


def _say(day: float, nation: Nation, begun: float) -> None:
    entries = sum(post.journal.position().sequence for post in nation.all)
    print(
        f"day {day:5.2f}  {time.perf_counter() - begun:7.0f} s  {entries:8} entries  {nation.waiting():7} waiting"
        f"  {nation.timeline.events:10} events",
        flush=True,
    )


if __name__ == "__main__":
    main()
