"""The field card: ten steps, thirty minutes, commands that exist, one page A4 in each language."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.cli import cli

PROVISIONING = Path(__file__).resolve().parents[2] / "provisioning"
sys.path.insert(0, str(PROVISIONING / "tools"))

import card  # noqa: E402

COUNTRY = {"country": "UTO", "helpdesk": "", "post": ""}


def write_key(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return key


def test_ten_steps_in_thirty_minutes_in_both_languages() -> None:
    steps = card.load_card()["steps"]
    assert len(steps) == 10
    assert sum(step["minutes"] for step in steps) == 30
    for step in steps:
        for language in ("fr", "en"):
            assert set(step[language]) == {"title", "text"}
            assert step[language]["text"].endswith("."), step
    icons = (PROVISIONING / "tools" / "card" / "icons.svg").read_text(encoding="utf-8")
    assert {step["icon"] for step in steps} == set(re.findall(r'id="i-(\w+)"', icons))


def test_every_text_is_there_twice_and_differs() -> None:
    def walk(value: object, path: str) -> None:
        if isinstance(value, dict) and {"fr", "en"} <= set(value):
            assert (value["fr"] and value["en"] and value["fr"] != value["en"]) or path == "minutes", path
        elif isinstance(value, dict):
            for key, below in value.items():
                walk(below, key)
        elif isinstance(value, list):
            for index, below in enumerate(value):
                walk(below, f"{path}[{index}]")

    walk(card.load_card(), "")


def test_every_borne_command_exists() -> None:
    for step in card.load_card()["steps"]:
        words = " ".join(step.get("command", [""])).removeprefix("sudo ").split()
        if words[:1] != ["borne"]:
            continue
        command: click.Command = cli
        context = click.Context(command)
        for word in words[1:]:
            if not isinstance(command, click.Group):
                break
            found = command.get_command(context, word)
            assert found is not None, words
            command = found
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_the_provisioning_commands_exist() -> None:
    script = (PROVISIONING / "medium" / "provision.sh").read_text(encoding="utf-8")
    assert "--check" in script and "--fingerprint" in script


@pytest.mark.parametrize("readme", ["LISEZMOI.txt", "README.txt"])
def test_what_vouches_for_the_stick_is_what_its_readme_says(readme: str) -> None:
    """On the card as well: the words on a forged stick are the forger's."""
    said = (PROVISIONING / "medium" / readme).read_text(encoding="utf-8")
    commands = [line["command"] for line in card.load_card()["seal"]["lines"]]
    assert len(commands) == 3
    assert all(command in said for command in commands)


def test_the_fingerprint_is_the_one_the_medium_shows(tmp_path: Path) -> None:
    key = write_key(tmp_path / "borne.pub")
    groups = card.read_fingerprint(tmp_path / "borne.pub")
    assert len(groups) == 8
    assert all(re.fullmatch("[0-9a-f]{4}", group) for group in groups)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(private)
    assert card.read_fingerprint(tmp_path / "key.pem") == groups
    # As provision.sh computes it, by the device's own tools.
    if shutil.which("openssl"):
        shown = subprocess.run(
            f"openssl pkey -pubin -in {tmp_path}/borne.pub -outform DER | sha256sum | cut -c 1-32",
            shell=True, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert shown.stdout.strip() == "".join(groups)
    page = card.render("fr", groups, COUNTRY)
    assert all(f"<span>{group}</span>" in page for group in groups)


def test_without_a_key_the_place_is_left_free() -> None:
    page = card.render("fr", [], COUNTRY)
    assert page.count("<i></i>") == 8
    assert "à recopier du centre" in page


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_key_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(card.CardFault):
        card.read_fingerprint(tmp_path / "key")
    assert card.main(["--key", str(tmp_path / "key"), "--out", str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()


def test_a_key_of_another_kind(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "key").write_bytes(
        other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(card.CardFault):
        card.read_fingerprint(tmp_path / "key")


def test_what_the_inventory_knows_is_filled_in(tmp_path: Path) -> None:
    inventory = Path(shutil.copytree(card.INVENTORY, tmp_path / "pays"))
    country = inventory / "group_vars" / "all.yml"
    values = {**yaml.safe_load(country.read_text(encoding="utf-8")), "borne_helpdesk": "+237 600 00 <00>"}
    country.write_text(yaml.safe_dump(values), encoding="utf-8")
    known = card.country_of(inventory, "anydre-nord-b1")
    assert known == {"country": "UTO", "helpdesk": "+237 600 00 <00>", "post": "anydre-nord"}
    page = card.render("en", [], known, "anydre-nord-b1")
    assert "anydre-nord-b1" in page
    assert "&lt;00&gt;" in page, "what an inventory says is text"
    with pytest.raises(card.CardFault):
        card.country_of(inventory, "nobody")
    with pytest.raises(card.CardFault):
        card.country_of(tmp_path / "nowhere", "")


def test_french_typography() -> None:
    page = card.render("fr", [], COUNTRY)
    body = re.sub(r"<code>.*?</code>|<[^>]+>", " ", page.split("<body>")[1], flags=re.DOTALL)
    assert not re.search(r"[^\u00a0][;?!»](\s|$)|[^\u00a0]:(\s|$)|«[^\u00a0]|\w'\w", body)


def test_one_page_each_a4_with_its_fonts(tmp_path: Path) -> None:
    write_key(tmp_path / "borne.pub")
    assert (
        card.main(["--key", str(tmp_path / "borne.pub"), "--device", "anydre-nord-b1", "--out", str(tmp_path)]) == 0
    )
    for language, word in (("fr", "Changer un appareil"), ("en", "Swap a unit")):
        info = subprocess.run(["pdfinfo", tmp_path / f"{language}.pdf"], capture_output=True, text=True, check=True)
        assert re.search(r"^Pages:\s+1$", info.stdout, re.MULTILINE)
        assert "A4" in info.stdout
        read = subprocess.run(
            ["pdftotext", tmp_path / f"{language}.pdf", "-"], capture_output=True, text=True, check=True
        )
        assert word in " ".join(read.stdout.split())
        assert "anydre-nord-b1" in read.stdout
        # The last line of the page is there: nothing ran over its end.
        assert "provisioning/README.md" in read.stdout
