"""Every component of every machine: Python packages by the locks, Debian's by the roles, what is vendored, models.

Versions of Python packages are the locks'; their licences come from the installed packages' own metadata. Debian's
versions and licences come from converged roots (`--root`) where some are given; else the lists of this machine's own
apt say the version, and for the licence Debian's archive answers.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from dossier.places import ENVIRONMENTS, LOCKS, REPOSITORY, ROLES, read_yaml

UNKNOWN = ""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_ELSEWHERE = "sys_platform == 'win32'"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SPDX = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_CLASSIFIER = "License :: OSI Approved :: "
_FROM_WORDS = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache-2.0 license": "Apache-2.0",
    "boost software license": "BSL-1.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "cc0": "CC0-1.0",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0",
    "eclipse public license v2.0": "EPL-2.0",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gpl-3.0-or-later": "GPL-3.0-or-later",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "lgpl": "LGPL-3.0-or-later",
    "gnu library or lesser general public license (lgpl)": "LGPL-3.0-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit no attribution license (mit-0)": "MIT-0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "zlib": "Zlib",
    "zlib license": "Zlib",
}


_SENTENCES = (
    ("Apache License Version 2.0", "Apache-2.0"),
    ("Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    ("may be used to endorse or promote products", "BSD-3-Clause"),
    ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
    ("This software is provided 'as-is', without any express or implied warranty", "Zlib"),
)


class Component(Struct, frozen=True, kw_only=True, order=True):
    """One thing somebody else has made, that a machine of ours holds."""

    kind: str
    """python, debian, vendored, model."""
    name: str
    version: str
    licence: str = UNKNOWN
    """SPDX where it can be told; empty: unknown."""
    roles: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    """SHA-256 of its files."""
    source: str = ""
    """What says so."""


def python_components() -> list[Component]:
    """Of all locks, each package once."""
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for lock in sorted(LOCKS.glob("*.lock")):
        if lock.stem == "provisioning":  # checks of the playbooks: on no machine of a country
            continue
        for name, version, hashes in read_lock(lock.read_text(encoding="utf-8")):
            roles, known = found.setdefault((name, version), (set(), set()))
            roles.add(lock.stem)
            known.update(hashes)
    return [
        Component(
            kind="python",
            name=name,
            version=version,
            licence=python_licence(name),
            roles=tuple(sorted(roles)),
            hashes=tuple(sorted(hashes)),
            source="provisioning/locks",
        )
        for (name, version), (roles, hashes) in sorted(found.items())
    ]


def read_lock(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and hashes of each package of a lock."""
    for block in re.split(r"\n(?=\S)", text):
        pin = _PIN.match(block)
        if pin and _ELSEWHERE not in block.split("--hash", 1)[0]:  # never on a Debian
            yield re.sub(r"[-_.]+", "-", pin[1]).lower(), pin[2], _HASH.findall(block)


def python_licence(name: str) -> str:
    """A package's licence by its own metadata, as SPDX where it can be told."""
    for folder in ENVIRONMENTS:
        found = next(iter(importlib.metadata.distributions(name=name, path=[str(folder)])), None)
        if found is None:
            continue
        metadata = found.metadata
        if expression := metadata["License-Expression"]:
            return str(expression)
        classifiers = metadata.get_all("Classifier") or ()
        words = [one.removeprefix(_CLASSIFIER) for one in classifiers if one.startswith(_CLASSIFIER)]
        stated = str(metadata["License"] or "").strip().split("\n")[0]
        return _spdx([stated, *words]) or _by_text(found)
    return UNKNOWN


def _by_text(package: importlib.metadata.Distribution) -> str:
    """Where the metadata names no licence, the licence's own sentences do."""
    for file in package.files or ():
        if ".dist-info" in str(file) and file.name.upper().startswith(("LICENSE", "COPYING")):
            text = " ".join(file.read_text().split())
            return next((licence for sentence, licence in _SENTENCES if sentence in text), UNKNOWN)
    return UNKNOWN


def _spdx(stated: list[str]) -> str:
    for words in stated:
        if known := _FROM_WORDS.get(words.lower().rstrip(".")):
            return known
    return next((words for words in stated if _SPDX.fullmatch(words) and words.upper() != "UNKNOWN"), UNKNOWN)


