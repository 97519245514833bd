"""The technician's field card: one page A4 in French, one in English, to swap a unit in 30 minutes.

    make card                                                        build/card/{fr,en}.{html,pdf}
    .venv/bin/python provisioning/tools/card.py --key borne.pub --inventory DIR [--device NAME] [--out DIR]

The words and their minutes are in `card/steps.yml`, the pictures in `card/icons.svg`. What belongs to the country
(name, helpdesk) comes from the inventory; the fingerprint from the key that signs provisioning media. Without a key
its place is left free, to be copied by hand from the centre: a card never takes it from the stick it vouches for.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import re
import sys
from pathlib import Path
from typing import Any

import click
import jinja2
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from markupsafe import Markup

sys.path.insert(0, str(Path(__file__).resolve().parent))

from medium_seal import fingerprint
from paper import print_pdf

TOOLS = Path(__file__).resolve().parent
LANGUAGES = ("fr", "en")
INVENTORY = TOOLS.parent / "inventories" / "exemple"
OUT = TOOLS.parent.parent / "build" / "card"
_HOLDERS = {
    "empreinte": "fingerprint",
    "appareil": "device",
    "lot": "bundle",
    "fichier sur la clé": "file on the stick",
}


class CardFault(Exception):
    """Why there is no card, in both languages."""


def load_card() -> dict[str, Any]:
    """The words, the minutes and the commands."""
    card: dict[str, Any] = yaml.safe_load((TOOLS / "card" / "steps.yml").read_text(encoding="utf-8"))
    return card


def french(text: str) -> str:
    """French typography: spaces that do not break."""
    text = re.sub(r" ([:;?!»])", "\u00a0\\1", text).replace("« ", "«\u00a0")
    return re.sub(r"(\d) (min|h|caractères)", "\\1\u00a0\\2", text)


def read_fingerprint(file: Path | None) -> list[str]:
    """The key's fingerprint in groups; empty where no key is given. Raises CardFault."""
    if file is None:
        return []
    try:
        data = file.read_bytes()
        if b"PRIVATE" in data:
            key: object = serialization.load_pem_private_key(data, None)
            key = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
        else:
            key = serialization.load_pem_public_key(data)
    except (OSError, ValueError, TypeError) as error:
        raise CardFault(f"Clé illisible / key cannot be read: {file}: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise CardFault(f"Pas une clé Ed25519 / not an Ed25519 key: {file}")
    return fingerprint(key).split()


def country_of(inventory: Path, device: str) -> dict[str, str]:
    """What the inventory knows: country, helpdesk, and the device's post. Raises CardFault."""
    try:
        country = yaml.safe_load((inventory / "group_vars" / "all.yml").read_text(encoding="utf-8"))
        groups = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]
        known = {
            "country": str(country.get("borne_country", "")),
            "helpdesk": str(country.get("borne_helpdesk", "")),
            "post": "",
        }
        if not device:
            return known
        for name, group in groups.items():
            if name.startswith("poste_") and device in (group or {}).get("hosts", {}):
                values = yaml.safe_load((inventory / "group_vars" / f"{name}.yml").read_text(encoding="utf-8"))
                return {**known, "post": str(values.get("borne_post", ""))}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise CardFault(f"Inventaire illisible / inventory cannot be read: {inventory}: {error}") from None
    raise CardFault(f"Appareil absent de l’inventaire / device not in the inventory: {device}")


def dial(begins: int, minutes: int, total: int) -> str:
    """A small clock: how much of the half hour this step takes, and when."""
    first, last = (2 * math.pi * at / total - math.pi / 2 for at in (begins, begins + minutes))
    points = [(12 + 9 * math.cos(angle), 12 + 9 * math.sin(angle)) for angle in (first, last)]
    (x1, y1), (x2, y2) = points
    large = int(minutes * 2 > total)
    slice_ = f"M12 12L{x1:.2f} {y1:.2f}A9 9 0 {large} 1 {x2:.2f} {y2:.2f}Z"
    return (
        '<svg viewBox="0 0 24 24" class="icon"><circle cx="12" cy="12" r="10"/>'
        f'<path d="{slice_}" fill="currentColor" stroke="none"/></svg>'
    )


def render(language: str, groups: list[str], country: dict[str, str], device: str = "") -> str:
    """One card as a page that needs nothing else."""
    card = load_card()
    steps = card["steps"]
    total = sum(step["minutes"] for step in steps)
    begins = [sum(step["minutes"] for step in steps[:index]) for index in range(len(steps))]

    def spoken(texts: dict[str, Any]) -> Any:
        own = texts[language]
        if language != "fr":
            return own
        return {key: french(text) for key, text in own.items()} if isinstance(own, dict) else french(own)

    def holder(text: str) -> list[str]:
        """What stands in place of a name, in pieces that are never broken: options, and ‹what to put there›."""
        pieces = re.findall(r"«[^»]*»|[^ «]+", text)
        named = [_HOLDERS[piece[1:-1]] if language == "en" and piece[1:-1] in _HOLDERS else piece for piece in pieces]
        return [
            f"‹{one.strip('«»')}›" if piece.startswith("«") else one for piece, one in zip(pieces, named, strict=True)
        ]

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TOOLS / "card"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("card.html").render(
        card=card,
        language=language,
        s=spoken,
        holder=holder,
        # Our own drawings: nothing in them comes from outside.
        icons=Markup((TOOLS / "card" / "icons.svg").read_text(encoding="utf-8")),  # noqa: S704
        dials=[Markup(dial(at, step["minutes"], total)) for at, step in zip(begins, steps, strict=True)],  # noqa: S704
        total=total,
        groups=groups,
        filled=[country["post"], device, "", "", "", ""],
        country=country["country"],
        helpdesk=country["helpdesk"],
        version=importlib.metadata.version("borne"),
    )


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--key", type=Path, help="clé qui signe les supports / the key that signs media (PEM)")
    parser.add_argument("--inventory", type=Path, default=INVENTORY, help="dossier de l’inventaire / its folder")
    parser.add_argument("--device", default="", help="nom de l’appareil à changer / the device to swap")
    parser.add_argument("--out", type=Path, default=OUT, help="dossier des fiches / where the cards go")
    arguments = parser.parse_args(words)
    try:
        groups = read_fingerprint(arguments.key)
        country = country_of(arguments.inventory, arguments.device)
    except CardFault as fault:
        click.echo(str(fault), err=True)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        page = arguments.out / f"{language}.html"
        page.write_text(render(language, groups, country, arguments.device), encoding="utf-8")
    print_pdf([(arguments.out / f"{one}.html", arguments.out / f"{one}.pdf") for one in LANGUAGES])
    for language in LANGUAGES:
        click.echo(str(arguments.out / f"{language}.pdf"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
