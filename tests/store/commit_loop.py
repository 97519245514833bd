"""A program that commits until it is killed, and says of each commit that returned: told.

    commit_loop.py STORE KEY_FILE JOURNAL_KEY_HEX [RESERVE_BYTES]

On standard output, one line a commit: sequence, head, visa id of the use committed with it. With a reserve, also a
line `room STATE` whenever the store's room has become another before a commit.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from store_kit import DEVICE, event

from border_agent.clock import Clock
from border_agent.store import Journal, Room, Store, StoreError, VisaUsed
from mqtt_schemas.entries import Direction


def main() -> None:
    path, key_file, key = Path(sys.argv[1]), Path(sys.argv[2]), bytes.fromhex(sys.argv[3])
    reserve = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    room = Room.OK
    with Store(path, key_file, reserve_bytes=reserve) as store:
        journal = Journal(store, DEVICE, Ed25519PrivateKey.from_private_bytes(key), Clock(), software="test")
        while True:
            if store.room() is not room:
                room = store.room()
                os.write(1, f"room {room}\n".encode())
            entry = event(size=2000)
            use = VisaUsed(
                visa_id=entry.id[:16],
                movement_id=entry.id,
                direction=Direction.ENTRY,
                occurred_at=datetime.now(UTC),
            )
            try:
                receipt = journal.commit([entry], [use])
            except StoreError as error:
                os.write(1, f"refused {error.code}\n".encode())
                return
            # One write system call: the line is told as soon as this returns, whatever happens next.
            os.write(1, f"{receipt.sequence} {receipt.head.hex()} {use.visa_id}\n".encode())


if __name__ == "__main__":
    main()
