"""Who may open the maintenance screen: a file of numbers, names, roles and codes kept as Argon2id hashes.

There is no default code anywhere: without this file nobody signs in at the kiosk. It is written by `borne staff`
and read anew at every use, so whoever is removed is out at once. Signing in at the officers' web console (Argon2id
and one-time codes, from the signed list of officers) is the console's own matter.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from msgspec import Meta, Struct

from border_agent.errors import BorneError

LARGEST_FILE = 262144
MOST_STAFF = 500
SHORTEST_CODE = 8
LONGEST_CODE = 32
_FEWEST_DIGITS = 4
"""Different digits that a code must have."""


class StaffFileUnusable(BorneError):
    """The file of credentials is not one, cannot be read or written, or others may read it."""

    code = "staff.file"


class EntryRefused(BorneError):
    """A number or a name that no entry can have, or one entry too many."""

    code = "staff.entry_refused"


class CodeRefused(BorneError):
    """A code that is too short, not of digits only, or among the first that anybody would try."""

    code = "staff.code_refused"


class CodesDiffer(BorneError):
    """The code typed the second time is another one."""

    code = "staff.codes_differ"


class NumberTaken(BorneError):
    """This number is somebody's already."""

    code = "staff.number_taken"


class NumberUnknown(BorneError):
    """Nobody has this number."""

    code = "staff.number_unknown"


class StaffRole(StrEnum):
    TECHNICIAN = "technician"
    OFFICER = "officer"
    SUPERVISOR = "supervisor"


_PHC = r"^\$argon2id\$v=19\$m=[0-9]{1,6},t=[0-9]{1,2},p=[0-9]{1,2}\$[A-Za-z0-9+/$]{20,200}(?!\n)$"
StaffNumber = Annotated[str, Meta(pattern=r"^[0-9]{4,8}(?!\n)$")]
StaffName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")]


class Credential(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person's entry."""

    number: StaffNumber
    name: StaffName
    role: StaffRole
    code: Annotated[str, Meta(pattern=_PHC)]
    """The code's hash, in the PHC string format."""
    created: datetime


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    staff: Annotated[tuple[Credential, ...], Meta(max_length=MOST_STAFF)] = ()


def hash_code(code: str) -> str:
    """A code's Argon2id hash: RFC 9106's choice for where memory is scarce, 64 MiB and three passes."""
    kdf = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=3, lanes=4, memory_cost=65536)
    return kdf.derive_phc_encoded(code.encode())


def code_fits(code: str, hashed: str) -> bool:
    """Whether a code is the one of this hash."""
    try:
        Argon2id.verify_phc_encoded(code.encode(), hashed)
    except (InvalidKey, ValueError):
        return False
    return True


def require_good_code(code: str, number: str) -> None:
    """Raises CodeRefused: 8 to 32 digits, and none that follow from each other or from the number."""
    if not SHORTEST_CODE <= len(code) <= LONGEST_CODE or not (code.isascii() and code.isdigit()):
        raise CodeRefused(number, f"not {SHORTEST_CODE} to {LONGEST_CODE} digits")
    digits = [int(digit) for digit in code]
    if len({(after - before) % 10 for before, after in pairwise(digits)}) == 1:
        raise CodeRefused(number, "a run")
    periods = range(1, len(code) // 2 + 1)
    if len(set(code)) < _FEWEST_DIGITS or any(code[period:] == code[:-period] for period in periods):
        raise CodeRefused(number, "a repetition")
    if number in code:
        raise CodeRefused(number, "holds the number")


class StaffFile:
    """The credentials in one file. Every call reads it anew; raises StaffFileUnusable."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> tuple[Credential, ...]:
        """Everybody, by number; nobody where there is no file yet."""
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(LARGEST_FILE + 1)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StaffFileUnusable(str(self.path), error.strerror or str(error)) from None
        if not stat.S_ISREG(mode) or mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise StaffFileUnusable(str(self.path), f"mode {stat.S_IMODE(mode):04o}; others may not have access")
        if len(data) > LARGEST_FILE:
            raise StaffFileUnusable(str(self.path), f"more than {LARGEST_FILE} bytes")
        try:
            found = msgspec.json.decode(data, type=_File).staff
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise StaffFileUnusable(str(self.path), str(error)) from None
        return tuple(sorted(found, key=lambda one: one.number))

    def find(self, number: str) -> Credential | None:
        """The entry of a number."""
        return next((one for one in self.entries() if one.number == number), None)

    def add(self, number: str, name: str, role: StaffRole, code: str, created: datetime) -> None:
        """Enter somebody. Raises EntryRefused, CodeRefused, NumberTaken."""
        require_good_code(code, number)
        with self._alone():
            entries = self.entries()
            if any(one.number == number for one in entries):
                raise NumberTaken(number)
            entry = Credential(number=number, name=name, role=role, code=hash_code(code), created=created)
            self._write((*entries, entry))

    def remove(self, number: str) -> None:
        """Take somebody out. Raises NumberUnknown."""
        with self._alone():
            entries = self.entries()
            left = tuple(one for one in entries if one.number != number)
            if len(left) == len(entries):
                raise NumberUnknown(number)
            self._write(left)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands at once must not lose each other's entry."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StaffFileUnusable(str(self.path), error.strerror or str(error)) from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, entries: tuple[Credential, ...]) -> None:
        data = msgspec.json.format(msgspec.json.encode(_File(staff=entries)), indent=2)
        try:
            msgspec.json.decode(data, type=_File)  # a struct is not checked when it is made
        except msgspec.ValidationError as error:
            raise EntryRefused(str(self.path), str(error)) from None
        fresh = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                owner = self.path.parent.stat()
                if os.geteuid() == 0:  # written by root, it is to be read by the agent's user, whose folder it is
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
                file.write(data + b"\n")
                file.flush()
                os.fsync(descriptor)
            fresh.replace(self.path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise StaffFileUnusable(str(self.path), error.strerror or str(error)) from None
