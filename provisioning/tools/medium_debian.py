"""Debian packages for the medium: what the roles install, with everything those packages need in turn.

The closure is computed against a machine on which nothing is installed, so that it holds whatever Debian 12 a
technician finds on the device. Mirrors, proxies and keyrings are this machine's own, read from apt; apt checks
Debian's signatures as always, and nothing of the mirror's name gets onto the medium.

On the medium the packages are a flat repository whose Release nobody signs. The device reads it with
`trusted=yes`, and that is sound there for one reason only: provision.sh has checked every byte of the copy it
reads against our own signature before apt sees it, and the copy lies on the device's disk, not on the stick.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import msgspec
import yaml
from medium_wheels import digest

CODENAME = "bookworm"
LABELS = frozenset({"Debian", "Debian-Security"})
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FORMAT = "$(REPO_URI)|$(RELEASE)|$(CODENAME)|$(LABEL)|$(COMPONENT)"


class DebianError(Exception):
    """apt cannot serve what the roles ask for."""


class Package(msgspec.Struct, frozen=True, order=True):
    """One Debian package as apt would fetch it."""

    name: str
    file: str
    size: int
    sha256: str
    """As Debian's signed index has it."""


class Apt:
    """This machine's mirrors, seen from a machine on which nothing is installed."""

    def __init__(self, cache: Path) -> None:
        self.folder = (cache / "apt").resolve()
        self.archives = self.folder / "archives"
        (self.archives / "partial").mkdir(parents=True, exist_ok=True)
        # apt leaves out of its list what it has fetched already, so closures are told beside an empty archive.
        self._nothing = self.folder / "nothing"
        (self._nothing / "partial").mkdir(parents=True, exist_ok=True)
        (self.folder / "lists/partial").mkdir(parents=True, exist_ok=True)
        (self.folder / "status").write_text("")
        sources = machine_sources()
        if not sources:
            raise DebianError(f"apt: no source of {CODENAME}")
        (self.folder / "sources.list").write_text("".join(f"{line}\n" for line in sources), encoding="utf-8")

    def _run(self, *arguments: str, archives: Path | None = None) -> str:
        folder = self.folder
        options = {
            "Dir::State": folder,
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder,
            "Dir::Cache::archives": archives or self.archives,
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "APT::Get::AllowUnauthenticated": "false",
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "5",
            "Acquire::ForceHash": "SHA256",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
            "Debug::NoLocking": "true",
        }
        settings = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        done = subprocess.run(["apt-get", "-q", *settings, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
            raise DebianError("; ".join(told) or "apt-get")
        return done.stdout

    def update(self, anew: bool = True) -> None:
        """Fetch the mirrors' signed indexes, at least once."""
        if anew or not list((self.folder / "lists").glob("*_Packages*")):
            self._run("update", "--error-on=any")

    def closure(self, names: tuple[str, ...]) -> tuple[Package, ...]:
        """A set of packages with everything they depend on."""
        told = self._run("install", "--yes", "--print-uris", *names, archives=self._nothing)
        rows = re.findall(r"^'[^']+' (\S+)_(\S+) (\d+) SHA256:([0-9a-f]{64})$", told, re.MULTILINE)
        found = [
            Package(name=name, file=f"{name}_{rest}", size=int(size), sha256=sum_) for name, rest, size, sum_ in rows
        ]
        if len(found) != len(re.findall(r"^'", told, re.MULTILINE)):
            raise DebianError("apt-get --print-uris: ?")
        return tuple(sorted(found))

    def download(self, names: tuple[str, ...], closure: tuple[Package, ...]) -> None:
        """Fetch a closure, less what lies in the cache."""
        if not all(_there(self.archives / package.file, package.size) for package in closure):
            self._run("install", "--yes", "--download-only", *names)


def _there(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def machine_sources() -> tuple[str, ...]:
    """This machine's own sources of Debian 12, as one-line entries."""
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = []
    for row in told.stdout.splitlines():
        address, suite, codename, label, component = row.split("|")
        if label in LABELS and codename.split("-")[0] == CODENAME:
            # Debian's own keys only, whoever else this machine believes.
            lines.append(f"deb [signed-by={KEYRING}] {address} {suite} {component}")
    return tuple(dict.fromkeys(lines))


def role_packages(provisioning: Path) -> dict[str, tuple[str, ...]]:
    """The packages each role installs: every list `*_packages` of its vars, and what provision.sh needs itself."""
    asked = {"bootstrap": tuple((provisioning / "medium/packages.txt").read_text(encoding="utf-8").split())}
    for path in sorted(provisioning.glob("roles/*/vars/main.yml")):
        known = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        names = [name for key, value in known.items() if key.endswith("_packages") for name in value]
        if names:
            asked[path.parent.parent.name] = tuple(sorted(set(names)))
    return asked


def publish(archives: Path, packages: frozenset[Package], target: Path, built: datetime) -> None:
    """Write a flat repository: pool/, Packages and Release."""
    (target / "pool").mkdir(parents=True, exist_ok=True)
    stanzas = []
    for package in sorted(packages):
        # apt's cache writes an epoch's colon as %3a; Debian's own pools leave the epoch out of the name.
        file = target / "pool" / re.sub(r"_\d+%3a", "_", package.file)
        shutil.copyfile(archives / package.file, file)
        if digest(file) != package.sha256:
            (archives / package.file).unlink()
            raise DebianError(f"{package.file}: abîmé dans la cache, recommencez / damaged in the cache, start again")
        stanzas.append(
            f"{_control(archives / package.file)}\nFilename: ./pool/{file.name}\n"
            f"Size: {package.size}\nSHA256: {package.sha256}\n"
        )
    index = "\n".join(stanzas).encode()
    (target / "Packages").write_bytes(index)
    release = (
        f"Origin: Borne\nLabel: Borne\nSuite: {CODENAME}\nCodename: {CODENAME}\nArchitectures: amd64\n"
        f"Date: {format_datetime(built.astimezone(UTC), usegmt=True)}\n"
        f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n"
    )
    (target / "Release").write_text(release, encoding="utf-8")


def _control(package: Path) -> str:
    """What a package says of itself; kept beside the cache, for there are hundreds."""
    kept = package.parent.parent / "control" / f"{package.name}.txt"
    if not kept.exists():
        told = subprocess.run(["dpkg-deb", "--field", package], capture_output=True, text=True, check=False)
        if told.returncode:
            raise DebianError(f"{package.name}: {told.stderr.strip()}")
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(told.stdout, encoding="utf-8")
    return kept.read_text(encoding="utf-8").rstrip("\n")


def installed_bytes(index: Path) -> int:
    """What all packages of an index take on a disk."""
    return 1024 * sum(
        map(int, re.findall(r"^Installed-Size: (\d+)$", index.read_text(encoding="utf-8"), re.MULTILINE))
    )
