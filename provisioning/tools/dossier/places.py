"""Where the dossier finds what it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

REPOSITORY: Final = Path(__file__).resolve().parents[3]
PROVISIONING: Final = REPOSITORY / "provisioning"
ROLES: Final = PROVISIONING / "roles"
LOCKS: Final = PROVISIONING / "locks"
INVENTORY: Final = PROVISIONING / "inventories" / "exemple"
BUILD: Final = REPOSITORY / "build"
PACKAGES: Final = ("border_agent", "firmware_bridge", "kiosk_app", "mqtt_schemas")
ENVIRONMENTS: Final = tuple(
    REPOSITORY / name / "lib" / "python3.11" / "site-packages" for name in (".venv", ".venv-provisioning")
)


def read_yaml(file: Path) -> Any:
    """A YAML file; an empty one is an empty mapping."""
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}


def in_repository(file: Path) -> str:
    """A file's name as it is told."""
    return str(file.relative_to(REPOSITORY))
