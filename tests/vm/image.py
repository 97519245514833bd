"""A bare Debian as an installer leaves it, as a disk image: no loop device, no mount, no partition table.

debootstrap fills a folder, `mkfs.ext4 -d` makes a file system of it, QEMU is given kernel and initrd beside it. What
is in the image is what a technician finds on a new machine: a login with sudo, SSH by key, nothing of Borne's. It is
kept under a name made of its inputs; each run writes to an overlay of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm"
LOGIN = "technicien"
DISK = "8G"
"""A sparse file; what a machine of the smallest kind has several times over."""

PACKAGES = (
    # What Debian's installer leaves without any task chosen, and SSH.
    "ca-certificates",
    "dbus",
    "ifupdown",
    "iproute2",
    "isc-dhcp-client",
    "kmod",
    "libpam-systemd",
    "openssh-server",
    "python3",
    "python3-apt",
    "python3-venv",
    "sudo",
    "systemd-sysv",
    "udev",
)
KERNEL = "linux-image-amd64"
"""The plain one: that for clouds has neither USB nor cameras."""

# With what Debian has mended since, as its installer does. In a namespace of its own: no mount is left behind.
_BRING_UP_TO_DATE = """set -e
mount -t proc proc "$1/proc"
chroot "$1" apt-get -qq update
chroot "$1" apt-get -qq -y upgrade --with-new-pkgs
chroot "$1" apt-get -qq -y install --no-install-recommends initramfs-tools "$2"
chroot "$1" apt-get clean
rm -rf "$1/var/lib/apt/lists" && mkdir -p "$1/var/lib/apt/lists/partial"
"""

_FILES = {
    "etc/hostname": "debian\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 debian\n::1 localhost ip6-localhost\n",
    "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\n",
    "etc/network/interfaces": "auto lo\niface lo inet loopback\n\nallow-hotplug eth0\niface eth0 inet dhcp\n",
    f"etc/sudoers.d/{LOGIN}": f"{LOGIN} ALL=(ALL) NOPASSWD: ALL\n",
    "etc/machine-id": "",
}


class NoImage(Exception):
    """The image cannot be made here; the text says why, for whoever reads why tests were skipped."""


@dataclass(frozen=True)
class Image:
    disk: Path
    kernel: Path
    initrd: Path
    key: Path
    """Private key of the login user: a throw-away one, made with the image."""

    @property
    def used_bytes(self) -> int:
        """What the disk image occupies."""
        return self.disk.stat().st_blocks * 512


def image(folder: Path) -> Image:
    """The image in `folder`, made where it is missing (about two minutes). Raises NoImage."""
    home = folder / f"image-{_inputs()[:16]}"
    found = Image(home / "disk.ext4", home / "vmlinuz", home / "initrd.img", home / "login_key")
    if (home / "made").exists():
        return found
    for stale in folder.glob("image-*"):
        shutil.rmtree(stale)
    home.mkdir(parents=True)
    root = home / "root"
    try:
        _make_root(root)
        _configure(root, found.key)
        boot = root / "boot"
        (kernel,), (initrd,) = boot.glob("vmlinuz-*"), boot.glob("initrd.img-*")
        shutil.copy(kernel, found.kernel)
        shutil.copy(initrd, found.initrd)
        _run("mkfs.ext4", "-q", "-L", "root", "-d", str(root), str(found.disk), DISK)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    (home / "made").touch()
    return found


def mirrors() -> tuple[list[str], str]:
    """Where this machine gets Debian from, as lines for sources.list, the main archive first; the keyring it trusts.

    Raises NoImage.
    """
    fields = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(LABEL)|$(SIGNED_BY)"
    lines, keyrings = set(), []
    for line in _run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines():
        address, codename, component, label, keyring = line.split("|")
        if component == "main" and label.startswith("Debian") and codename.partition("-")[0] == SUITE:
            lines.add((codename, f"deb {address} {codename} main"))
            keyrings.append(keyring)
    if not any(codename == SUITE for codename, _ in lines):
        raise NoImage(f"this machine's apt knows no mirror of {SUITE}")
    keyring = next(
        (file for file in keyrings if file.startswith("/")), "/usr/share/keyrings/debian-archive-keyring.gpg"
    )
    return [line for _, line in sorted(lines)], keyring


def _inputs() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _make_root(root: Path) -> None:
    if os.geteuid():
        raise NoImage("debootstrap needs root")
    for program, package in (
        ("debootstrap", "debootstrap"),
        ("mkfs.ext4", "e2fsprogs"),
        ("ssh-keygen", "openssh-client"),
    ):
        if shutil.which(program) is None:
            raise NoImage(f"{program} is missing: package {package}")
    sources, keyring = mirrors()
    included = f"--include={','.join(PACKAGES)}"
    address = sources[0].split()[1]
    _run("debootstrap", "--variant=minbase", f"--keyring={keyring}", included, SUITE, str(root), address)
    (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    script = ("sh", "-c", _BRING_UP_TO_DATE, "sh", str(root), KERNEL)
    _run("unshare", "--mount", "--pid", "--fork", "--propagation", "private", *script)


def _configure(root: Path, key: Path) -> None:
    for name, text in _FILES.items():
        (root / name).write_text(text)
    (root / "etc/sudoers.d" / LOGIN).chmod(0o440)
    _run("chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", LOGIN)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "throw-away", "-f", str(key))
    ssh = root / "home" / LOGIN / ".ssh"
    ssh.mkdir(mode=0o700)
    (ssh / "authorized_keys").write_bytes(key.with_suffix(".pub").read_bytes())
    _run("chroot", str(root), "chown", "-R", f"{LOGIN}:{LOGIN}", f"/home/{LOGIN}/.ssh")


def _run(*command: str | Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=900,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoImage(str(error)) from None
    if done.returncode:
        raise NoImage(f"{command[0]}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout
