"""A device's life until it is killed: decides some times a second, says what it was told, and reports.

    python -m tests.chaos.chaos_device FOLDER DEVICE TLS_FOLDER BROKER ROOT_HEX JOURNAL_KEY_HEX PAUSE

On standard output one line a decision, written when its commit has returned: epoch, sequence, head, entry's id,
names of the evidence kept. `ready` comes first. The line `stop` on standard input ends the deciding, not the
reporting; it is answered by `stopped` and the journal's last sequence.
"""

from __future__ import annotations

import os
import secrets
import select
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.clock import Clock
from border_agent.reporting import ReportingService, ReportingSettings
from border_agent.store import EvidenceKept, Journal, Store, VisaUsed
from border_agent.store.evidence import PictureKept
from mqtt_schemas.entries import Direction
from tests.traffic.travellers import Travellers, record

_PICTURES = 4
"""Every fourth decision, about, has a picture."""


def main() -> None:
    folder, device, tls, broker = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    root, key, pause = bytes.fromhex(sys.argv[5]), bytes.fromhex(sys.argv[6]), float(sys.argv[7])
    clock = Clock()
    store = Store(folder / "store.db", folder / "store.key", reserve_bytes=0)
    journal = Journal(store, device, Ed25519PrivateKey.from_private_bytes(key), clock, software="chaos")
    settings = ReportingSettings(
        brokers=(broker,),
        authority=tls / "ca.pem",
        certificate=tls / f"{device}.pem",
        key=tls / f"{device}.key",
        root=root,
        retry_first=0.1,
        retry_most=1.0,
    )
    ReportingService(store, journal, clock, settings).start()
    travellers = Travellers(secrets.randbits(32), prefix=f"P{device.rsplit('-', 1)[1]}", device=device)
    os.write(1, b"ready\n")
    while not _told_to_stop(pause):
        _decide(journal, travellers)
    os.write(1, f"stopped {journal.position().sequence}\n".encode())
    while True:
        time.sleep(60)


def _told_to_stop(seconds: float) -> bool:
    readable, _, _ = select.select([0], [], [], seconds)
    return bool(readable)


def _decide(journal: Journal, travellers: Travellers) -> None:
    pictures = [PictureKept("live", secrets.token_bytes(2000))] if secrets.randbelow(_PICTURES) == 0 else []
    kept = EvidenceKept(record({picture.kind: picture.digest for picture in pictures}, 300))
    # By its place in the journal: no other life has the same traveller, or a visa of one entry would be used twice.
    number = journal.position().sequence + 1
    entry = travellers.movement(datetime.now(UTC), evidence=kept.digest, number=number)
    assert entry.visa is not None
    use = VisaUsed(
        visa_id=entry.visa.visa_id, movement_id=entry.id, direction=Direction.ENTRY, occurred_at=entry.occurred_at
    )
    receipt = journal.commit([entry], [kept, *pictures, use])
    names = [kept.digest, *(picture.digest for picture in pictures)]
    told = [receipt.epoch.hex(), str(receipt.sequence), receipt.head.hex(), entry.id, *(name.hex() for name in names)]
    # One write system call: the line is told as soon as this returns, whatever happens next.
    os.write(1, " ".join(told).encode() + b"\n")


if __name__ == "__main__":
    main()
