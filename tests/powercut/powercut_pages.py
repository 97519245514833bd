"""A database of SQLCipher read past it, page by page: what is in its files, reachable or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PAGE = 4096
_SALT = 16
"""In clear at the beginning of the first page."""
_RESERVE = 80
"""Of every page: the vector, 16 bytes, and the tag."""
_LOG_HEAD, _FRAME_HEAD = 32, 24


def pages(path: Path, key: bytes) -> Iterator[bytes]:
    """Every page in the database's file and in its log, in clear; one that was torn is noise."""
    content = path.read_bytes()
    for start in range(0, len(content) - PAGE + 1, PAGE):
        yield _plain(content[start : start + PAGE], key, first=start == 0)
    log = path.with_name(f"{path.name}-wal")
    frames = log.read_bytes() if log.exists() else b""
    for start in range(_LOG_HEAD, len(frames) - PAGE - _FRAME_HEAD + 1, PAGE + _FRAME_HEAD):
        number = int.from_bytes(frames[start : start + 4], "big")
        begin = start + _FRAME_HEAD
        yield _plain(frames[begin : begin + PAGE], key, first=number == 1)


def _plain(page: bytes, key: bytes, *, first: bool) -> bytes:
    end = PAGE - _RESERVE
    cipher = Cipher(algorithms.AES(key), modes.CBC(page[end : end + 16])).decryptor()
    return cipher.update(page[_SALT if first else 0 : end]) + cipher.finalize()
