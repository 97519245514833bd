"""Services started without systemd, as far as a machine can do it that is no device: by their units' own words.

Account and groups, credentials with their access-control lists, system calls, address families, a read-only system
with the unit's own folders, its view of /proc, its private /tmp and network. Not: the lists of devices and addresses,
which are the control group's; those are seen in the virtual machine (tests/vm).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from root_kit import Root

LAUNCHER = Path(__file__).with_name("sandbox_launcher.py")
FAMILIES = {name: int(getattr(socket, name)) for name in ("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK")}

_MOUNTS = """set -e
root=$1 proc=$2 writable=$3 alone=$4
shift 4
[ -z "$alone" ] || ip link set lo up
mount --rbind "$root" "$root"
for one in $writable; do mount --bind "$root$one" "$root$one"; done
mount -o remount,bind,ro "$root"
[ -z "$proc" ] || mount -t proc -o "$proc" proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
exec chroot "$root" "$@"
"""


class Unit:
    """A unit of the root, read as systemd reads it: the last word counts, lists add up."""

    def __init__(self, root: Root, name: str) -> None:
        self.name = name
        self._root = root
        text = root.read(f"/etc/systemd/system/{name}").replace("\\\n", " ")
        self.settings: dict[str, list[str]] = {}
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.settings.setdefault(key, []).append(value)

    def one(self, key: str) -> str:
        return self.settings[key][-1]

    def words(self, key: str) -> list[str]:
        return [word for line in self.settings.get(key, []) for word in shlex.split(line)]

    def has(self, key: str) -> bool:
        return self.settings.get(key, ["no"])[-1] == "yes"

    def folders(self, kind: str) -> list[str]:
        place = {"StateDirectory": "/var/lib", "RuntimeDirectory": "/run"}[kind]
        return [f"{place}/{name}" for name in self.words(kind)]

    def proc(self) -> str:
        """The options of its /proc; empty: the machine's own."""
        options = {"ProcSubset": {"pid": "subset=pid"}, "ProtectProc": {"invisible": "hidepid=invisible"}}
        return ",".join(one[self.one(key)] for key, one in options.items() if self.one(key) in one)

    def credentials(self) -> list[str]:
        names = self.settings.get("LoadCredential", []) + self.settings.get("LoadCredentialEncrypted", [])
        return [name.partition(":")[0] for name in names]

    def allowed_calls(self) -> list[str]:
        """What `SystemCallFilter=` comes to: an allow-list, then what is taken away and given back."""
        allowed: set[str] = set()
        for line in self.settings["SystemCallFilter"]:
            calls = {call for word in line.lstrip("~").split() for call in self._calls(word)}
            allowed = allowed - calls if line.startswith("~") else allowed | calls
        # systemd's own start needs it, so it is always allowed.
        return sorted(allowed | {"execve"})

    def _calls(self, word: str) -> Iterator[str]:
        if not word.startswith("@"):
            yield word
            return
        said = self._root.run("systemd-analyze", "syscall-filter", word).stdout.splitlines()[1:]
        for line in said:
            if (name := line.strip()) and not name.startswith("#"):
                yield from self._calls(name)


