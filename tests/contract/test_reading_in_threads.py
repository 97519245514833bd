"""Types are worked out when they are first decoded: by many threads at once, that must not end the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RUNS = 4

SCRIPT = """
import sys, threading
import msgspec
from mqtt_schemas.messages import Signed, decode, encode
from mqtt_schemas.feeds import read_record
from mqtt_schemas.outside import reader
from mqtt_schemas.records import DeviceRecord, Policy, WatchRecord
from border_agent.inspection.evidence import Evidence
from tests.inspection.inspection_cases import POLICY, good, hit

signed = encode(Signed(role="post:claims", key="0" * 16, body=b"{}", signature=bytes(64)))
evidence = msgspec.json.encode(good())
watched = msgspec.json.encode(hit().record)
policy = msgspec.json.encode(POLICY)
device = msgspec.json.encode(DeviceRecord(device="uto-1", post="uto", role="post", journal_key=bytes(32)))
sys.setswitchinterval(1e-6)
for read in (
    lambda: decode(Signed, signed),
    lambda: read_record(Policy, policy),
    lambda: read_record(WatchRecord, watched),
    lambda: read_record(DeviceRecord, device),
    lambda: reader(Evidence)(evidence),
):
    start, failed = threading.Barrier(8), []

    def run():
        start.wait()
        try:
            read()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
"""


def test_first_read_by_eight_threads_at_once() -> None:
    """A crash comes by chance, in each run more often than not."""
    for _ in range(RUNS):
        ran = subprocess.run([sys.executable, "-c", SCRIPT], cwd=REPOSITORY, capture_output=True, text=True)
        assert ran.returncode != -signal.SIGSEGV, "msgspec read a half-made type"
        assert ran.returncode == 0, ran.stderr
