"""What of this tree goes onto the medium, and what the device needs to know of it."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import yaml
from medium_wheels import BUILT_AT
from release import PARTS

# Programs of the controlling machine and what only they read stay at home.
_LEFT_OUT = shutil.ignore_patterns("tools", "inventories", "medium", "locks", "__pycache__", "*.pyc", "*.retry", ".*")
_KINDS = {"centres": "centre", "posts": "post", "kiosks": "kiosk"}
_TEXT = (".yml", ".yaml", ".j2", ".py", ".cfg", ".json")


class ContentError(Exception):
    """This tree lacks something the medium must hold."""


def playbooks(provisioning: Path, inventory: Path, target: Path) -> None:
    """site.yml, roles and plugins, with one inventory: a medium is for one country."""
    shutil.copytree(provisioning, target, ignore=_LEFT_OUT)
    shutil.copytree(inventory, target / "inventories/medium", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    # What every inventory may say is read beside it, before any device is touched.
    for path in (provisioning / "inventories").glob("*.yml"):
        shutil.copyfile(path, target / "inventories" / path.name)


def snapshot(project: Path, target: Path) -> Path:
    """The sources of Borne's own package as they are now: all roles get one and the same."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for part in PARTS:
        if (project / part).is_dir():
            shutil.copytree(project / part, target / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copyfile(project / part, target / part)
    return target


def devices(inventory: Path) -> dict[str, str]:
    """Every device of an inventory with its kind: centre, post or kiosk."""
    tree = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    _walk(tree or {}, "", found)
    if not found:
        raise ContentError(f"{inventory}: ni borne, ni poste, ni centre / no kiosk, post or centre")
    return dict(sorted(found.items()))


def _walk(groups: dict[str, Any], kind: str, found: dict[str, str]) -> None:
    for name, group in groups.items():
        mine = _KINDS.get(name, kind)
        body = group or {}
        if mine:
            found.update(dict.fromkeys(body.get("hosts") or {}, mine))
        _walk(body.get("children") or {}, mine, found)


def collections(provisioning: Path, wheel: Path, target: Path) -> tuple[str, ...]:
    """Of Ansible's hundred collections, those our playbooks name, in one tar: 50 MB on the stick become 5.

    Every name is looked for in the text of our roles, so a collection that a new task uses is there by itself.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        known = {".".join(name.split("/")[1:3]) for name in names if name.endswith("/MANIFEST.json")}
        text = "".join(
            path.read_text(encoding="utf-8")
            for path in sorted(provisioning.rglob("*"))
            if path.suffix in _TEXT and path.is_file() and "medium" not in path.relative_to(provisioning).parts
        )
        used = sorted(name for name in known if re.search(rf"\b{re.escape(name)}\.[a-z]", text))
        todo = list(used)
        while todo:
            manifest = archive.read(f"ansible_collections/{todo.pop().replace('.', '/')}/MANIFEST.json")
            asked = json.loads(manifest)["collection_info"]["dependencies"]
            todo += [name for name in asked if name not in used]
            used += [name for name in asked if name not in used]
        with tarfile.open(target, "w") as tar:
            for name in sorted(names):
                if ".".join(name.split("/")[1:3]) in used and not name.endswith("/") and "/tests/" not in name:
                    data = archive.read(name)
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mtime, entry.mode = len(data), int(BUILT_AT), 0o644
                    tar.addfile(entry, io.BytesIO(data))
    return tuple(sorted(used))


def version(project: Path) -> str:
    """Borne's own version."""
    return str(tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def commit(project: Path) -> str:
    """The revision a medium is made from, marked where the tree had changes of its own."""
    told = subprocess.run(
        ["git", "-C", project, "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() if told.returncode == 0 else ""
