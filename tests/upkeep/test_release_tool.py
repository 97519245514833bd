"""The tool that builds releases: what it puts in, what it refuses, and that the same tree gives the same bytes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from guard_kit import GUARD, NOW, Keys, wheel

from border_agent.store.migrations import VERSION as STORE
from mqtt_schemas.errors import BadSignature
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.messages import VERSION as CONTRACT

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "provisioning" / "tools" / "release.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_tool", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = load()


class Bench:
    """A lock of one small package, its wheel in the cache."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys = folder, Keys()
        self.cache, self.lock = folder / "cache", folder / "post.lock"
        self.cache.mkdir()
        self.lock.write_text("helper==1.0 \\\n    --hash=sha256:00\n", encoding="ascii")
        wheel(self.cache, "helper", "1.0")
        (self.cache / ".lock").write_text(hashlib.sha256(self.lock.read_bytes()).hexdigest(), encoding="ascii")

    def build(self, **more: Any) -> Path:
        options: dict[str, Any] = {
            "role": "post",
            "key": self.keys.software,
            "keys": msgspec.json.encode(self.keys.document()),
            "out": self.folder / "out",
            "lock": self.lock,
            "cache": self.cache,
        }
        made: Path = TOOL.build(**{**options, **more})
        return made


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_release_says_what_it_is_and_the_guard_believes_it(bench: Bench) -> None:
    made = bench.build()
    with tarfile.open(made) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("release.json"))  # type: ignore[arg-type]
    assert names[:3] == ["release.json", "release.sig", "keys.json"], "what is verified first comes first"
    assert sorted(names[3:]) == sorted(file["name"] for file in manifest["files"])
    assert (manifest["store"], manifest["contract"], manifest["role"]) == (STORE, CONTRACT, "post")
    assert made.name == f"borne-post-{manifest['version']}.tar"
    root = public_bytes(bench.keys.root).hex()
    assert subprocess.run([GUARD, "verify", made, "--root", root], capture_output=True).returncode == 0
    assert not [path for path in (bench.folder / "out").iterdir() if path.name.startswith(".")]


def test_the_same_tree_gives_the_same_wheel(bench: Bench) -> None:
    """What has not changed has the same hash, and so does not travel again."""
    first, second = (
        bench.build(out=bench.folder / "one", folder=True),
        bench.build(out=bench.folder / "two", folder=True),
    )
    for file in (first / "wheels").iterdir():
        assert file.read_bytes() == (second / "wheels" / file.name).read_bytes(), file.name


def test_a_key_that_the_document_does_not_name_builds_nothing(bench: Bench) -> None:
    with pytest.raises(BadSignature):
        bench.build(key=Ed25519PrivateKey.generate())
    with pytest.raises(BadSignature):
        bench.build(keys=msgspec.json.encode(bench.keys.document(role="ack")))
    with pytest.raises(BadSignature):
        bench.build(keys=msgspec.json.encode(bench.keys.document(until=NOW)))
    assert not (bench.folder / "out").exists()


def test_a_package_that_is_missing_is_told(bench: Bench) -> None:
    (bench.cache / "helper-1.0-py3-none-any.whl").unlink()
    with pytest.raises(TOOL.ReleaseFault):
        bench.build()


@pytest.mark.parametrize("data", [b"", b"{", b'{"role": 1}', b"\x81", b"{" * 100_000])
def test_a_keys_document_that_is_none_exits_2(bench: Bench, data: bytes) -> None:
    TOOL.lab(bench.folder / "lab")
    keys = bench.folder / "keys"
    keys.write_bytes(data)
    words = ["build", "--role", "post", "--key", bench.folder / "lab" / "software.pem", "--keys", keys]
    ran = subprocess.run(
        [sys.executable, PROGRAM, *words, "--out", bench.folder / "out"], capture_output=True, text=True
    )
    assert ran.returncode == 2 and "Traceback" not in ran.stderr


def test_laboratory_keys_are_made_once(tmp_path: Path) -> None:
    first = TOOL.lab(tmp_path / "lab")
    assert TOOL.lab(tmp_path / "lab") == first and len(first) == 64
    for name in ("root.pem", "software.pem"):
        assert (tmp_path / "lab" / name).stat().st_mode & 0o077 == 0
