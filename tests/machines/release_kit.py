"""Signed releases of this tree for the machine tests: built once a session by the release tool."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from root_kit import REPOSITORY, Root

from mqtt_schemas.keys import public_bytes
from tests.upkeep.next_release import make_tree


@cache
def release_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_tool", REPOSITORY / "provisioning/tools/release.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Releases:
    """A country's root, its key for releases, and releases signed by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tool = release_tool()
        self.tool.lab(folder / "keys")
        self.root = public_bytes(self.tool.load_key(folder / "keys" / "root.pem")).hex()

    def build(self, version: str, role: str = "post", key: Ed25519PrivateKey | None = None) -> Path:
        """The tree under this version; what the lock names is the same in each."""
        made: Path = self.tool.build(
            role=role,
            key=key or self.tool.load_key(self.folder / "keys" / "software.pem"),
            keys=(self.folder / "keys" / "keys.json").read_bytes(),
            out=self.folder / "out",
            source=make_tree(self.folder / f"tree-{version}", version),
            lock=REPOSITORY / "provisioning" / "locks" / f"{role}.lock",
        )
        return made

    def variables(self, version: str, file: Path, **more: Any) -> dict[str, Any]:
        return {
            "borne_live": False,
            "borne_root": self.root,
            "borne_release": version,
            "borne_release_file": str(file),
            **more,
        }


def guard(root: Root, *words: str, check: bool = True) -> dict[str, Any]:
    """What the guard on the device answers."""
    found: dict[str, Any] = json.loads(root.run("/usr/lib/borne/guard", *words, "--json", check=check).stdout)
    return found
