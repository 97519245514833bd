"""The inventory's files as they are written: doubled keys, and variables that nobody reads.

YAML keeps the last of two equal keys without a word, and Ansible ignores a variable that nobody reads.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from .finding import Finding


@dataclass(frozen=True)
class Key:
    """A key as it stands in a file."""

    name: str
    file: str
    line: int
    path: tuple[str, ...]
    """The keys above it."""
    mapping: int
    """Where in the file the mapping begins that it stands in."""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


def keys_of(text: str, file: str) -> Iterator[Key]:
    """Every key of a YAML document, those too that a later one of the same name hides. Raises yaml.YAMLError."""

    def walk(node: yaml.Node | None, above: tuple[str, ...]) -> Iterator[Key]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = str(getattr(key, "value", ""))
                yield Key(name, file, key.start_mark.line + 1, above, node.start_mark.index)
                yield from walk(value, (*above, name))

    yield from walk(yaml.compose(text, Loader=yaml.SafeLoader), ())


def inventory_files(sources: Iterable[Path]) -> list[Path]:
    """The files of an inventory: each source (a file, or the files of a folder), and the variables beside it."""
    found: list[Path] = []
    for source in sources:
        folder = source if source.is_dir() else source.parent
        if source.is_dir():
            found += [
                one for one in sorted(folder.iterdir()) if one.is_file() and one.suffix in (".yml", ".yaml", "")
            ]
        else:
            found.append(source)
        for name in ("group_vars", "host_vars"):
            found += sorted(one for one in (folder / name).rglob("*.y*ml") if one.is_file())
    return list(dict.fromkeys(found))


def _is_variable_file(key_file: Path) -> bool:
    return "group_vars" in key_file.parts or "host_vars" in key_file.parts


def check_files(files: Iterable[Path], known: frozenset[str]) -> list[Finding]:
    """Doubled keys, and variables that nobody reads."""
    found: list[Finding] = []
    for file in files:
        try:
            keys = list(keys_of(file.read_text(encoding="utf-8"), f"{file.parent.name}/{file.name}"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            found.append(Finding("inventory.unreadable", str(file), f"illisible, {reason}", f"unreadable, {reason}"))
            continue
        found += _doubled(keys)
        for key in keys:
            if _is_variable(key, file) and key.name not in known and not key.name.startswith("ansible_"):
                found.append(_unknown(key, known))
    return found


def _doubled(keys: Iterable[Key]) -> Iterator[Finding]:
    first: dict[tuple[int, str], Key] = {}
    for key in keys:
        seen = first.setdefault((key.mapping, key.name), key)
        if seen is key:
            continue
        if key.path and key.path[-1] == "hosts":
            yield Finding(
                "device.twice",
                key.where,
                f"deux appareils portent le nom « {key.name} » (déjà ligne {seen.line})".replace(
                    "« ", "«\u00a0"
                ).replace(" »", "\u00a0»"),
                f"two devices have the name {key.name} (already on line {seen.line})",
            )
        else:
            yield Finding(
                "inventory.twice",
                key.where,
                f"{key.name} est écrit deux fois (déjà ligne {seen.line})",
                f"{key.name} is written twice (already on line {seen.line})",
            )


def _is_variable(key: Key, file: Path) -> bool:
    """A variable stands at the top of a variables file, under a device, or under `vars`."""
    if _is_variable_file(file):
        return not key.path
    return (len(key.path) > 1 and key.path[-2] == "hosts") or (bool(key.path) and key.path[-1] == "vars")


def _unknown(key: Key, known: frozenset[str]) -> Finding:
    near = difflib.get_close_matches(key.name, sorted(known), n=1, cutoff=0.6)
    french = f"{key.name} n’est lu par personne" + (f" ; vouliez-vous {near[0]}\u00a0?" if near else "")
    english = f"nobody reads {key.name}" + (f"; did you mean {near[0]}?" if near else "")
    return Finding("variable.unknown", key.where, french.replace(" ;", "\u00a0;"), english)


def known_variables(roles: Path, shared: Path) -> frozenset[str]:
    """The options of every role, the defaults they set, and the list of shared variables."""
    known = set(yaml.safe_load(shared.read_text(encoding="utf-8")))
    for specs in roles.glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(specs.read_text(encoding="utf-8"))["argument_specs"].values():
            known |= set(entry.get("options", ()))
    for defaults in roles.glob("*/defaults/main.yml"):
        known |= set(yaml.safe_load(defaults.read_text(encoding="utf-8")) or ())
    return frozenset(known)
