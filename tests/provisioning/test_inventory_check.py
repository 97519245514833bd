"""What the inventory check finds, and that it finds nothing in the example."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROVISIONING = Path(__file__).resolve().parent.parent.parent / "provisioning"
FOLDER = PROVISIONING / "plugins" / "module_utils" / "borne_inventory"
EXAMPLE = PROVISIONING / "inventories" / "exemple"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "borne_inventory", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


logic = _load()
KNOWN = logic.known_variables(PROVISIONING / "roles", PROVISIONING / "inventories" / "variables.yml")

HOSTS = """
all:
  children:
    posts:
      hosts:
        pont-g1: {borne_counter: "1"}
        pont-g2:
          borne_counter: "2"
    poste_pont:
      hosts:
        pont-g1:
        pont-g2:
      vars: {borne_post: pont}
"""


def codes(findings: list[Any]) -> list[str]:
    return [one.code for one in findings]


def files(tmp_path: Path, hosts: str, **variables: str) -> list[Any]:
    (tmp_path / "hosts.yml").write_text(hosts)
    (tmp_path / "group_vars").mkdir()
    for name, text in variables.items():
        (tmp_path / "group_vars" / f"{name}.yml").write_text(text)
    found: list[Any] = logic.check_files(logic.inventory_files([tmp_path]), KNOWN)
    return found


def test_the_example_is_clean() -> None:
    assert logic.check_files(logic.inventory_files([EXAMPLE]), KNOWN) == []


def test_a_clean_inventory(tmp_path: Path) -> None:
    assert files(tmp_path, HOSTS, all="borne_country: UTO\nharden_usb_storage: false\n") == []


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    (found,) = files(tmp_path, HOSTS, all="borne_country: UTO\nborne_broker: [mqtts://a:1]\n")
    assert (found.code, found.where) == ("variable.unknown", "group_vars/all.yml:2")
    assert "borne_brokers" in found.french and "borne_brokers" in found.english


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('{borne_counter: "1"}', '{borne_conter: "1"}', 6),
        ('borne_counter: "2"', 'harden_usb_storge: "2"', 8),
        ("{borne_post: pont}", "{bornepost: pont}", 13),
    ],
)
def test_unknown_keys_are_seen_wherever_they_stand(tmp_path: Path, old: str, new: str, line: int) -> None:
    (found,) = files(tmp_path, HOSTS.replace(old, new))
    assert (found.code, found.where.rpartition(":")[2]) == ("variable.unknown", str(line))


def test_nothing_near_is_offered_for_a_strange_key(tmp_path: Path) -> None:
    (found,) = files(tmp_path, HOSTS, all="zzzz: 1\n")
    assert "?" not in found.french + found.english


def test_two_devices_with_one_name(tmp_path: Path) -> None:
    (found,) = files(
        tmp_path,
        HOSTS.replace("        pont-g2:\n          borne_counter", "        pont-g1:\n          borne_counter"),
    )
    assert (found.code, found.where.rpartition(":")[2]) == ("device.twice", "7")
    assert "pont-g1" in found.french and "6" in found.french


def test_a_variable_written_twice(tmp_path: Path) -> None:
    assert codes(files(tmp_path, HOSTS, all="borne_country: UTO\nborne_country: TIV\n")) == ["inventory.twice"]


@pytest.mark.parametrize("text", ["a: [", "\x00", "- \t- :\n\t", "&a [*a, *b]"])
def test_an_unreadable_file_is_a_finding(tmp_path: Path, text: str) -> None:
    found = files(tmp_path, HOSTS, all=text)
    assert codes(found) == ["inventory.unreadable"]
    assert "all.yml" in found[0].where


def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_bytes(b"\xff\xfe\x00")
    assert codes(logic.check_files([tmp_path / "hosts.yml"], KNOWN)) == ["inventory.unreadable"]


# Devices as Ansible understands them


def country(**changes: Any) -> dict[str, Any]:
    values = {
        "borne_root": "ab" * 32,
        "borne_brokers": ["mqtts://courtier.uto.example:8883"],
        "borne_time_sources": [{"address": "192.0.2.30"}],
        "borne_admin_networks": ["198.51.100.0/24"],
        "borne_admin_keys": ["ssh-ed25519 AAAA"],
        "borne_centre_networks": ["192.0.2.0/26"],
        "borne_dns_servers": ["192.0.2.53"],
        "borne_post": "pont",
        "borne_lan_host": "pont-g1",
        "borne_lan_network": "10.25.1.0/24",
    }
    return {**values, **changes}


def devices(**changes: Any) -> dict[str, dict[str, Any]]:
    return {
        "pont-g1": country(ansible_host="10.25.1.11", borne_counter="1", **changes),
        "pont-b1": country(ansible_host="10.25.1.101", **changes),
    }


GROUPS = {"posts": ["pont-g1"], "kiosks": ["pont-b1"], "poste_pont": ["pont-g1", "pont-b1"]}


def test_clean_devices() -> None:
    assert logic.check_devices(devices(), GROUPS) == []


@pytest.mark.parametrize("broker", ["", None, "pont-b1", "ailleurs-g1"])
def test_a_post_without_a_broker(broker: str | None) -> None:
    assert codes(logic.check_devices(devices(borne_lan_host=broker), GROUPS)) == ["post.no_broker"]


@pytest.mark.parametrize("brokers", [[], None])
def test_no_national_broker(brokers: list[str] | None) -> None:
    (found,) = logic.check_devices(devices(borne_brokers=brokers), GROUPS)
    assert (found.code, found.where) == ("value.missing", "pont-g1 (+1)")
    assert "borne_brokers" in found.english


@pytest.mark.parametrize(
    "url",
    ["courtier:8883", "mqtt://courtier:1883", "mqtts://courtier", "mqtts://:8883", "mqtts://[::1", "mqtts://a:99999"],
)
def test_a_badly_written_broker(url: str) -> None:
    assert codes(logic.check_devices(devices(borne_brokers=[url]), GROUPS)) == ["value.broker"]


def test_names_need_networks_and_servers() -> None:
    assert codes(logic.check_devices(devices(borne_centre_networks=[]), GROUPS)) == ["value.nowhere"]
    assert codes(logic.check_devices(devices(borne_dns_servers=[]), GROUPS)) == ["value.nowhere"]
    alone = devices(borne_dns_servers=[], borne_centre_networks=[], borne_brokers=["mqtts://192.0.2.1:8883"])
    assert logic.check_devices(alone, GROUPS) == []


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("borne_root", "ab" * 31, "value.root"),
        ("borne_root", "", "value.root"),
        ("borne_admin_keys", [], "value.missing"),
        ("borne_admin_networks", [], "value.missing"),
        ("borne_admin_networks", ["198.51.100.1/24"], "value.network"),
        ("borne_lan_network", "10.25.1", "value.network"),
        ("borne_time_sources", [], "value.missing"),
    ],
)
def test_badly_written_values(option: str, value: Any, code: str) -> None:
    assert codes(logic.check_devices(devices(**{option: value}), GROUPS)) == [code]


def test_names_and_groups() -> None:
    good = devices()
    assert codes(logic.check_devices({**good, "Pont_G3": country()}, GROUPS)) == [
        "device.name",
        "device.role",
        "device.post",
    ]
    both = {**GROUPS, "kiosks": ["pont-b1", "pont-g1"]}
    assert codes(logic.check_devices(good, both)) == ["device.role"]
    # One device in two posts: its values are those of one, so the other has no broker of its own either.
    second = {**GROUPS, "poste_gare": ["pont-b1"]}
    assert "device.post" in codes(logic.check_devices(good, second))


def test_two_devices_at_one_address() -> None:
    same = devices()
    same["pont-b1"]["ansible_host"] = "10.25.1.11"
    assert codes(logic.check_devices(same, GROUPS)) == ["device.address"]


def test_two_posts_in_one_network_and_one_name() -> None:
    more = {
        **devices(),
        "gare-g1": country(ansible_host="10.25.1.12", borne_lan_host="gare-g1", borne_lan_network="10.25.0.0/16"),
    }
    groups = {**GROUPS, "posts": ["pont-g1", "gare-g1"], "poste_gare": ["gare-g1"]}
    assert sorted(codes(logic.check_devices(more, groups))) == ["post.network", "post.twice"]


def test_one_counter_twice() -> None:
    more = {**devices(), "pont-g2": country(borne_counter="1")}
    groups = {**GROUPS, "posts": ["pont-g1", "pont-g2"], "poste_pont": ["pont-g1", "pont-g2", "pont-b1"]}
    assert codes(logic.check_devices(more, groups)) == ["counter.twice"]
