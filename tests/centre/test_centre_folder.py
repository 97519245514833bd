"""A centre's folder: its settings, keys, register."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from centre_device import AT

from mqtt_schemas.centre.duties import Duties
from mqtt_schemas.centre.errors import AlreadyRunning, BadConfiguration, BadEnrolment, BadFolder, BadKeyFile
from mqtt_schemas.centre.folder import (
    BrokerSettings,
    CentreFolder,
    PublishSettings,
    StoreSettings,
    init,
    keys_document,
    renew_keys_document,
)
from mqtt_schemas.centre.keys import ROLES
from mqtt_schemas.centre.register import devices, enrol, retire
from mqtt_schemas.centre.values import DeviceStatus
from mqtt_schemas.errors import BadSignature
from mqtt_schemas.keys import KeyRing, key_id


@pytest.fixture
def folder(tmp_path: Path, store: StoreSettings) -> Path:
    init(tmp_path / "centre", store=store, at=AT)
    return tmp_path / "centre"


def test_a_new_centre_is_whole(tmp_path: Path) -> None:
    broker = BrokerSettings(host="broker.example", port=1234, ca='odd "name".pem')
    root = init(tmp_path / "centre", broker, PublishSettings(chunk_burst=3), at=AT)
    folder = CentreFolder(tmp_path / "centre")
    assert folder.settings.broker == broker
    assert folder.settings.publish.chunk_burst == 3
    assert folder.root_public() == root
    with folder.database() as database:
        version, document = keys_document(database)
    assert version == 1
    ring = KeyRing.open(document, root)
    assert {key.role for key in ring.document.keys} == set(ROLES)
    folder.keys().check(document, root)
    private = list((tmp_path / "centre").rglob("*.pem"))
    assert len(private) == len(ROLES) + 1
    assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
    with pytest.raises(BadFolder):
        init(tmp_path / "centre")


def test_keys_documents_are_renewed(folder: Path) -> None:
    later = AT + timedelta(days=200)
    assert renew_keys_document(folder, at=later) == 2
    centre = CentreFolder(folder)
    with centre.database() as database:
        _, document = keys_document(database)
    ring = KeyRing.open(document, centre.root_public(), at_least=2)
    assert ring.document.issued == later
    (folder / "keys" / "root.pem").unlink()
    with pytest.raises(BadKeyFile):
        renew_keys_document(folder)


def test_keys_nobody_vouches_for_are_noticed(folder: Path, tmp_path: Path) -> None:
    init(tmp_path / "other", at=AT)
    other = CentreFolder(tmp_path / "other")
    with CentreFolder(folder).database() as database:
        _, document = keys_document(database)
    with pytest.raises(BadSignature):
        other.keys().check(document, CentreFolder(folder).root_public())
    with pytest.raises(BadSignature):
        CentreFolder(folder).keys().check(document, other.root_public())


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff"])
def test_a_key_file_that_is_none(folder: Path, content: bytes) -> None:
    (folder / "keys" / "ack.pem").write_bytes(content)
    with pytest.raises(BadKeyFile, match=r"ack\.pem"):
        CentreFolder(folder).keys()


def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / "keys" / "feed-visas.pem").chmod(0o640)
    with pytest.raises(BadKeyFile, match="others"):
        CentreFolder(folder).keys()
    (folder / "keys" / "root.pub").write_text("00")
    with pytest.raises(BadKeyFile):
        CentreFolder(folder).root_public()


@pytest.mark.parametrize(
    "text",
    [
        "[broker]\nhosst = 'x'",
        "[brokers]",
        "[broker]\nport = 0",
        "[broker]\nport = '8883'",
        "[publish]\nchunks_per_second = -1.0",
        "rubbish",
        "\0",
        "a = " + "[" * 5000,
    ],
)
def test_a_setting_that_does_not_belong_is_an_error(folder: Path, text: str) -> None:
    (folder / "centre.toml").write_text(text)
    with pytest.raises(BadConfiguration):
        CentreFolder(folder)


def test_an_empty_configuration_is_the_defaults(folder: Path, tmp_path: Path) -> None:
    (folder / "centre.toml").write_text("")
    assert CentreFolder(folder).settings.broker.port == 8883
    with pytest.raises(BadFolder):
        CentreFolder(tmp_path)


def test_only_one_runs(folder: Path) -> None:
    with CentreFolder(folder).database() as one, CentreFolder(folder).database() as two:
        one.claim(*Duties().claims)
        with pytest.raises(AlreadyRunning):
            two.claim(*Duties().claims)
    with CentreFolder(folder).database() as three:
        three.claim(*Duties().claims)


def test_enrolling(folder: Path) -> None:
    key, other = secrets.token_bytes(32), secrets.token_bytes(32)
    enrol(folder, "kiosk-1", "post-9", key, certificate_sha256=b"\1" * 32, at=AT)
    enrol(folder, "kiosk-1", "post-9", key, certificate_sha256=b"\1" * 32)
    (device,) = devices(folder)
    assert (device.id, device.post, device.journal_key) == ("kiosk-1", "post-9", key)
    with pytest.raises(BadEnrolment, match="another journal key"):
        enrol(folder, "kiosk-1", "post-9", other)
    enrol(folder, "kiosk-1", "post-9", other, replace=True)
    assert devices(folder)[0].journal_key == other
    retire(folder, "kiosk-1")
    assert devices(folder)[0].status is DeviceStatus.RETIRED
    enrol(folder, "kiosk-1", "post-9", other)
    assert devices(folder)[0].status is DeviceStatus.ENROLLED
    with pytest.raises(BadEnrolment):
        retire(folder, "kiosk-2")


@pytest.mark.parametrize(
    ("device", "post", "key"),
    [
        ("all", "post-1", b"\1" * 32),
        ("centre", "post-1", b"\1" * 32),
        ("centre-12", "post-1", b"\1" * 32),
        ("centre-publisher", "post-1", b"\1" * 32),
        ("post", "post-1", b"\1" * 32),
        ("Kiosk", "post-1", b"\1" * 32),
        ("a/b", "post-1", b"\1" * 32),
        ("kiosk-1\n", "post-1", b"\1" * 32),
        ("kiosk-1", "", b"\1" * 32),
        ("kiosk-1", "post 1", b"\1" * 32),
        ("kiosk-1", "post-1", b"\1" * 31),
    ],
)
def test_what_cannot_be_enrolled(folder: Path, device: str, post: str, key: bytes) -> None:
    with pytest.raises(BadEnrolment):
        enrol(folder, device, post, key)
    assert devices(folder) == []


def test_keys_are_told_apart(folder: Path) -> None:
    publics = CentreFolder(folder).keys().publics()
    assert len({key_id(public) for public in publics.values()}) == len(ROLES)
