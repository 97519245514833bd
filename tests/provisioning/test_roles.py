"""The house rules of roles and playbooks, read from their files: no Ansible, no root."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROVISIONING = Path(__file__).resolve().parent.parent.parent / "provisioning"
ROLES = sorted(one for one in (PROVISIONING / "roles").iterdir() if (one / "tasks").is_dir())
SHARED = yaml.safe_load((PROVISIONING / "inventories/variables.yml").read_text())
# What a technician reads as a run stops: French, " / ", English.
BOTH = re.compile(r"\S+ / \S+", re.DOTALL)


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def tasks_in(file: Path) -> Iterator[dict[str, Any]]:
    """Every task of a file, those in blocks too."""

    def walk(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for task in tasks:
            yield task
            for part in ("block", "rescue", "always"):
                yield from walk(task.get(part) or [])

    yield from walk(load(file) or [])


def task_files(role: Path) -> list[Path]:
    return sorted((role / "tasks").glob("*.yml")) + sorted((role / "handlers").glob("*.yml"))


def options(role: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return found


each_role = pytest.mark.parametrize("role", ROLES, ids=[one.name for one in ROLES])


def test_every_role_of_the_site_exists() -> None:
    plays = load(PROVISIONING / "site.yml")
    used = {entry["role"] for play in plays for entry in play.get("roles", ())}
    assert used <= {one.name for one in ROLES}
    assert plays[0]["tasks"][0].keys() >= {"inventory_check", "run_once"}
    assert "always" in plays[0]["tasks"][0]["tags"]


@each_role
def test_every_option_is_described_and_every_default_is_an_option(role: Path) -> None:
    described = options(role)
    for name, option in described.items():
        assert option.get("description"), name
        assert option.get("type"), name
    own = {name for name in described if name.startswith(f"{role.name}_")}
    defaults = load(role / "defaults/main.yml") or {} if (role / "defaults/main.yml").exists() else {}
    assert {name for name in defaults if name.startswith(f"{role.name}_")} == own
    assert {name for name in described if name.startswith("borne_")} - {"borne_live"} <= SHARED.keys()


@each_role
def test_a_plain_default_is_told_as_it_is(role: Path) -> None:
    defaults = load(role / "defaults/main.yml") or {} if (role / "defaults/main.yml").exists() else {}
    for name, option in options(role).items():
        plain = name in defaults and "{{" not in str(defaults[name])
        if plain and "default" in option:
            assert option["default"] == defaults[name], name


@each_role
def test_main_only_imports_and_every_import_has_a_tag(role: Path) -> None:
    for task in load(role / "tasks/main.yml"):
        imports = {"ansible.builtin.import_tasks", "ansible.builtin.include_tasks", "ansible.builtin.debug"}
        assert imports & task.keys(), task["name"]
        assert task.get("tags"), task["name"]


@each_role
def test_every_task_has_a_name_and_a_full_module_name(role: Path) -> None:
    keywords = {"name", "when", "loop", "loop_control", "register", "notify", "tags", "vars", "args", "environment"}
    for file in task_files(role):
        for task in tasks_in(file):
            assert re.match(r"[A-Z]", task.get("name", "")), f"{file}: {task}"
            assert any("." in key for key in task.keys() - keywords) or "block" in task, f"{file}: {task['name']}"


@each_role
def test_what_stops_a_run_speaks_both_languages(role: Path) -> None:
    for file in task_files(role):
        for task in tasks_in(file):
            for module, key in (("assert", "fail_msg"), ("fail", "msg"), ("pause", "prompt"), ("debug", "msg")):
                call = task.get(f"ansible.builtin.{module}")
                if isinstance(call, dict) and key in call:
                    assert BOTH.search(str(call[key])) or "{{" in str(call[key])[:3], f"{file}: {task['name']}"


@each_role
def test_nothing_starts_in_a_folder(role: Path) -> None:
    """A chroot has no running systemd: whatever starts or restarts something asks whether the machine runs."""
    for file in task_files(role):
        for task in tasks_in(file):
            call = task.get("ansible.builtin.systemd_service") or task.get("ansible.builtin.service") or {}
            if call.get("state") or call.get("daemon_reload"):
                assert "borne_live" in f"{task.get('when')} {call}", f"{file}: {task['name']}"


@each_role
def test_packages_come_without_recommended_ones(role: Path) -> None:
    for file in task_files(role):
        for task in tasks_in(file):
            call = task.get("ansible.builtin.apt") or {}
            if call.get("name") and call.get("state", "present") != "absent":
                assert call.get("install_recommends") is False, f"{file}: {task['name']}"


def test_no_host_and_no_mirror_is_written_anywhere() -> None:
    """Names under .example are data of the fictional country; nothing else is named."""
    host = re.compile(r"\b[a-z][a-z+]*://(?!\{|\$)([\w.-]+)")
    allowed = re.compile(r"localhost|127\.0\.0\.1|[\w.-]+\.example|host|hôte|h")
    for file in sorted({*PROVISIONING.rglob("*")} - {*(PROVISIONING / "tools").rglob("*")}):
        if file.suffix not in (".yml", ".j2", ".sh", ".cfg", ".conf", ".py", "") or not file.is_file():
            continue
        for found in host.findall(file.read_text(encoding="utf-8", errors="replace")):
            assert allowed.fullmatch(found), f"{file}: {found}"


def test_shared_variables_say_what_they_are_in_both_languages() -> None:
    for name, words in SHARED.items():
        assert name.startswith("borne_"), name
        assert BOTH.search(words), name


def test_the_example_has_25_posts_each_with_counters_and_kiosks() -> None:
    groups = load(PROVISIONING / "inventories/exemple/hosts.yml")["all"]["children"]
    posts = {name: set(group["hosts"]) for name, group in groups.items() if name.startswith("poste_")}
    counters, kiosks = set(groups["posts"]["hosts"]), set(groups["kiosks"]["hosts"])
    assert len(posts) == 25
    for name, devices in posts.items():
        assert devices & counters and devices & kiosks, name
    assert sum(len(one) for one in posts.values()) == len(counters | kiosks)
    assert len(groups["centres"]["hosts"]) == 1
