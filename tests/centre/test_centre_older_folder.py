"""A folder made before version 1.2: its centre gets the new keys and feeds, or says what is to be done."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from centre_device import AT

from mqtt_schemas.centre.database import stamp
from mqtt_schemas.centre.errors import BadKeyFile, KeysIncomplete
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, complete_keys, init, keys_document
from mqtt_schemas.centre.folder import renew_keys_document as renew
from mqtt_schemas.centre.keys import ROLES, create_root, load_root
from mqtt_schemas.centre.register import devices
from mqtt_schemas.centre.schema import MIGRATIONS
from mqtt_schemas.centre.service import CentreService
from mqtt_schemas.centre.sqlite import sqlite_statements
from mqtt_schemas.errors import BadSignature
from mqtt_schemas.feeds import Feed
from mqtt_schemas.keys import KeyRing, link_root, public_bytes, sign_keys_document
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.messages import KeysDocument, Signed, decode_body, encode
from mqtt_schemas.records import OfficerRecord

NEW = ("feed:officers", "feed:devices", "feed:csca")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> BrokerSettings:
    identity = LabAuthority(tmp_path_factory.mktemp("pki")).client("centre")
    return BrokerSettings(ca=str(identity.ca), certificate=str(identity.certificate), key=str(identity.key))


@pytest.fixture
def folder(tmp_path: Path, tls: BrokerSettings) -> Path:
    """As 1.1 left it: its tables, its keys, its document, a device in the register."""
    path = tmp_path / "centre"
    init(path, tls, at=AT)
    document = without_new_roles(path)
    for role in NEW:
        (path / "keys" / f"{role.replace(':', '-')}.pem").unlink()
    for file in path.glob("centre.db*"):
        file.unlink()
    with sqlite3.connect(path / "centre.db") as database:
        for statement in sqlite_statements(MIGRATIONS[0]):
            database.execute(statement)
        database.execute("PRAGMA user_version = 1")
        database.execute("INSERT INTO keys_document VALUES (1, ?, ?)", [encode(document), stamp(AT)])
        database.execute(
            "INSERT INTO device (id, post, journal_key, certificate, state, enrolled_at)"
            " VALUES ('kiosk-1', 'garoua', ?, x'', 'enrolled', ?)",
            [b"\1" * 32, stamp(AT)],
        )
    database.close()
    return path


def without_new_roles(path: Path) -> Signed:
    with CentreFolder(path).database() as database:
        now = decode_body(KeysDocument, keys_document(database)[1].body)
    older = KeysDocument(
        version=1, issued=now.issued, expires=now.expires, keys=tuple(key for key in now.keys if key.role not in NEW)
    )
    return sign_keys_document(load_root(path / "keys"), older)


def ring(path: Path) -> KeyRing:
    centre = CentreFolder(path)
    with centre.database() as database:
        return KeyRing.open(keys_document(database)[1], centre.root_public())


def start(path: Path) -> None:
    CentreService(CentreFolder(path)).stop()


def test_an_older_centre_gets_its_new_keys_when_it_is_started(folder: Path) -> None:
    before = ring(folder).document
    start(folder)
    after = ring(folder).document
    assert after.version == 2
    assert {key.role for key in after.keys} == set(ROLES)
    # What the old keys signed is still signed by them in their time.
    kept = {key.role: (key.public, key.not_before) for key in after.keys}
    assert all(kept[key.role] == (key.public, key.not_before) for key in before.keys)
    start(folder)
    assert ring(folder).document.version == 2


def test_its_register_becomes_the_feed(folder: Path) -> None:
    start(folder)
    (device,) = devices(folder)
    assert (device.id, device.role, device.sealing_key) == ("kiosk-1", "", b"")
    with CentreFolder(folder).database() as database:
        feeds = FeedStore(database)
        assert (feeds.position(Feed.DEVICES)[0], list(feeds.keys(Feed.DEVICES))) == (1, ["kiosk-1"])


def test_where_the_root_is_offline_it_says_so_and_takes_it_from_a_file(folder: Path, tmp_path: Path) -> None:
    stick = tmp_path / "root.pem"
    shutil.move(folder / "keys" / "root.pem", stick)
    for _ in range(2):
        with pytest.raises(KeysIncomplete, match="feed:officers, feed:devices, feed:csca"):
            start(folder)
    assert ring(folder).document.version == 1
    with pytest.raises(BadKeyFile):
        renew(folder)
    assert renew(folder, root=stick) == 2
    start(folder)
    assert not (folder / "keys" / "root.pem").exists()
    assert {key.role for key in ring(folder).document.keys} == set(ROLES)


def test_another_root_signs_nothing_here(folder: Path, tmp_path: Path) -> None:
    create_root(tmp_path)
    with pytest.raises(BadKeyFile, match="root"):
        renew(folder, root=tmp_path / "root.pem")
    assert ring(folder).document.version == 1


def test_the_succession_of_roots_is_handed_on(folder: Path, tmp_path: Path) -> None:
    second = create_root(tmp_path)
    document = decode_body(KeysDocument, without_new_roles(folder).body)
    linked = KeysDocument(
        version=2,
        issued=document.issued,
        expires=document.expires,
        keys=document.keys,
        roots=(link_root(load_root(folder / "keys"), public_bytes(second)),),
    )
    with CentreFolder(folder).database() as database:
        values = [2, encode(sign_keys_document(second, linked)), stamp(AT)]
        database.execute("INSERT INTO keys_document VALUES (?, ?, ?)", values)
    with pytest.raises(BadKeyFile):  # the first root, which was replaced, is the one on this machine
        start(folder)
    assert renew(folder, root=tmp_path / "root.pem", at=AT + timedelta(days=9)) == 3
    assert ring(folder).root == public_bytes(second)
    start(folder)


def test_a_lost_key_is_not_made_anew(folder: Path) -> None:
    """The document grants it: whoever starts must learn that it is gone."""
    (folder / "keys" / "feed-visas.pem").unlink()
    with pytest.raises(BadKeyFile, match="feed-visas"):
        start(folder)
    assert ring(folder).document.version == 1


def test_a_document_that_is_not_our_roots_is_not_signed_again(folder: Path, tmp_path: Path) -> None:
    init(tmp_path / "other", at=AT)
    shutil.copy(tmp_path / "other" / "keys" / "root.pub", folder / "keys" / "root.pub")
    with pytest.raises(BadSignature):
        start(folder)


def test_a_power_cut_between_keys_and_document_is_made_good(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"))
    start(folder.with_name("copy"))
    shutil.copy(folder.with_name("copy") / "keys" / "feed-officers.pem", folder / "keys")
    centre = CentreFolder(folder)
    with centre.database() as database:
        complete_keys(centre, database, at=AT)
    centre.keys().check(ring_document(folder), centre.root_public())


def ring_document(path: Path) -> Signed:
    with CentreFolder(path).database() as database:
        return keys_document(database)[1]


def test_the_new_feeds_are_signed(folder: Path) -> None:
    start(folder)
    centre = CentreFolder(folder)
    record = OfficerRecord(number="0471", name="x", roles=(), posts=())
    for role in NEW:
        ring(folder).verify(centre.keys().sign(role, record), role)
