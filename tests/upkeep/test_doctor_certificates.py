"""Keys and certificates that are missing, old, foreign, another's, open to others, or sealed."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from border_agent.upkeep.doctor import Report, examine
from border_agent.upkeep.doctor.certificates import check_certificates
from border_agent.upkeep.doctor.keys import SEALED, check_keys, check_sealing
from tests.upkeep.doctor_kit import DEVICE, NOW, YEAR, FakeMachine, Signer, codes, one, write_device, write_private

HOST_SEAL = "5a1c6a86df9d4096b1d5a65e0862f19a"
TPM_SEAL = "0c7cc07b117645919c4b0bea08bc20fe"
CONSOLE = """
[console]
names = ["post.example", "192.0.2.7"]
certificate = "{certificate}"
key = "{key}"
"""


@pytest.fixture
def authority(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "authority", "Doctor laboratory (fictional)")


def look(config: Path, machine: FakeMachine | None = None) -> Report:
    machine = machine or FakeMachine(config.parent / "root")
    return examine(config, machine, checks=(check_keys, check_certificates, check_sealing))


def test_a_good_device(tmp_path: Path, authority: Signer) -> None:
    report = look(write_device(tmp_path, authority.sign(DEVICE, NOW - timedelta(days=1), NOW + YEAR)))
    assert report.ok
    assert codes(report, "key.") == ["key.good"] * 3
    assert codes(report, "certificate.") == ["certificate.good"]


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [
        (-3 * YEAR, -timedelta(seconds=1), "certificate.expired"),
        (timedelta(hours=1), 3 * YEAR, "certificate.not_yet"),
        (-2 * YEAR, YEAR, "certificate.half_life"),
        (-YEAR, 2 * YEAR, "certificate.good"),
    ],
)
def test_a_certificate_in_its_time(
    tmp_path: Path, authority: Signer, begins: timedelta, ends: timedelta, code: str
) -> None:
    assert codes(look(write_device(tmp_path, authority.sign(DEVICE, NOW + begins, NOW + ends))), "certificate.") == [
        code
    ]


def test_a_certificate_of_another_authority(tmp_path: Path, authority: Signer) -> None:
    other = Signer(tmp_path / "other", "Trial authority (fictional)").sign(DEVICE, NOW - YEAR, NOW + YEAR)
    config = write_device(tmp_path, other)
    config.write_text(config.read_text().replace(str(other.ca), str(authority.lab.ca)))
    found = one(look(config), "certificate.wrong_authority")
    assert "Trial authority" in found.words["fr"]


def test_an_authority_of_the_same_name_is_still_another(tmp_path: Path, authority: Signer) -> None:
    other = Signer(tmp_path / "other", "Doctor laboratory (fictional)").sign(DEVICE, NOW - YEAR, NOW + YEAR)
    config = write_device(tmp_path, other)
    config.write_text(config.read_text().replace(str(other.ca), str(authority.lab.ca)))
    assert codes(look(config), "certificate.") == ["certificate.wrong_authority"]


def test_a_certificate_for_another_key(tmp_path: Path, authority: Signer) -> None:
    write_private(tmp_path / "new.key", ec.generate_private_key(ec.SECP256R1()))
    tls = authority.sign(DEVICE, NOW - YEAR, NOW + YEAR)
    assert codes(look(write_device(tmp_path, tls, key=tmp_path / "new.key")), "certificate.") == [
        "certificate.wrong_key"
    ]


def test_the_certificate_of_another_device(tmp_path: Path, authority: Signer) -> None:
    tls = authority.sign("the-neighbour", NOW - YEAR, NOW + YEAR)
    assert one(look(write_device(tmp_path, tls)), "certificate.wrong_name").detail == "the-neighbour"


def test_the_pages_certificate_must_have_every_name(tmp_path: Path, authority: Signer) -> None:
    tls = authority.sign(DEVICE, NOW - timedelta(days=1), NOW + YEAR)
    pages = authority.sign("pages", NOW - timedelta(days=1), NOW + YEAR, hosts=["post.example"], server=True)
    extra = CONSOLE.format(certificate=pages.certificate, key=pages.key)
    found = one(look(write_device(tmp_path, tls, extra=extra)), "certificate.wrong_name")
    assert "192.0.2.7" in found.words["en"]
    assert "post.example" not in found.words["en"]


@pytest.mark.parametrize("text", [None, "", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_no_certificate_that_can_be_read(tmp_path: Path, authority: Signer, text: str | None) -> None:
    tls = authority.sign(DEVICE, NOW - YEAR, NOW + YEAR)
    if text is None:
        tls.certificate.unlink()
    else:
        tls.certificate.write_text(text)
    code = "certificate.missing" if text is None else "certificate.unusable"
    assert codes(look(write_device(tmp_path, tls)), "certificate.") == [code]


@pytest.mark.parametrize(
    ("at", "code"),
    [(NOW + timedelta(days=4 * 365 + 100), "authority.ends"), (NOW + 6 * YEAR, "authority.expired")],
)
def test_an_authority_that_ends(tmp_path: Path, authority: Signer, at: object, code: str) -> None:
    tls = authority.sign(DEVICE, NOW - YEAR, NOW + 9 * YEAR)
    report = look(write_device(tmp_path, tls), FakeMachine(tmp_path / "root", at))  # type: ignore[arg-type]
    assert codes(report, "authority.") == [code]


def test_keys_that_are_missing_open_or_of_another_kind(tmp_path: Path, authority: Signer) -> None:
    config = write_device(tmp_path, authority.sign(DEVICE, NOW - YEAR, NOW + 2 * YEAR))
    (tmp_path / "store.key").unlink()
    (tmp_path / "journal.key").chmod(0o644)
    report = look(config)
    assert codes(report, "key.") == ["key.missing", "key.open", "key.good"]
    assert "0644" in one(report, "key.open").words["fr"]
    (tmp_path / "store.key").write_bytes(os.urandom(31))
    (tmp_path / "store.key").chmod(0o600)
    (tmp_path / "journal.key").unlink()
    write_private(tmp_path / "journal.key", ec.generate_private_key(ec.SECP256R1()))
    report = look(config)
    assert codes(report, "key.") == ["key.unusable", "key.unusable", "key.good"]


def sealed(machine: FakeMachine, kind: str, *names: str) -> None:
    for name in names:
        machine.put(f"{SEALED}/borne.{name}", base64.encodebytes(bytes.fromhex(kind) + os.urandom(80)).decode())


def test_sealed_keys_of_an_agent_that_does_not_run(tmp_path: Path, authority: Signer) -> None:
    config = write_device(tmp_path, authority.sign(DEVICE, NOW - YEAR, NOW + 2 * YEAR))
    text = config.read_text()
    for name in ("store.key", "journal.key"):
        text = text.replace(f'"{name}"', f'"/run/credentials/borne-test-{os.getpid()}.service/{name}"')
    config.write_text(text)
    machine = FakeMachine(tmp_path / "root")
    assert codes(look(config, machine), "key.missing") == ["key.missing"] * 2
    sealed(machine, HOST_SEAL, "store.key", "journal.key")
    report = look(config, machine)
    assert codes(report, "key.") == ["key.sealed", "key.sealed", "key.good"]
    assert codes(report, "seal.") == ["seal.host"]


def test_what_keys_are_sealed_to(tmp_path: Path, authority: Signer) -> None:
    tls = authority.sign(DEVICE, NOW - YEAR, NOW + 2 * YEAR)
    config = write_device(tmp_path, tls)
    machine = FakeMachine(tmp_path / "root")
    assert codes(look(config, machine), "seal.") == ["seal.unknown"]
    sealed(machine, HOST_SEAL, "store.key")
    config.write_text(config.read_text().replace("[store]", 'role = "kiosk"\n[store]'))
    assert codes(look(config, machine), "seal.") == ["seal.no_tpm"]
    machine.put("/sys/class/tpm/tpm0/dev")
    assert codes(look(config, machine), "seal.") == ["seal.host_only"]
    sealed(machine, TPM_SEAL, "store.key")
    assert codes(look(config, machine), "seal.") == ["seal.tpm"]
