"""An inventory by its lines: read, checked, and a post written into it. What stands there, comments included, stays.

Used by `new_post.py`. Names and addresses of devices follow from the post's: <post>-g1 … are counters, <post>-b1 …
kiosks.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 36  # a device's id adds "-g12", and has 40 characters at most
MOST_COUNTERS, MOST_KIOSKS = 60, 99
Network = ipaddress.IPv4Network

_WORDS = {
    "title": ("Nom du poste en clair", "The post's name as people say it"),
    "counters": ("Combien de guichets", "How many counters"),
    "kiosks": ("Combien de bornes", "How many kiosks"),
    "network": ("Réseau du poste", "The post's network"),
    "domain": (
        "Domaine des pages des agents (vide : par adresse seulement)",
        "Domain of the officers' pages (empty: by address only)",
    ),
    "confirm": ("Écrire dans {inventory} ? [o/N]", "Write into {inventory}? [y/N]"),
    "would": ("À écrire dans {file} :", "To be written into {file}:"),
    "done": (
        "Poste {name} écrit : {devices}. Ensuite : site.yml -i {inventory} --limit {group}",
        "Post {name} written: {devices}. Next: site.yml -i {inventory} --limit {group}",
    ),
    "nothing": ("Rien n’est écrit.", "Nothing is written."),
    "bad_name": (
        "« {name} » ne convient pas : de a à z, chiffres, tirets, {longest} caractères au plus.",
        "“{name}” will not do: a to z, digits, hyphens, {longest} characters at most.",
    ),
    "post_twice": ("Le poste {name} est déjà dans l’inventaire.", "The post {name} is in the inventory already."),
    "device_twice": (
        "L’appareil {name} est déjà dans l’inventaire.",
        "The device {name} is in the inventory already.",
    ),
    "bad_count": ("{value} ne convient pas : de {least} à {most}.", "{value} will not do: from {least} to {most}."),
    "bad_network": (
        "« {value} » n’est pas un réseau (exemple : 10.25.26.0/24).",
        "“{value}” is no network (for example: 10.25.26.0/24).",
    ),
    "network_twice": (
        "Le réseau {value} recouvre celui de {other}.",
        "The network {value} overlaps that of {other}.",
    ),
    "network_outside": (
        "Le centre n’attend pas d’appareils du réseau {value} : ajoutez-le à borne_device_networks (centres.yml).",
        "The centre expects no devices from the network {value}: add it to borne_device_networks (centres.yml).",
    ),
    "network_small": (
        "Le réseau {value} est trop petit pour {count} appareils.",
        "The network {value} is too small for {count} devices.",
    ),
    "no_inventory": (
        "Pas d’inventaire lisible dans {folder} : {detail}",
        "No inventory that can be read in {folder}: {detail}",
    ),
    "no_country": (
        "Il manque dans group_vars/all.yml : {names}. Complétez le pays d’abord.",
        "Missing in group_vars/all.yml: {names}. Complete the country first.",
    ),
    "missing": ("Il manque --{option}.", "--{option} is missing."),
}


class Refused(Exception):
    """Why nothing is written, as a key of the words."""

    def __init__(self, key: str, **params: object) -> None:
        self.key, self.params = key, params
        super().__init__(say(key, "en", **params))


def say(key: str, language: str, **params: object) -> str:
    french, english = _WORDS[key]
    text = french.replace(" :", "\u00a0:").replace(" ?", "\u00a0?").replace("« ", "«\u00a0").replace(" »", "\u00a0»")
    return (text if language == "fr" else english).format(**params)


@dataclass(frozen=True)
class Post:
    """A post to be written."""

    name: str
    title: str
    counters: int
    kiosks: int
    network: Network
    domain: str = ""

    @property
    def group(self) -> str:
        return "poste_" + self.name.replace("-", "_")

    @property
    def counter_names(self) -> list[str]:
        return [f"{self.name}-g{number}" for number in range(1, self.counters + 1)]

    @property
    def kiosk_names(self) -> list[str]:
        return [f"{self.name}-b{number}" for number in range(1, self.kiosks + 1)]

    def addresses(self) -> dict[str, str]:
        """Every device's address: in a network of 256, counters from .11 and kiosks from .101; else one by one."""
        roomy = self.network.num_addresses >= 256
        first = int(self.network.network_address)
        counters, kiosks = (11, 101) if roomy else (2, 2 + self.counters)
        placed = [(name, counters + index) for index, name in enumerate(self.counter_names)]
        placed += [(name, kiosks + index) for index, name in enumerate(self.kiosk_names)]
        if max(offset for _, offset in placed) >= self.network.num_addresses - 1:
            raise Refused("network_small", value=self.network, count=len(placed))
        return {name: str(ipaddress.IPv4Address(first + offset)) for name, offset in placed}


