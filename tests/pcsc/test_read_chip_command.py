"""`borne read chip` over the true pcscd: good chips, copies, wrong keys, and what the JSON promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from border_agent.specimens.chip.faults import Fault, FaultKind
from border_agent.specimens.chip.handle import PassportTwin
from border_agent.specimens.chip.personalise import cloned, with_faults
from border_agent.specimens.chip.pki import SignerCondition
from border_agent.specimens.chip.profile import ChipProfile
from border_agent.specimens.chip.sample import (
    ACTIVE,
    MAPPED,
    MODERN,
    sample_booklet,
    sample_holder,
    sample_lines,
    sample_pki,
)
from firmware_bridge.virtual.pcsc_stack import READER, PcscStack

KEYS = {
    *("outcome", "error", "reader", "access", "pace_failed", "access_differs", "authenticity", "proof_file", "files"),
    *("missing", "mrz", "mrz_agrees", "portrait", "verification", "resumed", "apdus", "ms"),
}
CAN = ("--can", "271828")


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value


def published(folder: Path) -> Path:
    """What the states of the sample publish today."""
    for number, certificate in enumerate(sample_pki().csca_certificates()):
        (folder / f"csca{number}.cer").write_bytes(certificate)
    for number, revocations in enumerate(sample_pki().crls()):
        (folder / f"csca{number}.crl").write_bytes(revocations)
    return folder


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("trust"))


def borne(*arguments: str | Path, **environment: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "border_agent.cli", "read", "chip", *map(str, arguments)],
        env={**os.environ, "LANG": "en_GB.UTF-8", **environment},
        capture_output=True,
        text=True,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def zone() -> str:
    return "\\n".join(sample_lines())


@pytest.mark.parametrize("profile", [MODERN, MAPPED, ACTIVE], ids=["ca", "cam", "aa"])
def test_a_good_chip_is_read_and_trusted(passport: PassportTwin, trust: Path, profile: ChipProfile) -> None:
    booklet = sample_booklet(profile)
    passport.place(booklet)
    ran = borne("--mrz", zone(), "--trust", trust, "--json")
    assert ran.status == 0, ran.err
    said = ran.json
    assert set(said) == KEYS
    assert (said["outcome"], said["mrz_agrees"], said["missing"]) == ("read", True, [])
    assert str(said["authenticity"]).startswith("proved_")
    assert said["verification"]["verdict"] == "trusted"
    assert said["verification"]["proof_signed"] is True
    assert said["mrz"]["fields"]["number"] == "U27182818"
    assert {file["name"] for file in said["files"]} == set(booklet.files) - {"EF.ATR/INFO"}


@pytest.mark.parametrize("profile", [MODERN, MAPPED, ACTIVE], ids=["ca", "cam", "aa"])
def test_a_copy_is_the_answer_no(passport: PassportTwin, trust: Path, profile: ChipProfile) -> None:
    passport.place(cloned(sample_booklet(profile)))
    ran = borne("--mrz", zone(), "--trust", trust, "--json")
    assert (ran.status, ran.json["outcome"], ran.json["authenticity"]) == (1, "read", "failed")
    told = borne("--mrz", zone())
    assert told.status == 1
    assert "copy" in told.out


def test_a_copy_that_hides_its_keys_is_not_trusted(passport: PassportTwin, trust: Path) -> None:
    passport.place(with_faults(sample_booklet(ACTIVE), Fault(kind=FaultKind.HIDDEN_KEYS)))
    ran = borne("--mrz", zone(), "--trust", trust, "--json")
    assert (ran.status, ran.json["missing"]) == (1, ["DG14", "DG15"])


@pytest.mark.parametrize(
    ("condition", "country", "verdict"),
    [
        (SignerCondition.REVOKED, "UT", "revoked"),
        (SignerCondition.EXPIRED, "UT", "expired"),
        (SignerCondition.GOOD, "TD", "no_trust_anchor"),
    ],
)
def test_a_signer_nobody_vouches_for_is_the_answer_no(
    passport: PassportTwin, tmp_path: Path, condition: SignerCondition, country: str, verdict: str
) -> None:
    holder = sample_holder(sample_lines(issuer={"UT": "UTO", "TD": "TCD"}[country]))
    passport.place(sample_booklet(MODERN, holder=holder, condition=condition, country=country))
    ran = borne(*CAN, "--trust", published(tmp_path), "--json")
    assert (ran.status, ran.json["verification"]["verdict"]) == (1, verdict)
    assert borne(*CAN).status == 0  # nobody asked whether to believe it


def test_another_key_is_refused(passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))
    ran = borne("--can", "271829", "--json")
    assert (ran.status, ran.json["outcome"], ran.json["error"]) == (1, "access_refused", "chip.access_refused")
    assert [file["name"] for file in ran.json["files"]] == ["EF.CardAccess"]


def test_a_printed_zone_that_differs_is_said(passport: PassportTwin, tmp_path: Path) -> None:
    passport.place(sample_booklet(MODERN))
    printed = sample_lines()
    file = tmp_path / "zone.txt"
    file.write_text(f"{printed[0].replace('AMINATA', 'AMINETA')}\n{printed[1]}\n")
    ran = borne("--mrz", file, "--json")
    assert (ran.status, ran.json["mrz_agrees"]) == (0, False)


def test_a_dump_verifies_on_its_own(passport: PassportTwin, trust: Path, tmp_path: Path) -> None:
    passport.place(sample_booklet(MODERN))
    folder = tmp_path / "dump"
    assert borne(*CAN, "--dump", folder).status == 0
    groups = [f"--dg={number}={folder / f'EF_DG{number}.bin'}" for number in (1, 2, 7, 11, 12, 14)]
    done = subprocess.run(
        [sys.executable, "-m", "border_agent.cli", "verify", "sod", folder / "EF_SOD.bin", *groups, "--trust", trust],
        capture_output=True,
    )
    assert done.returncode == 0
    again = borne(*CAN, "--dump", folder, "--json")
    assert again.status == 2  # two documents are never mixed
    assert again.json["outcome"] == "read" and "could not be saved" in again.err


@pytest.mark.parametrize("at", [2, 7, 12, 16, 21, 27, 31])
def test_a_card_that_is_lifted_and_laid_down_again_is_read(passport: PassportTwin, at: int) -> None:
    passport.place(sample_booklet(MODERN))
    passport.fault(Fault(kind=FaultKind.PULLED, at=at, times=1, seconds=0.5))
    ran = borne(*CAN, "--json")
    assert (ran.status, ran.json["resumed"], ran.json["authenticity"]) == (0, 1, "proved_ca")


def test_no_document_is_said(passport: PassportTwin) -> None:
    ran = borne(*CAN, "--wait", "0.3")
    assert (ran.status, ran.err) == (2, "")
    assert "No document" in ran.out
    assert borne(*CAN, "--wait", "0.3", "--json").json["outcome"] == "absent"


def test_no_reader_is_said(stack: PcscStack) -> None:
    assert "No chip reader" in borne(*CAN, "--wait", "0.3", "--reader", "ACR1252").out
    ran = borne(*CAN, "--wait", "0.3", PCSCLITE_CSOCK_NAME="/nonexistent/pcscd.comm")
    assert (ran.status, "No chip reader" in ran.out) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--mrz", "X", *CAN),
        ("--mrz", "X"),
        ("--mrz", "P<UTOSPECIMEN<<AMINATA<ROSE<<<<<<<<<<<<<<<<<\\nU271828184UTO9310173F3211267<<<<<<<<<<<<<<00"),
        ("--can", "27 1828"),
        (*CAN, "--trust", "/nonexistent"),
    ],
    ids=["no key", "two keys", "no zone", "wrong digit", "no CAN", "no folder"],
)
def test_wrong_use_is_wrong_use(arguments: tuple[str, ...]) -> None:
    ran = borne(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err


def test_the_reader_may_be_named(passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))
    assert borne(*CAN, "--reader", READER).status == 0


def test_words_in_both_languages(passport: PassportTwin) -> None:
    passport.place(sample_booklet(MODERN))
    assert "original" in borne(*CAN, LANG="fr_FR.UTF-8").out
    for language in ("fr_FR.UTF-8", "en_GB.UTF-8"):
        assert borne("--help", LANG=language).status == 0
