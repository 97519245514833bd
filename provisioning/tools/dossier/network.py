"""Open ports and hosts contacted: the firewall's own template, written for one machine of each kind of the example.

What these rules do not name is refused, inwards and outwards. So the table does not describe the firewall: it is the
firewall.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from typing import Any

import jinja2
from msgspec import Struct

from dossier.places import INVENTORY, PROVISIONING, ROLES, read_yaml

_RULE = re.compile(
    r"(?:ip6?|iifname) (?P<side>saddr|daddr) \{ (?P<networks>[^}]*) \} (?P<protocol>tcp|udp) dport (?P<port>\d+)"
    r".*accept comment \"(?P<name>[^\"]*)\""
)


class Rule(Struct, frozen=True, kw_only=True, order=True):
    """One thing that is let through."""

    machine: str
    """centre, post (which runs the post's broker), counter (another one), kiosk."""
    direction: str
    """in or out."""
    protocol: str
    port: int
    networks: tuple[str, ...]
    name: str


def example_machines() -> dict[str, str]:
    """One device of each kind: its name by its kind."""
    groups = read_yaml(INVENTORY / "hosts.yml")["all"]["children"]
    hosts = {group: list((values or {}).get("hosts") or {}) for group, values in groups.items()}
    runs_broker = {read_yaml(file).get("borne_lan_host") for file in (INVENTORY / "group_vars").glob("poste_*.yml")}
    return {
        "centre": hosts["centres"][0],
        "post": next(name for name in hosts["posts"] if name in runs_broker),
        "counter": next(name for name in hosts["posts"] if name not in runs_broker),
        "kiosk": hosts["kiosks"][0],
    }


def rules() -> list[Rule]:
    """Every rule of every kind of machine."""
    return [rule for machine, name in example_machines().items() for rule in read_rules(machine, firewall(name))]


def read_rules(machine: str, text: str) -> list[Rule]:
    """The rules of a firewall's text."""
    found = []
    chain = ""
    for line in text.splitlines():
        if begins := re.match(r"\s*chain (\w+) \{", line):
            chain = begins[1]
        rule = _RULE.search(line)
        if rule and chain in ("input", "output"):
            found.append(
                Rule(
                    machine=machine,
                    direction="in" if chain == "input" else "out",
                    protocol=rule["protocol"],
                    port=int(rule["port"]),
                    networks=tuple(one.strip() for one in rule["networks"].split(",")),
                    name=rule["name"],
                )
            )
    return sorted(set(found))


def firewall(host: str) -> str:
    """The rules of one device of the example, as the role writes them."""
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)  # noqa: S701  (rules, no page)
    environment.filters.update(_filters())
    template = (ROLES / "harden" / "templates" / "nftables.conf.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(_variables(host))


def _variables(host: str) -> dict[str, Any]:
    groups = read_yaml(INVENTORY / "hosts.yml")["all"]["children"]
    members = {group: list((values or {}).get("hosts") or {}) for group, values in groups.items()}
    found: dict[str, Any] = {}
    for role in sorted(ROLES.iterdir()):
        for kind in ("defaults", "vars"):
            file = role / kind / "main.yml"
            if file.exists():
                found |= read_yaml(file)
    own = [group for group, hosts in members.items() if host in hosts]
    for group in ["all", *sorted(own, key=lambda name: name.startswith("poste_"))]:
        file = INVENTORY / "group_vars" / f"{group}.yml"
        if file.exists():
            found |= read_yaml(file)
    return {**found, "groups": members, "inventory_hostname": host}


def _filters() -> dict[str, Any]:
    """The playbooks' own filters. They need one class of Ansible's, which this environment does not have."""
    errors = types.ModuleType("ansible.errors")
    errors.AnsibleFilterError = ValueError  # type: ignore[attr-defined]
    kept = {name: sys.modules.get(name) for name in ("ansible", "ansible.errors")}
    sys.modules.setdefault("ansible", types.ModuleType("ansible"))
    sys.modules.setdefault("ansible.errors", errors)
    try:
        file = PROVISIONING / "plugins" / "filter" / "networks.py"
        spec = importlib.util.spec_from_file_location("dossier_networks", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for name, before in kept.items():
            if before is None:
                sys.modules.pop(name, None)
    return dict(module.FilterModule().filters())
