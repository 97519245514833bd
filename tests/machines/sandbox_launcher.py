"""Run inside a root: put a unit's system-call filters on this process, and become its program.

What systemd does before it starts a service, as far as a machine without systemd can do it: the allow-list of
`SystemCallFilter=`, `MemoryDenyWriteExecute=` and `RestrictAddressFamilies=`, by the same library. Who it runs as is
`setpriv`'s business, before this.

Standard input is {"allow": [calls], "families": [numbers, rising], "no_new_code": true, "argv": [program …]}.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys

ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
LESS, EQUAL, GREATER, MASKED_EQUAL = 2, 4, 6, 7
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000


class Compare(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def library() -> ctypes.CDLL:
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    seccomp.seccomp_rule_add_array.argtypes = (
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int),
        *(ctypes.c_uint, ctypes.POINTER(Compare)),
    )
    for name in ("seccomp_load", "seccomp_release"):
        getattr(seccomp, name).argtypes = (ctypes.c_void_p,)
    return seccomp


class Filter:
    def __init__(self, seccomp: ctypes.CDLL, otherwise: int) -> None:
        self._seccomp = seccomp
        self._context = seccomp.seccomp_init(otherwise)

    def add(self, action: int, name: str, *conditions: Compare) -> None:
        number = self._seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # a call of another architecture
        array = (Compare * len(conditions))(*conditions)
        if self._seccomp.seccomp_rule_add_array(self._context, action, number, len(conditions), array):
            raise SystemExit(f"no rule for {name}")

    def load(self) -> None:
        if self._seccomp.seccomp_load(self._context):
            raise SystemExit("the filter cannot be loaded")


def main() -> None:
    asked = json.load(sys.stdin)
    seccomp = library()
    writable_code = Filter(seccomp, ALLOW)
    both = PROT_WRITE | PROT_EXEC
    writable_code.add(REFUSE, "mmap", Compare(2, MASKED_EQUAL, both, both))
    for name in ("mprotect", "pkey_mprotect"):
        writable_code.add(REFUSE, name, Compare(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
    writable_code.add(REFUSE, "shmat", Compare(2, MASKED_EQUAL, SHM_EXEC, SHM_EXEC))
    families = Filter(seccomp, ALLOW)
    allowed = asked["families"]
    families.add(REFUSE, "socket", Compare(0, LESS, allowed[0], 0))
    families.add(REFUSE, "socket", Compare(0, GREATER, allowed[-1], 0))
    for family in set(range(allowed[0], allowed[-1])) - set(allowed):
        families.add(REFUSE, "socket", Compare(0, EQUAL, family, 0))
    calls = Filter(seccomp, REFUSE)
    for name in asked["allow"]:
        calls.add(ALLOW, name)
    for one in (writable_code if asked["no_new_code"] else None, families, calls):
        if one is not None:
            one.load()
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.execv(asked["argv"][0], asked["argv"])


if __name__ == "__main__":
    main()
