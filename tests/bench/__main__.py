"""`make bench`: measurements, each against a baseline of the same run. No verdict: machines differ, ratios less.

Every module here has a `measure()` that yields (what, value, unit, baseline, ratio to it).
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime

import centre_store
import chip
import commit
import console
import decision
import drain
import idle_ack
import kiosk
import line_use
import office
import visas
import watchlist
import wire_size


def main() -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine}")
    for module in (
        commit,
        idle_ack,
        drain,
        line_use,
        wire_size,
        centre_store,
        decision,
        chip,
        watchlist,
        visas,
        kiosk,
        console,
        office,
    ):
        for what, value, unit, baseline, ratio in module.measure():
            print(f"{what:<58} {value:>10.3f} {unit:<4} {ratio:>6.2f} x {baseline}")


main()
