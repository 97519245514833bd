"""Build a signed release of Borne for one role: what `borne update stage` and the role `update` install.

    .venv/bin/python provisioning/tools/release.py key --out software.pem        a key for releases, once
    .venv/bin/python provisioning/tools/release.py lab --out build/lab-keys      throw-away root, key, keys document
    .venv/bin/python provisioning/tools/release.py build --role post --key software.pem --keys keys.json --out DIR
    .venv/bin/python provisioning/tools/release.py verify RELEASE --root HEX     as a device does it

A release is a tar (or, with --folder, a folder) named borne-<role>-<version>, and holds nothing but:

    release.json   what it is, and every wheel with its SHA-256 and size: the bytes that are signed
    release.sig    Ed25519 by a key in the role `software`, over the statement of those bytes (see mqtt_schemas.keys)
    keys.json      the keys document that gives the key this role, signed by the root that every device has pinned
    wheels/*.whl   Borne's own and those of the role's lock, nothing else, nothing to compile
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_schemas.centre.keys import create_key, load_key
from mqtt_schemas.errors import ContractError
from mqtt_schemas.keys import SOFTWARE, KeyRing, key_id, public_bytes, sign, sign_keys_document
from mqtt_schemas.messages import KeysDocument, RoleKey, Signed, decode, decode_body

REPOSITORY = Path(__file__).resolve().parents[2]
GUARD = REPOSITORY / "provisioning" / "roles" / "update" / "files" / "guard"
ROLES = ("centre", "kiosk", "post")
FORMAT = "borne-release/1"
PARTS = ("pyproject.toml", "README.md", "LICENSE", "border_agent", "firmware_bridge", "kiosk_app", "mqtt_schemas")
"""What Borne's own wheel is made of."""
EPOCH = "1767225600"
"""Time stamp inside wheels that are built here: the same tree gives the same bytes, so it travels once only."""
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==(?!.*sys_platform == 'win32')", re.MULTILINE)


class ReleaseFault(Exception):
    """What keeps a release from being built, in both languages."""


