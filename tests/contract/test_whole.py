"""A file that is there whole or not at all, and never in the place of something that is no file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mqtt_schemas.whole import whole_file


def test_it_is_there_once_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"before")
    with whole_file(target) as file:
        file.write(b"after")
        assert target.read_bytes() == b"before"
    assert target.read_bytes() == b"after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_what_broke_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_file(tmp_path / "file") as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """As `/dev/full` once was, by an administrator who tried what a full disk does."""
    target = tmp_path / "device"
    os.mkfifo(target)
    with pytest.raises(OSError, match="not a regular file"), whole_file(target):
        pass
    assert stat.S_ISFIFO(target.stat().st_mode)
    assert list(tmp_path.iterdir()) == [target]
