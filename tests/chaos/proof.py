"""`make proof-chaos`: the whole proof, its summary in build/proofs/chaos.json. Exit code 0 where everything held."""

from __future__ import annotations

import argparse
import logging
import math
import os
import platform
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.centre.postgres_kit import Cluster
from tests.chaos.actors import REPOSITORY
from tests.chaos.country import Country

_EVERY = 25


def main() -> None:
    parser = argparse.ArgumentParser(prog="proof-chaos")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=0, help="no further kill after so long; 0: all of them")
    parser.add_argument("--devices", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "proofs" / "chaos.json")
    parser.add_argument("--postgres", action="store_true", help="the centre's store; SQLite otherwise")
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    seed = chosen.seed or time.time_ns() % 2**31
    begun = time.monotonic()

    def progress(done: int) -> None:
        if done % _EVERY == 0 or done == chosen.kills:
            print(f"{done:5} of {chosen.kills} kills, {time.monotonic() - begun:6.0f} s", flush=True)

    # On the disk the repository is on: a power cut is no subject here, but a disk is as slow as it is.
    (REPOSITORY / "build").mkdir(exist_ok=True)
    with ExitStack() as ending:
        folder = ending.enter_context(tempfile.TemporaryDirectory(dir=REPOSITORY / "build", prefix="chaos-"))
        server = ending.enter_context(Cluster()) if chosen.postgres else None
        print(f"seed {seed}", flush=True)
        with Country(Path(folder), seed=seed, devices=chosen.devices, server=server) as country:
            country.run(chosen.kills, progress, chosen.minutes * 60 or math.inf)
            found = country.reckon()
    summary = {
        "proof": "chaos",
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "seed": seed,
        "kills": country.killed.total(),
        "killed": dict(country.killed),
        "devices": chosen.devices,
        "centre_store": "PostgreSQL" if chosen.postgres else "SQLite",
        "seconds": round(time.monotonic() - begun),
        "impostor_believed": country.believed_impostor,
        **msgspec.to_builtins(found),
        "ok": found.ok and not country.believed_impostor,
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    for name, value in summary.items():
        print(f"{name:>18}  {value}")
    sys.exit(0 if summary["ok"] else 1)


if __name__ == "__main__":
    main()