def main(words: list[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    try:
        match arguments.command:
            case "key":
                _say(public_bytes(create_key(arguments.out)).hex())
            case "lab":
                _say(lab(arguments.out))
            case "build":
                made = build(
                    role=arguments.role,
                    key=load_key(arguments.key),
                    keys=arguments.keys.read_bytes(),
                    out=arguments.out,
                    source=arguments.source,
                    lock=arguments.lock or REPOSITORY / "provisioning" / "locks" / f"{arguments.role}.lock",
                    cache=arguments.wheels,
                    folder=arguments.folder,
                )
                _say(str(made))
            case _:
                return verify(arguments.release, arguments.root, arguments.json)
    except (ReleaseFault, ContractError, OSError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    return 0


def build(
    *,
    role: str,
    key: Ed25519PrivateKey,
    keys: bytes,
    out: Path,
    source: Path = REPOSITORY,
    lock: Path,
    cache: Path | None = None,
    folder: bool = False,
) -> Path:
    """A release of the tree `source`; `keys` is the keys document, as MessagePack or JSON. Raises ReleaseFault."""
    document = _keys_document(keys, key)
    version = _version(source)
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"borne-{role}-{version}"
    with tempfile.TemporaryDirectory(prefix=".borne-release-", dir=out) as scratch:
        made = Path(scratch, target.name)
        wheels = made / "wheels"
        wheels.mkdir(parents=True)
        _locked_wheels(lock, wheels, cache or REPOSITORY / "build" / "release" / "wheels" / role)
        _own_wheel(source, wheels, Path(scratch, "source"))
        manifest = {
            "format": FORMAT,
            "version": version,
            "role": role,
            "built": _now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "machine": platform.machine(),
            "contract": _constant(source / "mqtt_schemas" / "messages.py", "VERSION"),
            "store": _constant(source / "border_agent" / "store" / "migrations.py", "VERSION"),
            "files": [
                {"name": f"wheels/{file.name}", "sha256": _sha256(file), "size": file.stat().st_size}
                for file in sorted(wheels.iterdir())
            ],
        }
        body = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
        signed = sign(key, SOFTWARE, body)
        (made / "release.json").write_bytes(body)
        (made / "release.sig").write_bytes(msgspec.json.encode({"key": signed.key, "signature": signed.signature}))
        (made / "keys.json").write_bytes(msgspec.json.encode(document))
        if folder:
            shutil.rmtree(target, ignore_errors=True)
            made.rename(target)
            return target
        return _packed(made, target.with_name(target.name + ".tar"))


def _now() -> datetime:
    """The time, or the one that whoever repeats a build has set."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(given), UTC) if given else datetime.now(UTC)


def lab(folder: Path) -> str:
    """Throw-away keys for a laboratory: root.pem, software.pem, keys.json; made once. The root's public key."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "keys.json").exists():
        root, software = create_key(folder / "root.pem"), create_key(folder / "software.pem")
        now = datetime.now(UTC)
        (folder / "keys.json").write_bytes(msgspec.json.encode(name_key(root, public_bytes(software), now)))
    return public_bytes(load_key(folder / "root.pem")).hex()


def name_key(root: Ed25519PrivateKey, public: bytes, at: datetime, version: int = 1) -> Signed:
    """A keys document that knows this one key. A centre's own comes from `borne centre keys-document`."""
    day, year = timedelta(days=1), timedelta(days=365)
    named = RoleKey(key=key_id(public), role=SOFTWARE, public=public, not_before=at - day, not_after=at + 3 * year)
    return sign_keys_document(root, KeysDocument(version=version, issued=at, expires=at + year, keys=(named,)))


def verify(release: Path, root: str, as_json: bool) -> int:
    """By the very program that devices verify with."""
    words = ["--json"] if as_json else []
    return subprocess.run([GUARD, "verify", release, "--root", root, *words], check=False).returncode


def _keys_document(data: bytes, key: Ed25519PrivateKey) -> Signed:
    """The document, once it names the key. Whether its root is the pinned one is for devices to say."""
    if data.startswith(b"{"):
        try:
            signed = msgspec.json.decode(data, type=Signed)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ReleaseFault(f"Document des clés illisible / unreadable keys document: {error}") from None
    else:
        signed = decode(Signed, data)
    ring = KeyRing(decode_body(KeysDocument, signed.body))
    ring.verify(sign(key, SOFTWARE, b""), SOFTWARE, at=datetime.now(UTC))
    return signed


def _locked_wheels(lock: Path, target: Path, cache: Path) -> None:
    """Every package of the lock as a wheel; what comes as source is built once, here and not on a device."""
    cache.mkdir(parents=True, exist_ok=True)
    stamp = cache / ".lock"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        for old in cache.glob("*.whl"):
            old.unlink()
        _pip("wheel", "--no-deps", "--require-hashes", "--no-build-isolation", "-r", lock, "-w", cache)
        stamp.write_text(wanted)
    count = len(_LOCKED.findall(lock.read_text(encoding="utf-8")))
    found = sorted(cache.glob("*.whl"))
    if len(found) != count:
        raise ReleaseFault(f"{cache}: {len(found)} paquets au lieu de {count} / packages instead of {count}")
    for wheel in found:
        # The cache is not written to while a release reads it, so a link does where the disk is the same.
        try:
            os.link(wheel, target / wheel.name)
        except OSError:
            shutil.copyfile(wheel, target / wheel.name)


def _own_wheel(source: Path, target: Path, scratch: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    scratch.mkdir()
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, scratch / part, ignore=ignore)
        else:
            shutil.copyfile(source / part, scratch / part)
    _pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", target, scratch)


def _pip(*words: str | Path) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", "-q", *map(str, words)]
    ran = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise ReleaseFault(f"pip: {ran.stderr.strip()[-2000:]}")


def _packed(made: Path, target: Path) -> Path:
    """What is verified first comes first, so that a reader refuses a release before it reads its wheels."""
    part = target.with_name(f".{target.name}.part")
    names = ["release.json", "release.sig", "keys.json", *sorted(f"wheels/{file.name}" for file in made.glob("*/*"))]
    with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            info = tar.gettarinfo(str(made / name), name)
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mode, info.mtime, info.type, info.linkname = 0o644, int(EPOCH), tarfile.REGTYPE, ""
            info.size = (made / name).stat().st_size
            with (made / name).open("rb") as file:
                tar.addfile(info, file)
    part.replace(target)
    return target


def _version(source: Path) -> str:
    text = (source / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise ReleaseFault(f"{source}: pas de version / no version")
    return found[1]


def _constant(file: Path, name: str) -> object:
    """A constant of a module, without importing it: the tree need not be the one that runs."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return ast.literal_eval(node.value)  # type: ignore[attr-defined]
    raise ReleaseFault(f"{file}: {name} ?")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Versions signées de Borne / signed releases of Borne")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_text in (
        ("key", "une clé pour signer les versions / a key that signs releases"),
        ("lab", "clés jetables pour un laboratoire / throw-away keys for a laboratory"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("--out", type=Path, required=True)
    making = commands.add_parser("build", help="fait une version signée / builds a signed release")
    making.add_argument("--role", choices=ROLES, required=True)
    making.add_argument("--key", type=Path, required=True, help="clé privée « software » / private key")
    making.add_argument("--keys", type=Path, required=True, help="document des clés / keys document")
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--source", type=Path, default=REPOSITORY)
    making.add_argument("--lock", type=Path)
    making.add_argument("--wheels", type=Path, help="dossier où les paquets restent / where packages are kept")
    making.add_argument("--folder", action="store_true", help="un dossier, pas un tar / a folder, no tar")
    checking = commands.add_parser("verify", help="vérifie comme un appareil / verifies as a device does")
    checking.add_argument("release", type=Path)
    checking.add_argument("--root", required=True, help="clé racine, 64 chiffres / root key, 64 digits")
    checking.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
