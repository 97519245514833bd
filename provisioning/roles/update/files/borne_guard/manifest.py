"""What a release says it is, and whether the root's people have signed that.

The pinned root signs a keys document (or a root that it, link by link, has named its successor does), the document
names the keys in the role `software`, one of those signed release.json. The newest root and the document's version
are kept: an older document, with a key that was taken back since, is refused from then on. Signatures are verified
by openssl, which every device has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from borne_guard.fault import Fault

FORMAT = "borne-release/1"
BODY, SIGNATURE, KEYS = "release.json", "release.sig", "keys.json"
LARGEST = {BODY: 1_048_576, SIGNATURE: 4096, KEYS: 1_048_576}
MOST_FILES = 500
MOST_BYTES = 4 * 1024**3
_SOFTWARE = "software"
_MOST_ROOTS = 64
_OPENSSL: tuple[str | Path, ...] = ("openssl", "pkeyutl", "-verify", "-pubin", "-rawin")
_SPKI = bytes.fromhex("302a300506032b6570032100")
"""An Ed25519 public key in DER, before its 32 bytes (RFC 8410)."""
_VERSION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6}){1,3})(?:(a|b|rc)([0-9]{1,4}))?")
_WHEEL = re.compile(r"wheels/[A-Za-z0-9][A-Za-z0-9._+!-]{0,190}\.whl")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True)
class Wheel:
    """One wheel, as the signed list has it."""

    name: str
    """`wheels/….whl`."""
    sha256: str
    size: int

    @property
    def file(self) -> str:
        return self.name.removeprefix("wheels/")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """release.json."""

    version: str
    role: str
    built: str
    python: str
    machine: str
    contract: str
    store: int
    """Version of the database's schema."""
    wheels: tuple[Wheel, ...]
    body: bytes
    """Its exact bytes."""


