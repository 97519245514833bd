"""The system-call filter of the decoders' children: compute, talk over the pipes, nothing else.

It is a list of what is allowed, not of what is forbidden: a call that a newer kernel adds is refused until somebody
has thought about it. What is refused fails with EPERM, so a library that tries is told so instead of being killed.
No file, socket or program can be opened, no process made, traced or signalled, and no memory made executable.

The filter is put on every thread at once (`SECCOMP_FILTER_FLAG_TSYNC`): native libraries have started threads by the
time it is installed, and the plain prctl call would leave those free.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from enum import StrEnum
from typing import Final, NamedTuple

from border_agent.decoding.values import Confinement


class Purpose(StrEnum):
    """Which child is confined. A camera's child goes on reading the device or stream it has opened."""

    decoder = "decoder"
    camera = "camera"


class Numbers(NamedTuple):
    """One system call's numbers; -1 where the architecture has none."""

    x86_64: int
    aarch64: int


PLAIN: Final[dict[str, Numbers]] = {
    "read": Numbers(0, 63),
    "write": Numbers(1, 64),
    "readv": Numbers(19, 65),
    "writev": Numbers(20, 66),
    "close": Numbers(3, 57),
    "fstat": Numbers(5, 80),
    "lseek": Numbers(8, 62),
    "fcntl": Numbers(72, 25),
    "poll": Numbers(7, -1),
    "ppoll": Numbers(271, 73),
    "select": Numbers(23, -1),
    "pselect6": Numbers(270, 72),
    "munmap": Numbers(11, 215),
    "mremap": Numbers(25, 216),
    "madvise": Numbers(28, 233),
    "brk": Numbers(12, 214),
    "futex": Numbers(202, 98),
    "sched_yield": Numbers(24, 124),
    "sched_getaffinity": Numbers(204, 123),
    "nanosleep": Numbers(35, 101),
    "clock_nanosleep": Numbers(230, 115),
    "clock_gettime": Numbers(228, 113),
    "clock_getres": Numbers(229, 114),
    "gettimeofday": Numbers(96, 169),
    "time": Numbers(201, -1),
    "getpid": Numbers(39, 172),
    "gettid": Numbers(186, 178),
    "getppid": Numbers(110, 173),
    "getrusage": Numbers(98, 165),
    "sysinfo": Numbers(99, 179),
    "getrandom": Numbers(318, 278),
    "setitimer": Numbers(38, 103),
    "rt_sigaction": Numbers(13, 134),
    "rt_sigprocmask": Numbers(14, 135),
    "rt_sigreturn": Numbers(15, 139),
    "sigaltstack": Numbers(131, 132),
    "restart_syscall": Numbers(219, 128),
    "set_robust_list": Numbers(273, 99),
    "rseq": Numbers(334, 293),
    "membarrier": Numbers(324, 283),
    "exit": Numbers(60, 93),
    "exit_group": Numbers(231, 94),
}
"""Allowed whatever the arguments."""

CAMERA: Final[dict[str, Numbers]] = {
    "recvfrom": Numbers(45, 207),
    "recvmsg": Numbers(47, 212),
}
"""Allowed besides to a camera's child: it reads the stream whose socket it holds, and can open no other."""

CLONE: Final = Numbers(56, 220)
CLONE3: Final = Numbers(435, 435)
MMAP: Final = Numbers(9, 222)
MPROTECT: Final = Numbers(10, 226)
TGKILL: Final = Numbers(234, 131)
IOCTL: Final = Numbers(16, 29)
SENDTO: Final = Numbers(44, 206)
SECCOMP: Final = Numbers(317, 277)

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_CLONE_THREAD: Final = 0x00010000
_PROT_EXEC: Final = 4

_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_SET_MODE_FILTER: Final = 1
_SECCOMP_FILTER_FLAG_TSYNC: Final = 1

_RET_ALLOW: Final = 0x7FFF0000
_RET_ERRNO: Final = 0x00050000
_RET_KILL_PROCESS: Final = 0x80000000

# Classic BPF: load a word, compare and jump, return (linux/bpf_common.h).
_LOAD: Final = 0x20
_AND: Final = 0x54
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_SET: Final = 0x45
_RETURN: Final = 0x06

