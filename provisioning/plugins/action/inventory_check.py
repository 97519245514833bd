"""The step that ends a run before any device is touched, with words that say what to mend in the inventory."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

PROVISIONING = Path(__file__).resolve().parent.parent.parent


def _logic() -> ModuleType:
    """By path: what stands in module_utils is importable on devices only, and this runs on the controller."""
    folder = PROVISIONING / "plugins" / "module_utils" / "borne_inventory"
    spec = importlib.util.spec_from_file_location(
        "borne_inventory", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset[str]()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        logic = _logic()
        variables = task_vars or {}
        known = logic.known_variables(PROVISIONING / "roles", PROVISIONING / "inventories" / "variables.yml")
        sources = [Path(one) for one in variables.get("ansible_inventory_sources") or ()]
        found = logic.check_files(logic.inventory_files(sources), known)
        devices: dict[str, dict[str, Any]] = {}
        for name, host in variables["hostvars"].items():
            values = {}
            for option in logic.READ:
                try:
                    values[option] = host.get(option)
                except AnsibleError as error:
                    words = f"{option}: {error}"
                    found.append(logic.Finding("value.unreadable", name, words, words))
            devices[name] = values
        found += logic.check_devices(devices, variables["groups"])
        result["findings"] = [{"code": one.code, "where": one.where, "words": str(one)} for one in found]
        if found:
            result["failed"] = True
            head = "Inventaire à corriger, rien n’a été touché / the inventory must be mended, nothing was touched:"
            result["msg"] = "\n".join([head, *(f"- {one}" for one in found)])
        return result
