"""Filters over addresses and networks, from the standard library: the firewall's rules are made of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from ansible.errors import AnsibleFilterError


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(str(text))
    except ValueError as error:
        raise AnsibleFilterError(f"Réseau mal écrit / network badly written: {text} ({error})") from None


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


def of_family(networks: Iterable[str], version: int) -> list[str]:
    """The networks of one IP version, merged and in order: one set of the firewall."""
    found = [one for one in map(_network, networks) if one.version == version]
    return [str(one) for one in ipaddress.collapse_addresses(found)]  # type: ignore[type-var]


def in_networks(address: str, networks: Iterable[str]) -> bool:
    if not is_address(address):
        raise AnsibleFilterError(f"Adresse mal écrite / address badly written: {address}")
    return any(ipaddress.ip_address(str(address)) in one for one in map(_network, networks))


def reached_by(host: str, networks: Iterable[str]) -> list[str]:
    """Where a host may be: itself where it is an address, else the networks that its name stands in.

    A firewall that resolves names as it starts lets nothing through on the day the line is down.
    """
    bare = str(host).strip("[]")
    return [str(_network(bare))] if is_address(bare) else [str(one) for one in networks]


def url_port(url: str, default: int) -> int:
    return urlsplit(str(url)).port or default


def url_host(url: str) -> str:
    return urlsplit(str(url)).hostname or ""


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {
            "is_address": is_address,
            "of_family": of_family,
            "in_networks": in_networks,
            "reached_by": reached_by,
            "url_port": url_port,
            "url_host": url_host,
        }
