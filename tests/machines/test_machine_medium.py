"""From the offline medium: a bare root in a network without any interface becomes a post, a kiosk, a centre.

The medium is the true one (`make medium`), made once for this file. What was downloaded stays in build/medium-cache.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Build
from root_kit import CACHE, CENTRE, KIOSK, POST, REPOSITORY, Root, Unavailable

TOOL = REPOSITORY / "provisioning/tools/medium.py"
# What a technician's shell has, and nothing of this machine's (no mirror, no proxy).
PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "linux"}
pytestmark = pytest.mark.timeout(2400)


class Medium:
    """The medium's folder and what its maker said of it."""

    def __init__(self, folder: Path, said: dict[str, object]) -> None:
        self.folder, self.said = folder, said
        self.fingerprint = str(said["fingerprint"])


@pytest.fixture(scope="module")
def medium(build_root: Build) -> Medium:
    target = CACHE / "medium"
    done = subprocess.run(
        [sys.executable, TOOL, "build", "--json", "--out", target], capture_output=True, text=True, cwd=REPOSITORY
    )
    if done.returncode and re.search(r"apt: |Could not|Failed to fetch|pip", done.stderr):
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    print(f"medium: {said['bytes'] / 1e6:.0f} MB, made in {said['seconds']:.0f} s")
    return Medium(target, said)


class Machine:
    """A bare root with the stick in it, and no line."""

    def __init__(self, root: Root, medium: Medium) -> None:
        self.root, self.medium = root, medium
        for package in root.at("var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        root.write("/etc/apt/sources.list", "deb http://nowhere.invalid/debian bookworm main\n")
        stick = root.at("mnt/stick")
        stick.mkdir()
        subprocess.run(["cp", "-al", f"{medium.folder}/.", stick], check=True)

    def provision(
        self, *, where: str = "/mnt/stick", check: bool = True
    ) -> tuple[subprocess.CompletedProcess[str], float]:
        words = ["sh", f"{where}/provision.sh", self.root.device, "--fingerprint", self.medium.fingerprint]
        started = time.monotonic()
        running = self.root.start(
            *("unshare", "-n", *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=PLAIN,
        )
        out, err = running.communicate(timeout=1700)
        assert not check or running.returncode == 0, out[-6000:] + err[-3000:]
        return subprocess.CompletedProcess(words, running.returncode, out, err), time.monotonic() - started

    def python(self, script: str) -> subprocess.CompletedProcess[str]:
        return self.root.run("/opt/borne/current/bin/python", "-c", script, network=False, check=False)


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, build_root: Build, medium: Medium) -> Machine:
    try:
        return Machine(build_root(request.param), medium)
    except Unavailable as reason:
        pytest.skip(str(reason))


def _recap(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    (line,) = re.findall(r"^\S+ +: (ok=.*)$", done.stdout, re.MULTILINE)
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


@pytest.mark.parametrize("machine", [POST, KIOSK, CENTRE], indirect=True)
class TestFromTheMedium:
    """One device after the other, each test on the state that the one before left."""

    def test_no_line_is_needed(self, machine: Machine) -> None:
        links = machine.root.run("cat", "/proc/net/dev", network=False).stdout.splitlines()[2:]
        assert all(line.split(":")[0].strip() == "lo" for line in links)
        done, seconds = machine.provision()
        recap = _recap(done)
        assert (recap["failed"], recap["unreachable"]) == (0, 0)
        assert "est prêt" in done.stdout
        assert "is ready" in done.stdout
        print(
            f"{machine.root.device}: bare root to ready from the medium {seconds:.0f} s, {recap['changed']} changes"
        )

    def test_borne_runs(self, machine: Machine) -> None:
        version = machine.root.run("borne", "--version", network=False).stdout.split()
        assert version[0] == "borne"
        assert machine.root.run("borne", "centre", "--help", network=False).returncode == 0

    def test_each_kind_has_what_it_needs_and_no_more(self, machine: Machine) -> None:
        found = {
            name for name in ("cv2", "dlib", "kivy", "psycopg") if not machine.python(f"import {name}").returncode
        }
        assert (
            found
            == {
                POST: {"cv2", "dlib"},
                KIOSK: {"cv2", "dlib", "kivy"},
                CENTRE: {"psycopg"},
            }[machine.root.device]
        )
        compilers = machine.root.run(script="command -v gcc cc make || true").stdout
        assert compilers == ""

    def test_no_mirror_is_left_behind(self, machine: Machine) -> None:
        sources = machine.root.run(
            script="cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true"
        ).stdout
        lines = [line for line in sources.splitlines() if line and not line.startswith("#")]
        assert lines == ["deb [trusted=yes] file:/var/lib/borne-medium/current/debian ./"]

    def test_packages_still_come_from_the_copy_when_the_stick_is_gone(self, machine: Machine) -> None:
        machine.root.run("rm", "-rf", "/mnt/stick")
        machine.root.run("apt-get", "-qq", "update", network=False)
        assert machine.root.run("apt-get", "-qq", "check", network=False).returncode == 0

    def test_a_second_run_changes_nothing(self, machine: Machine) -> None:
        done, seconds = machine.provision(where="/var/lib/borne-medium/current")
        assert _recap(done)["changed"] == 0, done.stdout[-4000:]
        assert "[3/4]" not in done.stdout
        print(f"{machine.root.device}: second run {seconds:.0f} s")

    def test_a_name_that_is_not_in_the_inventory_is_told(self, machine: Machine) -> None:
        words = (
            f"sh /var/lib/borne-medium/current/provision.sh nowhere-g1 --fingerprint '{machine.medium.fingerprint}'"
        )
        done = machine.root.run(script=words, network=False, check=False)
        assert done.returncode == 2
        assert machine.root.device in done.stderr


@pytest.mark.parametrize("machine", [POST], indirect=True)
def test_a_run_cut_short_is_finished_by_the_next(machine: Machine) -> None:
    """Power lost in the middle of the packages: the same command again finds its way."""
    root = machine.root
    root.run("dpkg", "--purge", "--force-depends", "rsync")
    root.write("/var/lib/borne-medium/incoming/half", "x")
    root.run(script="rm -rf /opt/borne/ansible/bin /opt/borne/ansible/.medium")
    done, _ = machine.provision(where="/var/lib/borne-medium/current")
    assert "is ready" in done.stdout
