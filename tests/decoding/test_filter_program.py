"""The system-call filter, run instruction by instruction for both architectures."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from border_agent.decoding import confine
from border_agent.decoding.confine import Numbers, Purpose, build_filter

ALLOW = 0x7FFF0000
EPERM = 0x00050000 | errno.EPERM
ENOSYS = 0x00050000 | errno.ENOSYS
KILL = 0x80000000
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PID = 4321

FORBIDDEN = {
    "open": Numbers(2, -1),
    "openat": Numbers(257, 56),
    "openat2": Numbers(437, 437),
    "creat": Numbers(85, -1),
    "socket": Numbers(41, 198),
    "connect": Numbers(42, 203),
    "bind": Numbers(49, 200),
    "listen": Numbers(50, 201),
    "accept4": Numbers(288, 242),
    "sendmsg": Numbers(46, 211),
    "execve": Numbers(59, 221),
    "execveat": Numbers(322, 281),
    "fork": Numbers(57, -1),
    "vfork": Numbers(58, -1),
    "ptrace": Numbers(101, 117),
    "process_vm_readv": Numbers(310, 270),
    "process_vm_writev": Numbers(311, 271),
    "unlink": Numbers(87, -1),
    "unlinkat": Numbers(263, 35),
    "rename": Numbers(82, -1),
    "renameat2": Numbers(316, 276),
    "kill": Numbers(62, 129),
    "tkill": Numbers(200, 130),
    "rt_sigqueueinfo": Numbers(129, 138),
    "pidfd_send_signal": Numbers(424, 424),
    "io_uring_setup": Numbers(425, 425),
    "bpf": Numbers(321, 280),
    "prctl": Numbers(157, 167),
    "seccomp": Numbers(317, 277),
    "prlimit64": Numbers(302, 261),
    "memfd_create": Numbers(319, 279),
    "mount": Numbers(165, 40),
}


def of(machine: str, numbers: Numbers) -> int:
    return numbers.x86_64 if machine == "x86_64" else numbers.aarch64


def run(program: bytes, machine: str, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel would return: classic BPF over struct seccomp_data."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, ARCHITECTURE[machine], 0, *padded)
    accumulator, position = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, 8 * position)
        position += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x15:
            position += if_true if accumulator == value else if_false
        elif code == 0x45:
            position += if_true if accumulator & value else if_false
        else:
            assert code == 0x06
            return int(value)


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_what_is_forbidden_is_refused(machine: str, purpose: Purpose) -> None:
    program = build_filter(machine, purpose, PID)
    for name, numbers in FORBIDDEN.items():
        if of(machine, numbers) >= 0:
            assert run(program, machine, of(machine, numbers)) == EPERM, name


@pytest.mark.parametrize("purpose", list(Purpose))
def test_everything_not_named_is_refused(machine: str, purpose: Purpose) -> None:
    program = build_filter(machine, purpose, PID)
    single = (confine.CLONE, confine.MMAP, confine.MPROTECT, confine.TGKILL, confine.IOCTL, confine.SENDTO)
    named = {of(machine, numbers) for numbers in (*confine.PLAIN.values(), *confine.CAMERA.values(), *single)}
    for number in range(600):
        if number not in named and number != of(machine, confine.CLONE3):
            assert run(program, machine, number) == EPERM, number


def test_arguments_decide(machine: str) -> None:
    program = build_filter(machine, Purpose.decoder, PID)
    camera = build_filter(machine, Purpose.camera, PID)

    def verdict(which: bytes, numbers: Numbers, *arguments: int) -> int:
        return run(which, machine, of(machine, numbers), arguments)

    assert verdict(program, confine.CLONE, 0x00010000 | 0x100) == ALLOW
    assert verdict(program, confine.CLONE, 17) == EPERM
    assert verdict(program, confine.CLONE3) == ENOSYS
    assert verdict(program, confine.MMAP, 0, 4096, 3) == ALLOW
    assert verdict(program, confine.MMAP, 0, 4096, 7) == EPERM
    assert verdict(program, confine.MPROTECT, 0, 4096, 5) == EPERM
    assert verdict(program, confine.TGKILL, PID, PID, 6) == ALLOW
    assert verdict(program, confine.TGKILL, 1, 1, 9) == EPERM
    assert verdict(program, confine.IOCTL, 0, 0xC0585611) == EPERM
    assert verdict(camera, confine.IOCTL, 3, 0xC0585611) == ALLOW  # VIDIOC_DQBUF
    assert verdict(camera, confine.IOCTL, 0, 0x5412) == EPERM  # TIOCSTI
    assert verdict(program, confine.SENDTO, 3, 0, 0, 0, 0, 0) == EPERM
    assert verdict(camera, confine.SENDTO, 3, 0, 0, 0, 0, 0) == ALLOW
    assert verdict(camera, confine.SENDTO, 3, 0, 0, 0, 1 << 32, 16) == EPERM
    assert verdict(program, confine.CAMERA["recvfrom"]) == EPERM
    assert verdict(camera, confine.CAMERA["recvfrom"]) == ALLOW


def test_another_architecture_s_table_ends_the_process() -> None:
    program = build_filter("x86_64", Purpose.decoder, PID)
    assert run(program, "aarch64", 0) == KILL
    assert run(program, "x86_64", 0x40000000) == EPERM  # x32
    with pytest.raises(KeyError):
        build_filter("riscv64", Purpose.decoder, PID)


def test_numbers_are_the_kernel_s() -> None:
    own = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    generic = Path("/usr/include/asm-generic/unistd.h")  # aarch64 takes the generic table
    if not (own.is_file() and generic.is_file()):
        pytest.skip("the kernel's headers are not installed")
    x86_64 = dict(re.findall(r"#define __NR_(\w+) (\d+)", own.read_text()))
    aarch64 = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", generic.read_text()))
    special = {
        name.lower(): getattr(confine, name)
        for name in ("CLONE", "CLONE3", "MMAP", "MPROTECT", "TGKILL", "IOCTL", "SENDTO", "SECCOMP")
    }
    for name, numbers in {**confine.PLAIN, **confine.CAMERA, **special, **FORBIDDEN}.items():
        assert (int(x86_64.get(name, -1)), int(aarch64.get(name, -1))) == numbers, name
