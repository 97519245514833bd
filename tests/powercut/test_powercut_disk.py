"""The disk that loses things, by hand: what it must keep, what it may lose, and that it does lose it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from powercut_disk import Damage, Disk
from powercut_log import CREATED, EMPTIED, Kind, Operation, Unseen, have_compiler, read_log, record

A, B = b"a" * 1024, b"b" * 1024
needs_compiler = pytest.mark.skipif(not have_compiler(), reason="no gcc here")


def opened(name: str, inode: int = 1, how: int = CREATED) -> Operation:
    return Operation(Kind.OPEN, inode, how, name)


def write(data: bytes, offset: int = 0, inode: int = 1) -> Operation:
    return Operation(Kind.WRITE, inode, offset, data=data)


SYNC = Operation(Kind.SYNC, 1)
SYNC_FOLDER = Operation(Kind.SYNC_FOLDER)


def disk(*operations: Operation) -> Disk:
    made = Disk({})
    for operation in operations:
        made.take(operation)
    return made


def images(of: Disk, damage: Damage, folder: Path, count: int = 200) -> list[dict[str, bytes]]:
    """What so many power cuts leave."""
    found = []
    for number in range(count):
        target = folder / f"{damage}-{number}"
        target.mkdir()
        of.image(damage, Random(number), target)
        found.append({file.name: file.read_bytes() for file in target.iterdir()})
    return found


@pytest.mark.parametrize("damage", Damage)
def test_what_is_synced_is_there(damage: Damage, tmp_path: Path) -> None:
    safe = disk(opened("x"), write(A), SYNC, SYNC_FOLDER)
    assert safe.pending == 0
    assert all(image == {"x": A} for image in images(safe, damage, tmp_path))


def test_what_is_not_synced_is_dropped(tmp_path: Path) -> None:
    lost = disk(opened("x"), write(A), SYNC, SYNC_FOLDER, write(B), write(B, 1024))
    assert lost.pending == 2
    assert images(lost, Damage.DROPPED, tmp_path, 1) == [{"x": A}]


def test_a_subset_is_any_of_them_in_any_order(tmp_path: Path) -> None:
    chance = disk(opened("x"), write(A), SYNC, SYNC_FOLDER, write(B), write(B, 1024))
    found = {image["x"] for image in images(chance, Damage.SUBSET, tmp_path)}
    assert found == {A, B, A + B, B + B}


def test_a_truncation_may_be_lost_and_what_came_after_it_kept(tmp_path: Path) -> None:
    cut = disk(opened("x"), write(A), SYNC, SYNC_FOLDER, Operation(Kind.TRUNCATE, 1, 0), write(B[:512]))
    found = {image["x"] for image in images(cut, Damage.SUBSET, tmp_path)}
    assert found == {A, b"", B[:512], B[:512] + A[512:]}


def test_a_torn_write_is_torn_between_sectors(tmp_path: Path) -> None:
    torn = disk(opened("x"), write(A), SYNC, SYNC_FOLDER, write(B, 100))
    found = {image["x"] for image in images(torn, Damage.TORN, tmp_path)}
    first = A[:100] + B[100:512] + A[512:]
    assert {A, first, A[:512] + B[:512], A[:100] + B} <= found
    zeros = {image for image in found if image[1024:] == bytes(100)}
    assert zeros, "its place without its bytes"
    for image in found:
        assert image[100:512] in (A[100:512], B[100:512])
        assert image[512:1024] in (A[512:], B[512:])


def test_in_order_nothing_is_kept_after_what_is_lost(tmp_path: Path) -> None:
    ordered = disk(opened("x"), write(A), SYNC, SYNC_FOLDER, write(B), write(B, 1024))
    found = {image["x"] for image in images(ordered, Damage.PREFIX, tmp_path)}
    assert found == {A, B[:512] + A[512:], B + b"", B + B[:512], B + B}


def test_a_name_is_lost_with_all_that_is_in_it_until_its_folder_is_synced(tmp_path: Path) -> None:
    nameless = disk(opened("x"), write(A), SYNC)
    assert images(nameless, Damage.DROPPED, tmp_path, 1) == [{}]
    found = images(nameless, Damage.SUBSET, tmp_path)
    assert {} in found and {"x": A} in found


def test_a_deleted_file_may_come_back_though_its_inode_is_used_again(tmp_path: Path) -> None:
    again = disk(
        opened("x"), write(A), SYNC, SYNC_FOLDER, Operation(Kind.UNLINK, path="x"), opened("x"), write(B), SYNC
    )
    assert images(again, Damage.DROPPED, tmp_path, 1) == [{"x": A}]
    found = [image.get("x") for image in images(again, Damage.SUBSET, tmp_path)]
    assert set(found) == {A, B, None}
    again.take(SYNC_FOLDER)
    assert images(again, Damage.TORN, tmp_path, 1) == [{"x": B}]


def test_a_rename_is_one_step(tmp_path: Path) -> None:
    moved = disk(
        opened("new"), write(A), SYNC, opened("old", 2), write(B, inode=2), Operation(Kind.SYNC, 2), SYNC_FOLDER
    )
    moved.take(Operation(Kind.RENAME, path="new", data=b"old"))
    found = images(moved, Damage.SUBSET, tmp_path)
    assert {"new": A, "old": B} in found and {"old": A} in found
    assert len({tuple(sorted(image.items())) for image in found}) == 2


def test_what_was_there_before_is_durable(tmp_path: Path) -> None:
    before = Disk({"x": A, "y": A})
    for operation in (opened("x", 7, EMPTIED), write(B, inode=7)):
        before.take(operation)
    assert images(before, Damage.DROPPED, tmp_path, 1) == [{"x": A, "y": A}]
    assert {image["x"] for image in images(before, Damage.SUBSET, tmp_path)} == {A, b"", B}


WRITES = """
import ctypes, os, sys
folder = sys.argv[1]
mark = ctypes.CDLL(None).pcut_mark
mark.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
file = os.open(folder + "/x", os.O_RDWR | os.O_CREAT)
os.pwrite(file, b"hello", 3)
os.write(file, b"abc")
os.fsync(file)
mark(b'{"n": 1}', 8)
os.ftruncate(file, 4)
os.close(file)
with open(folder + "/x", "ab") as more:
    more.write(b"end")
