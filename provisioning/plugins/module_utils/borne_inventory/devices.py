"""The devices as Ansible understood them: names, groups, posts, brokers, values."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from .finding import POST_GROUP, Finding

DEVICE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{2,39}")
ROOT_KEY = re.compile(r"[0-9a-f]{64}")
ROLES = ("centres", "posts", "kiosks")
# What the checks below read of each device.
READ = (
    "ansible_host",
    "borne_admin_keys",
    "borne_admin_networks",
    "borne_brokers",
    "borne_centre_networks",
    "borne_counter",
    "borne_dns_servers",
    "borne_lan_host",
    "borne_lan_network",
    "borne_post",
    "borne_root",
    "borne_time_sources",
)


def check_devices(devices: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Names, groups, posts, brokers and values of the devices, as Ansible understood them."""
    members = {name: list(hosts) for name, hosts in groups.items()}
    found = [*_names(devices, members), *_posts(devices, members), *_addresses(devices)]
    return found + _together(one for name, values in devices.items() for one in _values(name, values))


def _together(findings: Iterable[Finding]) -> list[Finding]:
    """What is wrong in the same words at many devices was written once, for their group or their country."""
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in findings:
        places[one.code, one.french, one.english].append(one.where)
    return [
        Finding(code, where[0] if len(where) == 1 else f"{where[0]} (+{len(where) - 1})", french, english)
        for (code, french, english), where in places.items()
    ]


def _names(devices: Mapping[str, Any], groups: Mapping[str, list[str]]) -> Iterator[Finding]:
    for name in devices:
        if not DEVICE_NAME.fullmatch(name):
            yield Finding(
                "device.name",
                name,
                "un nom d’appareil a 3 à 40 caractères parmi a-z, 0-9 et -",
                "a device's name has 3 to 40 characters of a-z, 0-9 and -",
            )
        roles = [role for role in ROLES if name in groups.get(role, ())]
        if len(roles) != 1:
            said = ", ".join(roles) or "-"
            yield Finding(
                "device.role",
                name,
                f"doit être dans un seul des groupes {', '.join(ROLES)} (ici\u00a0: {said})",
                f"must be in exactly one of the groups {', '.join(ROLES)} (here: {said})",
            )
        posts = [group for group, hosts in groups.items() if group.startswith(POST_GROUP) and name in hosts]
        if "centres" not in roles and len(posts) != 1:
            said = ", ".join(posts) or "-"
            yield Finding(
                "device.post",
                name,
                f"doit être dans un seul groupe {POST_GROUP}… (ici\u00a0: {said})",
                f"must be in exactly one group {POST_GROUP}… (here: {said})",
            )


def _posts(devices: Mapping[str, Mapping[str, Any]], groups: Mapping[str, list[str]]) -> Iterator[Finding]:
    named: dict[str, str] = {}
    networks: dict[str, ipaddress.IPv4Network | ipaddress.IPv6Network] = {}
    for group, hosts in sorted(groups.items()):
        if not group.startswith(POST_GROUP):
            continue
        values = [devices[host] for host in hosts if host in devices]
        brokers = {str(one.get("borne_lan_host") or "") for one in values}
        broker = brokers.pop() if len(brokers) == 1 else ""
        if broker not in hosts or broker not in groups.get("posts", ()):
            yield Finding(
                "post.no_broker",
                group,
                f"poste sans courtier\u00a0: borne_lan_host doit être un guichet à lui (ici\u00a0: {broker or '-'})",
                f"a post without a broker: borne_lan_host must be a counter of its own (here: {broker or '-'})",
            )
        posts = {str(one.get("borne_post") or "") for one in values}
        post = posts.pop() if len(posts) == 1 else ""
        if not DEVICE_NAME.fullmatch(post):
            yield Finding(
                "post.name", group, "borne_post manque ou est mal écrit", "borne_post is missing or badly written"
            )
        elif post in named:
            yield Finding(
                "post.twice",
                group,
                f"le poste {post} est déjà {named[post]}",
                f"the post {post} is {named[post]} already",
            )
        named.setdefault(post, group)
        yield from _counters(group, [host for host in hosts if host in devices], devices)
        network = _network(next((one.get("borne_lan_network") for one in values), None))
        if network is not None:
            networks[group] = network
    for (one, left), (other, right) in combinations(networks.items(), 2):
        if left.version == right.version and left.overlaps(right):
            yield Finding(
                "post.network",
                other,
                f"son réseau {right} recouvre celui de {one} ({left})",
                f"its network {right} overlaps that of {one} ({left})",
            )


def _counters(group: str, hosts: Iterable[str], devices: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    at: dict[str, list[str]] = defaultdict(list)
    for host in hosts:
        if counter := str(devices[host].get("borne_counter") or ""):
            at[counter].append(host)
    for counter, together in at.items():
        if len(together) > 1:
            names = ", ".join(together)
            yield Finding(
                "counter.twice",
                group,
                f"le guichet {counter} est à la fois {names}",
                f"counter {counter} is all of {names}",
            )


def _addresses(devices: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    at: dict[str, str] = {}
    for name, values in devices.items():
        address = str(values.get("ansible_host") or "")
        if not address:
            continue
        if address in at:
            yield Finding(
                "device.address",
                name,
                f"a la même adresse que {at[address]} ({address})",
                f"has the same address as {at[address]} ({address})",
            )
        at.setdefault(address, name)


def _network(text: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(str(text)) if text else None
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _values(name: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    if not ROOT_KEY.fullmatch(str(values.get("borne_root") or "")):
        yield Finding(
            "value.root",
            name,
            "borne_root doit être la clé racine nationale, 64 chiffres hexadécimaux",
            "borne_root must be the national root key, 64 hexadecimal digits",
        )
    for option in ("borne_admin_networks", "borne_admin_keys", "borne_brokers", "borne_time_sources"):
        if not values.get(option):
            yield Finding("value.missing", name, f"{option} est vide ou manque", f"{option} is empty or missing")
    lists = ("borne_admin_networks", "borne_centre_networks")
    written = [(option, one) for option in lists for one in values.get(option) or ()]
    written += [("borne_lan_network", one) for one in [values.get("borne_lan_network")] if one]
    for option, text in written:
        if _network(text) is None:
            yield Finding(
                "value.network",
                name,
                f"{option}\u00a0: {text} n’est pas un réseau",
                f"{option}: {text} is no network",
            )
    named = []
    for broker in values.get("borne_brokers") or ():
        host = _broker_host(str(broker))
        if not host:
            yield Finding(
                "value.broker",
                name,
                f"{broker} n’a pas la forme mqtts://hôte:port",
                f"{broker} is not of the form mqtts://host:port",
            )
        named += [host] if host and not _is_address(host) else []
    for source in values.get("borne_time_sources") or ():
        address = str(source.get("address", "")) if isinstance(source, Mapping) else ""
        named += [address] if address and not _is_address(address) else []
    if named and not (values.get("borne_centre_networks") and values.get("borne_dns_servers")):
        hosts = ", ".join(dict.fromkeys(named))
        yield Finding(
            "value.nowhere",
            name,
            f"{hosts}\u00a0: des noms demandent borne_centre_networks (pare-feu) et borne_dns_servers",
            f"{hosts}: names need borne_centre_networks (firewall) and borne_dns_servers",
        )


def _broker_host(url: str) -> str:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "") if parts.scheme == "mqtts" and parts.port else ""
    except ValueError:
        return ""
