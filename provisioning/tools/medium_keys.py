"""Whose medium it is: the key that signs it and the releases on it, held against the root that devices believe."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec
import release
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_schemas.centre.keys import load_key
from mqtt_schemas.errors import ContractError
from mqtt_schemas.keys import KeyRing
from mqtt_schemas.messages import Signed, decode

PRACTICE = "practice.json"


class KeysError(Exception):
    """Keys that do not belong together."""


class Keys(msgspec.Struct, frozen=True):
    """The software key, and the keys document that names it."""

    software: Ed25519PrivateKey
    document: bytes
    root: str = ""
    """Of a practice medium: the throw-away root its devices must believe instead of the inventory's."""


def service(key: Path, document: Path, inventory: Path) -> Keys:
    """A country's own keys. Raises KeysError where the inventory's devices would not believe them."""
    data, root = document.read_bytes(), _pinned(inventory)
    try:
        signed = msgspec.json.decode(data, type=Signed) if data.startswith(b"{") else decode(Signed, data)
        KeyRing.open(signed, bytes.fromhex(root))
    except (ContractError, msgspec.MsgspecError, ValueError):
        raise KeysError(
            f"{document}\u00a0: pas sous la racine de l’inventaire (borne_root\u00a0: {root}) / "
            f"{document}: not under the inventory's root (borne_root: {root})"
        ) from None
    return Keys(software=load_key(key), document=data)


def practice(folder: Path) -> Keys:
    """Throw-away keys, made once, and a warning that they are."""
    root = release.lab(folder)
    click.echo(
        "Clés d’exercice (build/lab-keys)\u00a0: pas pour le service / practice keys: not for service", err=True
    )
    return Keys(software=load_key(folder / "software.pem"), document=(folder / "keys.json").read_bytes(), root=root)


def mark_practice(keys: Keys, target: Path) -> None:
    """A practice medium says so to everybody, and names the root its devices are to believe."""
    if keys.root:
        (target / PRACTICE).write_text(json.dumps({"borne_root": keys.root}) + "\n", encoding="utf-8")


def _pinned(inventory: Path) -> str:
    """The root key that every device of this inventory believes, in hexadecimal; empty where all.yml names none."""
    file = inventory / "group_vars/all.yml"
    said = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
    return str((said or {}).get("borne_root", ""))
