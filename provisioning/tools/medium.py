"""Build the medium from which a bare Debian 12 becomes a kiosk, a post or a centre, with no line at all.

    .venv/bin/python provisioning/tools/medium.py build                             build/medium, with practice keys
    .venv/bin/python provisioning/tools/medium.py build --key K --keys DOC --inventory DIR --image FILE
    .venv/bin/python provisioning/tools/medium.py verify build/medium --fingerprint "1f3a 9c02 …"
    .venv/bin/python provisioning/tools/medium.py fingerprint K                     what the field card shows

Watch-lists, trust lists and visas are not on it: a device takes them from a stick of their own, signed by the
centre (see the README).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).parent)]

import medium_content as content  # noqa: E402
import medium_debian as debian  # noqa: E402
import medium_seal as seal  # noqa: E402
import medium_wheels as wheels  # noqa: E402
import release  # noqa: E402
from medium_keys import Keys, KeysError, mark_practice, practice, service  # noqa: E402
from medium_locks import ROLES, LockError, problems  # noqa: E402

from mqtt_schemas.centre.keys import load_key  # noqa: E402
from mqtt_schemas.errors import ContractError  # noqa: E402

PROVISIONING = REPOSITORY / "provisioning"
# For a Debian installed from an older image: its own packages can be brought up to what ours depend on.
_SYSTEM = ("?essential", "?priority(required)", "?priority(important)", "?priority(standard)", "linux-image-amd64")
_FAULTS = (
    content.ContentError,
    debian.DebianError,
    seal.SealError,
    wheels.WheelError,
    LockError,
    KeysError,
    release.ReleaseFault,
    ContractError,
    OSError,
)
_STEPS = 6


def main(words: list[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    try:
        match arguments.command:
            case "fingerprint":
                click.echo(seal.fingerprint(load_key(arguments.key).public_key()))
            case "verify":
                header = seal.verify(arguments.medium, arguments.fingerprint)
                click.echo(f"{header.version} {header.built:%Y-%m-%dT%H:%M:%SZ} {header.size} octets / bytes")
            case _:
                build(arguments)
    except seal.SealError as fault:
        click.echo(f"Support refusé / medium refused: {fault}", err=True)
        return 1
    except _FAULTS as fault:
        click.echo(fault, err=True)
        return 2
    return 0


class Progress:
    """Says what is being done, how long it took, and keeps the figures."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.figures: dict[str, object] = {}
        self._step = 0

    @contextmanager
    def step(self, words: str) -> Iterator[list[str]]:
        self._step += 1
        click.echo(f"[{self._step}/{_STEPS}] {words} …", nl=False, err=True)
        begun, told = time.monotonic(), list[str]()
        try:
            yield told
        except BaseException:
            click.echo(err=True)
            raise
        seconds = time.monotonic() - begun
        click.echo(f" {', '.join([*told, f'{seconds:.0f} s'])}", err=True)


def build(arguments: argparse.Namespace) -> None:
    """The whole medium, made beside the old one and put in its place when it is sealed."""
    progress, cache, keys = Progress(), arguments.cache, _keys(arguments)
    built = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), UTC)
    target = arguments.out.with_name(arguments.out.name + ".part")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    mark_practice(keys, target)

    with progress.step("Verrous / locks") as told:
        if wrong := problems(REPOSITORY):
            raise LockError("\n".join(wrong))
        told.append(f"{len(ROLES) + 1}")
    with progress.step("Playbooks") as told:
        content.playbooks(PROVISIONING, arguments.inventory, target / "provisioning")
        known = content.devices(arguments.inventory)
        (target / "devices.txt").write_text("".join(f"{name} {kind}\n" for name, kind in known.items()))
        for name in ("provision.sh", "install.sh", "packages.txt", "LISEZMOI.txt", "README.txt"):
            shutil.copyfile(PROVISIONING / "medium" / name, target / name)
        told.append(f"{len(known)} appareils / devices")
    with progress.step("Ansible") as told:
        size = _ansible(cache, target)
        told.append(_mega(size))
        progress.figures["ansible"] = size
    with progress.step("Borne") as told:
        source = content.snapshot(REPOSITORY, cache / "source")
        sizes = {role: _release(role, source, keys, cache, target) for role in arguments.role or ROLES}
        told += [f"{role} {_mega(size)}" for role, size in sizes.items()]
        progress.figures["releases"] = sizes
    with progress.step("Debian") as told:
        packages = _debian(cache, target, built, arguments.update, progress)
        told += [f"{len(packages)} paquets / packages", _mega(sum(package.size for package in packages))]
    with progress.step("Sceau / seal") as told:
        (target / "medium.json").write_text(json.dumps(_about(sizes), indent=1) + "\n", encoding="utf-8")
        needs = _needs(target)
        header = seal.seal(target, keys.software, built, content.version(REPOSITORY), needs)
        seal.verify(target, seal.fingerprint(keys.software.public_key()))
        told.append(_mega(header.size))
    shutil.rmtree(arguments.out, ignore_errors=True)
    target.rename(arguments.out)
    if arguments.image:
        _image(arguments.out, arguments.image)
    _say(arguments, header, seal.fingerprint(keys.software.public_key()), progress)


