"""Which machine this is, for people to compare at enrolment; nothing of a person."""

from __future__ import annotations

from pathlib import Path

from border_agent.upkeep.credentials import sealed_to
from mqtt_schemas.enrolment import MachineFacts

_LONGEST = 120
_NAMELESS = ("", "none", "default string", "to be filled by o.e.m.", "not specified", "system serial number")


def machine_facts(software: str, *, plain: bool = False, root: Path = Path("/")) -> MachineFacts:
    """What the machine says of itself; what it does not say is empty. `root` is for tests."""
    dmi = root / "sys/class/dmi/id"
    return MachineFacts(
        maker=_line(dmi / "sys_vendor"),
        model=_line(dmi / "product_name"),
        serial=_line(dmi / "product_serial"),
        processor=_field(root / "proc/cpuinfo", "model name", ":"),
        memory_mib=int(_field(root / "proc/meminfo", "MemTotal", ":").split(" ")[0] or 0) // 1024,
        system=_field(root / "etc/os-release", "PRETTY_NAME", "=").strip('"'),
        software=software,
        sealed_to="plain" if plain else sealed_to(),
    )


def _line(file: Path) -> str:
    text = _read(file).strip()[:_LONGEST]
    return "" if text.lower() in _NAMELESS else text


def _field(file: Path, name: str, separator: str) -> str:
    for line in _read(file).splitlines():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()[:_LONGEST]
    return ""


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
