"""Which releases the guard believes: signed by a key that the pinned root has named for it, whole, and for here."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from borne_guard.fault import Fault
from borne_guard.manifest import LARGEST, read_manifest, version_key
from borne_guard.words import FAULTS, REASONS
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from guard_kit import FILES, GUARD, NOW, Device, Keys, release
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.keys import link_root, public_bytes
from mqtt_schemas.messages import Signed


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def verify(path: Path, root: Ed25519PrivateKey) -> dict[str, Any]:
    ran = subprocess.run(
        [GUARD, "verify", path, "--root", public_bytes(root).hex(), "--json"], capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return {**found, "exit": ran.returncode}


def test_a_release_verifies_as_a_folder_and_as_a_tar(device: Device) -> None:
    made = release(device.folder, "1.0", device.keys)
    tar = device.folder / "release.tar"
    with tarfile.open(tar, "w") as pack:
        for name in ("release.json", "release.sig", "keys.json", "wheels"):
            pack.add(made / name, name)
    for path in (made, tar):
        found = verify(path, device.keys.root)
        assert (found["exit"], found["version"], found["wheels"]) == (0, "1.0", 2)
    tar.write_bytes(tar.read_bytes()[:3000])
    assert verify(tar, device.keys.root)["code"] in ("update.unreadable", "update.no_release")


def test_another_country_s_release_is_refused(device: Device) -> None:
    found = verify(release(device.folder, "1.0", Keys()), device.keys.root)
    assert (found["exit"], found["code"]) == (1, "update.keys")
    assert "racine" in found["words"]["fr"] and "root" in found["words"]["en"]


def _a_byte(file: str) -> Callable[[Path, Keys], None]:
    def change(made: Path, _: Keys) -> None:
        data = bytearray((made / file).read_bytes())
        data[len(data) // 2] ^= 1
        (made / file).write_bytes(data)

    return change


def _text(file: str, old: str, new: str) -> Callable[[Path, Keys], None]:
    def change(made: Path, _: Keys) -> None:
        text = (made / file).read_text(encoding="utf-8")
        assert old in text
        (made / file).write_text(text.replace(old, new), encoding="utf-8")

    return change


def _keys(**more: Any) -> Callable[[Path, Keys], None]:
    def change(made: Path, keys: Keys) -> None:
        (made / "keys.json").write_bytes(msgspec.json.encode(keys.document(**more)))

    return change


def _other_key(made: Path, _: Keys) -> None:
    other = Keys()
    (made / "release.sig").write_bytes((release(made, "1.0", other) / "release.sig").read_bytes())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_a_byte("wheels/helper-1.0-py3-none-any.whl"), "update.damaged"),
        (_text("release.json", '"store": 2', '"store": 3'), "update.signature"),
        (_text("release.json", '"role": "post"', '"role": "kiosk"'), "update.signature"),
        (_other_key, "update.key_unknown"),
        (_keys(role="ack"), "update.key_unknown"),
        (_keys(since=NOW - timedelta(days=9), until=NOW - timedelta(days=2)), "update.key_time"),
        (_keys(since=NOW + timedelta(days=2)), "update.key_time"),
        (lambda made, _: (made / "release.sig").unlink(), "update.no_release"),
        (lambda made, _: (made / "keys.json").write_bytes(b"["), "update.manifest"),
        (lambda made, _: (made / "keys.json").write_bytes(b"[" * 200_000), "update.manifest"),
        (lambda made, _: (made / "keys.json").write_bytes(b" " * (LARGEST["keys.json"] + 1)), "update.manifest"),
        (lambda made, _: (made / "wheels/helper-1.0-py3-none-any.whl").unlink(), "update.missing"),
    ],
)
def test_what_was_changed_is_refused(device: Device, change: Callable[[Path, Keys], None], code: str) -> None:
    made = release(device.folder, "1.0", device.keys)
    change(made, device.keys)
    assert verify(made, device.keys.root)["code"] == code
    assert device.guard("stage", made)["code"] == code
    assert not list((device.base / "releases").iterdir())


def test_a_new_root_is_followed_and_the_old_one_never_speaks_again(device: Device) -> None:
    old, new = device.keys, Keys()
    linked = new.document(version=5, roots=(link_root(old.root, public_bytes(new.root)),))
    assert device.guard("stage", release(device.folder, "1.0", new, document=linked))["ok"]
    stolen = release(device.folder, "2.0", old, document=old.document(version=9))
    assert device.guard("stage", stolen)["code"] == "update.keys"
    # A key that was taken back: the document that still named it is older than the one believed since.
    earlier = new.document(version=4, roots=(link_root(old.root, public_bytes(new.root)),))
    assert device.guard("stage", release(device.folder, "3.0", new, document=earlier))["code"] == "update.keys_old"


def test_a_root_that_nobody_named_is_no_successor(device: Device) -> None:
    thief = Keys()
    forged = thief.document(roots=(link_root(thief.root, public_bytes(thief.root)),))
    made = release(device.folder, "1.0", thief, document=forged)
    assert verify(made, device.keys.root)["code"] == "update.keys"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("0.9", "0.10"), ("0.9.9", "0.10.0"), ("1.0rc1", "1.0"), ("1.0a2", "1.0b1"), ("1.0rc2", "1.0rc10"),
        ("1.0", "1.0.1"), ("1.0b1", "1.0rc1"), ("0.1.0", "1"[:1] + ".0"), ("9.0", "10.0"),
    ],
)  # fmt: skip
def test_versions_are_ordered_by_number(earlier: str, later: str) -> None:
    assert version_key(earlier) < version_key(later)


def test_a_trailing_zero_is_no_newer_version() -> None:
    assert version_key("1.0") == version_key("1.0.0")


@pytest.mark.parametrize(
    "version", ["", "1", "1.0.0.0.0", "1.0-1", "v1.0", "1.0\n", "١.٠", "1..0", "../1.0", "1.0+x"]
)
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(Fault) as refused:
        version_key(version)
    assert refused.value.code == "update.version"


def _manifest() -> dict[str, Any]:
    return {
        "format": "borne-release/1", "version": "1.0", "role": "post", "built": "2026-01-01T00:00:00Z",
        "python": "3.11", "machine": "x86_64", "contract": "1.2", "store": 2,
        "files": [{"name": "wheels/a-1-py3-none-any.whl", "sha256": "0" * 64, "size": 5}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "spoil",
    [
        {"version": "../../etc"}, {"version": 1}, {"role": "a b"}, {"store": True}, {"store": 0}, {"files": []},
        {"files": {}}, {"files": [1]}, {"built": "yesterday"}, {"format": None}, {"contract": "one"},
        {"files": [{"name": "wheels/../../x.whl", "sha256": "0" * 64, "size": 5}]},
        {"files": [{"name": "/etc/passwd", "sha256": "0" * 64, "size": 5}]},
        {"files": [{"name": "wheels/.hidden.whl", "sha256": "0" * 64, "size": 5}]},
        {"files": [{"name": "wheels/a.tar.gz", "sha256": "0" * 64, "size": 5}]},
        {"files": [{"name": "wheels/a.whl", "sha256": "0" * 63, "size": 5}]},
        {"files": [{"name": "wheels/a.whl", "sha256": "0" * 64, "size": -5}]},
        {"files": [{"name": "wheels/a.whl", "sha256": "0" * 64, "size": 2**60}]},
        {"files": [{"name": "wheels/a.whl", "sha256": "0" * 64, "size": 5}] * 2},
    ],
)  # fmt: skip
def test_a_list_that_is_none_is_refused(spoil: dict[str, Any]) -> None:
    with pytest.raises(Fault):
        read_manifest(json.dumps(_manifest() | spoil).encode())


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(msgspec.json.encode))
def test_any_bytes_end_in_a_fault(data: bytes) -> None:
    with pytest.raises(Fault):
        read_manifest(data)


def test_every_code_has_words_and_every_word_a_code() -> None:
    import re

    sources = "".join(
        file.read_text(encoding="utf-8") for file in (FILES / "borne_guard").glob("*.py") if file.name != "words.py"
    )
    raised = set(re.findall(r'"(update\.[a-z_]+)"', sources))
    assert raised == FAULTS.keys()
    health = (FILES / "borne_guard" / "health.py").read_text(encoding="utf-8").partition("def problem")[2]
    assert set(re.findall(r'return "([a-z_]+)", ', health.partition("def wait")[0])) <= REASONS.keys()
    assert {word for word in REASONS if f'"{word}"' in sources} == REASONS.keys()
    for french, english in (*FAULTS.values(), *REASONS.values()):
        assert french and english and french != english
        assert not re.search(r"[^\u00a0][:;?!»]( |$)|« [^\u00a0]|'", french), french


def test_a_document_of_the_centre_is_what_the_guard_reads() -> None:
    """What `borne centre keys-document` writes is what releases carry."""
    assert msgspec.json.decode(msgspec.json.encode(Keys().document()), type=Signed).role == "root"
