"""One device's life, from bare metal on: what the tests of this folder share, in the order of their files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.vm.counter import Cast, Counter
from tests.vm.country import REPOSITORY, Country, tree
from tests.vm.image import Image
from tests.vm.inventory import BROKER_PORT, variables, write
from tests.vm.machine import Machine

BUILD = REPOSITORY / "build" / "vm"
RESULTS = BUILD / "results"
FIRST, NEXT, BROKEN = "1.0.0", "1.1.0", "1.2.0"
"""Releases: the one the device starts with, a newer one, and one whose agent does not start."""

EMULATED = """[Service]
TimeoutStartSec=1800
WatchdogSec=900
Environment=BORNE_PATIENCE=30
"""


class Rehearsal:
    """The country, the counter and the machine. Leaving ends every process, whatever state they are in."""

    def __init__(self, folder: Path, image: Image) -> None:
        self.folder = folder
        self.image = image
        self.country = Country(folder / "country")
        self.counter = Counter(folder)
        self.cast = Cast(REPOSITORY / "build" / "specimens", folder / "codes")
        self.machine: Machine
        self.inventory = folder / "inventory"
        self.fingerprint = ""
        self.releases: dict[str, Path] = {}
        self.told: dict[str, str] = {}
        """What the officer was told is recorded: the decision of each inspection."""
        self.figures: dict[str, Any] = {}
        self._done: set[str] = set()

    def prepare(self) -> None:
        """Everything on this side; the machine itself stays off."""
        self.country.folder.mkdir(parents=True)
        self.country.found()
        self.country.publish(self.cast.feeds)
        self.country.start_centre()
        self.counter.start()
        broken = ("border_agent/cli/agent.py", "loaded = load_config(config)", "raise SystemExit(3)")
        changes = {FIRST: None, NEXT: None, BROKEN: broken}
        for version, change in changes.items():
            source = tree(self.folder / "trees" / version, version, change)
            self.releases[version] = self.country.release(source, self.folder / "releases")
        self.answer(FIRST)
        medium, self.fingerprint, told = self.country.medium(self.inventory, self.folder / "medium")
        self.note("medium, MB", round(told["bytes"] / 1e6))
        self.machine = Machine(
            self.folder / "machine",
            self.image,
            services={BROKER_PORT: self.country.broker.port, **self.counter.services},
            serial=self.counter.serial,
            disks={"data": "2G"},
        )
        self.machine.insert(medium)
        self.machine.__enter__()

    def slow_down(self) -> None:
        """What an emulated machine is told before anything of Borne's is on it: everything may take longer."""
        folder = "/etc/systemd/system/borne-agent.service.d"
        self.machine.run(f"mkdir -p {folder}")
        self.machine.put(f"{folder}/emulated.conf", EMULATED.encode())

    def answer(self, version: str, **more: Any) -> Path:
        """Write the inventory, with this release as the one that is to run."""
        key = self.image.key.with_suffix(".pub").read_text().strip()
        values = variables(self.country.root, self.country.authority, version, self.releases[version], key)
        return write(self.inventory, {**values, **more})

    def stop(self) -> None:
        if hasattr(self, "machine"):
            self.machine.__exit__(None, None, None)
        self.counter.stop()
        self.country.stop()

    def note(self, name: str, value: Any) -> None:
        """A figure, printed now and kept with the others."""
        self.figures[name] = value
        print(f"    {name}: {value}")
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "figures.json").write_text(json.dumps(self.figures, indent=1, ensure_ascii=False) + "\n")

    def keep(self, name: str, text: str) -> None:
        """A result that people want to read later."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / name).write_text(text)

    def done(self, step: str) -> None:
        self._done.add(step)

    def needs(self, step: str) -> None:
        """Raises AssertionError where an earlier step did not succeed."""
        assert step in self._done, f"the step before was not reached: {step}"

    def patience(self, seconds: float) -> float:
        """So long on a machine of today; an emulated one gets ten times that."""
        return seconds if self.machine.accelerator == "kvm" else 10 * seconds


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
