"""What the tests of evidence need: records, pictures, entries that name them, a database's pages in plain."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from border_agent.store import EvidenceKept, Journal
from border_agent.store.evidence import PictureKept
from mqtt_schemas.entries import ClockQuality, Decision, Direction, Movement

PAGE_BYTES = 4096
AT = datetime(2027, 3, 1, 23, 0, tzinfo=UTC)


def picture(kind: str, number: int, size: int = 20_000) -> PictureKept:
    """A picture of its own content, which is no JPEG: nobody looks into it here."""
    return PictureKept(kind, random.Random(f"{kind} {number}").randbytes(size))


LIVE = picture("live", 1)
PAGE = picture("page", 1)


def record(number: int, *pictures: PictureKept) -> EvidenceKept:
    named = ", ".join(f'"{one.kind}": "{one.digest.hex()}"' for one in pictures)
    return EvidenceKept(f'{{"inspection_id": "{number:032x}", "pictures": {{{named}}}}}'.encode())


def movement(evidence: EvidenceKept | None, at: datetime = AT) -> Movement:
    return Movement(
        id=secrets.token_hex(16),
        occurred_at=at,
        recorded_at=at,
        clock=ClockQuality.UNKNOWN,
        inspection_id=secrets.token_hex(16),
        direction=Direction.ENTRY,
        proposal=Decision.ADMIT,
        decision=Decision.ADMIT,
        officer="",
        evidence=evidence.digest if evidence is not None else None,
    )


def keep(journal: Journal, *pieces: EvidenceKept | PictureKept) -> int:
    """Commit a movement with its evidence; its sequence."""
    named = next((piece for piece in pieces if isinstance(piece, EvidenceKept)), None)
    return journal.commit([movement(named)], pieces).sequence


def acknowledge(journal: Journal, sequence: int) -> None:
    """The centre holds the journal up to here."""
    epoch = journal.position().epoch
    head = journal.head_at(epoch, sequence)
    assert head is not None
    journal.move_mark(sequence, head, AT)


def plain_pages(database: Path, key: bytes) -> bytes:
    """Every page of a database and of its log as it is once decrypted: pages in use, and those that were freed.

    SQLCipher 4 with a raw key: 4096 bytes a page, AES-256-CBC, the last 80 bytes the vector and the HMAC; the first
    page begins with 16 bytes of salt.
    """
    log = database.with_name(f"{database.name}-wal")
    frames = log.read_bytes()[32:] if log.exists() else b""
    pages = [frames[at + 24 : at + 24 + PAGE_BYTES] for at in range(0, len(frames), 24 + PAGE_BYTES)]
    whole = database.read_bytes()
    pages += [whole[at : at + PAGE_BYTES] for at in range(0, len(whole), PAGE_BYTES)]
    plain = []
    for page in pages:
        vector, sealed = page[-80:-64], page[: PAGE_BYTES - 80]
        for part in (sealed, sealed[16:]):  # the first page, and its copies in the log
            decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
            plain.append(decryptor.update(part) + decryptor.finalize())
    return b"".join(plain)
