"""`borne centre evidence`: what devices have sent, what is still to come, and one piece as a file."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from mqtt_schemas.centre.evidence import EvidenceBook
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, init
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Device, DeviceStatus
from mqtt_schemas.lab.pki import CENTRE, LabAuthority
from mqtt_schemas.messages import EvidencePiece

AT = datetime(2027, 3, 1, tzinfo=UTC)
LIVE, PAGE = b"live face" * 100, b"page" * 100
RECORD = json.dumps({"pictures": {"live": sha256(LIVE).hexdigest(), "page": sha256(PAGE).hexdigest()}}).encode()
ENTRY = b'{"kind":"movement","evidence":"%s"}'
EPOCH = bytes(16)


def borne(*words: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "border_agent.cli", *map(str, words)]
    environment = {"LANGUAGE": language, "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """A centre that holds a record and its live face, and has heard of the page."""
    tls = LabAuthority(tmp_path / "tls").client(CENTRE)
    folder = tmp_path / "centre"
    broker = BrokerSettings(
        host="localhost", port=1, ca=str(tls.ca), certificate=str(tls.certificate), key=str(tls.key)
    )
    init(folder, broker)
    with CentreFolder(folder).database() as database, database.transaction():
        Store(database).put_device(Device("kiosk-1", "airport", bytes(32), b"", DeviceStatus.ENROLLED), AT)
        database.execute(
            "INSERT INTO stream (id, device, epoch, journal_key, mark, head, opened_at)"
            " VALUES (1, ?, ?, ?, 1, ?, '')",
            ["kiosk-1", EPOCH, bytes(32), bytes(32)],
        )
        body = ENTRY % base64.b64encode(sha256(RECORD).digest())
        database.execute(
            "INSERT INTO journal (stream, sequence, body, digest, head, kind, inspection, occurred_at, received_at)"
            " VALUES (1, 1, ?, ?, ?, 'movement', 'abc', '', '')",
            [body, bytes(32), bytes(32)],
        )
        for data in (RECORD, LIVE):
            piece = EvidencePiece(
                device="kiosk-1",
                sha256=sha256(data).digest(),
                size=len(data),
                offset=0,
                data=data,
                epoch=EPOCH,
                sequence=1,
            )
            assert EvidenceBook(database).take("kiosk-1", piece, AT).whole
    return folder


def test_what_there_is_and_what_is_missing(centre: Path) -> None:
    ran = borne("centre", "evidence", "list", "-f", centre, "--json")
    found = json.loads(ran.stdout)
    assert found["count"] == 3
    assert [(one["kind"], one["size"], one["held"]) for one in found["evidence"]] == [
        ("record", len(RECORD), len(RECORD)),
        ("live", len(LIVE), len(LIVE)),
        ("page", 0, 0),
    ]
    assert {one["inspection"] for one in found["evidence"]} == {"abc"}
    said = borne("centre", "evidence", "list", "-f", centre, "--missing", "--inspection", "abc", language="fr")
    assert said.returncode == 0
    (line,) = said.stdout.splitlines()
    assert sha256(PAGE).hexdigest() in line
    assert "encore rien de reçu" in line


def test_one_piece_as_a_file(centre: Path, tmp_path: Path) -> None:
    out = tmp_path / "live.jpg"
    ran = borne("centre", "evidence", "get", "-f", centre, sha256(LIVE).hexdigest(), out, "--json")
    assert json.loads(ran.stdout)["size"] == len(LIVE)
    assert out.read_bytes() == LIVE
    ran = borne("centre", "evidence", "get", "-f", centre, sha256(PAGE).hexdigest(), tmp_path / "page.jpg")
    assert ran.returncode == 2
    assert "has not come" in ran.stderr
    assert not (tmp_path / "page.jpg").exists()