class Inventory:
    """An inventory as it lies in its folder. Raises Refused where it cannot be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts_file = folder / "hosts.yml"
        try:
            self.text = self.hosts_file.read_text(encoding="utf-8")
            self.hosts: dict[str, Any] = yaml.safe_load(self.text)["all"]["children"]
            self.country: dict[str, Any] = self._vars("all")
            self.groups = {name: self._vars(name) for name in self.hosts if name.startswith("poste_")}
            for name in ("posts", "kiosks"):
                _ = self.hosts[name]["hosts"]
        except (OSError, yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise Refused("no_inventory", folder=folder, detail=error) from None
        missing = [name for name in ("borne_country", "borne_brokers", "borne_root") if name not in self.country]
        if missing:
            raise Refused("no_country", names=", ".join(missing))

    def _vars(self, group: str) -> dict[str, Any]:
        file = self.folder / "group_vars" / f"{group}.yml"
        return (yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}

    @property
    def devices(self) -> set[str]:
        return {host for group in self.hosts.values() for host in (group or {}).get("hosts") or {}}

    @property
    def networks(self) -> dict[str, Network]:
        """Of each post that has one."""
        found = {}
        for values in self.groups.values():
            if "borne_lan_network" in values:
                found[str(values.get("borne_post", ""))] = Network(values["borne_lan_network"])
        return found

    def free_network(self) -> Network | None:
        """The next one after the last in use, of its size."""
        taken = list(self.networks.values())
        if not taken:
            return None
        last = max(taken)
        try:
            following = Network((int(last.network_address) + last.num_addresses, last.prefixlen))
        except ValueError:
            return None
        return following if following.is_private and not any(following.overlaps(one) for one in taken) else None

    def domain(self) -> str:
        """What most posts' pages have after the post's name."""
        suffixes = [
            str(name).removeprefix(f"{values.get('borne_post')}.")
            for values in self.groups.values()
            for name in values.get("borne_console_names", ())
            if str(name).startswith(f"{values.get('borne_post')}.")
        ]
        return max(set(suffixes), key=suffixes.count) if suffixes else ""

    def check(self, post: Post) -> None:
        """Raises Refused where the post does not fit beside what is there."""
        check_name(post.name)
        if post.group in self.hosts or post.name in {values.get("borne_post") for values in self.groups.values()}:
            raise Refused("post_twice", name=post.name)
        for name in post.addresses():
            if name in self.devices:
                raise Refused("device_twice", name=name)
        for other, network in self.networks.items():
            if post.network.overlaps(network):
                raise Refused("network_twice", value=post.network, other=other)
        expected = [Network(one) for one in self._vars("centres").get("borne_device_networks", ())]
        if expected and not any(post.network.subnet_of(one) for one in expected):
            raise Refused("network_outside", value=post.network)

    def with_post(self, post: Post) -> str:
        """The text of hosts.yml with the post in it; every line that is there stays."""
        addresses = post.addresses()
        counters = [
            line
            for number, name in enumerate(post.counter_names, 1)
            for line in (f"{name}:", f"  ansible_host: {addresses[name]}", f'  borne_counter: "{number}"')
        ]
        kiosks = [
            line
            for number, name in enumerate(post.kiosk_names, 1)
            for line in (f"{name}:", f"  ansible_host: {addresses[name]}", f"  borne_gate: B{number}")
        ]
        lines = self.text.rstrip("\n").split("\n")
        children = _node(self.text, "all", "children")
        for group, new in (("posts", counters), ("kiosks", kiosks)):
            if new:
                hosts = _node("\n".join(lines), "all", "children", group, "hosts")
                indent = " " * hosts.start_mark.column
                lines[_end(lines, hosts) : _end(lines, hosts)] = [indent + line for line in new]
        indent = " " * children.start_mark.column
        lines += [f"{indent}{post.group}:", f"{indent}  hosts:"]
        lines += [f"{indent}    {name}:" for name in addresses]
        return "\n".join(lines) + "\n"

    def write(self, post: Post) -> list[Path]:
        """Write both files, each whole or not at all."""
        variables = self.folder / "group_vars" / f"{post.group}.yml"
        _replace(variables, group_vars(post))
        _replace(self.hosts_file, self.with_post(post))
        return [self.hosts_file, variables]


def group_vars(post: Post) -> str:
    """The post's own variables."""
    host = post.counter_names[0]
    address = post.addresses()[host]
    names = [f"{post.name}.{post.domain}"] if post.domain else []
    title = " ".join(post.title.split())
    return (
        f"# {title}\nborne_post: {post.name}\nborne_lan_network: {post.network}\nborne_lan_host: {host}\n"
        f"borne_lan_address: {address}\nborne_console_names: [{', '.join([*names, address])}]\n"
    )


def check_name(name: str) -> None:
    if not NAME.fullmatch(name) or not 2 <= len(name) <= LONGEST_NAME:
        raise Refused("bad_name", name=name[:80], longest=LONGEST_NAME)


def read_count(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"\d{1,4}", text.strip()) or not least <= int(text) <= most:
        raise Refused("bad_count", value=text.strip()[:20], least=least, most=most)
    return int(text)


def read_network(text: str) -> Network:
    try:
        return Network(text.strip())
    except ValueError:
        raise Refused("bad_network", value=text.strip()[:60]) from None


def _node(text: str, *path: str) -> yaml.Node:
    """The node at a path, with its place in the text. Only block style can be written into."""
    node = yaml.compose(text)
    for key in path:
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            raise Refused("no_inventory", folder=".".join(path), detail="flow style")
        node = next((value for name, value in node.value if name.value == key), None)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise Refused("no_inventory", folder=".".join(path), detail="empty")
    return node


def _end(lines: Sequence[str], node: yaml.Node) -> int:
    """The line after a block's last one: what follows it, blank lines and comments, is not of it."""
    at_end = node.end_mark.line == len(lines) - 1 and node.end_mark.column == len(lines[-1])
    end = len(lines) if at_end else node.end_mark.line
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _replace(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)
