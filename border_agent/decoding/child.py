"""The agent's end: one caged child, its pipes read and written against a deadline.

A child is tied to the *thread* that started it (that is how the kernel's parent-death signal works), so whoever
starts one does it from a thread that lives as long as the child may.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

from border_agent.decoding.protocol import HEADER_SIZE, header, lengths

_PIPE_BYTES: Final = 1024 * 1024
"""The kernel's usual ceiling for a process without privileges; a frame of video passes in three gulps."""

_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    # Two arenas instead of eight a core: less memory, and the limit on address space stays meaningful.
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_LOG_LEVEL": "SILENT",
}
"""All there is: nothing of the agent's own environment."""

_COMPLAINT: Final = 2000
"""Bytes of a failed start's error output that are kept."""


class ChildGoneError(Exception):
    """The child has ended, or closed its pipes. The text says how.

    `status` is its exit status, negative for a signal, None where it is not known.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class ChildLateError(Exception):
    """The deadline passed."""

    def __init__(self) -> None:
        super().__init__("no answer in time")


class Child:
    """A running child. Not thread-safe: its owner locks."""

    def __init__(self, module: str, *, command: Sequence[str] | None = None) -> None:
        """Start `module` of this package (or `command`) with this process's id as its last argument.

        Raises ChildGoneError where it cannot be started at all.
        """
        program = list(command) if command else [sys.executable, "-I", "-m", module]
        try:
            self._process = subprocess.Popen(
                [*program, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                close_fds=True,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            raise ChildGoneError(f"could not be started: {error.strerror}") from error
        # At once: a child that may not be looked into (cage.enter) is soon hidden where /proc shows one's own alone.
        try:
            self._memory = os.open(f"/proc/{self._process.pid}/statm", os.O_RDONLY)
        except OSError:
            self._memory = -1
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._input = self._process.stdin.fileno()
        self._output = self._process.stdout.fileno()
        self._errors = self._process.stderr.fileno()
        for descriptor in (self._input, self._output, self._errors):
            os.set_blocking(descriptor, False)
        for descriptor in (self._input, self._output):
            # Refused where the user's pipes are used up: it is only slower then.
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def send(self, message: bytes, attachment: bytes, deadline: float) -> None:
        """Write one frame before `deadline` (monotonic seconds).

        Raises ChildGoneError, ChildLateError, ProtocolError.
        """
        for part in (header(message, len(attachment)) + message, attachment):
            rest = memoryview(part)
            while rest:
                self._wait(self._input, select.POLLOUT, deadline)
                try:
                    rest = rest[os.write(self._input, rest) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise self._gone() from error

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """Read one frame before `deadline`: message and attachment. Raises as `send` does."""
        message, attachment = lengths(self._read(HEADER_SIZE, deadline))
        return self._read(message, deadline), self._read(attachment, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        buffer = bytearray(size)
        rest = memoryview(buffer)
        while rest:
            self._wait(self._output, select.POLLIN, deadline)
            try:
                count = os.readv(self._output, [rest])
            except BlockingIOError:
                continue
            if count == 0:
                raise self._gone()
            rest = rest[count:]
        return bytes(buffer)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise ChildLateError()
        # A hang-up is reported whatever was asked for; the read or write that follows tells what it means.

    def _gone(self) -> ChildGoneError:
        try:
            status = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return ChildGoneError("closed its pipes")
        if status < 0:
            return ChildGoneError(f"ended by {signal.Signals(-status).name}", status)
        return ChildGoneError(f"ended with status {status}", status)

    def complaint(self) -> str:
        """What it wrote on standard error: for a start that failed only, later travellers' data may be in it."""
        try:
            return os.read(self._errors, 65536)[-_COMPLAINT:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def hush(self) -> None:
        """Stop listening to standard error; what the child writes there from now on is lost."""
        stream = self._process.stderr
        if stream and not stream.closed:
            stream.close()

    def memory_bytes(self) -> int:
        """Resident memory; 0 once it has ended."""
        try:
            pages = int(os.pread(self._memory, 256, 0).split()[1])
        except (OSError, IndexError, ValueError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def interrupt(self) -> None:
        """End it from another thread: whoever waits for it meets ChildGoneError."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def kill(self) -> None:
        """End it at once and forget it. Harmless when it has ended."""
        self.interrupt()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        descriptor, self._memory = self._memory, -1
        if descriptor >= 0:
            os.close(descriptor)
