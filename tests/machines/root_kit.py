"""A bare Debian 12 in a folder, and Ansible that turns it into a device: what the machine tests stand on.

The folder is unpacked from a tar that is made once (`build/provisioning/`), and lives in mount and process
namespaces of its own, held by one keeper process: when that ends, however the tests end, nothing stays mounted and
nothing keeps running. Inside, `/proc/sys` and `/sys` are read-only: no role can set this machine's kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROVISIONING = REPOSITORY / "provisioning"
ANSIBLE = REPOSITORY / ".venv-provisioning" / "bin"
CACHE = REPOSITORY / "build" / "provisioning"
EXAMPLE = PROVISIONING / "inventories" / "exemple"
POST = "amaurote-aeroport-g1"
KIOSK = "amaurote-aeroport-b1"
CENTRE = "centre-amaurote"

BASE_PACKAGES = "python3,python3-apt,python3-venv,ca-certificates,openssl"
OLDEST_BASE = 2 * 86400
"""Package lists older than this may name files that the mirror no longer has."""

# Read-only /proc/sys and /sys: what a role would set in the kernel is this machine's, not the device's.
_KEEPER = """set -e
root=$1
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
exec /usr/bin/python3 -c "$2"
"""
# The first process of the namespace: it buries every child, heeds no signal (packages send some to process 1 as they
# are installed), and ends with its standard input, that is with the tests.
_WAIT = """import signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
"""


class Unavailable(Exception):
    """This machine cannot hold such a root; tests skip with these words."""


@dataclass(frozen=True)
class Recap:
    """What one run of Ansible did to the device."""

    ok: int
    changed: int
    failed: int
    skipped: int
    seconds: float
    changed_tasks: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    """"task: message", one for each that failed."""
    messages: tuple[str, ...] = ()
    """What `debug` tasks and refusals said."""
    stderr: str = field(default="", repr=False)


class Root:
    """One device: its folder, its name in the inventory, and how to run things in it."""

    def __init__(self, folder: Path, device: str, *, inventory: Path = EXAMPLE) -> None:
        self.path = folder / "root"
        self.device = device
        self.inventory = inventory
        self._folder = folder
        self._runs = 0

    def __enter__(self) -> Root:
        try:
            self._open()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def _open(self) -> None:
        base = base_tar()
        self.path.mkdir(parents=True)
        subprocess.run(["tar", "-xf", base, "-C", self.path], check=True)
        self._share_packages()
        self._keeper = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private"),
                *("sh", "-c", _KEEPER, "keeper", self.path, _WAIT),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != "ready\n":
            raise Unavailable("no mount and process namespaces here")
        children = Path(f"/proc/{self._keeper.pid}/task/{self._keeper.pid}/children").read_text().split()
        self._inside = ["nsenter", "-t", children[0], "-m", "-p", "--"]

    def __exit__(self, *_: object) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(timeout=30)
        self._keep_packages()
        shutil.rmtree(self._folder)

    # What the tests do with it

    def play(
        self,
        *roles: str,
        playbook: Path | None = None,
        variables: Mapping[str, Any] | None = None,
        check: bool = False,
        tags: Sequence[str] = (),
        skip_tags: Sequence[str] = (),
        network: bool = True,
        timeout: float = 1200,
    ) -> Recap:
        """Converge: `play("base", "harden")` these roles only, `play()` the whole of site.yml, or a playbook.

        `variables` become the device's own in the inventory, so they win over the example's and over defaults.
        """
        self._runs += 1
        if roles:
            playbook = self._folder / f"play-{self._runs}.yml"
            playbook.write_text(json.dumps([{"hosts": self.device, "roles": list(roles)}]))
        command: list[str | Path] = [ANSIBLE / "ansible-playbook", playbook or PROVISIONING / "site.yml"]
        command += ["-i", self.inventory, "-i", self._as_chroot(variables or {}), "--limit", self.device]
        command += ["--check"] if check else []
        command += ["--tags", ",".join(tags)] if tags else []
        command += ["--skip-tags", ",".join(skip_tags)] if skip_tags else []
        started = time.monotonic()
        done = subprocess.run(
            [*self._inside, *([] if network else ["unshare", "-n", "--"]), *command],
            cwd=PROVISIONING,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        self._keep_packages()
        return _recap(done, self.device, time.monotonic() - started)

    def run(
        self, *command: str, script: str = "", network: bool = True, check: bool = True, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command (or a shell script) inside; `network=False` in an empty network namespace."""
        words = ["sh", "-ec", script] if script else list(command)
        done = subprocess.run(
            [*self._inside, *([] if network else ["unshare", "-n", "--"]), "chroot", self.path, *words],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
            timeout=600,
        )
        if check and done.returncode:
            raise AssertionError(f"{words} in {self.device}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """A long-running command inside; it ends with the root at the latest."""
        return subprocess.Popen([*self._inside, "chroot", self.path, *command], text=True, **options)

    def at(self, path: str) -> Path:
        """The file as this machine sees it (an absolute link inside must be followed inside)."""
        return self.path / path.lstrip("/")

    def read(self, path: str) -> str:
        return self.run("cat", path).stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.at(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def mode(self, path: str) -> str:
        """For example "root borne 0640"."""
        owner, group, bits = self.run("stat", "-c", "%U %G %a", path).stdout.split()
        return f"{owner} {group} {bits:0>4}"

    def unit_state(self, unit: str) -> str:
        """enabled, disabled, masked, static, or not-found."""
        done = self.run("systemctl", "is-enabled", unit, check=False)
        return done.stdout.strip() or "not-found"

    # How

    def _as_chroot(self, variables: Mapping[str, Any]) -> Path:
        """An inventory beside the true one: this device is a folder here, the controller stays as it is."""
        here = {
            "ansible_connection": "community.general.chroot",
            "ansible_host": str(self.path),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_become": False,
            **variables,
        }
        file = self._folder / f"root-{self._runs}.yml"
        file.write_text(json.dumps({"all": {"hosts": {self.device: here}}}))
        return file

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{ANSIBLE}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self._folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(PROVISIONING / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "local"),
        }

    def _share_packages(self) -> None:
        """Downloaded packages are linked in and out: apt locks the folder itself, so it cannot be shared."""
        shared = CACHE / "archives"
        shared.mkdir(parents=True, exist_ok=True)
        for package in shared.glob("*.deb"):
            _link(package, self.at("var/cache/apt/archives") / package.name)

    def _keep_packages(self) -> None:
        for package in self.at("var/cache/apt/archives").glob("*.deb"):
            _link(package, CACHE / "archives" / package.name)


def _link(source: Path, target: Path) -> None:
    if not target.exists():
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            os.link(source, target)


def _recap(done: subprocess.CompletedProcess[str], device: str, seconds: float) -> Recap:
    try:
        said = json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError:
        raise AssertionError(f"ansible-playbook: {done.returncode}\n{done.stdout}{done.stderr}") from None
    changed, failures, messages = [], [], []
    for play in said["plays"]:
        for task in play["tasks"]:
            for host, result in task["hosts"].items():
                name = task["task"]["name"]
                if result.get("changed") and host == device:
                    changed.append(name)
                message = str(result.get("msg", ""))
                if (result.get("failed") or result.get("unreachable")) and not result.get("ignored_errors"):
                    items = [str(one.get("msg")) for one in result.get("results", ()) if one.get("failed")]
                    failures.append(f"{name}: {'; '.join(items) or message} {result.get('stderr', '')}".strip())
                if message and (result.get("action") == "ansible.builtin.debug" or result.get("failed")):
                    messages.append(message)
    stats = said["stats"].get(device, {})
    return Recap(
        ok=stats.get("ok", 0),
        changed=stats.get("changed", 0),
        failed=stats.get("failures", 0) + stats.get("unreachable", 0) + (1 if done.returncode and not stats else 0),
        skipped=stats.get("skipped", 0),
        seconds=seconds,
        changed_tasks=tuple(changed),
        failures=tuple(failures),
        messages=tuple(messages),
        stderr=done.stderr,
    )


def need() -> None:
    """Raise Unavailable where this machine cannot hold a root."""
    if os.geteuid() != 0:
        raise Unavailable("a root in a folder takes root")
    if not (ANSIBLE / "ansible-playbook").exists():
        raise Unavailable("no .venv-provisioning: run `.ci/setup provisioning`")
    for tool in ("unshare", "nsenter", "chroot", "tar"):
        if shutil.which(tool) is None:
            raise Unavailable(f"no {tool} here")


def mirrors() -> list[str]:
    """The machine's own Debian sources, as lines for sources.list; the first is where a root comes from."""
    done = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME) $(COMPONENT) $(LABEL)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    split = [line.split() for line in done.stdout.splitlines()]
    ours = {tuple(line[:3]) for line in split if line[3].startswith("Debian") and line[1].startswith("bookworm")}
    found = ["deb " + " ".join(line) for line in sorted(ours, key=lambda line: len(line[1]))]
    if not any(line.split()[2] == "bookworm" for line in found):
        raise Unavailable("this machine knows no Debian 12 mirror")
    return found


@contextlib.contextmanager
def _only_one(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base_tar() -> Path:
    """A bare Debian 12 with Python and fresh package lists, made once by debootstrap."""
    need()
    made = CACHE / "base.tar"
    with _only_one(".base-lock"):
        if made.exists() and time.time() - made.stat().st_mtime < OLDEST_BASE:
            return made
        if shutil.which("debootstrap") is None:
            raise Unavailable("no debootstrap here: run `.ci/setup provisioning`")
        sources = mirrors()
        work = CACHE / "base.new"
        shutil.rmtree(work, ignore_errors=True)
        root = work / "root"
        root.mkdir(parents=True)
        if made.exists():
            subprocess.run(["tar", "-xf", made, "-C", root], check=True)
        else:
            address = next(line.split()[1] for line in sources if line.split()[2] == "bookworm")
            _quietly("debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", "bookworm", root, address)
        (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
        guard = root / "usr/sbin/policy-rc.d"
        guard.write_text("#!/bin/sh\nexit 101\n")
        guard.chmod(0o755)
        _quietly("chroot", root, "apt-get", "-qq", "update")
        _quietly("chroot", root, "apt-get", "clean")
        _quietly("tar", "-cf", work / "base.tar", "-C", root, ".")
        (work / "base.tar").rename(made)
        shutil.rmtree(work)
        return made


def _quietly(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{command[0]}: {(done.stderr or done.stdout).strip()[-400:]}")
