"""`make post`: a new post in an inventory. What stands there stays, nothing is written twice or half."""

from __future__ import annotations

import importlib.util
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

PROVISIONING = Path(__file__).resolve().parents[2] / "provisioning"
TOOL = PROVISIONING / "tools" / "new_post.py"
EXAMPLE = PROVISIONING / "inventories" / "exemple"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("post_inventory", TOOL.with_name("post_inventory.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["post_inventory"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "pays"))


def run(*words: object, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, TOOL, *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "LANGUAGE": language},
    )


def children(inventory: Path) -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]  # type: ignore[no-any-return]


def test_a_new_post_is_added_and_the_rest_stays(inventory: Path) -> None:
    before, text = children(inventory), (inventory / "hosts.yml").read_text(encoding="utf-8")
    ran = run("nord-7", "--inventory", inventory, "--counters", 2, "--kiosks", 3)
    assert ran.returncode == 0, ran.stderr
    after = children(inventory)
    group = after.pop("poste_nord_7")
    assert list(group["hosts"]) == ["nord-7-g1", "nord-7-g2", "nord-7-b1", "nord-7-b2", "nord-7-b3"]
    assert after["posts"]["hosts"].pop("nord-7-g2") == {"ansible_host": "10.25.26.12", "borne_counter": "2"}
    assert after["kiosks"]["hosts"].pop("nord-7-b3") == {"ansible_host": "10.25.26.103", "borne_gate": "B3"}
    for name in ("nord-7-g1", "nord-7-b1", "nord-7-b2"):
        assert after["posts"]["hosts"].pop(name, None) or after["kiosks"]["hosts"].pop(name)
    assert after == before
    kept = iter((inventory / "hosts.yml").read_text(encoding="utf-8").splitlines())
    assert all(line in kept for line in text.splitlines()), "every line that was there, in its order"
    values = yaml.safe_load((inventory / "group_vars" / "poste_nord_7.yml").read_text(encoding="utf-8"))
    assert values == {
        "borne_post": "nord-7",
        "borne_lan_network": "10.25.26.0/24",
        "borne_lan_host": "nord-7-g1",
        "borne_lan_address": "10.25.26.11",
        "borne_console_names": ["nord-7.poste.uto.example", "10.25.26.11"],
    }


def test_many_posts_one_after_the_other(inventory: Path) -> None:
    for number in range(1, 12):
        ran = run(f"sud-{number}", "--inventory", inventory)
        assert ran.returncode == 0, ran.stderr
    networks = [
        yaml.safe_load(file.read_text(encoding="utf-8"))["borne_lan_network"]
        for file in (inventory / "group_vars").glob("poste_*.yml")
    ]
    assert len(networks) == len(set(networks)) == 25 + 11


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nusquama"], "already"),
        (["Nord"], "will not do"),
        (["nord_7"], "will not do"),
        (["nord\n7"], "will not do"),
        (["n" * 37], "will not do"),
        (["../../etc"], "will not do"),
        (["nord-7", "--counters", "0"], "will not do"),
        (["nord-7", "--counters", "9999"], "will not do"),
        (["nord-7", "--counters", "two"], "will not do"),
        (["nord-7", "--kiosks", "-1"], "will not do"),
        (["nord-7", "--network", "10.25.3.0/25"], "overlaps"),
        (["nord-7", "--network", "10.25.0.0/16"], "overlaps"),
        (["nord-7", "--network", "10.25.99.1/24"], "is no network"),
        (["nord-7", "--network", "everywhere"], "is no network"),
        (["nord-7", "--network", "172.16.0.0/24"], "borne_device_networks"),
        (["nord-7", "--network", "10.25.99.0/30", "--counters", "2"], "too small"),
        (["nord-7", "--inventory", "/nowhere"], "No inventory"),
    ],
)
def test_what_is_refused_writes_nothing(inventory: Path, words: list[str], said: str) -> None:
    before = {file: file.read_bytes() for file in inventory.rglob("*") if file.is_file()}
    more = [] if "--inventory" in words else ["--inventory", str(inventory)]
    ran = run(*words, *more)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert {file: file.read_bytes() for file in inventory.rglob("*") if file.is_file()} == before


def test_a_device_of_that_name_in_another_group(inventory: Path) -> None:
    text = (inventory / "hosts.yml").read_text(encoding="utf-8")
    (inventory / "hosts.yml").write_text(text.replace("centre-amaurote:", "nord-7-b1:"), encoding="utf-8")
    assert "nord-7-b1" in run("nord-7", "--inventory", inventory).stderr


@pytest.mark.parametrize(
    "hosts", ["", "all: [", "all:\n  children: {posts: {hosts: {a: }}, kiosks: {hosts: {b: }}}\n", "- 1\n", "\x00"]
)
def test_an_inventory_that_cannot_be_written_into(inventory: Path, hosts: str) -> None:
    (inventory / "hosts.yml").write_text(hosts, encoding="utf-8")
    ran = run("nord-7", "--inventory", inventory)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert (inventory / "hosts.yml").read_text(encoding="utf-8") == hosts


def test_a_country_that_is_not_there_yet(inventory: Path) -> None:
    (inventory / "group_vars" / "all.yml").write_text("borne_country: UTO\n", encoding="utf-8")
    ran = run("nord-7", "--inventory", inventory, language="fr")
    assert ran.returncode == 1
    assert "borne_brokers, borne_root" in ran.stderr
    assert "Complétez le pays" in ran.stderr


def test_a_dry_run_shows_and_writes_nothing(inventory: Path) -> None:
    before = (inventory / "hosts.yml").read_bytes()
    ran = run("nord-7", "--inventory", inventory, "--dry-run")
    assert ran.returncode == 0
    assert ran.stdout.count('borne_counter: "1"') == 1
    assert "borne_lan_host: nord-7-g1" in ran.stdout
    assert (inventory / "hosts.yml").read_bytes() == before
    assert not (inventory / "group_vars" / "poste_nord_7.yml").exists()


@pytest.mark.parametrize(("answer", "written"), [("o", True), ("n", False)])
def test_at_a_terminal_it_asks_four_things_in_the_persons_language(
    inventory: Path, answer: str, written: bool
) -> None:
    main, line = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, TOOL, "nord-7", "--inventory", inventory],
        stdin=line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "LANGUAGE": "fr"},
    )  # fmt: skip
    os.write(main, f"Poste Nord no 7\ndouze\n2\n\n\n{answer}\n".encode())
    told, _ = process.communicate(timeout=30)
    os.close(line)
    os.close(main)
    assert told.count("\u00a0: ") >= 4
    assert "« douze »" not in told and "douze ne convient pas" in told
    assert "Combien de guichets [1]" in told
    assert "courtier" not in told.lower(), "what the country knows is not asked again"
    assert (inventory / "group_vars" / "poste_nord_7.yml").exists() is written


def test_its_own_check_agrees_with_the_whole_inventorys(inventory: Path, tool: ModuleType) -> None:
    assert run("nord-7", "--inventory", inventory).returncode == 0
    with pytest.raises(tool.Refused) as refused:
        read = tool.Inventory(inventory)
        read.check(tool.Post("nord-7", "x", 1, 1, tool.Network("10.25.27.0/24")))
    assert refused.value.key == "post_twice"
