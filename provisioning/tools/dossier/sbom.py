"""The list of components as CycloneDX 1.6. The same components give the same file, byte for byte."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

from dossier.components import Component

_TYPES = {"python": "library", "debian": "library", "vendored": "file", "model": "machine-learning-model"}
_SPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


def purl(one: Component) -> str:
    """The package URL; what lies in our tree or in another package has none of its own."""
    version = quote(one.version, safe="")
    match one.kind:
        case "python":
            return f"pkg:pypi/{one.name}@{version}"
        case "debian":
            return f"pkg:deb/debian/{one.name}" + (f"@{version}" if version else "") + "?distro=bookworm"
        case _:
            return f"pkg:generic/{one.name}" + (f"@{version}" if version else "")


def make_sbom(components: list[Component], version: str) -> dict[str, Any]:
    listed = [_entry(one) for one in components]
    names = "\n".join([f"borne {version}", *(entry["bom-ref"] for entry in listed)])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, names)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"borne@{version}",
                "name": "borne",
                "version": version,
                "licenses": [{"license": {"id": "EUPL-1.2"}}],
            }
        },
        "components": listed,
        "dependencies": [{"ref": f"borne@{version}", "dependsOn": [entry["bom-ref"] for entry in listed]}],
    }


def _entry(one: Component) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": _TYPES[one.kind],
        "bom-ref": f"{one.kind}:{one.name}@{one.version}",
        "name": one.name,
        "version": one.version,
        "purl": purl(one),
    }
    if one.kind in ("vendored", "model"):
        entry["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in one.hashes]
    if one.licence:
        # Debian has names of its own for licences: GPL-2+ is no SPDX identifier.
        debian = one.kind == "debian"
        entry["licenses"] = [{"license": {"name": one.licence}} if debian else _licence(one.licence)]
    entry["properties"] = [{"name": "borne:role", "value": role} for role in one.roles]
    if one.kind == "python":
        # A release has one file for each platform: whoever installs accepts any of these and no other.
        entry["properties"] += [{"name": "borne:sha256", "value": digest} for digest in one.hashes]
    return entry


def _licence(words: str) -> dict[str, Any]:
    if any(f" {operator} " in words for operator in ("AND", "OR", "WITH")):
        return {"expression": words}
    known = all(letter.isalnum() or letter in ".-+" for letter in words)
    return {"license": {"id": words} if (known and "-" in words) or words in _SHORT else {"name": words}}


_SHORT = {"MIT", "ISC", "0BSD", "Zlib", "Unlicense"}
