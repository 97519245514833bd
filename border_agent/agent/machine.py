"""The machine underneath: its versions, disk and network, as the kernel tells them."""

from __future__ import annotations

import fcntl
import os
import platform
import socket
import struct
import zoneinfo
from ipaddress import IPv6Address
from pathlib import Path

from msgspec import Struct

_LOCALTIME = Path("/etc/localtime")
_IPV6 = Path("/proc/net/if_inet6")
_INTERFACES = Path("/sys/class/net")
_SIOCGIFADDR = 0x8915
_IFREQ = struct.Struct("16s2s2x4s16x")
"""struct ifreq of netdevice(7) with a sockaddr_in: name, family, port, address."""


class Interface(Struct, frozen=True, kw_only=True):
    """One network interface."""

    name: str
    state: str
    """As the kernel says: up, down, unknown (the loopback) …"""
    addresses: tuple[str, ...]


class Disk(Struct, frozen=True, kw_only=True):
    free_bytes: int
    total_bytes: int


def disk(folder: Path) -> Disk | None:
    """Room on a folder's disk; None where it cannot be told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return Disk(free_bytes=found.f_bavail * found.f_frsize, total_bytes=found.f_blocks * found.f_frsize)


def time_zone() -> str:
    """The machine's own time zone by its IANA name; UTC where it does not say one that is known here."""
    link = os.path.realpath(_LOCALTIME)
    name = os.environ.get("TZ", "").lstrip(":") or link.partition("/zoneinfo/")[2].removeprefix("posix/")
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return "UTC"
    return name


def versions() -> dict[str, str]:
    """Python and kernel."""
    return {"python": platform.python_version(), "kernel": platform.release()}


def interfaces() -> tuple[Interface, ...]:
    """Every network interface with its addresses: the first of version 4, all of version 6."""
    try:
        # Not if_nameindex(3): it wants a netlink socket, which the service's sandbox has no reason to allow.
        names = sorted(found.name for found in _INTERFACES.iterdir() if found.is_dir())
    except OSError:
        return ()
    sixes = _version_6()
    return tuple(
        Interface(name=name, state=_state(name), addresses=(*_version_4(name), *sixes.get(name, ())))
        for name in names
    )


def _version_4(name: str) -> tuple[str, ...]:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            answer = fcntl.ioctl(asked, _SIOCGIFADDR, _IFREQ.pack(os.fsencode(name)[:15], b"", b""))
    except OSError:
        return ()  # an interface without an address
    return (socket.inet_ntoa(_IFREQ.unpack(answer)[2]),)


def _version_6() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    try:
        for line in _IPV6.read_text(encoding="ascii").splitlines():
            address, *_, name = line.split()
            found.setdefault(name, []).append(str(IPv6Address(int(address, 16))))
    except (OSError, ValueError):
        pass
    return found


def _state(name: str) -> str:
    try:
        return (_INTERFACES / name / "operstate").read_text(encoding="ascii").strip()
    except OSError:
        return ""