class Running:
    """A service's process in the root, and what it told systemd."""

    def __init__(self, process: subprocess.Popen[str], notify: socket.socket, log: Path) -> None:
        self.process = process
        self.log = log
        self._notify = notify

    def told(self, word: str, seconds: float) -> bool:
        """Whether it says this within so many seconds."""
        deadline = time.monotonic() + seconds
        while (rest := deadline - time.monotonic()) > 0 and self.process.poll() is None:
            if select.select([self._notify], [], [], min(rest, 0.5))[0] and word in self._notify.recv(4096).decode():
                return True
        return False

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def running(
    root: Root, name: str, credentials: dict[str, bytes], *, watchdog: float = 4.0, **more: str
) -> Iterator[Running]:
    """A unit's program as the unit says: its account, its groups, its system calls, its credentials.

    `more` is added to its environment.
    """
    unit = Unit(root, name)
    given = f"/run/credentials/{name}"
    _give_credentials(root, unit, given, credentials)
    for kind in ("RuntimeDirectory", "StateDirectory"):
        for folder in unit.folders(kind):
            mode = unit.settings.get(f"{kind}Mode", ["0755"])[-1]
            root.run("install", "-d", "-m", mode, "-o", unit.one("User"), "-g", unit.one("Group"), folder)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = root.at("/run/notify")
    address.unlink(missing_ok=True)
    notify.bind(str(address))
    address.chmod(0o777)
    environment = dict(word.split("=", 1) for word in unit.words("Environment"))
    environment |= {
        "BORNE_BOOT_ID": environment.get("BORNE_BOOT_ID", "").replace("%b", "0" * 32),
        "CREDENTIALS_DIRECTORY": given,
        "NOTIFY_SOCKET": "/run/notify",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "WATCHDOG_USEC": str(int(watchdog * 1_000_000)),
        **more,
    }
    root.write("/usr/lib/sandbox_launcher.py", LAUNCHER.read_text())
    groups = ",".join([unit.one("Group"), *unit.words("SupplementaryGroups")])
    numbers = [root.run("getent", "group", group).stdout.split(":")[2] for group in groups.split(",")]
    who = ["--reuid", unit.one("User"), "--regid", unit.one("Group"), "--groups", ",".join(numbers)]
    bounds = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--pdeathsig", "KILL"]
    command = ["env", "-i", *(f"{key}={value}" for key, value in environment.items()), "setpriv", *who, *bounds]
    for before in unit.settings.get("ExecStartPre", []):
        root.run("setpriv", *who, *shlex.split(before))
    log = root.at(f"/run/{name}.log")
    alone = unit.has("PrivateNetwork")
    apart = ["unshare", "--mount", *(["--net"] if alone else []), "--"]
    given_folders = [*unit.folders("RuntimeDirectory"), *unit.folders("StateDirectory")]
    writable = [*given_folders, *unit.words("ReadWritePaths")]
    mounts = ["sh", "-c", _MOUNTS, "mounts", root.path, unit.proc(), " ".join(writable), "yes" if alone else ""]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                *root._inside,
                *apart,
                *mounts,
                *command,
                "python3",
                "-I",
                "/usr/lib/sandbox_launcher.py",
            ],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            text=True,
        )
    assert process.stdin is not None
    families = sorted(FAMILIES[word] for word in unit.words("RestrictAddressFamilies"))
    asked = {
        "allow": unit.allowed_calls(),
        "families": families,
        "no_new_code": unit.has("MemoryDenyWriteExecute"),
        "argv": shlex.split(unit.one("ExecStart")),
    }
    process.stdin.write(json.dumps(asked))
    process.stdin.close()
    try:
        yield Running(process, notify, log)
    finally:
        # The service itself is the child of nsenter, which ends with it.
        for pid in _children(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        notify.close()


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _give_credentials(root: Root, unit: Unit, folder: str, credentials: dict[str, bytes]) -> None:
    """As systemd does for an account that is not root: owned by root, read by an access-control list."""
    place = root.at(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in unit.credentials():
        file = place / name
        file.write_bytes(credentials[name])
        file.chmod(0o400)
    place.chmod(0o500)
    uid = root.run("id", "-u", unit.one("User")).stdout.strip()
    for path, rights in ((place, 5), *((file, 4) for file in place.iterdir())):
        os.setxattr(path, "system.posix_acl_access", _acl(int(uid), rights))


def _acl(uid: int, rights: int) -> bytes:
    """An access-control list (linux/posix_acl_xattr.h): the owner and this account may, the group and others not."""
    entries = [(0x01, rights, 0xFFFFFFFF), (0x02, rights, uid), (0x04, 0, 0xFFFFFFFF), (0x10, rights, 0xFFFFFFFF)]
    entries.append((0x20, 0, 0xFFFFFFFF))
    words = [(2).to_bytes(4, "little")]
    for tag, allowed, number in entries:
        words.append(tag.to_bytes(2, "little") + allowed.to_bytes(2, "little") + number.to_bytes(4, "little"))
    return b"".join(words)


def exposure(root: Root, unit: str) -> float:
    """What `systemd-analyze security` says of the unit in the root."""
    said = root.run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit).stdout
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found is not None, said
    return float(found[1])
