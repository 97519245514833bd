"""Roles without Ansible: a device's variables from the example inventory, and a role's templates rendered with them.

Enough of Ansible's templating for our own roles, so that every device of the example is rendered in a second.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined
from jinja2.nativetypes import NativeEnvironment

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROVISIONING = REPOSITORY / "provisioning"
EXAMPLE = PROVISIONING / "inventories" / "exemple"


def _prepare(environment: Environment) -> Environment:
    environment.filters.update(
        bool=lambda value: str(value).lower() in ("true", "yes", "1"),
        dict2items=lambda value: [{"key": key, "value": one} for key, one in value.items()],
        extract=lambda key, container: container[key],
        regex_replace=lambda value, pattern, by: re.sub(pattern, by, value),
        to_json=lambda value, ensure_ascii=True: json.dumps(value, ensure_ascii=ensure_ascii),
    )
    environment.tests["match"] = lambda value, pattern: re.match(pattern, value) is not None
    return environment


_TEXTS = _prepare(Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True))
_VALUES = _prepare(NativeEnvironment(undefined=StrictUndefined, trim_blocks=True))


class Variables(Mapping[str, Any]):
    """A device's variables; what is written as an expression is worked out when it is asked for."""

    def __init__(self, layers: list[dict[str, Any]]) -> None:
        self._raw: dict[str, Any] = {}
        for layer in layers:
            self._raw.update(layer)

    def __getitem__(self, name: str) -> Any:
        return self._worked_out(self._raw[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def _worked_out(self, value: Any) -> Any:
        if isinstance(value, str) and "{{" in value:
            return _render(_VALUES, value, self)
        if isinstance(value, list):
            return [self._worked_out(one) for one in value]
        if isinstance(value, dict):
            return {key: self._worked_out(one) for key, one in value.items()}
        return value


def _render(environment: Environment, text: str, variables: Variables) -> Any:
    template = environment.from_string(text)
    # Only the names it uses, so that nothing is worked out for nobody.
    return template.render({name: variables[name] for name in variables if re.search(rf"\b{name}\b", text)})


def _load(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}


def groups() -> dict[str, dict[str, dict[str, Any]]]:
    """Every group of the example with its members and what the inventory says of each."""
    children = yaml.safe_load((EXAMPLE / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]
    return {
        name: {host: said or {} for host, said in body.get("hosts", {}).items()} for name, body in children.items()
    }


def devices() -> list[str]:
    """Posts and kiosks, by name."""
    found = groups()
    return sorted([*found["posts"], *found["kiosks"]])


def variables_of(device: str, *roles: str, **more: Any) -> Variables:
    """What Ansible would know of a device when it plays these roles; `more` wins over everything."""
    mine = {name: members for name, members in groups().items() if device in members}
    defaults = [_load(PROVISIONING / "roles" / role / "defaults" / "main.yml") for role in roles]
    order = sorted(mine, key=lambda name: (name.startswith("poste_"), name))
    inventory = [_load(EXAMPLE / "group_vars" / f"{name}.yml") for name in ("all", *order)]
    hosts = [members[device] for members in mine.values()] + [_load(EXAMPLE / "host_vars" / f"{device}.yml")]
    facts = {
        "inventory_hostname": device,
        "inventory_dir": str(EXAMPLE),
        "group_names": sorted(mine),
        "ansible_managed": "Ansible managed",
        "ansible_facts": {"getent_passwd": {"agent1": ["x", "1001"]}},
        "borne_live": False,
    }
    fixed = [_load(PROVISIONING / "roles" / role / "vars" / "main.yml") for role in roles]
    return Variables([*defaults, *inventory, *hosts, facts, *fixed, more])


def render(role: str, template: str, device: str, *with_roles: str, **more: Any) -> str:
    """A template of a role as it would be on a device."""
    text = (PROVISIONING / "roles" / role / "templates" / template).read_text(encoding="utf-8")
    return str(_render(_TEXTS, text, variables_of(device, role, *with_roles, **more)))


def exposure(unit: Path) -> float:
    """What `systemd-analyze security` says of a unit: 0 closed, 10 open."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit], capture_output=True, text=True
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    return float(found[1])
