"""A key handed over by systemd: its mode shows an access-control list's mask; accepted there, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from border_agent.agent.identity import KeyUnusable, load_journal_key
from border_agent.store.credential import KeyRefused, create_key, read_key


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store's key as systemd leaves it: mode 0440 in the folder it named."""
    folder = tmp_path / "borne-agent.service"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    create_key(folder / "store.key")
    (folder / "store.key").chmod(0o440)
    return folder / "store.key"


def test_a_credential_is_accepted(key: Path) -> None:
    assert len(read_key(key)) == 32


@pytest.mark.parametrize("mode", [0o444, 0o460, 0o450, 0o441, 0o442])
def test_more_than_the_lists_mask_is_refused_there_too(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(KeyRefused):
        read_key(key)


def test_elsewhere_the_group_may_not_read(key: Path, tmp_path: Path) -> None:
    other = tmp_path / "store.key"
    key.rename(other)
    with pytest.raises(KeyRefused):
        read_key(other)
    with pytest.raises(KeyRefused):
        read_key(key.parent / ".." / "store.key")


def test_a_link_in_the_folder_lends_its_place_to_nobody(key: Path, tmp_path: Path) -> None:
    other = tmp_path / "store.key"
    key.rename(other)
    key.symlink_to(other)
    with pytest.raises(KeyRefused):
        read_key(key)


def test_a_folder_below_is_not_the_folder(key: Path) -> None:
    below = key.parent / "below"
    below.mkdir()
    with pytest.raises(KeyRefused):
        read_key(key.rename(below / "store.key"))


def test_without_systemd_nothing_is_a_credential(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(KeyRefused):
        read_key(key)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "")
    with pytest.raises(KeyRefused):
        read_key(key)


def test_the_devices_other_keys_follow_the_same_rule(key: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    given, other = key.with_name("journal.key"), tmp_path / "journal.key"
    for file in (given, other):
        file.write_bytes(pem)
        file.chmod(0o440)
    load_journal_key(given)
    with pytest.raises(KeyUnusable):
        load_journal_key(other)
