"""A national root that the centre's machine never holds: only documents travel."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from enrolment_kit import AT, DAY

from mqtt_schemas.centre import offline
from mqtt_schemas.centre.errors import BadFolder, BadKeyFile
from mqtt_schemas.centre.folder import CentreFolder, init, keys_document, renew_keys_document
from mqtt_schemas.centre.keys import ROLES
from mqtt_schemas.enrolment import request_code
from mqtt_schemas.errors import BadSignature, ContractError, RolledBack
from mqtt_schemas.keys import SOFTWARE, KeyRing, public_bytes

ROOT = Ed25519PrivateKey.generate()
RELEASES = Ed25519PrivateKey.generate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "centre"
    assert init(path, root_public=public_bytes(ROOT), at=AT) == public_bytes(ROOT)
    return path


def ring(folder: Path) -> KeyRing:
    with CentreFolder(folder).database() as database:
        return KeyRing.open(keys_document(database)[1], public_bytes(ROOT))


def test_the_root_is_nowhere_in_the_folder(folder: Path) -> None:
    assert not (folder / "keys" / "root.pem").exists()
    raw = ROOT.private_bytes_raw()
    assert not any(raw in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_without_its_document_the_centre_waits(folder: Path) -> None:
    with pytest.raises(BadFolder, match="no keys document"):
        ring(folder)


def test_keys_go_out_and_the_document_comes_back(folder: Path) -> None:
    payload, code = offline.wanted(folder)
    assert code == request_code(payload)
    assert b"PRIVATE" not in payload
    signed = offline.sign(payload, ROOT, more={SOFTWARE: public_bytes(RELEASES)}, at=AT)
    assert offline.install(folder, signed, at=AT) == 1
    document = ring(folder).document
    assert {key.role for key in document.keys} == {*ROLES, SOFTWARE}
    assert offline.install(folder, signed, at=AT) == 1


def test_the_next_year_the_next_document(folder: Path) -> None:
    first = offline.sign(offline.wanted(folder)[0], ROOT, more={SOFTWARE: public_bytes(RELEASES)}, at=AT)
    offline.install(folder, first, at=AT)
    second = offline.sign(offline.wanted(folder)[0], ROOT, at=AT + 300 * DAY)
    assert offline.install(folder, second, at=AT) == 2
    document = ring(folder).document
    # What signs releases is handed on, and a key's beginning stays what it was.
    assert SOFTWARE in {key.role for key in document.keys}
    assert all(key.not_before < AT for key in document.keys)
    with pytest.raises(RolledBack):
        offline.install(folder, first, at=AT)
    assert ring(folder).document.version == 2


def test_another_root_signs_nothing_for_it(folder: Path) -> None:
    payload, _ = offline.wanted(folder)
    stranger = Ed25519PrivateKey.generate()
    with pytest.raises(BadKeyFile, match="root"):
        offline.sign(payload, stranger, at=AT)
    own = msgspec.structs.replace(offline.read_wanted(payload), root=public_bytes(stranger))
    forged = offline.sign(msgspec.json.encode(own), stranger, at=AT)
    with pytest.raises(BadSignature):
        offline.install(folder, forged, at=AT)
    with pytest.raises(BadFolder):
        ring(folder)


def test_a_document_for_another_centres_keys_is_refused(folder: Path, tmp_path: Path) -> None:
    init(tmp_path / "other", root_public=public_bytes(ROOT), at=AT)
    foreign = offline.sign(offline.wanted(tmp_path / "other")[0], ROOT, at=AT)
    with pytest.raises(BadSignature):
        offline.install(folder, foreign, at=AT)


def test_two_documents_of_one_version(folder: Path) -> None:
    payload, _ = offline.wanted(folder)
    offline.install(folder, offline.sign(payload, ROOT, at=AT), at=AT)
    with pytest.raises(BadKeyFile, match="another one of version 1"):
        offline.install(folder, offline.sign(payload, ROOT, at=AT + DAY), at=AT)


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff" * 100, b'{"v":"2.0"}'])
def test_rubbish_is_refused_at_both_ends(folder: Path, payload: bytes) -> None:
    with pytest.raises(ContractError):
        offline.sign(payload, ROOT, at=AT)
    with pytest.raises(ContractError):
        offline.install(folder, payload, at=AT)


def test_a_pilots_document_keeps_the_key_of_releases(tmp_path: Path) -> None:
    """A root on the machine signs anew, and what it does not know is not lost."""
    init(tmp_path / "pilot", at=AT)
    from mqtt_schemas.centre.keys import load_root

    root = load_root(tmp_path / "pilot" / "keys")
    payload, _ = offline.wanted(tmp_path / "pilot")
    offline.install(tmp_path / "pilot", offline.sign(payload, root, more={SOFTWARE: public_bytes(RELEASES)}, at=AT))
    renew_keys_document(tmp_path / "pilot", at=AT + DAY)
    with CentreFolder(tmp_path / "pilot").database() as database:
        _, signed = keys_document(database)
    found = KeyRing.open(signed, public_bytes(root)).document
    assert found.version == 3
    assert public_bytes(RELEASES) in {key.public for key in found.keys}
