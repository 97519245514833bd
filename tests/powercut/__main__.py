"""`make proof-powercut IMAGES=10000`: so many power cuts, what each left, and what the faults put in would have cost.

    python tests/powercut [--images N] [--seed N] [--jobs N] [--fresh]     the proof; goes on where it was interrupted
    python tests/powercut --again FOLDER --finding N [--into FOLDER]       one image of a kept round again

Into build/proofs: powercut.json, the summary; powercut-rounds.jsonl, a line for each round done; powercut-kept, of
each round with a finding, its log and all that is needed to make the image again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlcipher3.dbapi2
from msgspec import Struct
from powercut_rounds import SUBJECTS, Cut, Result, Round, replay_kept

_HERE = Path(__file__).parent
_REPOSITORY = _HERE.parents[1]
_PROOFS = _REPOSITORY / "build" / "proofs"
_ROUNDS = _PROOFS / "powercut-rounds.jsonl"
_SUMMARY = _PROOFS / "powercut.json"
_PROVED = ("border_agent", "mqtt_schemas", "tests/powercut")
"""What a round says something about: once any of it has changed, rounds done before count no more."""

ROUND_IMAGES = 150
CONTROL_IMAGES = 100
"""Of each fault put in."""
CENTRE_SHARE = 5
"""One round in so many cuts the data centre's store, the others the device's."""


class Plan(Struct, frozen=True, kw_only=True):
    """One round to be run."""

    subject: str
    control: str = ""
    seed: int
    images: int
    size: int

    @property
    def name(self) -> str:
        return f"{self.subject}{'-' if self.control else ''}{self.control}-{self.seed}"


class Done(Struct, kw_only=True):
    """A line of the file of rounds."""

    proved: str
    plan: Plan
    result: Result


def plans(images: int, seed: int) -> Iterator[Plan]:
    """All rounds of a proof; the faults put in first, as a proof that cannot fail need not be run."""
    for subject in SUBJECTS.values():
        for control in subject.controls:
            yield Plan(subject=subject.name, control=control, seed=seed, images=CONTROL_IMAGES, size=60)
    for number, first in enumerate(range(0, images, ROUND_IMAGES)):
        subject = "centre" if number % CENTRE_SHARE == CENTRE_SHARE - 1 else "device"
        # Short histories, with a first start in many images, and long ones.
        size = (24, 60, 120)[number % 3]
        yield Plan(subject=subject, seed=seed + number, images=min(ROUND_IMAGES, images - first), size=size)


def proved() -> str:
    """A digest of the code that is proved and of the code that proves it."""
    digest = hashlib.sha256()
    for folder in _PROVED:
        for file in sorted((_REPOSITORY / folder).rglob("*")):
            if file.suffix in (".py", ".c", ".sql"):
                digest.update(str(file.relative_to(_REPOSITORY)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def run(plan: Plan) -> Result:
    """One round. What it found stays, with its log, beside the summary."""
    work = Path(tempfile.mkdtemp(prefix="powercut-work-"))
    try:
        done = Round(SUBJECTS[plan.subject], plan.seed, plan.images, work, control=plan.control, size=plan.size).run()
        if done.findings and not plan.control:
            kept = _PROOFS / "powercut-kept" / plan.name
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(work, kept)
            (kept / "findings.json").write_bytes(msgspec.json.encode(done.findings))
        return done
    finally:
        shutil.rmtree(work, ignore_errors=True)


def earlier(fingerprint: str) -> list[Done]:
    """Rounds of a run before, of the same code. A line that was cut off when it was written is none."""
    found = []
    for line in _ROUNDS.read_bytes().splitlines() if _ROUNDS.exists() else ():
        try:
            done = msgspec.json.decode(line, type=Done)
        except msgspec.MsgspecError:
            continue
        if done.proved == fingerprint:
            found.append(done)
    return found


def summary(done: list[Done], images: int, seed: int) -> dict[str, object]:
    """What is published."""
    subjects: dict[str, Result] = {}
    controls: dict[str, Result] = {}
    for one in done:
        if one.plan.control:
            controls.setdefault(f"{one.plan.subject}-{one.plan.control}", Result()).add(one.result)
        else:
            subjects.setdefault(one.plan.subject, Result()).add(one.result)
    whole = sum(result.images for result in subjects.values()) >= images
    clean = all(not result.findings for result in subjects.values())
    seen = bool(controls) and all(result.findings for result in controls.values())
    return {
        "proof": "power cut",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{sqlcipher3.dbapi2.sqlite_version} in the device, {sqlite3.sqlite_version} at the centre",
        "seed": seed,
        "wanted": images,
        "ok": whole and clean and seen,
        "whole": whole,
        "clean": clean,
        "faults_put_in_were_found": seen,
        "subjects": {name: _builtins(result) for name, result in subjects.items()},
        "faults_put_in": {name: _builtins(result, most=0) for name, result in controls.items()},
    }


def _builtins(result: Result, most: int = 20) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(result)
    plain["seconds"] = round(result.seconds, 1)
    plain["found"] = len(result.findings)
    plain["found_as"] = result.kinds()
    plain["findings"] = msgspec.to_builtins(result.findings[:most])
    return plain


def say(told: dict[str, object], done: list[Done]) -> None:
    """The summary for people."""
    results: dict[str, Result] = {}
    for one in done:
        name = f"{one.plan.subject}, {one.plan.control or 'as it is'}"
        results.setdefault(name, Result()).add(one.result)
    print(f"\n{'':<20}{'images':>8}{'with losses':>13}   kinds of loss")
    for name, result in results.items():
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(result.kinds().items()))
        print(f"{name:<20}{result.images:>8}{len(result.findings):>13}   {kinds}")
    for name, result in results.items():
        if name.endswith("as it is"):
            promises = ", ".join(f"{kind} {count}" for kind, count in sorted(result.told.items()))
            print(f"\n{name}: {result.operations} operations, {result.syncs} syncs; told: {promises}")
            print(f"  {result.pending} of {result.images} cuts could lose something")
    print(f"\n{'proved' if told['ok'] else 'NOT proved'}; {_SUMMARY}")


def prove(images: int, seed: int, jobs: int, fresh: bool) -> int:
    """0: every image held what was told and every fault put in was found; 1: not so."""
    _PROOFS.mkdir(parents=True, exist_ok=True)
    if fresh:
        _ROUNDS.unlink(missing_ok=True)
    fingerprint = proved()
    wanted = list(plans(images, seed))
    done = [one for one in earlier(fingerprint) if one.plan in wanted]
    left = [plan for plan in wanted if plan not in [one.plan for one in done]]
    total, begun, ran = sum(plan.images for plan in wanted), time.monotonic(), 0
    if done:
        print(f"{sum(one.result.images for one in done)} images were done before", flush=True)
    with ProcessPoolExecutor(jobs) as pool, _ROUNDS.open("ab") as file:
        for future in as_completed(futures := {pool.submit(run, plan): plan for plan in left}):
            try:
                result = future.result()
            except BaseException:
                # A program that failed, or somebody at the keyboard: what was done is kept, nothing more is begun.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            one = Done(proved=fingerprint, plan=futures[future], result=result)
            done.append(one)
            file.write(msgspec.json.encode(one) + b"\n")
            file.flush()
            ran += one.result.images
            so_far = sum(each.result.images for each in done)
            rate = ran / (time.monotonic() - begun)
            found = sum(len(each.result.findings) for each in done if not each.plan.control)
            print(
                f"{so_far:>7} of {total} images, {found} with losses, {rate:.0f}/s,"
                f" {(total - so_far) / rate / 60:.1f} min left   ({one.plan.name})",
                flush=True,
            )
    told = summary(done, images, seed)
    _SUMMARY.write_bytes(msgspec.json.format(msgspec.json.encode(told)))
    say(told, done)
    return 0 if told["ok"] else 1


def again(folder: Path, number: int, into: Path | None) -> int:
    """Make the image of a finding again, and judge it again."""
    findings = msgspec.json.decode((folder / "findings.json").read_bytes())
    kept = msgspec.json.decode((folder / f"life-{findings[number]['cut']['life']}.json").read_bytes())
    cut = msgspec.convert(findings[number]["cut"], Cut)
    target = into or Path(tempfile.mkdtemp(prefix="powercut-again-"))
    target.mkdir(exist_ok=True)
    task, told = replay_kept(folder, cut, target)
    print(f"{target}\n{cut}\nthen: {findings[number]['what']}")
    if into is None:
        print(f"now:  {SUBJECTS[kept['subject']].judge(task, told) or 'all is well'}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20270301)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="do not go on from an interrupted run")
    parser.add_argument("--again", type=Path, help="a kept round: a folder of build/proofs/powercut-kept")
    parser.add_argument("--finding", type=int, default=0)
    parser.add_argument("--into", type=Path, help="only write the image, here")
    given = parser.parse_args()
    if given.again is not None:
        return again(given.again, given.finding, given.into)
    return prove(given.images, given.seed, given.jobs, given.fresh)


if __name__ == "__main__":
    sys.exit(main())
