"""`borne verify sod`: verdicts, exit codes, JSON, both languages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from border_agent.cli import cli
from border_agent.cli.verify import _words
from border_agent.trust.passive import CODES, PassiveFinding
from border_agent.words import has
from tests.lds.lds_samples import DG1
from tests.passive.pki import crl, csca, day, dsc, sod


def borne(*words: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": f"{language}_XX.UTF-8", "LANGUAGE": ""}
    command = [sys.executable, "-m", "border_agent.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = csca()
    files = {1: DG1, 2: b"DG2 content"}
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "csca.cer").write_bytes(authority.der)
    (trust / "csca.crl").write_bytes(crl(authority))
    (tmp_path / "none").mkdir()
    (tmp_path / "EF_SOD.bin").write_bytes(sod(files, dsc(authority), signed_at=day("2024-03-01")))
    for number, content in files.items():
        (tmp_path / f"DG{number}.bin").write_bytes(content)
    return tmp_path


def run(folder: Path, *words: str, trust: str = "trust") -> Result:
    arguments = ["verify", "sod", str(folder / "EF_SOD.bin"), "--trust", str(folder / trust), *words]
    return CliRunner().invoke(cli, arguments)


def answer(result: Result) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(result.stdout)
    return loaded


def test_a_good_chip(folder: Path) -> None:
    ran = run(folder, "--json", "--dg", f"1={folder}/DG1.bin", "--dg", f"DG2={folder}/DG2.bin", "--at", "2026-11-26")
    assert ran.exit_code == 0
    assert answer(ran) == {
        "verdict": "trusted",
        "issuer": "UT",
        "findings": [],
        "signer": "C=UT, CN=Document Signer UT",
        "signer_serial": "100",
        "anchor": "C=UT, CN=CSCA UT",
        "signed_at": "2024-03-01T12:00:00+00:00",
        "at": "2026-11-26",
        "hashes": {"DG1": "match", "DG2": "match"},
        "listed": ["DG1", "DG2"],
    }


def test_what_does_not_hold(folder: Path) -> None:
    (folder / "DG2.bin").write_bytes(b"another")
    (folder / "DG15.bin").write_bytes(b"a key")
    ran = run(folder, "--json", "--dg", f"2={folder}/DG2.bin", "--dg", f"15={folder}/DG15.bin")
    assert ran.exit_code == 1
    told = answer(ran)
    assert (told["verdict"], told["hashes"]) == ("invalid", {"DG2": "differs", "DG15": "not_listed"})
    assert told["findings"] == [
        {"code": "sod.hash.DG2", "detail": "sha256"},
        {"code": "sod.hash_missing.DG15", "detail": ""},
    ]


@pytest.mark.parametrize(
    ("at", "verdict", "code"),
    [
        ("2026-11-26", "trusted", 0),
        ("2026-11-26T10:00:00Z", "trusted", 0),
        ("2026-11-26T10:00", "trusted", 0),
        ("2040-01-01", "expired", 1),
        ("2019-01-01", "expired", 1),
    ],
)
def test_the_day_asked_for(folder: Path, at: str, verdict: str, code: int) -> None:
    ran = run(folder, "--json", "--at", at)
    assert (answer(ran)["verdict"], ran.exit_code) == (verdict, code)


def test_without_an_authority(folder: Path) -> None:
    ran = run(folder, "--json", trust="none")
    assert (answer(ran)["verdict"], answer(ran)["issuer"], ran.exit_code) == ("no_trust_anchor", "UT", 1)


def test_the_folder_is_spoken_of(folder: Path) -> None:
    (folder / "trust" / "broken.cer").write_bytes(b"rubbish")
    told = answer(run(folder, "--json"))
    assert told["verdict"] == "trusted"
    assert [one["code"] for one in told["findings"]] == ["trust.unusable"]  # type: ignore[index, attr-defined]


def test_a_zone_that_makes_no_sense_is_no_state(folder: Path) -> None:
    (folder / "DG1.bin").write_bytes(b"rubbish")
    told = answer(run(folder, "--json", "--dg", f"1={folder}/DG1.bin"))
    codes = [one["code"] for one in told["findings"]]  # type: ignore[index, attr-defined]
    assert codes == ["sod.hash.DG1", "sod.issuer_unknown"]


@pytest.mark.parametrize(
    "words",
    [
        ["--dg", "17=x"],
        ["--dg", "0=x"],
        ["--dg", "1="],
        ["--dg", "x"],
        ["--dg", "²=x"],
        ["--dg", "1=/nonexistent"],
        ["--dg", "1=/dev/null", "--dg", "DG1=/dev/null"],
        ["--at", "yesterday"],
        ["--at", "2026-13-01"],
        ["--at", "20261126xx"],
        ["--nonsense"],
    ],
)
def test_wrong_use(folder: Path, words: list[str]) -> None:
    ran = borne("verify", "sod", folder / "EF_SOD.bin", "--trust", folder / "trust", *words)
    assert ran.returncode == 2
    assert ran.stderr
    assert "Traceback" not in ran.stderr


def test_unreadable_input(folder: Path) -> None:
    rubbish = folder / "rubbish.bin"
    rubbish.write_bytes(b"\x77\x03\x30\x80\x00")
    for language in ("fr", "en"):
        ran = borne("verify", "sod", rubbish, "--trust", folder / "trust", "--json", language=language)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "lds.malformed" in ran.stderr
    (folder / "trust" / "broken.ml").write_bytes(b"rubbish")
    ran = borne("verify", "sod", folder / "EF_SOD.bin", "--trust", folder / "trust")
    assert ran.returncode == 2
    assert "broken.ml" in ran.stderr
    assert borne("verify", "sod", folder / "missing", "--trust", folder / "trust").returncode == 2
    assert borne("verify", "sod", folder / "EF_SOD.bin", "--trust", folder / "missing").returncode == 2


@pytest.mark.parametrize(
    ("language", "good", "checked"),
    [("fr", "Authentique", "Fichiers inchangés"), ("en", "Genuine", "Files unchanged")],
)
def test_words_for_people(folder: Path, language: str, good: str, checked: str) -> None:
    ran = borne(
        "verify",
        "sod",
        folder / "EF_SOD.bin",
        "--trust",
        folder / "trust",
        "--dg",
        f"2={folder}/DG2.bin",
        language=language,
    )
    assert ran.returncode == 0
    assert ran.stdout.startswith(good)
    assert checked in ran.stdout
    assert "2024" in ran.stdout


def test_every_finding_has_words() -> None:
    for code in CODES:
        assert has(f"passive.{code}"), code
        assert "{" not in _words(PassiveFinding(f"{code}.DG2"))
    for code in ("list.not_anchored", "list.signer_usage", "trust.unusable"):
        assert _words(PassiveFinding(code))
