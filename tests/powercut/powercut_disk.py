"""A disk that loses what nobody asked it to keep.

It takes a log's operations one by one. What a file's sync or its folder's sync has made durable is safe; everything
since is pending, and what becomes of that is chance: `image` writes the folder down as a power cut may leave it.

More is lost here than on most disks: each pending write and each truncation on its own, in any order, halves of
sectors' runs, and a file's very name until its folder is synced. What a journalling file system does keep, and this
keeps too: names change in the order in which they were changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random

from powercut_log import CREATED, EMPTIED, Kind, Operation

SECTOR = 512
"""What a disk writes whole or not at all."""

INDEX = "-shm"
"""SQLite's index of the log: mapped memory, never synced, made anew by whoever opens the database first."""

INDEX_PAGE = 32768
"""It grows by so much. What an image has of it, where it has it at all, is noise."""


class Damage(StrEnum):
    """What becomes of pending writes."""

    DROPPED = "dropped"
    """All lost, names too."""
    SUBSET = "subset"
    """Each is lost or kept, by chance."""
    TORN = "torn"
    """Of each, every sector is lost or kept; a file may have its new length and zeros where nothing came."""
    PREFIX = "prefix"
    """Kept up to some point, then lost: a disk that works in order, cut in the middle."""


@dataclass(slots=True)
class _Write:
    """A pending write; or, without data, a truncation."""

    offset: int
    data: bytes | None


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[_Write] = field(default_factory=list)

    def sync(self) -> None:
        for write in self.pending:
            _apply(self.durable, write)
        self.pending.clear()

    def after(self, damage: Damage, chance: Random) -> bytearray:
        content = bytearray(self.durable)
        if damage is Damage.DROPPED:
            return content
        upto = chance.randint(0, len(self.pending))
        # Most of it, half of it, little of it: seldom is everything equally unlucky.
        share = chance.choice((0.1, 0.5, 0.9))
        for number, write in enumerate(self.pending):
            match damage:
                case Damage.PREFIX if number < upto:
                    _apply(content, write)
                case Damage.PREFIX if number == upto:
                    _tear(content, write, chance, in_order=True)
                case Damage.SUBSET if chance.random() < share:
                    _apply(content, write)
                case Damage.TORN if write.data is None and chance.random() < share:
                    _apply(content, write)
                case Damage.TORN if write.data is not None:
                    if chance.random() < share:
                        _tear(content, write, chance, in_order=chance.random() < 0.5)
                    elif chance.random() < 0.5:
                        # Its place is there, what was to be written is not.
                        _extend(content, write.offset + len(write.data))
        return content


@dataclass(slots=True)
class _Rename:
    """A change of the folder: a name, and the file it stands for now; None: for none."""

    name: str
    file: int | None
    source: str = ""
    """The name that goes in the same step."""


class Disk:
    """One folder, without folders in it."""

    def __init__(self, begun_with: Mapping[str, bytes]) -> None:
        """`begun_with`: files that were there, durably, before the log's first operation."""
        self._files: list[_File] = []
        """By a number of ours: a file system gives a deleted file's inode to the next one, and the deleted one may
        come back."""
        self._inodes: dict[int, int] = {}
        """Which file an inode stands for now."""
        self._names: dict[str, int] = {}
        """What the program sees."""
        self._durable: dict[str, int] = {}
        self._changed: list[_Rename] = []
        for name, content in begun_with.items():
            self._names[name] = self._durable[name] = self._new(content)

    @property
    def pending(self) -> int:
        """Writes and changes of names that a power cut now could lose."""
        held = {*self._names.values(), *self._durable.values()}
        return len(self._changed) + sum(len(self._files[file].pending) for file in held)

    def take(self, operation: Operation) -> None:
        """The next operation. Marks change nothing."""
        match operation.kind:
            case Kind.OPEN:
                self._open(operation)
            case Kind.WRITE:
                self._of(operation).pending.append(_Write(operation.number, operation.data))
            case Kind.TRUNCATE:
                self._of(operation).pending.append(_Write(operation.number, None))
            case Kind.SYNC if operation.inode in self._inodes:
                self._of(operation).sync()
            case Kind.SYNC_FOLDER:
                _rename_all(self._durable, self._changed)
                self._changed.clear()
            case Kind.UNLINK:
                self._change(_Rename(operation.path, None))
            case Kind.RENAME:
                self._change(_Rename(operation.data.decode(), self._names[operation.path], operation.path))
            case _:
                pass

    def image(self, damage: Damage, chance: Random, folder: Path) -> None:
        """Write down, into an empty folder, what a power cut now may leave."""
        names = dict(self._durable)
        if damage is not Damage.DROPPED:
            _rename_all(names, self._changed[: chance.randint(0, len(self._changed))])
        for name, file in names.items():
            if name.endswith(INDEX):
                if chance.random() < 0.5:
                    (folder / name).write_bytes(chance.randbytes(INDEX_PAGE * chance.randint(1, 3)))
                continue
            (folder / name).write_bytes(self._files[file].after(damage, chance))

    def _new(self, content: bytes = b"") -> int:
        self._files.append(_File(bytearray(content)))
        return len(self._files) - 1

    def _of(self, operation: Operation) -> _File:
        return self._files[self._inodes[operation.inode]]

    def _open(self, operation: Operation) -> None:
        if operation.number == CREATED:
            self._inodes[operation.inode] = self._new()
            self._change(_Rename(operation.path, self._inodes[operation.inode]))
            return
        self._inodes[operation.inode] = self._names[operation.path]
        if operation.number == EMPTIED:
            self._of(operation).pending.append(_Write(0, None))

    def _change(self, change: _Rename) -> None:
        self._changed.append(change)
        _rename_all(self._names, [change])


def _rename_all(names: dict[str, int], changes: Iterable[_Rename]) -> None:
    for change in changes:
        if change.source:
            names.pop(change.source, None)
        if change.file is None:
            names.pop(change.name, None)
        else:
            names[change.name] = change.file


def _extend(content: bytearray, length: int) -> None:
    if len(content) < length:
        content.extend(bytes(length - len(content)))


def _apply(content: bytearray, write: _Write) -> None:
    if write.data is None:
        del content[write.offset :]
        _extend(content, write.offset)
        return
    _extend(content, write.offset)
    content[write.offset : write.offset + len(write.data)] = write.data


def _tear(content: bytearray, write: _Write, chance: Random, *, in_order: bool) -> None:
    """Some of a write's sectors; in order: those before some point."""
    if write.data is None:
        return
    end = write.offset + len(write.data)
    starts = [write.offset, *range((write.offset // SECTOR + 1) * SECTOR, end, SECTOR)]
    upto = chance.randint(0, len(starts))
    for number, start in enumerate(starts):
        if number < upto if in_order else chance.random() < 0.5:
            stop = min((start // SECTOR + 1) * SECTOR, end)
            part = write.data[start - write.offset : stop - write.offset]
            _apply(content, _Write(start, part))
