"""The medium's seal: SHA256SUMS over every file, Ed25519 over SHA256SUMS, and the key's fingerprint.

A bare Debian checks it with its own openssl and sha256sum (`provision.sh`, or three lines typed by hand). The
first lines of SHA256SUMS are comments to sha256sum: they say what was signed, so that a signature over a medium
can never be taken for one over anything else, and they carry the date that a machine without a clock starts from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from medium_wheels import digest

FORMAT = "borne/v1/medium"
SUMS, SIGNATURE, PUBLIC = "SHA256SUMS", "SHA256SUMS.sig", "borne.pub"
# Names that every file system of a stick, and every shell, takes as they are.
_NAME = re.compile(r"[A-Za-z0-9._+~@=/-]+")
_PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_SCANNED = 262144


class SealError(Exception):
    """A medium that cannot be sealed, or whose seal is broken. `path` is the first file at fault."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{reason}: {path}" if path else reason)
        self.reason, self.path = reason, path


class Header(msgspec.Struct, frozen=True):
    """What the first lines of SHA256SUMS say."""

    built: datetime
    version: str
    size: int
    needs: int

    def lines(self) -> str:
        at = self.built.astimezone(UTC)
        return (
            f"# {FORMAT}\n# built {at:%Y-%m-%dT%H:%M:%SZ} {int(at.timestamp())}\n# version {self.version}\n"
            f"# system debian 12 x86_64\n# bytes {self.size}\n# needs {self.needs}\n"
        )


def fingerprint(public: Ed25519PublicKey) -> str:
    """128 bits of SHA-256 over the key with its kind, in eight groups of four to be read aloud."""
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    hexadecimal = sha256(der).hexdigest()[:32]
    return " ".join(hexadecimal[start : start + 4] for start in range(0, 32, 4))


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that the sums cover, by name. Raises SealError at anything that is neither file nor folder."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise SealError("link", name)
        if path.is_file() and name not in (SUMS, SIGNATURE):
            yield name, path


def seal(folder: Path, key: Ed25519PrivateKey, built: datetime, version: str, needs: int) -> Header:
    """Write borne.pub, SHA256SUMS and its signature. Nothing may be changed after that."""
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / PUBLIC).write_bytes(public)
    size, rows, seen = 0, [], set[str]()
    for name, path in files(folder):
        if not _NAME.fullmatch(name) or name.lower() in seen:
            raise SealError("name", name)
        seen.add(name.lower())  # on a FAT stick a.txt and A.txt are one file
        with path.open("rb") as file:
            if _PRIVATE.search(file.read(_SCANNED)):
                raise SealError("private key", name)
        size += path.stat().st_size
        rows.append(f"{digest(path)}  {name}\n")
    header = Header(built=built, version=version, size=size, needs=needs)
    text = (header.lines() + "".join(rows)).encode()
    (folder / SUMS).write_bytes(text)
    (folder / SIGNATURE).write_bytes(key.sign(text))
    return header


def verify(folder: Path, expected: str) -> Header:
    """What provision.sh does, in Python: for the one who carries the stick. Raises SealError at the first fault."""
    try:
        public = serialization.load_pem_public_key((folder / PUBLIC).read_bytes())
    except ValueError:
        raise SealError("key", PUBLIC) from None
    if not isinstance(public, Ed25519PublicKey) or plain(fingerprint(public)) != plain(expected):
        raise SealError("fingerprint", PUBLIC)
    text = (folder / SUMS).read_bytes()
    try:
        public.verify((folder / SIGNATURE).read_bytes(), text)
    except InvalidSignature:
        raise SealError("signature", SIGNATURE) from None
    lines = text.decode().splitlines()
    rows = [line.split("  ", 1) for line in lines if not line.startswith("#")]
    sums = {name: sum_ for sum_, name in rows}
    there = dict(files(folder))
    for name, sum_ in sums.items():
        if name not in there:
            raise SealError("missing", name)
        if digest(there[name]) != sum_:
            raise SealError("changed", name)
    for name in there:
        if name not in sums:
            raise SealError("extra", name)
    return _header(lines)


def _header(lines: list[str]) -> Header:
    said = dict(line[2:].partition(" ")[::2] for line in lines if line.startswith("# "))
    if FORMAT not in said:
        raise SealError("format", SUMS)
    built = datetime.fromtimestamp(int(said["built"].split()[1]), UTC)
    return Header(built=built, version=said["version"], size=int(said["bytes"]), needs=int(said["needs"]))


def plain(words: str) -> str:
    """A fingerprint as people write it, without spaces, dashes and capitals."""
    return re.sub(r"[\s:-]", "", words).lower()
