"""A round: a program runs with all it writes recorded; then the power is cut at sampled points of that log, and every
image that a cut may leave is opened and judged. From one of them the program goes on, into the next cut."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import powercut_centre
import powercut_centre_judge
import powercut_device
import powercut_device_judge
from msgspec import Struct
from powercut_disk import Damage, Disk
from powercut_log import Kind, Operation, read_log, record
from powercut_task import Task, Told

_HERE = Path(__file__).parent
_TURNING_POINTS = (Kind.SYNC, Kind.SYNC_FOLDER, Kind.TRUNCATE, Kind.UNLINK, Kind.RENAME)
MEMORY_DISK = Path("/dev/shm")
"""Where images are written and opened: what an image's own recovery syncs is nobody's proof."""


@dataclass(frozen=True)
class Subject:
    """A program whose power is cut, and who judges what is left."""

    name: str
    program: Path
    judge: Callable[[Task, Sequence[Told]], str]
    controls: tuple[str, ...]
    put_back: Callable[[Mapping[str, bytes], Mapping[str, bytes]], dict[str, bytes]] | None = None
    """What the folder holds where somebody puts an older copy back, of what it held then and holds now."""


DEVICE = Subject(
    "device",
    Path(powercut_device.__file__),
    powercut_device_judge.judge,
    ("normal", "off", "early"),
    powercut_device.put_back,
)
CENTRE = Subject("centre", Path(powercut_centre.__file__), powercut_centre_judge.judge, ("normal", "off", "early"))
SUBJECTS = {subject.name: subject for subject in (DEVICE, CENTRE)}


class Cut(Struct, frozen=True, kw_only=True):
    """One power cut, so that it can be made again from the same log."""

    life: int
    after: int
    """Operations of the log that had been done."""
    damage: Damage
    seed: int


class Image(Struct, frozen=True):
    """What a cut left, to go on from."""

    files: dict[str, bytes] = {}
    told: tuple[Told, ...] = ()


class Finding(Struct, frozen=True, kw_only=True):
    """An image that does not hold what it must."""

    cut: Cut
    what: str

    @property
    def kind(self) -> str:
        return self.what.partition(":")[0]


class Result(Struct, kw_only=True):
    """What a round, or many, came to."""

    images: int = 0
    damages: dict[str, int] = {}
    pending: int = 0
    """Images of cuts that could lose something: writes were pending."""
    operations: int = 0
    syncs: int = 0
    told: dict[str, int] = {}
    findings: list[Finding] = []
    seconds: float = 0.0

    def kinds(self) -> dict[str, int]:
        return dict(Counter(finding.kind for finding in self.findings))

    def add(self, other: Result) -> None:
        self.images += other.images
        self.pending += other.pending
        self.operations += other.operations
        self.syncs += other.syncs
        self.seconds += other.seconds
        self.damages = dict(Counter(self.damages) + Counter(other.damages))
        self.told = dict(Counter(self.told) + Counter(other.told))
        self.findings = [*self.findings, *other.findings]


@dataclass
class Round:
    """Some lives of one program, cut and cut again."""

    subject: Subject
    seed: int
    images: int
    work: Path
    """An empty folder, on a true disk: what the program does there is recorded."""
    control: str = ""
    size: int = 60
    """How much the program does in each life."""
    result: Result = field(default_factory=Result)
    _left: dict[str, bytes] = field(default_factory=dict)
    """What the last life left without a cut."""

    def run(self) -> Result:
        """All its images. Raises Unseen, CalledProcessError where the program failed."""
        begun = time.monotonic()
        chance = Random(self.seed)
        last = Image()
        # A history that has lost what it told proves nothing about the next cut.
        lives = 1 if self.control else 2 if self.subject.put_back is None else 3
        for life in range(lives):
            share = self.images // lives + (life < self.images % lives)
            older, newer = self._life(life, share, chance, last)
            last = newer
            if life == 1 and self.subject.put_back is not None:
                # What was told since counts no more; that it was put back is known.
                files = self.subject.put_back(older.files, self._left)
                last = Image(files, (*older.told, {"told": "put back"}))
        self.result.seconds = time.monotonic() - begun
        return self.result

    def _life(self, life: int, images: int, chance: Random, begun: Image) -> tuple[Image, Image]:
        """One life from an image on; an earlier and a late image of it, to go on from."""
        folder, log = self.work / f"life-{life}", self.work / f"log-{life}"
        folder.mkdir()
        for name, content in begun.files.items():
            (folder / name).write_bytes(content)
        task = Task(
            folder=str(folder),
            key=Random(f"store {self.seed}").randbytes(32),
            journal_key=Random(f"journal {self.seed}").randbytes(32),
            seed=chance.getrandbits(32),
            life=life,
            size=self.size,
            control=self.control,
        )
        kept = {"task": msgspec.to_builtins(task), "subject": self.subject.name, "told": begun.told}
        (self.work / f"life-{life}.json").write_text(json.dumps(kept))
        before = self.work / f"before-{life}"
        shutil.copytree(folder, before)
        record([sys.executable, self.subject.program, msgspec.json.encode(task).decode()], folder, log)
        operations = list(read_log(log))
        self.result.operations += len(operations)
        self.result.syncs += sum(operation.kind is Kind.SYNC for operation in operations)
        cuts = _cuts(operations, life, images, chance)
        onward = [
            Cut(
                life=life,
                after=int(len(operations) * share),
                damage=chance.choice(list(Damage)),
                seed=chance.getrandbits(32),
            )
            for share in (chance.uniform(0.3, 0.6), chance.uniform(0.7, 1.0))
        ]
        images_onward = []
        for cut, disk, known in replay(operations, begun.files, begun.told, [*cuts, *onward]):
            with _scratch() as image:
                disk.image(cut.damage, Random(cut.seed), image)
                if cut in onward:
                    files = {file.name: file.read_bytes() for file in image.iterdir()}
                    images_onward.append(Image(files, tuple(known)))
                    continue
                self.result.images += 1
                self.result.damages[cut.damage.value] = self.result.damages.get(cut.damage.value, 0) + 1
                self.result.pending += disk.pending > 0
                what = self.subject.judge(msgspec.structs.replace(task, folder=str(image)), known)
                if what:
                    self.result.findings.append(Finding(cut=cut, what=what))
        for operation in operations:
            if operation.kind is Kind.MARK:
                kind = operation.told["told"]
                self.result.told[kind] = self.result.told.get(kind, 0) + 1
        self._left = {file.name: file.read_bytes() for file in folder.iterdir()}
        shutil.rmtree(folder)
        older, newer = images_onward
        return older, newer


def replay(
    operations: Sequence[Operation], begun_with: dict[str, bytes], told: Sequence[Told], cuts: Sequence[Cut]
) -> Iterator[tuple[Cut, Disk, list[Told]]]:
    """The disk at each cut, and what had been told by then."""
    disk, known, done = Disk(begun_with), list(told), 0
    for cut in sorted(cuts, key=lambda cut: cut.after):
        for operation in operations[done : cut.after]:
            disk.take(operation)
            if operation.kind is Kind.MARK:
                known.append(operation.told)
        done = cut.after
        yield cut, disk, known


def replay_kept(folder: Path, cut: Cut, into: Path) -> tuple[Task, list[Told]]:
    """Make one image of a kept round again, in an empty folder; the task that opens it, and what was told."""
    kept: dict[str, Any] = json.loads((folder / f"life-{cut.life}.json").read_text())
    begun_with = {file.name: file.read_bytes() for file in (folder / f"before-{cut.life}").iterdir()}
    operations = list(read_log(folder / f"log-{cut.life}"))
    for _, disk, told in replay(operations, begun_with, kept["told"], [cut]):
        disk.image(cut.damage, Random(cut.seed), into)
        task = msgspec.convert(kept["task"], Task)
        return msgspec.structs.replace(task, folder=str(into)), told
    raise AssertionError


def _cuts(operations: Sequence[Operation], life: int, count: int, chance: Random) -> list[Cut]:
    """Where the power is cut: a half of them just after something was told, when it hurts most, and what is seldom
    told as often as the rest; else about syncs, truncations and changed names, and anywhere."""
    told: dict[str, list[int]] = {}
    for number, operation in enumerate(operations):
        if operation.kind is Kind.MARK:
            told.setdefault(operation.told["told"], []).append(number + 1)
    turns = [
        number + chance.randint(0, 1)
        for number, operation in enumerate(operations)
        if operation.kind in _TURNING_POINTS
    ]
    damages = list(Damage)
    cuts = []
    for number in range(count):
        match number // len(damages) % 4:
            case 0 | 2 if told:
                after = chance.choice(told[chance.choice(list(told))])
            case 1 if turns:
                after = chance.choice(turns)
            case _:
                after = chance.randint(0, len(operations))
        damage = damages[number % len(damages)]
        cuts.append(Cut(life=life, after=after, damage=damage, seed=chance.getrandbits(32)))
    return cuts


class _scratch:
    """A folder for one image."""

    def __enter__(self) -> Path:
        where = MEMORY_DISK if MEMORY_DISK.is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix="powercut-", dir=where))
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