_DATA_NUMBER: Final = 0
_DATA_ARCHITECTURE: Final = 4
_DATA_ARGUMENTS: Final = 16


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _argument(index: int) -> bytes:
    """Load the lower half of an argument. Both architectures are little-endian."""
    return _instruction(_LOAD, _DATA_ARGUMENTS + 8 * index)


def _upper_argument(index: int) -> bytes:
    return _instruction(_LOAD, _DATA_ARGUMENTS + 8 * index + 4)


_ALLOW: Final = _instruction(_RETURN, _RET_ALLOW)
_REFUSE: Final = _instruction(_RETURN, _RET_ERRNO | errno.EPERM)


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """Run `body`, which must end in returns, if the call has this number; else go on behind it."""
    if number < 0:
        return []
    return [_instruction(_JUMP_IF_EQUAL, number, 0, len(body)), *body]


def _if_set(argument: int, bits: int, when_set: bytes, otherwise: bytes) -> list[bytes]:
    return [_argument(argument), _instruction(_JUMP_IF_SET, bits, 0, 1), when_set, otherwise]


def build_filter(machine: str, purpose: Purpose, pid: int) -> bytes:
    """The filter's instructions (8 bytes each) for `machine` ("x86_64" or "aarch64").

    `pid` is the confined process: it may signal its own threads, which is how abort() ends a process, and no other.
    Raises KeyError for another machine.
    """
    architecture = _ARCHITECTURES[machine]

    def number(numbers: Numbers) -> int:
        return numbers.x86_64 if machine == "x86_64" else numbers.aarch64

    program = [
        _instruction(_LOAD, _DATA_ARCHITECTURE),
        _instruction(_JUMP_IF_EQUAL, architecture, 1, 0),
        # A call through another architecture's table (32-bit on x86-64) would slip past the numbers below.
        _instruction(_RETURN, _RET_KILL_PROCESS),
        _instruction(_LOAD, _DATA_NUMBER),
    ]
    plain = PLAIN | CAMERA if purpose is Purpose.camera else PLAIN
    for numbers in plain.values():
        program += _when(number(numbers), [_ALLOW])
    program += _when(number(CLONE), _if_set(0, _CLONE_THREAD, _ALLOW, _REFUSE))
    # Its flags lie in memory, where a filter cannot look. The C library falls back to clone on "no such call".
    program += _when(number(CLONE3), [_instruction(_RETURN, _RET_ERRNO | errno.ENOSYS)])
    program += _when(number(MMAP), _if_set(2, _PROT_EXEC, _REFUSE, _ALLOW))
    program += _when(number(MPROTECT), _if_set(2, _PROT_EXEC, _REFUSE, _ALLOW))
    program += _when(number(TGKILL), [_argument(0), _instruction(_JUMP_IF_EQUAL, pid, 0, 1), _ALLOW, _REFUSE])
    if purpose is Purpose.camera:
        # Video4Linux's own requests only (type 'V' in bits 8 to 15); nothing that reaches a terminal or a disk.
        program += _when(
            number(IOCTL),
            [
                _argument(1),
                _instruction(_AND, 0xFF00),
                _instruction(_JUMP_IF_EQUAL, ord("V") << 8, 0, 1),
                _ALLOW,
                _REFUSE,
            ],
        )
        # On the connection it has; naming another address (argument 4) is refused.
        program += _when(
            number(SENDTO),
            [
                _argument(4),
                _instruction(_JUMP_IF_EQUAL, 0, 0, 3),
                _upper_argument(4),
                _instruction(_JUMP_IF_EQUAL, 0, 0, 1),
                _ALLOW,
                _REFUSE,
            ],
        )
    program.append(_REFUSE)
    return b"".join(program)


def confine(purpose: Purpose) -> Confinement:
    """Put the filter on this process, for good. Returns what holds from now on.

    `Confinement.none` where the machine or its kernel has no such filter; the caller reports it.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        return Confinement.none
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return Confinement.none
    instructions = ctypes.create_string_buffer(build_filter(machine, purpose, os.getpid()))
    program = _Program((len(instructions) - 1) // 8, ctypes.addressof(instructions))
    call = SECCOMP.x86_64 if machine == "x86_64" else SECCOMP.aarch64
    refused = libc.syscall(call, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program))
    return Confinement.seccomp if refused == 0 else Confinement.none
