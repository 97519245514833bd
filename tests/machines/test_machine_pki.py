"""The offline root and the issuing authority, each in a root of its own; only requests and certificates travel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from root_kit import CENTRE, POST, PROVISIONING, Recap, Root

from mqtt_schemas.centre.authority import Authority
from mqtt_schemas.centre.keys import load_key
from mqtt_schemas.certificates import verify_device
from mqtt_schemas.keys import public_bytes

PLAYBOOK = PROVISIONING / "playbooks" / "pki-root.yml"
FOLDER = "/srv/borne-root"


@pytest.fixture(scope="module")
def vault(build_root: Callable[..., Root]) -> Root:
    """The offline machine."""
    return build_root(POST)


@pytest.fixture(scope="module")
def centre(build_root: Callable[..., Root]) -> Root:
    return build_root(CENTRE)


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies on the stick, and then beside the inventory."""
    return tmp_path_factory.mktemp("carried")


def at_root(vault: Root, *, check: bool = False, **variables: Any) -> Recap:
    return vault.play(playbook=PLAYBOOK, variables=variables, check=check)


def at_centre(centre: Root, carried: Path, *, check: bool = False) -> Recap:
    return centre.play("pki", variables={"pki_delivered": str(carried)}, check=check)


def test_check_mode_on_bare_machines(vault: Root, centre: Root, carried: Path) -> None:
    assert at_root(vault, check=True).failures == ()
    assert at_centre(centre, carried, check=True).failures == ()
    assert not vault.at(FOLDER).exists()


def test_the_roots_are_made_once(vault: Root) -> None:
    first = at_root(vault)
    assert first.failures == ()
    before = {path.name: path.read_bytes() for path in vault.at(FOLDER).rglob("*") if path.is_file()}
    second = at_root(vault)
    assert (second.failures, second.changed_tasks) == ((), ())
    assert {path.name: path.read_bytes() for path in vault.at(FOLDER).rglob("*") if path.is_file()} == before
    print(f"pki root: {first.seconds:.0f} s, again {second.seconds:.0f} s")
    assert vault.mode(f"{FOLDER}/root.key") == "root root 0600"
    assert vault.mode(f"{FOLDER}/national.key") == "root root 0600"
    assert vault.mode(FOLDER) == "root root 0700"
    national = load_key(vault.at(f"{FOLDER}/national.key"))
    assert vault.read(f"{FOLDER}/signed/root.pub").strip() == public_bytes(national).hex()
    crl = x509.load_pem_x509_crl(before["root.crl"])
    assert list(crl) == []
    root = x509.load_pem_x509_certificate(before["root.pem"])
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.path_length) == (True, 1)
    assert isinstance(root.public_key(), ec.EllipticCurvePublicKey)
    assert crl.is_signature_valid(root.public_key())  # type: ignore[arg-type]


def test_the_centre_asks_and_waits(centre: Root, carried: Path) -> None:
    first = at_centre(centre, carried)
    assert first.failures == ()
    assert any("pki-root.yml" in message for message in first.messages)
    second = at_centre(centre, carried)
    assert (second.failures, second.changed_tasks) == ((), ())
    assert centre.mode("/var/lib/borne-centre/pki/issuing.key") == "borne-centre borne-centre 0600"
    assert centre.mode("/var/lib/borne-centre/pki") == "borne-centre borne-centre 0700"


def test_the_root_signs_and_the_centre_takes_it(vault: Root, centre: Root, carried: Path) -> None:
    request = centre.at("/var/lib/borne-centre/pki/issuing.csr")
    shutil.copy(request, vault.at(f"{FOLDER}/requests/issuing.csr"))
    assert at_root(vault).failures == ()
    again = at_root(vault)
    assert (again.failures, again.changed_tasks) == ((), ())
    for name in ("issuing.pem", "root.pem", "authority.pem"):
        shutil.copy(vault.at(f"{FOLDER}/signed/{name}"), carried)
    assert at_centre(centre, carried).failures == ()
    again = at_centre(centre, carried)
    assert (again.failures, again.changed_tasks) == ((), ())
    now = datetime.now(UTC)
    authority = Authority.load(centre.at("/var/lib/borne-centre"))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.device(key.public_key(), "uto-poste-1", now)
    anchors = x509.load_pem_x509_certificates((carried / "authority.pem").read_bytes())
    verify_device(certificate, [authority.issuing], anchors[-1:], "uto-poste-1", now)
    assert certificate.not_valid_after_utc - now > timedelta(days=3 * 365)
    assert authority.issuing.not_valid_after_utc - now > timedelta(days=10 * 365)


def test_no_private_key_has_travelled(vault: Root, carried: Path) -> None:
    texts = [path.read_text() for path in [*carried.iterdir(), *vault.at(f"{FOLDER}/signed").iterdir()]]
    assert texts
    assert not any("PRIVATE" in text for text in texts)


@pytest.mark.parametrize("below", [1, None])
def test_another_request_is_not_signed(vault: Root, below: int | None) -> None:
    """Of an authority that could make others, and of no authority at all."""
    key = ec.generate_private_key(ec.SECP384R1())
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Other")]))
        .add_extension(x509.BasicConstraints(ca=below is not None, path_length=below), critical=True)
        .sign(key, hashes.SHA384())
    )
    file = vault.at(f"{FOLDER}/requests/other.csr")
    file.write_bytes(csr.public_bytes(serialization.Encoding.PEM))
    try:
        recap = at_root(vault)
    finally:
        file.unlink()
    assert any("other.csr is not an issuing authority's request" in failure for failure in recap.failures)
    assert not vault.at(f"{FOLDER}/signed/other.pem").exists()


def test_an_authority_can_be_revoked(vault: Root) -> None:
    issuing = x509.load_pem_x509_certificate(vault.at(f"{FOLDER}/signed/issuing.pem").read_bytes())
    serial = f"{issuing.serial_number:x}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    shown = ":".join(serial[place : place + 2] for place in range(0, len(serial), 2))
    revoked = [{"serial_number": shown, "revocation_date": "20261201000000Z"}]
    assert at_root(vault, pki_revoked=revoked).failures == ()
    crl = x509.load_pem_x509_crl(vault.at(f"{FOLDER}/signed/root.crl").read_bytes())
    assert [entry.serial_number for entry in crl] == [issuing.serial_number]
    assert at_root(vault, pki_revoked=revoked).changed_tasks == ()


def test_another_authoritys_certificate_is_refused_at_the_centre(centre: Root, carried: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    mine = x509.load_pem_x509_certificate((carried / "issuing.pem").read_bytes())
    forged = (
        x509.CertificateBuilder()
        .subject_name(mine.subject)
        .issuer_name(mine.issuer)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(mine.not_valid_before_utc)
        .not_valid_after(mine.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA384())
    )
    (carried / "issuing.pem").write_bytes(forged.public_bytes(serialization.Encoding.PEM))
    assert at_centre(centre, carried).failures != ()
