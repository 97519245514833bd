"""The dossier itself: everything gathered once, then a page, a PDF and the data of both languages.

build/dossier/{fr,en}/dossier.{html,pdf}    build/dossier/sbom.cdx.json    build/dossier/dossier.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import jinja2
import msgspec
from markupsafe import Markup
from paper import print_pdf

from dossier.components import Component, all_components
from dossier.cryptography_used import USES
from dossier.flows import draw, flows, post_channels
from dossier.hosts import NAMESPACES, foreign, mentions
from dossier.network import Rule, rules
from dossier.places import BUILD, read_yaml
from dossier.results import hardening, tests
from dossier.sbom import make_sbom

HERE = Path(__file__).parent
LANGUAGES = ("fr", "en")
_TITLES = {"fr": "Dossier de validation", "en": "Validation dossier"}


def gather(roots: list[Path], junit: list[Path]) -> dict[str, Any]:
    """Everything, in plain values."""
    components = all_components(roots)
    found = rules()
    named = mentions()
    return {
        "version": importlib.metadata.version("borne"),
        "components": components,
        "counts": Counter(one.kind for one in components),
        "licences": licences(components),
        "debian_known": bool(roots),
        "inbound": grouped([rule for rule in found if rule.direction == "in"]),
        "outbound": grouped([rule for rule in found if rule.direction == "out"]),
        "ports": {machine: len(of) for machine, of in by_machine(found, "in").items()},
        "flows": flows(),
        "post_channels": post_channels(),
        "mentions": Counter(mention.kind for mention in named),
        "namespaces": {host: what for host, what in NAMESPACES.items() if any(one.host == host for one in named)},
        "foreign": foreign(named),
        "cryptography": USES,
        "hardening": hardening(),
        "tests": tests(junit),
        "controls": read_yaml(HERE / "controls.yml"),
    }


def licences(components: list[Component]) -> list[tuple[str, int]]:
    """How many components under each licence, the most first; Debian's own archive speaks for its packages."""
    counted = Counter(one.licence for one in components if one.kind != "debian" and one.licence)
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def by_machine(found: list[Rule], direction: str) -> dict[str, set[tuple[str, int]]]:
    """Ports of each kind of machine."""
    ports: dict[str, set[tuple[str, int]]] = {}
    for rule in found:
        if rule.direction == direction:
            ports.setdefault(rule.machine, set()).add((rule.protocol, rule.port))
    return ports


def grouped(found: list[Rule]) -> list[dict[str, Any]]:
    """The same rule on several kinds of machine is one line."""
    lines: dict[tuple[str, int, str, tuple[str, ...]], list[str]] = {}
    for rule in found:
        lines.setdefault((rule.protocol, rule.port, rule.name, rule.networks), []).append(rule.machine)
    return [
        {"protocol": protocol, "port": port, "name": name, "networks": networks, "machines": machines}
        for (protocol, port, name, networks), machines in sorted(
            lines.items(), key=lambda item: (item[0][1], item[0])
        )
    ]


_MACHINES = {
    "centre": ("centre de données", "data centre"),
    "post": ("guichet avec courtier", "counter with broker"),
    "counter": ("autre guichet", "other counter"),
    "kiosk": ("borne", "kiosk"),
}
_RULES = {
    "technicians": ("les techniciens, par SSH", "technicians, by SSH"),
    "devices": ("les appareils du pays", "the country’s devices"),
    "the officers' pages": ("les pages des agents", "the officers’ pages"),
    "the post's kiosks and counters": ("les bornes et guichets du poste", "the post’s kiosks and counters"),
    "the post's broker": ("le courtier du poste", "the post’s broker"),
    "names": ("serveur de noms", "name server"),
    "packages": ("paquets Debian", "Debian packages"),
    "measurements": ("mesures", "measurements"),
    "broker": ("courtier national", "national broker"),
    "time keys": ("clés de l’heure (NTS)", "time keys (NTS)"),
    "time": ("heure", "time"),
}


def rule_words(name: str, language: str) -> str:
    """What a rule is for, in a person's language; a name that nobody has put in words stays as it is."""
    for known in sorted(_RULES, key=len, reverse=True):
        if name == known or name.startswith(known + " "):
            return f"{_RULES[known][language == 'en']} {name[len(known) :].strip()}".strip()
    return name


def french(text: str) -> str:
    """French typography: spaces that do not break."""
    return re.sub(r" ([:;?!»])", "\u00a0\\1", text).replace("« ", "«\u00a0")


def render(language: str, data: dict[str, Any], today: date) -> str:
    """One page that needs nothing else."""

    def w(fr: str, en: str) -> str:
        return french(fr) if language == "fr" else en

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html").render(
        **data,
        w=w,
        language=language,
        french=french,
        today=today.strftime("%d/%m/%Y") if language == "fr" else f"{today.day} {today.strftime('%b %Y')}",
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704  (ours)
        drawing=Markup(draw(language)),  # noqa: S704  (ours)
        rule_words=lambda name: rule_words(name, language),
        machines=lambda names: (
            w("toutes", "all")
            if set(names) == set(_MACHINES)
            else ", ".join(_MACHINES[name][language == "en"] for name in names)
        ),
    )


def write(out: Path, data: dict[str, Any], today: date) -> list[Path]:
    """All files; the PDFs last."""
    pages = []
    for language in LANGUAGES:
        folder = out / language
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / "dossier.html"
        page.write_text(render(language, data, today), encoding="utf-8")
        pages.append(page)
    sbom = make_sbom(data["components"], data["version"])
    (out / "sbom.cdx.json").write_bytes(msgspec.json.format(msgspec.json.encode(sbom), indent=1) + b"\n")
    (out / "dossier.json").write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")
    for page in pages:
        title = _TITLES[page.parent.name]
        footer = (
            "<div style=\"font:8px 'Noto Sans',sans-serif;color:#777;width:100%;padding:0 15mm;display:flex;"
            f'justify-content:space-between"><span>Borne {data["version"]} · {title}</span>'
            '<span><span class="pageNumber"></span> / <span class="totalPages"></span></span></div>'
        )
        print_pdf([(page, page.with_suffix(".pdf"))], footer=footer)
    return [*pages, *(page.with_suffix(".pdf") for page in pages), out / "sbom.cdx.json"]


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dossier", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--root",
        type=Path,
        action="append",
        default=[],
        help="racine d’une machine mise en service / a machine's root",
    )
    parser.add_argument(
        "--junit", type=Path, action="append", default=[], help="résultats d’essais / test results (JUnit XML)"
    )
    parser.add_argument("--out", type=Path, default=BUILD / "dossier")
    arguments = parser.parse_args(words)
    for root in arguments.root:
        if not (root / "var/lib/dpkg/status").is_file():
            click.echo(f"Pas une racine Debian / no Debian root: {root}", err=True)
            return 2
    junit = arguments.junit or sorted((BUILD / "junit").glob("*.xml"))
    data = gather(arguments.root, junit)
    for file in write(arguments.out, data, datetime.now(UTC).date()):
        click.echo(str(file))
    for mention in data["foreign"]:
        click.echo(f"Hôte étranger / foreign host: {mention.host} ({mention.file})", err=True)
    return 1 if data["foreign"] else 0