def _keys(arguments: argparse.Namespace) -> Keys:
    if bool(arguments.key) != bool(arguments.keys):
        raise KeysError("--key et --keys vont ensemble / --key and --keys go together")
    if arguments.key:
        return service(arguments.key, arguments.keys, arguments.inventory)
    return practice(REPOSITORY / "build/lab-keys")


def _ansible(cache: Path, target: Path) -> int:
    lock = PROVISIONING / "locks/controller.lock"
    got = wheels.fetch(REPOSITORY, lock, cache)
    (whole,) = (wheel for wheel in got if wheel.name.startswith("ansible-"))
    (target / "ansible").mkdir()
    content.collections(PROVISIONING, whole, target / "ansible/collections.tar")
    core = tuple(wheel for wheel in got if wheel != whole)
    size = wheels.put(lock, core, target / "wheels", target / "ansible/requirements.txt", without=("ansible",))
    return size + (target / "ansible/collections.tar").stat().st_size


def _release(role: str, source: Path, keys: Keys, cache: Path, target: Path) -> int:
    """A signed release, its wheels in the pool that all roles share; install.sh puts it together again."""
    lock = PROVISIONING / "locks" / f"{role}.lock"
    made = release.build(
        role=role,
        key=keys.software,
        keys=keys.document,
        out=cache / "releases",
        source=source,
        lock=lock,
        cache=cache / "release-wheels" / role,
        folder=True,
    )
    folder = target / "releases" / made.name
    folder.mkdir(parents=True)
    size = 0
    for path in sorted(made.rglob("*")):
        if path.suffix == ".whl":
            size += path.stat().st_size
            wheels.pool(path, target / "wheels")
        elif path.is_file():
            shutil.copyfile(path, folder / path.name)
    shutil.rmtree(made)
    return size


def _debian(
    cache: Path, target: Path, built: datetime, update: bool, progress: Progress
) -> frozenset[debian.Package]:
    apt = debian.Apt(cache)
    apt.update(anew=update)
    packages: set[debian.Package] = set()
    sizes = {}
    for role, names in {"system": _SYSTEM, **debian.role_packages(PROVISIONING)}.items():
        closure = apt.closure(names)
        apt.download(names, closure)
        sizes[role] = sum(package.size for package in closure)
        packages |= set(closure)
    progress.figures["debian"] = sizes
    debian.publish(apt.archives, frozenset(packages), target / "debian", built)
    return frozenset(packages)


def _needs(target: Path) -> int:
    """Free bytes a device must have: the copy, Debian's packages installed, wheels unpacked three times over."""
    copy = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    unpacked = 3 * sum(path.stat().st_size for path in (target / "wheels").iterdir())
    return copy + unpacked + debian.installed_bytes(target / "debian/Packages")


def _about(sizes: dict[str, int]) -> dict[str, object]:
    return {"version": content.version(REPOSITORY), "commit": content.commit(REPOSITORY), "roles": sorted(sizes)}


def _image(folder: Path, image: Path) -> None:
    """One ext4 file system to write onto a stick as it is; no loop mount, so no root either."""
    size = sum(path.stat().st_size + 8192 for path in folder.rglob("*"))
    image.unlink(missing_ok=True)
    subprocess.run(
        [
            "/usr/sbin/mke2fs",
            "-q",
            "-t",
            "ext4",
            "-L",
            "BORNE",
            "-m",
            "0",
            "-d",
            folder,
            image,
            f"{size * 108 // 102400 + 16384}k",
        ],
        check=True,
    )


def _say(arguments: argparse.Namespace, header: seal.Header, finger: str, progress: Progress) -> None:
    seconds = time.monotonic() - progress.started
    if arguments.json:
        click.echo(
            json.dumps(
                {
                    "medium": str(arguments.out),
                    "bytes": header.size,
                    "needs": header.needs,
                    "fingerprint": finger,
                    "seconds": round(seconds, 1),
                    **progress.figures,
                }
            )
        )
        return
    click.echo(f"{arguments.out} : {_mega(header.size)}, {seconds:.0f} s")
    click.echo(f"Empreinte de la clé / fingerprint of the key: {finger}")


def _mega(size: int) -> str:
    return f"{size / 1e6:.0f} Mo/MB"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Le support de mise en service / the provisioning medium")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("build", help="fait le support / builds the medium")
    making.add_argument("--out", type=Path, default=REPOSITORY / "build/medium")
    making.add_argument("--image", type=Path, help="aussi une image ext4 / an ext4 image as well")
    making.add_argument("--key", type=Path, help="clé privée « software » / private key")
    making.add_argument("--keys", type=Path, help="document des clés / keys document")
    making.add_argument("--inventory", type=Path, default=PROVISIONING / "inventories/exemple")
    making.add_argument("--cache", type=Path, default=REPOSITORY / "build/medium-cache")
    making.add_argument("--role", choices=ROLES, action="append", help="ce rôle seulement / this role only")
    making.add_argument(
        "--no-update",
        dest="update",
        action="store_false",
        help="sans relire le miroir / keep the mirror's last index",
    )
    making.add_argument("--json", action="store_true")
    checking = commands.add_parser("verify", help="vérifie un support / verifies a medium")
    checking.add_argument("medium", type=Path)
    checking.add_argument("--fingerprint", required=True)
    showing = commands.add_parser("fingerprint", help="empreinte d’une clé / a key's fingerprint")
    showing.add_argument("key", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
