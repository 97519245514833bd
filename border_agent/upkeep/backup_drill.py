"""A backup opened aside: does it open, is the journal whole, does it hold what it said. Then it is destroyed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from border_agent.store import Store
from border_agent.store.copying import count_rows
from border_agent.store.sqlcipher import connect, translated
from border_agent.store.verify import verify_connection
from border_agent.upkeep.backup import BackupNoRoom, BackupRefused
from border_agent.upkeep.sealed_file import Head, Opener, SealedFileBad
from mqtt_schemas.centre.folder import CONFIGURATION, DATABASE
from mqtt_schemas.centre.proof import verify
from mqtt_schemas.sealing import sealing_public


class Drilled(Struct, frozen=True, kw_only=True):
    """What a drill found."""

    ok: bool
    code: str
    """Empty: all is well. `chain_broken`, `other_end`, `rows_missing`, `unsigned` (no key was given to verify by)."""
    device: str
    made_at: str
    entries: int
    sequence: int
    acknowledged: int
    """Up to here the centre had it when the backup was made."""
    rows: int
    seconds: float


def make_recovery_key(file: Path) -> str:
    """A new recovery key, in a file of mode 0600; its public half. Once, on a machine that is never on a line."""
    key = X25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(pem)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise BackupRefused(str(file), error.strerror or str(error)) from None
    return sealing_public(key).hex()


def load_recovery_key(file: Path) -> X25519PrivateKey:
    """Raises BackupRefused."""
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BackupRefused(str(file), str(error)[:200]) from None
    if not isinstance(key, X25519PrivateKey):
        raise BackupRefused(str(file), "not an X25519 key")
    return key


def drill(file: Path, recovery: X25519PrivateKey, aside: Path, *, journal: bytes = b"", scratch: str = "") -> Drilled:
    """Open a backup in a private folder of `aside`, look, and destroy what was opened.

    `journal`: the device's public journal key, by which a device's chain is verified; `scratch`: an empty PostgreSQL
    database for the centre's dump. Raises SealedFileBad, BackupRefused, BackupNoRoom, StoreError.
    """
    begun = time.monotonic()
    with _unpacked(file, recovery, aside) as (head, secret, folder):
        if head.kind == "store":
            found = _device(head, secret, folder, journal)
        elif head.kind in ("sqlite", "postgresql"):
            found = _centre(head, folder, scratch)
        else:
            raise SealedFileBad(str(file), f"kind {head.kind}")
        code, entries, acknowledged, rows = found
    return Drilled(
        ok=not code,
        code=code,
        device=head.device,
        made_at=head.made_at,
        entries=entries,
        sequence=head.sequence,
        acknowledged=acknowledged,
        rows=rows,
        seconds=round(time.monotonic() - begun, 1),
    )


def _device(head: Head, secret: bytes, folder: Path, journal: bytes) -> tuple[str, int, int, int]:
    database = folder / "store.db"
    with translated(database):
        # Counted first: opening it as a device does may bring its tables up to the present version.
        connection = connect(database, secret)
        try:
            rows = count_rows(connection)
        finally:
            connection.close()
    with Store(database, secret) as store, store.opened() as connection:
        end = connection.execute(
            "SELECT epoch, sequence, head, acknowledged FROM stream ORDER BY id DESC LIMIT 1"
        ).fetchone()
        report = verify_connection(connection, Ed25519PublicKey.from_public_bytes(journal)) if journal else None
    total = sum(rows.values())
    if end is None or (bytes(end[0]).hex(), end[1], bytes(end[2]).hex()) != (head.epoch, head.sequence, head.head):
        return "other_end", 0, 0, total
    if report is None:
        return "unsigned", 0, int(end[3]), total
    if not report.ok:
        return "chain_broken", report.entries, int(end[3]), total
    return "" if rows == head.rows else "rows_missing", report.entries, int(end[3]), total


def _centre(head: Head, folder: Path, scratch: str) -> tuple[str, int, int, int]:
    text = ""
    if head.kind == "postgresql":
        if not scratch:
            raise BackupRefused("--scratch", "no database to restore into")
        text = f'[store]\nurl = "{scratch}"\n'
        _restored(folder / "store.db", scratch)
    else:
        (folder / "store.db").rename(folder / DATABASE)
    (folder / CONFIGURATION).write_text(text, encoding="utf-8")
    streams = verify(folder)
    entries = sum(stream.entries for stream in streams)
    return "" if all(stream.ok for stream in streams) else "chain_broken", entries, entries, entries


def _restored(dump: Path, scratch: str) -> None:
    words = ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={scratch}", str(dump)]
    try:
        ran = subprocess.run(words, check=False, capture_output=True, text=True)
    except OSError as error:
        raise BackupRefused("pg_restore", str(error)) from None
    if ran.returncode:
        raise BackupRefused("pg_restore", ran.stderr.strip()[-500:])


@contextlib.contextmanager
def _unpacked(file: Path, recovery: X25519PrivateKey, aside: Path) -> Iterator[tuple[Head, bytes, Path]]:
    try:
        if shutil.disk_usage(aside).free < 2 * file.stat().st_size:
            raise BackupNoRoom(str(aside))
        folder = Path(tempfile.mkdtemp(prefix=".drill-", dir=aside))
    except OSError as error:
        raise BackupRefused(str(aside), error.strerror or str(error)) from None
    try:
        try:
            with file.open("rb") as stream, (folder / "store.db").open("xb") as target:
                (folder / "store.db").chmod(0o600)
                opener = Opener(stream, file)
                secret, blocks = opener.open(recovery)
                for block in blocks:
                    target.write(block)
        except OSError as error:
            raise SealedFileBad(str(file), error.strerror or str(error)) from None
        yield opener.head, secret, folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
