"""Addresses written in the code, the roles and the pages: every one of them must be known here, and none is contacted
that is not the country's own.

A name of the reserved domains (example, invalid, test, localhost) is nobody's. A namespace is a word that looks like
an address; nobody opens it. Anything else is foreign, and a test fails on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from dossier.places import PACKAGES, PROVISIONING, REPOSITORY, in_repository

_URL = re.compile(r"\b(?:https?|mqtts?|wss?|ftp|ntp|ldaps?|ssh|git|ocsp)://([A-Za-z0-9_.\-\[\]:]+)")
_RESERVED = re.compile(r"(^|\.)(example(\.(com|net|org))?|invalid|test|localhost|local)$")
_READ = {".py", ".yml", ".yaml", ".j2", ".html", ".js", ".css", ".svg", ".kv", ".toml", ".conf", ".service", ".json",
         ".sql", ".sh", ".txt", ".cfg", ".rules", ".po"}  # fmt: skip
_LOCAL = {"localhost", "127.0.0.1", "::1", "agent", "0.0.0.0"}  # noqa: S104  (a word to be found, nothing is bound)
_DOCUMENTATION = re.compile(r"^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$")
_PLACEHOLDERS = {"host", "name", "nom", "h", "x", "..."}

NAMESPACES = {
    "www.w3.org": "SVG, XML",
    "json-schema.org": "JSON Schema",
    "cyclonedx.org": "CycloneDX",
    "checklists.nist.gov": "XCCDF",
}
"""Words that look like addresses: names of formats. Nobody opens them."""


class Mention(Struct, frozen=True, order=True):
    """A host, and a file that names it."""

    host: str
    kind: str
    """local, reserved, namespace, template, foreign."""
    file: str


def mentions(folders: tuple[Path, ...] | None = None) -> list[Mention]:
    """Every address with a scheme in everything that is installed or run on a device."""
    wanted = folders or (*(REPOSITORY / name for name in PACKAGES), PROVISIONING)
    return sorted({found for folder in wanted for file in _files(folder) for found in _of(file)})


def foreign(found: list[Mention]) -> list[Mention]:
    return [mention for mention in found if mention.kind == "foreign"]


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in _READ and "locks" not in file.parts and "__pycache__" not in file.parts:
            yield file


def _of(file: Path) -> Iterator[Mention]:
    text = file.read_text(encoding="utf-8", errors="replace")
    name = in_repository(file) if file.is_relative_to(REPOSITORY) else str(file)
    for found in _URL.finditer(text):
        host = found[1].split("]")[0].lstrip("[") if found[1].startswith("[") else found[1].split(":")[0]
        host = host.rstrip(".").lower()
        yield Mention(host, _kind(host), name)


def _kind(host: str) -> str:
    if host in _LOCAL:
        return "local"
    if _RESERVED.search(host) or _DOCUMENTATION.match(host):
        return "reserved"
    if host in NAMESPACES:
        return "namespace"
    if not host or host in _PLACEHOLDERS or "." not in host:
        return "template"
    return "foreign"
