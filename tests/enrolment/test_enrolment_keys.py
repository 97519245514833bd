"""The device's keys: made once, sealed by systemd, read back on this machine alone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from enrolment_kit import TrialDevice

from border_agent.upkeep import credentials, unsent
from border_agent.upkeep.credentials import KeyUnreadable, NotSealed
from border_agent.upkeep.machine_facts import machine_facts

sealing = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("systemd-creds") is None, reason="systemd-creds seals for root only"
)


@pytest.fixture
def device(tmp_path: Path) -> TrialDevice:
    return TrialDevice(tmp_path / "device", b"\1" * 32)


def test_made_once_and_kept(tmp_path: Path) -> None:
    first = credentials.make(tmp_path / "keys", "post", plain=True)
    assert first.created == ("store.key", "journal.key", "sealing.key", "device.key", "server.key")
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    second = credentials.make(tmp_path / "keys", "post", plain=True)
    assert (second.created, second.kept) == ((), first.created)
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_one_that_is_missing_is_made_alone(tmp_path: Path) -> None:
    credentials.make(tmp_path, "kiosk", plain=True)
    (tmp_path / "device.key").unlink()
    assert credentials.make(tmp_path, "kiosk", plain=True).created == ("device.key",)


def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NotSealed):
        credentials.make(tmp_path / "keys", "post", plain=True)
    assert list((tmp_path / "keys").iterdir()) == []


@sealing
def test_sealed_keys_are_no_keys_to_whoever_reads_the_disk(tmp_path: Path, device: TrialDevice) -> None:
    folder = tmp_path / "credstore"
    made = credentials.make(folder, "post")
    assert made.sealed_to in ("tpm2", "host")
    shutil.rmtree(device.folder / "keys")
    for file in folder.iterdir():
        assert b"PRIVATE" not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keys = credentials.device_keys(device.config, folder)
    assert keys.server is not None
    assert credentials.device_keys(device.config, folder).sealing == keys.sealing
    assert len(credentials.store_key(device.config, folder)) == 32
    assert not credentials.plain(device.config, folder)
    # As the unit gets it.
    found = subprocess.run(
        ["systemd-creds", "decrypt", "--name=journal.key", folder / "borne.journal.key", "-"],
        capture_output=True,
        check=True,
    )
    assert b"BEGIN PRIVATE KEY" in found.stdout


@sealing
def test_a_credential_under_another_name_or_damaged_is_refused(tmp_path: Path, device: TrialDevice) -> None:
    folder = tmp_path / "credstore"
    credentials.make(folder, "post")
    shutil.rmtree(device.folder / "keys")
    good = (folder / "borne.journal.key").read_bytes()
    shutil.copy(folder / "borne.device.key", folder / "borne.journal.key")
    with pytest.raises(KeyUnreadable):
        credentials.device_keys(device.config, folder)
    (folder / "borne.journal.key").write_bytes(good[: len(good) // 2])
    with pytest.raises(KeyUnreadable):
        credentials.device_keys(device.config, folder)
    (folder / "borne.journal.key").unlink()
    with pytest.raises(KeyUnreadable, match="nor is there"):
        credentials.device_keys(device.config, folder)


def test_a_key_of_another_kind_is_refused(device: TrialDevice) -> None:
    keys = device.folder / "keys"
    shutil.copy(keys / "sealing.key", keys / "journal.key")
    with pytest.raises(KeyUnreadable, match="another kind"):
        credentials.device_keys(device.config, keys)
    (keys / "journal.key").write_bytes(b"rubbish")
    with pytest.raises(KeyUnreadable):
        credentials.device_keys(device.config, keys)


def test_without_systemd_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotSealed):
        credentials.make(tmp_path / "keys", "post")
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_store_whose_key_is_gone_cannot_be_read_and_is_not_made(device: TrialDevice) -> None:
    assert unsent.standing(device.config, device.folder / "keys").present is False
    assert not (device.folder / "store.db").exists()
    (device.folder / "store.db").write_bytes(os.urandom(8192))
    found = unsent.standing(device.config, device.folder / "keys")
    assert (found.present, found.readable) == (True, False)
    (device.folder / "keys" / "store.key").unlink()
    found = unsent.standing(device.config, device.folder / "keys")
    assert (found.present, found.readable) == (True, False)
    with pytest.raises(unsent.NotExported):
        unsent.export(device.config, device.folder / "stick", device.folder / "keys")
    assert not (device.folder / "stick").exists()


def test_facts_of_a_machine_that_says_nothing(tmp_path: Path) -> None:
    assert machine_facts("0.1.0", plain=True, root=tmp_path).maker == ""
    dmi = tmp_path / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "sys_vendor").write_bytes(b"Ut\xffopia\n")
    (dmi / "product_serial").write_text("To be filled by O.E.M.\n")
    (dmi / "product_name").write_text("x" * 5000)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       16303428 kB\n")
    facts = machine_facts("0.1.0", plain=True, root=tmp_path)
    assert (facts.serial, len(facts.model), facts.memory_mib) == ("", 120, 15921)
    assert facts.maker.endswith("opia")