def debian_components(roots: list[Path]) -> list[Component]:
    """What the roles install; with converged roots also what that brought along, with versions and licences."""
    wanted: dict[str, set[str]] = {}
    for variables in sorted(ROLES.glob("*/vars/main.yml")):
        for name, value in read_yaml(variables).items():
            if name.endswith("_packages") and "removed" not in name and isinstance(value, list):
                for package in value:
                    wanted.setdefault(str(package), set()).add(variables.parts[-3])
    installed = {name: (version, root) for root in roots for name, version in _installed(root).items()}
    offered = _candidates(sorted(wanted.keys() - installed.keys()))
    found = []
    for name in sorted({*wanted, *installed}):
        version, root = installed.get(name, (offered.get(name, UNKNOWN), None))
        found.append(
            Component(
                kind="debian",
                name=name,
                version=version,
                licence=_debian_licence(root, name) if root is not None else UNKNOWN,
                roles=tuple(sorted(wanted.get(name, ()))),
                source="dpkg" if root is not None else "apt" if name in offered else "provisioning/roles",
            )
        )
    return found


def _installed(root: Path) -> dict[str, str]:
    status = root / "var" / "lib" / "dpkg" / "status"
    found = {}
    for block in status.read_text(encoding="utf-8", errors="replace").split("\n\n") if status.exists() else ():
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", block, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            found[fields["Package"]] = fields["Version"]
    return found


def _candidates(names: list[str]) -> dict[str, str]:
    """What this machine's apt would install; nothing where it has no lists, or nothing is asked."""
    if not names:
        return {}
    try:
        ran = subprocess.run(["apt-cache", "policy", *names], capture_output=True, text=True, check=False)
    except OSError:
        return {}
    found = re.findall(r"^(\S+):\n.*\n  Candidate: (\S+)$", ran.stdout, re.MULTILINE)
    return {name: version for name, version in found if version != "(none)"}


def _debian_licence(root: Path, name: str) -> str:
    """Of a machine-readable copyright file, every licence it names."""
    file = root / "usr" / "share" / "doc" / name / "copyright"
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return UNKNOWN
    if not text.lstrip().startswith("Format:"):
        return "see copyright"
    named = {line.strip() for line in re.findall(r"^License:[ \t]*(\S.*)$", text, re.MULTILINE)}
    return ", ".join(sorted(named)) or "see copyright"


def vendored_components() -> list[Component]:
    """Files of others in our tree: the pages' scripts, with the checksums that a test holds them to."""
    folder = REPOSITORY / "border_agent" / "console" / "static" / "vendor"
    lines = (folder / "CHECKSUMS").read_text(encoding="utf-8").splitlines()
    sums = {line.split()[1]: line.split()[0] for line in lines if line.strip()}
    return [
        Component(
            kind="vendored",
            name=name,
            version=_script_version(folder / name),
            licence="0BSD",
            roles=("post",),
            hashes=(sums[name],),
            source="border_agent/console/static/vendor",
        )
        for name in sorted(sums)
        if name.endswith(".js")
    ]


def _script_version(file: Path) -> str:
    found = re.search(
        r"version:\s*\"([0-9][\w.-]*)\"|([0-9]+\.[0-9]+\.[0-9]+)", file.read_text(encoding="utf-8")[:200_000]
    )
    return (found[1] or found[2]) if found else UNKNOWN


def model_components() -> list[Component]:
    """The face models as they lie in their package, and which of them the code opens."""
    folder = ENVIRONMENTS[0] / "face_recognition_models" / "models"
    code = (REPOSITORY / "border_agent" / "decoding" / "faces.py").read_text(encoding="utf-8")
    return [
        Component(
            kind="model",
            name=file.stem,
            version=importlib.metadata.version("face-recognition-models"),
            licence=_MODEL_LICENCES.get(file.stem, "CC0-1.0"),
            roles=("kiosk", "post") if f'"{file.name}"' in code else (),
            hashes=(hashlib.sha256(file.read_bytes()).hexdigest(),),
            source="face-recognition-models",
        )
        for file in sorted(folder.glob("*.dat"))
    ]


_MODEL_LICENCES = {"shape_predictor_68_face_landmarks": "iBUG 300-W: no commercial use"}
"""Against what the package says of itself: the author of the models says so of this one. The code never opens it."""


def all_components(roots: list[Path]) -> list[Component]:
    return [*python_components(), *debian_components(roots), *vendored_components(), *model_components()]