with open(folder + "/../beside", "wb") as beside:
    beside.write(b"not ours")
os.rename(folder + "/x", folder + "/y")
os.chdir(folder)
os.unlink("y")
here = os.open(folder, os.O_RDONLY)
os.fsync(here)
"""


@needs_compiler
def test_the_library_records_what_a_program_does(tmp_path: Path) -> None:
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    record([sys.executable, "-c", WRITES, folder], folder, log)
    found = list(read_log(log))
    inode = found[0].inode
    assert found == [
        Operation(Kind.OPEN, inode, CREATED, "x"),
        Operation(Kind.WRITE, inode, 3, data=b"hello"),
        Operation(Kind.WRITE, inode, 0, data=b"abc"),
        Operation(Kind.SYNC, inode, 0, "x"),
        Operation(Kind.MARK, data=b'{"n": 1}'),
        Operation(Kind.TRUNCATE, inode, 4),
        Operation(Kind.OPEN, inode, 0, "x"),
        Operation(Kind.WRITE, inode, 4, data=b"end"),
        Operation(Kind.RENAME, path="x", data=b"y"),
        Operation(Kind.UNLINK, path="y"),
        Operation(Kind.SYNC_FOLDER, found[-1].inode),
    ]


@needs_compiler
@pytest.mark.parametrize(
    "act",
    [
        "os.writev(os.open(folder + '/x', os.O_RDWR | os.O_CREAT), [b'1', b'2'])",
        "os.posix_fallocate(os.open(folder + '/x', os.O_RDWR | os.O_CREAT), 0, 100)",
        "os.truncate(open(folder + '/x', 'w').name, 3)",
        "os.mkdir(folder + '/deeper')",
        "os.link(open(folder + '/x', 'w').name, folder + '/y')",
        "os.rename(open(folder + '/x', 'w').name, folder + '-elsewhere')",
        "os.write(os.open('x', os.O_RDWR | os.O_CREAT, dir_fd=os.open(folder, os.O_RDONLY)), b'1')",
        "open(folder + '/x', 'wb').write(b'12'); mmap.mmap(os.open(folder + '/x', os.O_RDWR), 2)[:] = b'34'",
    ],
)
def test_a_way_of_writing_that_is_not_recorded_is_not_passed_over(act: str, tmp_path: Path) -> None:
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    record([sys.executable, "-c", f"import mmap, os, sys; folder = sys.argv[1]; {act}", folder], folder, log)
    with pytest.raises(Unseen):
        list(read_log(log))


@needs_compiler
def test_a_program_that_fails_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(subprocess.CalledProcessError):
        record([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "folder", tmp_path / "log")
