"""A device's life until it is killed: commits every few milliseconds, says what it was told, and reports.

agent_loop.py FOLDER AUTHORITY_FOLDER BROKER ROOT_HEX JOURNAL_KEY_HEX
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from reporting_kit import DEVICE, event

from border_agent.clock import Clock
from border_agent.reporting import ReportingService, ReportingSettings
from border_agent.store import Journal, Store

PAUSE = 0.004


def main() -> None:
    folder, tls, broker = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    root, key = bytes.fromhex(sys.argv[4]), bytes.fromhex(sys.argv[5])
    clock = Clock()
    store = Store(folder / "store.db", folder / "store.key", reserve_bytes=0)
    journal = Journal(store, DEVICE, Ed25519PrivateKey.from_private_bytes(key), clock, software="test")
    settings = ReportingSettings(
        brokers=(broker,),
        authority=tls / "ca.pem",
        certificate=tls / f"{DEVICE}.pem",
        key=tls / f"{DEVICE}.key",
        root=root,
        retry_first=0.1,
        retry_most=0.5,
    )
    ReportingService(store, journal, clock, settings).start()
    while True:
        entry = event(800)
        receipt = journal.commit([entry])
        os.write(1, f"{receipt.sequence} {receipt.head.hex()} {entry.id}\n".encode())
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
