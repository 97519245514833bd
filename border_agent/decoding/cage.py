"""A child's first steps, before it has seen any data: it ends with its parent, and its appetite is bounded."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
from collections.abc import Callable
from typing import Final, NoReturn

from border_agent.decoding.values import Confinement, SelfCheck

MEBIBYTE: Final = 1024 * 1024

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4

_DESCRIPTORS: Final = 64
"""While libraries load. Afterwards the filter lets nothing be opened at all."""

_PROBE_PATH: Final = "/nonexistent/borne"
"""The filter answers before the path is looked at; without a filter nothing is touched."""


def enter(parent: int, address_space: int) -> None:
    """Tie this process to `parent` and bound it: `address_space` in bytes, no file writes, no core dump.

    Ends the process where the parent has died already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)
    # Travellers' pictures are in this memory: no core file, and no other process of the same user may look in.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for limit, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
    ):
        hard = resource.getrlimit(limit)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bound, bound))


def check_out(confinement: Confinement) -> SelfCheck:
    """Try every way out, and say how each attempt ended."""
    return SelfCheck(
        confinement=confinement,
        attempts={name: _outcome(attempt) for name, attempt in _ATTEMPTS.items()},
        descriptors=tuple(number for number in range(_DESCRIPTORS) if _is_open(number)),
        environment=tuple(sorted(os.environ)),
    )


def _outcome(attempt: Callable[[], object]) -> str:
    """The error's name; "" where the way was open."""
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "unknown")
    return ""


def _open() -> None:
    os.close(os.open("/dev/null", os.O_RDONLY))


def _socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def _call(name: str, *arguments: int) -> None:
    """A function of the C library that Python does not offer; every one here is harmless where it succeeds."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


_ATTEMPTS: Final[dict[str, Callable[[], object]]] = {
    "open": _open,
    "socket": _socket,
    "connect": lambda: _call("connect", 0, 0, 0),
    "bind": lambda: _call("bind", 0, 0, 0),
    "exec": lambda: os.execv(_PROBE_PATH, ["borne"]),  # noqa: S606
    "fork": _fork,
    "ptrace": lambda: _call("ptrace", 1, 0, 0, 0),
    "process_vm_readv": lambda: _call("process_vm_readv", os.getpid(), 0, 0, 0, 0, 0),
    "kill": lambda: os.kill(os.getppid(), 0),
    "unlink": lambda: os.unlink(_PROBE_PATH),  # noqa: PTH108
    "rename": lambda: os.rename(_PROBE_PATH, _PROBE_PATH + "2"),  # noqa: PTH104
    "stat": lambda: os.stat("/"),  # noqa: PTH116
}


def _is_open(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_GETFD)
    except OSError as error:
        return error.errno != errno.EBADF
    return True


def leave(status: int) -> NoReturn:
    """End this process at once, without waiting for native threads."""
    os._exit(status)
