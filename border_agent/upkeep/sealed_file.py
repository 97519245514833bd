"""A sealed file: whoever holds the recovery key opens it, nobody else, and nothing in it can be changed or cut off.

    "BORNE-SEALED/1\\n" || length of the head (4 bytes) || head (JSON) || blocks || SHA-256 of all before it

A data key, fresh for each file, is sealed with what else is secret to the recovery key (HPKE, see
`mqtt_schemas.sealing`) and stands in the head. Blocks of 1 MiB are AES-256-GCM under it, each after its length
(4 bytes); the nonce counts them and marks the last, and each is bound to the head. The digest at the end is for
whoever has no key and wants to know whether a stick still reads well.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct, structs

from border_agent.errors import BorneError
from mqtt_schemas.errors import NotOpened
from mqtt_schemas.sealing import open_sealed, seal

MAGIC = b"BORNE-SEALED/1\n"
BLOCK = 1 << 20
LARGEST_HEAD = 65536
_CONTEXT = "backup"
_KEY_BYTES = 32
_DIGEST_BYTES = 32
_TAG_BYTES = 16


class SealedFileBad(BorneError):
    """Not a backup, one that was damaged or cut off, or one that this recovery key does not open."""

    code = "backup.bad"


class Head(Struct, frozen=True, kw_only=True):
    """What can be read without a key: nothing about travellers."""

    kind: str
    """`store` (a device's), `sqlite`, `postgresql` (the centre's)."""
    device: str
    """Whose it is; `centre` for the data centre's."""
    made_at: str
    software: str
    schema: int = 0
    epoch: str = ""
    sequence: int = 0
    head: str = ""
    """Where the journal ended."""
    rows: dict[str, int] = {}
    box: bytes = b""
    """The data key and the file's other secret, sealed to the recovery key."""


class Sealer:
    """Writes one sealed file. A context manager; what was left in the middle is no sealed file."""

    def __init__(self, file: IO[bytes], head: Head, recovery: bytes, secret: bytes = b"") -> None:
        """`recovery`: X25519 public key; `secret`: what is to be had again with the data. Raises NotOpened."""
        key = secrets.token_bytes(_KEY_BYTES)
        body = msgspec.json.encode(structs.replace(head, box=seal(recovery, _CONTEXT, key + secret)))
        self._cipher = AESGCM(key)
        self._bound = hashlib.sha256(body).digest()
        self._file = file
        self._sum = hashlib.sha256()
        self._count = 0
        self._waiting = bytearray()
        self._put(MAGIC + struct.pack(">I", len(body)) + body)

    def write(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) > BLOCK:  # the last block is written by `end`, marked as such
            self._block(bytes(self._waiting[:BLOCK]), last=False)
            del self._waiting[:BLOCK]

    def end(self) -> None:
        """The last block, and the digest over all of it."""
        self._block(bytes(self._waiting), last=True)
        self._file.write(self._sum.digest())

    def _block(self, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._count, last=last), plain, self._bound)
        self._put(struct.pack(">I", len(sealed)) + sealed)
        self._count += 1

    def _put(self, data: bytes) -> None:
        self._sum.update(data)
        self._file.write(data)


class Opener:
    """Reads one sealed file."""

    def __init__(self, file: IO[bytes], where: Path) -> None:
        """Read the head. Raises SealedFileBad."""
        self._file, self._where = file, where
        if file.read(len(MAGIC)) != MAGIC:
            raise SealedFileBad(str(where), "not a backup")
        (length,) = struct.unpack(">I", self._exactly(4))
        if length > LARGEST_HEAD:
            raise SealedFileBad(str(where), "head too large")
        body = self._exactly(length)
        self._bound = hashlib.sha256(body).digest()
        try:
            self.head = msgspec.json.decode(body, type=Head)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SealedFileBad(str(where), str(error)) from None

    def open(self, recovery: X25519PrivateKey) -> tuple[bytes, Iterator[bytes]]:
        """The file's other secret, and its data block by block. Raises SealedFileBad, also while data are read."""
        try:
            opened = open_sealed(recovery, _CONTEXT, self.head.box)
        except NotOpened as error:
            raise SealedFileBad(str(self._where), str(error)) from None
        if len(opened) < _KEY_BYTES:
            raise SealedFileBad(str(self._where), "no key in it")
        return opened[_KEY_BYTES:], self._blocks(AESGCM(opened[:_KEY_BYTES]))

    def _blocks(self, cipher: AESGCM) -> Iterator[bytes]:
        count, last = 0, False
        while not last:
            (length,) = struct.unpack(">I", self._exactly(4))
            if not _TAG_BYTES <= length <= BLOCK + _TAG_BYTES:
                raise SealedFileBad(str(self._where), f"block {count}")
            sealed = self._exactly(length)
            # Whether a block is the last is not written beside it, where it could be changed: the nonce says so.
            last = self._left() <= _DIGEST_BYTES
            try:
                yield cipher.decrypt(_nonce(count, last=last), sealed, self._bound)
            except InvalidTag:
                raise SealedFileBad(str(self._where), f"block {count}") from None
            count += 1

    def _left(self) -> int:
        return os.fstat(self._file.fileno()).st_size - self._file.tell()

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise SealedFileBad(str(self._where), "cut off")
        return data


def read_head(path: Path) -> Head:
    """What a sealed file says of itself. Raises SealedFileBad."""
    try:
        with path.open("rb") as file:
            return Opener(file, path).head
    except OSError as error:
        raise SealedFileBad(str(path), error.strerror or str(error)) from None


def reads_well(path: Path) -> bool:
    """Whether the file is still what was written, by its digest; needs no key."""
    digest: Any = hashlib.sha256()
    try:
        with path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size - _DIGEST_BYTES
            while left > 0 and (data := file.read(min(BLOCK, left))):
                digest.update(data)
                left -= len(data)
            return left == 0 and file.read() == digest.digest()
    except OSError:
        return False


def _nonce(count: int, *, last: bool) -> bytes:
    return struct.pack(">xxxxxxxI?", count, last)
