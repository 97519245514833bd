"""One virtual machine: QEMU, its TPM, SSH into it, and the plug that can be pulled.

`restrict=on`: the guest reaches nothing but what is named in `services`, each a port of the address `HOST`, which a
relay on this machine passes on to loopback. Nothing listens here but SSH's forwarded port, on loopback.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.vm.image import LOGIN, Image

HOST = "10.0.2.100"
"""The guest's address for what this machine offers it."""
BOOT_SECONDS = {"kvm": 120.0, "tcg": 600.0}
_HERE = Path(__file__).resolve().parent


class MachineFailed(AssertionError):
    """The machine did not come up, or a command in it failed."""


def accelerator() -> str:
    """`kvm` where it works, else `tcg`: the same machine, some ten times slower.

    The device alone says too little: a KVM without the processor's help (PVM) has it too, and boots changed kernels.
    """
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
        helped = {"vmx", "svm"} & set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        helped = set()
    return "kvm" if helped else "tcg"


class Machine:
    """A context manager: leaving ends every process, in whatever state they are."""

    def __init__(
        self,
        folder: Path,
        image: Image,
        *,
        services: Mapping[int, int],
        serial: Mapping[str, Path],
        disks: Mapping[str, str] | None = None,
    ) -> None:
        """`services`: guest port to host port. `serial`: name to link of a pseudo-terminal, each a USB adapter.
        `disks`: name to size of further disks, empty at the first start."""
        self.folder = folder
        self.image = image
        self.services = services
        self.serial = serial
        self.disks = disks or {}
        self.accelerator = accelerator()
        self.console = folder / "console.log"
        self.started_at = 0.0
        self._port = 0
        self._qemu: subprocess.Popen[bytes] | None = None
        self._tpm: subprocess.Popen[bytes] | None = None
        self._media: list[Path] = []

    def __enter__(self) -> Machine:
        (self.folder / "tpm").mkdir(parents=True, exist_ok=True)
        _quiet(
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            "raw",
            "-b",
            str(self.image.disk.resolve()),
            str(self._disk),
        )
        for name, size in self.disks.items():
            _quiet("truncate", "-s", size, str(self.folder / f"{name}.raw"))
        return self

    def __exit__(self, *_: object) -> None:
        self.power_cut()

    @property
    def _disk(self) -> Path:
        return self.folder / "system.qcow2"

    @property
    def written_bytes(self) -> int:
        """What this run has written over the image."""
        return self._disk.stat().st_blocks * 512

    def insert(self, medium: Path) -> None:
        """A disk image to be there, read-only, from the next start on: a stick in its socket."""
        self._media.append(medium)

    def start(self, *, clock: str = "") -> float:
        """Power on; wait until SSH answers and the system has come up. `clock`: what the battery clock says, UTC.

        Returns the seconds it took. Raises MachineFailed with the end of the console.
        """
        assert self._qemu is None, "it is running"
        self.started_at = time.monotonic()
        self._start_tpm()
        self._port = _free_port()
        with self.console.open("ab") as console:
            self._qemu = subprocess.Popen(
                self._command(clock), stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
        deadline = self.started_at + BOOT_SECONDS[self.accelerator]
        while self._qemu.poll() is None and time.monotonic() < deadline:
            done = self._ssh("systemctl is-system-running --wait", timeout=60.0, connect=5)
            if done.returncode != _NO_CONNECTION:
                return time.monotonic() - self.started_at
            time.sleep(0.2)
        raise MachineFailed(f"no SSH after {time.monotonic() - self.started_at:.0f} s\n{self.end_of_console()}")

    def power_cut(self) -> None:
        """The plug is pulled: no program of the guest gets another turn, nothing more is written to its disks."""
        self._hang_up()
        for process in (self._qemu, self._tpm):
            if process is not None:
                process.kill()
                process.wait()
        self._qemu = self._tpm = None

    def shut_down(self, seconds: float = 90.0) -> None:
        """In order, as at the end of a day."""
        assert self._qemu is not None
        self._ssh("sudo systemctl --no-block poweroff", timeout=20.0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._qemu.wait(seconds)
        ended = self._qemu.poll() is not None
        self.power_cut()
        if not ended:
            raise MachineFailed(f"it did not shut down\n{self.end_of_console()}")

    def run(self, command: str, *, timeout: float = 120.0, check: bool = True, data: bytes = b"") -> str:
        """A command as root; its output. Raises MachineFailed where it fails and `check`."""
        done = self._ssh(f"sudo sh -c {shlex.quote(command)}", timeout=timeout, data=data)
        if check and done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise MachineFailed(f"{command[:200]} (status {done.returncode})\n{said[-3000:]}")
        return done.stdout.decode(errors="replace")

    def ok(self, command: str, *, timeout: float = 60.0) -> bool:
        """Whether a command, as root, ends well. Raises MachineFailed where it could not be asked."""
        return self.answer(command, timeout=timeout)[0] == 0

    def answer(self, command: str, *, timeout: float = 60.0) -> tuple[int, str]:
        """A command's status and all it said, as root. Raises MachineFailed where it could not be asked."""
        done = self._ssh(f"sudo sh -c {shlex.quote(command)}", timeout=timeout)
        said = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode == _NO_CONNECTION:
            raise MachineFailed(f"{command[:200]}: no connection\n{said[-3000:]}")
        return done.returncode, said

    @contextlib.contextmanager
    def plugged(self, driver: str, port: int) -> Iterator[str]:
        """A device of QEMU's in a free USB socket; its name in /sys/bus/usb/devices."""
        self._ask("device_add", driver=driver, id="guest", bus="usb.0", port=str(port))
        try:
            yield f"1-{port}"
        finally:
            self._ask("device_del", id="guest")

    def read(self, path: str) -> bytes:
        """A file of the machine."""
        return base64.b64decode(self.run(f"base64 {path}"))

    def put(self, path: str, data: bytes, mode: str = "0644") -> None:
        """A file in the machine."""
        self.run(f"umask 077; cat > {path} && chmod {mode} {path}", data=data)

    def send(self, folder: Path, path: str, timeout: float = 300.0) -> None:
        """A folder into the machine, as `path`."""
        packed = subprocess.run(["tar", "-C", str(folder), "-c", "."], capture_output=True, check=True).stdout
        self.run(f"mkdir -p {path} && tar -C {path} --no-same-owner -x", data=packed, timeout=timeout)

    def journal(self, unit: str, lines: int = 40) -> str:
        """The end of a unit's log."""
        return self.run(f"journalctl -b -u {unit} -n {lines} --no-pager", check=False)

    def end_of_console(self) -> str:
        try:
            return self.console.read_text(errors="replace")[-3000:]
        except OSError as error:
            return str(error)

    @property
    def ssh_arguments(self) -> list[str]:
        """For Ansible: SSH's options, the login apart."""
        return [
            *("-p", str(self._port), "-i", str(self.image.key)),
            *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}"),
            *("-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ServerAliveInterval=10"),
        ]

    @property
    def port(self) -> int:
        """Of SSH, on loopback."""
        return self._port

    @contextlib.contextmanager
    def reach(self, remote: str) -> Iterator[Path]:
        """A Unix socket here that leads to one in the machine, reached as root, whatever sshd lets be forwarded."""
        inside = "/tmp/relay.py"
        self.put(inside, (_HERE / "relay.py").read_bytes())
        local = self.folder / "reach.sock"
        local.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(local))
        listener.listen(8)
        relays: list[subprocess.Popen[bytes]] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, _ = listener.accept()
                    command = [*self._ssh_command(), f"sudo python3 {inside} {remote}"]
                    relays.append(subprocess.Popen(command, stdin=wire, stdout=wire, stderr=subprocess.DEVNULL))
                    wire.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield local
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(5.0)
            for relay in relays:
                relay.kill()
                relay.wait()
            local.unlink(missing_ok=True)

    def _command(self, clock: str) -> list[str]:
        forwards = f"hostfwd=tcp:127.0.0.1:{self._port}-:22"
        for guest, host in self.services.items():
            relay = f"{sys.executable} -I -S {_HERE / 'relay.py'} {host}"
            forwards += f",guestfwd=tcp:{HOST}:{guest}-cmd:{relay}"
        slow = self.accelerator == "tcg"
        command = [
            *(*_WITH_US, "qemu-system-x86_64"),
            *("-accel", "tcg,thread=multi" if slow else "kvm"),
            # Without this one a KVM inside a KVM ends at once: the outer one refuses to set the register.
            *("-machine", "q35", "-cpu", "max,la57=off" if slow else "host,arch-capabilities=off"),
            *("-smp", "2", "-m", "2048", "-display", "none", "-serial", "stdio", "-monitor", "none"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-append", f"root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet {_SLOW if slow else ''}"),
            *("-drive", f"file={self._disk},if=virtio,cache=writeback"),
            *("-netdev", f"user,id=n0,restrict=on,{forwards}", "-device", "virtio-net-pci,netdev=n0"),
            *("-device", "virtio-rng-pci", "-device", "qemu-xhci,id=usb"),
            *("-qmp", f"unix:{self._monitor},server=on,wait=off"),
            *("-chardev", f"socket,id=tpm,path={self._tpm_socket}"),
            *("-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0"),
        ]
        for name in self.disks:
            command += ["-drive", f"file={self.folder / f'{name}.raw'},format=raw,if=virtio,cache=writeback"]
        for medium in self._media:
            command += ["-drive", f"file={medium},format=raw,if=virtio,readonly=on"]
        for number, (name, link) in enumerate(self.serial.items(), 1):
            command += ["-chardev", f"serial,id={name},path={link.resolve()}"]
            command += ["-device", f"usb-serial,bus=usb.0,port={number},chardev={name}"]
        if clock:
            command += ["-rtc", f"base={clock}"]
        return command

    def _ask(self, command: str, **arguments: str) -> None:
        """A command for QEMU itself. Raises MachineFailed."""
        with socket.socket(socket.AF_UNIX) as wire, wire.makefile("r") as answers:
            wire.connect(str(self._monitor))
            for ask in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                wire.sendall(json.dumps(ask).encode())
                said = next(said for said in map(json.loads, answers) if "return" in said or "error" in said)
                if "error" in said:
                    raise MachineFailed(f"{command} {arguments}: {said['error']}")

    @property
    def _monitor(self) -> Path:
        return self.folder / "qemu.sock"

    @property
    def _tpm_socket(self) -> Path:
        return self.folder / "tpm.sock"

    def _start_tpm(self) -> None:
        self._tpm_socket.unlink(missing_ok=True)
        self._tpm = subprocess.Popen(
            [
                *(*_WITH_US, "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder / 'tpm'}"),
                *("--ctrl", f"type=unixio,path={self._tpm_socket}", "--log", f"file={self.folder / 'tpm.log'}"),
            ],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 10.0
        while not self._tpm_socket.exists():
            if self._tpm.poll() is not None or time.monotonic() > deadline:
                raise MachineFailed("swtpm does not start")
            time.sleep(0.02)

    def _ssh_command(self, connect: int = 20) -> list[str]:
        # One connection for all commands: a hardened sshd counts new ones, and each costs a tenth of a second.
        return [
            *("ssh", *self.ssh_arguments, "-o", f"ConnectTimeout={connect}"),
            *(
                "-o",
                "ControlMaster=auto",
                "-o",
                f"ControlPath={self.folder / 'ssh.sock'}",
                "-o",
                "ControlPersist=600",
            ),
            *("-l", LOGIN, "127.0.0.1"),
        ]

    def _ssh(
        self, command: str, *, timeout: float, connect: int = 20, data: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [*self._ssh_command(connect), command], capture_output=True, input=data, timeout=timeout
            )
        except subprocess.TimeoutExpired as late:
            return subprocess.CompletedProcess(late.cmd, _NO_CONNECTION, late.stdout or b"", b"time is up")

    def _hang_up(self) -> None:
        control = self.folder / "ssh.sock"
        if control.exists():
            subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={control}", "x"], capture_output=True)
            control.unlink(missing_ok=True)


_NO_CONNECTION = 255
_WITH_US = ("setpriv", "--pdeathsig", "SIGKILL")
"""However the tests end, no machine goes on without them."""
_SLOW = "mitigations=off tsc=reliable clocksource=tsc no5lvl rcupdate.rcu_expedited=1"
"""An emulated processor has no speculation to guard against, and pays dearly for each look at another clock, for a
fifth level of page tables, and for waiting until every processor has been idle once."""


def missing() -> str:
    """What this machine lacks for a virtual one, in words; empty: nothing."""
    packages = {
        "qemu-system-x86_64": "qemu-system-x86",
        "qemu-img": "qemu-utils",
        "swtpm": "swtpm",
        "ssh": "openssh-client",
    }
    lacking = [package for program, package in packages.items() if shutil.which(program) is None]
    return f"packages are missing: {' '.join(lacking)}" if lacking else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _quiet(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
