"""A tiny medium, sealed as `make medium` seals the true one, and the true provision.sh that checks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

REPOSITORY = Path(__file__).resolve().parents[2]
MEDIUM = REPOSITORY / "provisioning/medium"
if str(REPOSITORY / "provisioning/tools") not in sys.path:
    sys.path.insert(0, str(REPOSITORY / "provisioning/tools"))

import medium  # noqa: E402
import medium_content  # noqa: E402
import medium_debian  # noqa: E402
import medium_locks  # noqa: E402
import medium_seal  # noqa: E402
import medium_wheels  # noqa: E402

__all__ = ["medium", "medium_content", "medium_debian", "medium_locks", "medium_seal", "medium_wheels"]

BUILT = datetime(2026, 11, 26, 8, tzinfo=UTC)
DEVICE = "amaurote-aeroport-g1"
NBSP = "\u00a0"
# Instead of the true second half: says that it was reached, and from where.
REACHED = '#!/bin/sh\nprintf "%s %s %s\\n" "$0" "$1" "$2" >"$2/reached"\n'


class Bench:
    """A stick, a device's store, and programs that answer for a device (root, Debian's date, a disk)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stick, self.store = folder, folder / "stick", folder / "store"
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        self.key = Ed25519PrivateKey.generate()
        self.program("id", "echo 0")
        self.clock(int(BUILT.timestamp()) + 60)
        self.fill(self.stick)
        self.seal()

    def fill(self, stick: Path) -> None:
        (stick / "wheels").mkdir(parents=True)
        (stick / "debian/pool").mkdir(parents=True)
        shutil.copyfile(MEDIUM / "provision.sh", stick / "provision.sh")
        (stick / "install.sh").write_text(REACHED)
        (stick / "wheels/borne-0.1.0-py3-none-any.whl").write_bytes(b"wheel" * 1000)
        (stick / "debian/pool/mosquitto_2.0.11-1.2+deb12u1_amd64.deb").write_bytes(b"package" * 1000)
        (stick / "devices.txt").write_text(f"{DEVICE} post\n")

    def seal(self, built: datetime = BUILT, key: Ed25519PrivateKey | None = None, needs: int = 1_000_000) -> None:
        for name in (medium_seal.SUMS, medium_seal.SIGNATURE):
            (self.stick / name).unlink(missing_ok=True)
        medium_seal.seal(self.stick, key or self.key, built, "0.1.0", needs)

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def clock(self, now: int) -> None:
        """`date` as on a device whose clock shows `now`; setting it is written down."""
        self.program(
            "date",
            f'case "$1" in +%s) echo {now} ;; -s) echo "$2" >"{self.folder}/clock" ;; *) exec /bin/date "$@" ;; esac',
        )

    @property
    def fingerprint(self) -> str:
        return medium_seal.fingerprint(self.key.public_key())

    def provision(
        self, *more: str, fingerprint: str | None = None, device: str = DEVICE
    ) -> subprocess.CompletedProcess[str]:
        shown = self.fingerprint if fingerprint is None else fingerprint
        words = ["--fingerprint", shown, "--store", str(self.store), *more]
        return subprocess.run(
            ["sh", self.stick / "provision.sh", *([device] if device else []), *words],
            env={"PATH": f"{self.programs}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def reached(self) -> str:
        """What the second half was called with; empty where nothing of the medium was run."""
        path = self.store / "reached"
        return path.read_text().strip() if path.exists() else ""
