"""A device without a chip reader has no libpcsclite1: nobody must notice, least of all whoever reads JSON."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARIES = tuple(Path("/usr/lib").glob("*-linux-gnu/libpcsclite.so.1"))
HIDDEN = (
    'for one in "$@"; do mount --bind /dev/null "$(readlink -f "$one")" || exit 3; done; exec "$PYTHON" -c "$CODE"'
)

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="hides a file: wants root"),
    pytest.mark.skipif(not LIBRARIES, reason="Debian's libpcsclite1 is not installed"),
]


def without_the_library(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", HIDDEN, "sh", *map(str, LIBRARIES)],
        env=os.environ | {"PYTHON": sys.executable, "CODE": code},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_nothing_is_said_where_answers_stand() -> None:
    said = without_the_library(
        "from firmware_bridge.devices.pcsc import PcscReader\n"
        "from firmware_bridge.errors import DeviceMisconfigured\n"
        "try: PcscReader('reader')\n"
        "except DeviceMisconfigured as error: print(error.code)\n"
    )
    assert (said.returncode, said.stdout) == (0, "device.misconfigured\n")


def test_pyscard_by_itself_does_speak_there() -> None:
    """What this guards against; should a newer pyscard be silent, the guard can go."""
    said = without_the_library("from smartcard import scard")
    assert "libpcsclite" in said.stdout