def version_key(version: str) -> tuple[tuple[int, ...], str, int]:
    """What versions are ordered by: 0.10 comes after 0.9, 1.0rc2 before 1.0, and 1.0 is 1.0.0. Raises Fault."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise Fault("update.version", version[:80])
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), found[2] or "~", int(found[3] or 0)


def read_manifest(body: bytes) -> Manifest:
    """The bytes of a release.json as values. Raises Fault. Nothing in it is believed before `trusted` says so."""
    found = _json(body, BODY)
    if found.get("format") != FORMAT:
        raise Fault("update.format", BODY, str(found.get("format"))[:80])
    texts = {
        name: _text(found, name, pattern)
        for name, pattern in {
            "version": _VERSION.pattern,
            "role": r"[a-z]{2,20}",
            "built": _TIME.pattern + "Z",
            "python": r"[0-9]\.[0-9]{1,3}",
            "machine": r"[a-z0-9_]{2,20}",
            "contract": r"[0-9]{1,4}\.[0-9]{1,4}",
        }.items()
    }
    store, files = found.get("store"), found.get("files")
    if type(store) is not int or not 1 <= store <= 10_000:
        raise Fault("update.manifest", BODY, "store")
    if not isinstance(files, list) or not 1 <= len(files) <= MOST_FILES:
        raise Fault("update.manifest", BODY, "files")
    wheels = tuple(_wheel(one) for one in files)
    if len({wheel.name for wheel in wheels}) != len(wheels) or sum(wheel.size for wheel in wheels) > MOST_BYTES:
        raise Fault("update.manifest", BODY, "files")
    return Manifest(store=store, wheels=wheels, body=body, **texts)


@dataclass(frozen=True)
class Trust:
    """What has been believed before: from which root on, and the newest keys document."""

    pinned: str
    root: str
    version: int = 0


def trusted(manifest: Manifest, signature: bytes, keys: bytes, trust: Trust) -> Trust:
    """What is to be kept, once the signature over the manifest holds. Raises Fault."""
    outer = _json(keys, KEYS)
    body, mark = _bytes(outer, "body", KEYS), _bytes(outer, "signature", KEYS)
    document = _json(body, KEYS)
    version, named, roots = document.get("version"), document.get("keys"), document.get("roots", [])
    if (
        outer.get("role") != "root"
        or type(version) is not int
        or not isinstance(named, list)
        or not isinstance(roots, list)
        or len(roots) > _MOST_ROOTS
    ):
        raise Fault("update.keys", KEYS)
    root = _newest_root(bytes.fromhex(trust.root), roots)
    if not _holds(root, b"borne/v1/root\0" + body, mark):
        raise Fault("update.keys", KEYS, "not signed by the pinned root")
    if version < trust.version:
        raise Fault("update.keys_old", KEYS, f"version {version} after {trust.version}")
    seal = _json(signature, SIGNATURE)
    public = _software_key(named, str(seal.get("key")), manifest.built)
    statement = b"borne/v1/" + _SOFTWARE.encode() + b"\0" + manifest.body
    if not _holds(public, statement, _bytes(seal, "signature", SIGNATURE)):
        raise Fault("update.signature", BODY)
    return Trust(trust.pinned, root.hex(), version)


def _newest_root(pinned: bytes, roots: list[object]) -> bytes:
    links = []
    for link in roots:
        if not isinstance(link, dict):
            raise Fault("update.keys", KEYS, "roots")
        links.append((_bytes(link, "public", KEYS), _bytes(link, "signature", KEYS)))
    start = next((place + 1 for place, (public, _) in enumerate(links) if public == pinned), 0)
    root = pinned
    for public, mark in links[start:]:
        if not _holds(root, b"borne/v1/root-link\0" + public, mark):
            raise Fault("update.keys", KEYS, "roots")
        root = public
    return root


def _software_key(named: list[object], key: str, built: str) -> bytes:
    for one in named:
        if not isinstance(one, dict) or (one.get("role"), one.get("key")) != (_SOFTWARE, key):
            continue
        public = _bytes(one, "public", KEYS)
        since, until = str(one.get("not_before"))[:19], str(one.get("not_after"))[:19]
        if hashlib.sha256(public).hexdigest()[:16] != key or not _TIME.fullmatch(since) or not _TIME.fullmatch(until):
            raise Fault("update.keys", KEYS, key)
        # All are UTC in one spelling, so their text order is their time order.
        if not since <= built[:19] <= until:
            raise Fault("update.key_time", key, f"{built} is not within {since} and {until}")
        return public
    raise Fault("update.key_unknown", key[:40])


def _holds(public: bytes, message: bytes, mark: bytes) -> bool:
    """Whether an Ed25519 signature holds."""
    if len(public) != 32 or len(mark) != 64:
        return False
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(_SPKI + public) + b"\n-----END PUBLIC KEY-----\n"
    with tempfile.TemporaryDirectory(prefix="borne-guard-") as folder:
        files = {name: Path(folder, name) for name in ("public", "message", "mark")}
        for name, data in (("public", pem), ("message", message), ("mark", mark)):
            files[name].write_bytes(data)
        words = [*_OPENSSL, "-inkey", files["public"], "-in", files["message"], "-sigfile", files["mark"]]
        try:
            ran = subprocess.run(words, check=False, capture_output=True)
        except OSError as error:
            raise Fault("update.openssl", "openssl", str(error)) from None
    return ran.returncode == 0


def _wheel(one: object) -> Wheel:
    if not isinstance(one, dict):
        raise Fault("update.manifest", BODY, "files")
    size = one.get("size")
    if type(size) is not int or not 0 < size <= MOST_BYTES:
        raise Fault("update.manifest", BODY, "size")
    return Wheel(_text(one, "name", _WHEEL.pattern), _text(one, "sha256", r"[0-9a-f]{64}"), size)


def _text(found: dict[str, object], name: str, pattern: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise Fault("update.manifest", BODY, name)
    return value


def _bytes(found: dict[str, object], name: str, where: str) -> bytes:
    try:
        return base64.b64decode(str(found.get(name)), validate=True)
    except (binascii.Error, ValueError):
        raise Fault("update.keys", where, name) from None


def _json(data: bytes, where: str) -> dict[str, object]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Fault("update.manifest", where, str(error)[:200]) from None
    if not isinstance(found, dict):
        raise Fault("update.manifest", where, "no object")
    return found
