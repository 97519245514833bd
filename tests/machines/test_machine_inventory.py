"""site.yml over inventories that are wrong: it ends in words, before any device is touched. And ansible-lint."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from root_kit import ANSIBLE, EXAMPLE, PROVISIONING

pytestmark = pytest.mark.skipif(
    not (ANSIBLE / "ansible-playbook").exists(), reason="no .venv-provisioning: run `.ci/setup provisioning`"
)
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{ANSIBLE}:{os.environ['PATH']}",
    "LC_ALL": "C.UTF-8",
    "ANSIBLE_CONFIG": str(PROVISIONING / "ansible.cfg"),
}


def site(inventory: Path, playbook: Path = PROVISIONING / "site.yml") -> tuple[str, str]:
    """The words of the refusal ("" where there is none), and everything that was printed."""
    done = subprocess.run(
        [ANSIBLE / "ansible-playbook", playbook, "-i", inventory],
        cwd=PROVISIONING,
        env={**ENVIRONMENT, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = json.loads(done.stdout[done.stdout.index("{") :])
    touched = [task["task"]["name"] for play in said["plays"] for task in play["tasks"]]
    assert touched == ["Check names, variables, posts and brokers"], touched
    (answer,) = said["plays"][0]["tasks"][0]["hosts"].values()
    assert (done.returncode == 0) == (not answer.get("failed"))
    return (answer["msg"] if answer.get("failed") else ""), done.stdout + done.stderr


@pytest.fixture
def wrong(tmp_path: Path) -> Callable[..., Path]:
    """The example, with one thing in one file made wrong."""

    def make(file: str, old: str, new: str) -> Path:
        folder = tmp_path / "inventory"
        shutil.copytree(EXAMPLE, folder)
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
        return folder

    return make


def test_the_example_passes(tmp_path: Path) -> None:
    """The check alone: the devices of the example exist nowhere."""
    playbook = tmp_path / "check.yml"
    check = {"name": "Check names, variables, posts and brokers", "inventory_check": None, "run_once": True}
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "become": False, "tasks": [check]}]))
    assert site(EXAMPLE, playbook)[0] == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("group_vars/all.yml", "borne_brokers:", "borne_broker:", "borne_brokers"),
        (
            "hosts.yml",
            "        amaurote-aeroport-g2:\n",
            "        amaurote-aeroport-g1:\n",
            "two devices have the name",
        ),
        ("group_vars/poste_buthrote.yml", "borne_lan_host: buthrote-g1", "borne_lan_host: ''", "poste sans courtier"),
        ("group_vars/poste_buthrote.yml", "buthrote-g1", "gondole-g1", "a post without a broker"),
        ("group_vars/all.yml", "mqtts://courtier-1", "http://courtier-1", "mqtts://hôte:port"),
        ("hosts.yml", "ansible_host: 10.25.1.12", "ansible_host: 10.25.1.11", "same address"),
        ("hosts.yml", "borne_gate: B1", "borne_gatte: B1", "borne_gate"),
    ],
)
def test_a_wrong_inventory_ends_in_words(
    wrong: Callable[..., Path], file: str, old: str, new: str, words: str
) -> None:
    said, printed = site(wrong(file, old, new))
    assert "rien n’a été touché / the inventory must be mended" in said
    assert words in said
    assert "Traceback" not in printed


def test_a_file_that_is_no_yaml_is_named(wrong: Callable[..., Path]) -> None:
    inventory = wrong("group_vars/all.yml", "borne_country: UTO", "borne_country: [")
    done = subprocess.run(
        [ANSIBLE / "ansible-playbook", PROVISIONING / "site.yml", "-i", inventory],
        cwd=PROVISIONING,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode != 0
    assert "group_vars/all.yml est illisible" in done.stderr and "cannot be read, nothing was touched" in done.stderr
    assert "line 2" in done.stderr and "Traceback" not in done.stderr


def test_ansible_lint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [ANSIBLE / "ansible-lint", "--nocolor", "-q"],
        cwd=PROVISIONING,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
