"""Results of checks that somebody ran: hardening tools and tests. What was not run is not told as if it had been."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from msgspec import Struct

from dossier.places import BUILD

FOLDERS = (BUILD / "hardening", BUILD / "vm")
_XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"
_LARGEST = 200 * 1024 * 1024


class Hardening(Struct, frozen=True, kw_only=True, order=True):
    """What one tool said of one machine."""

    tool: str
    machine: str
    score: str
    detail: str = ""
    file: str = ""


class Tests(Struct, frozen=True, kw_only=True):
    """What one run of tests came to."""

    __test__ = False

    total: int
    failed: int
    skipped: int
    seconds: int
    file: str


def hardening(folders: tuple[Path, ...] = FOLDERS) -> list[Hardening]:
    """Reports of lynis (.dat), OpenSCAP (XCCDF, .xml) and our own (.json), of whoever kept them."""
    found: list[Hardening] = []
    for folder in folders:
        for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if not file.is_file() or file.stat().st_size > _LARGEST:
                continue
            reader = {".dat": _lynis, ".xml": _openscap, ".json": _own}.get(file.suffix)
            if reader is not None and (result := reader(file)) is not None:
                found.append(result)
    return sorted(found)


def _machine(file: Path) -> str:
    return (
        re.sub(
            r"^(lynis|oscap|openscap|xccdf|report)[-_.]?|[-_.]?(lynis|oscap|openscap|xccdf|results?|report)$",
            "",
            file.stem,
        )
        or file.parent.name
    )


def _lynis(file: Path) -> Hardening | None:
    text = file.read_text(encoding="utf-8", errors="replace")
    index = re.search(r"^hardening_index=(\d+)$", text, re.MULTILINE)
    if index is None:
        return None
    warnings, hints = (len(re.findall(rf"^{word}\[\]=", text, re.MULTILINE)) for word in ("warning", "suggestion"))
    return Hardening(
        tool="lynis",
        machine=_machine(file),
        score=f"{index[1]}/100",
        detail=f"{warnings} warnings, {hints} suggestions",
        file=file.name,
    )


def _openscap(file: Path) -> Hardening | None:
    counts: dict[str, int] = {}
    score = ""
    try:
        # Written by OpenSCAP on this machine; streamed, for such a report has tens of megabytes.
        for _, element in ElementTree.iterparse(file):  # noqa: S314
            if element.tag == f"{_XCCDF}rule-result":
                result = element.find(f"{_XCCDF}result")
                name = result.text or "" if result is not None else ""
                counts[name] = counts.get(name, 0) + 1
                element.clear()
            elif element.tag == f"{_XCCDF}score" and element.text:
                score = f"{float(element.text):.1f}/100"
    except (ElementTree.ParseError, OSError, ValueError):
        return None
    if not counts:
        return None
    detail = ", ".join(f"{counts.get(word, 0)} {word}" for word in ("pass", "fail", "notapplicable"))
    return Hardening(tool="OpenSCAP", machine=_machine(file), score=score or "—", detail=detail, file=file.name)


def _own(file: Path) -> Hardening | None:
    try:
        read: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(read, dict) or not {"tool", "score"} <= set(read):
        return None
    words = {key: str(read.get(key, "")) for key in ("tool", "machine", "score", "detail")}
    return Hardening(**{**words, "machine": words["machine"] or _machine(file)}, file=file.name)


def tests(files: list[Path]) -> list[Tests]:
    """Of JUnit files. One that cannot be read is left out."""
    found = []
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()  # noqa: S314  (written by our own test run)
        except (ElementTree.ParseError, OSError):
            continue
        suites = [root] if root.tag == "testsuite" else root.findall("testsuite")

        def total(name: str, among: list[ElementTree.Element] = suites) -> int:
            return round(sum(float(suite.get(name, 0)) for suite in among))

        found.append(
            Tests(
                total=total("tests"),
                failed=total("failures") + total("errors"),
                skipped=total("skipped"),
                seconds=total("time"),
                file=file.name,
            )
        )
    return found
