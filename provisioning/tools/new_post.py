"""Write a new border post into an inventory: its devices, its network, its broker. Asks what it must and no more.

    make post NAME=nord-7
    .venv/bin/python provisioning/tools/new_post.py nord-7 --counters 2 --kiosks 3 --network 10.25.26.0/24 --yes

What the country knows (brokers, authority, language, time servers) is never asked again. Exit code 0: written;
1: refused, with the reason; 2: wrong use.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).resolve().parent))

from post_inventory import (
    MOST_COUNTERS,
    MOST_KIOSKS,
    Inventory,
    Post,
    Refused,
    check_name,
    group_vars,
    read_count,
    read_network,
    say,
)

from border_agent.words import environment_language

INVENTORY = Path(__file__).resolve().parent.parent / "inventories" / "exemple"


class Questions:
    """Asks at the terminal what the command line has not said; a wrong answer is told and asked again."""

    def __init__(self, language: str, ask: Callable[[str], str] | None) -> None:
        """`ask` None: nobody is there; what is missing is an error."""
        self.language = language
        self._ask = ask

    def get(self, key: str, given: str | None, default: str, read: Callable[[str], Any]) -> Any:
        if given is not None:
            return read(given)
        if self._ask is None:
            if not default:
                raise Refused("missing", option=key)
            return read(default)
        while True:
            colon = "\u00a0:" if self.language == "fr" else ":"
            shown = f"{say(key, self.language)}{f' [{default}]' if default else ''}{colon} "
            try:
                return read(self._ask(shown).strip() or default)
            except Refused as refusal:
                click.echo(say(refusal.key, self.language, **refusal.params), err=True)


def ask_post(inventory: Inventory, arguments: argparse.Namespace, questions: Questions) -> Post:
    """The post, from the command line, the country and answers."""
    name = arguments.name
    check_name(name)
    if f"poste_{name.replace('-', '_')}" in inventory.hosts:
        raise Refused("post_twice", name=name)  # before any question
    free = inventory.free_network()
    domain = inventory.domain()
    post = Post(
        name=name,
        title=questions.get("title", arguments.title, name.replace("-", " ").capitalize(), str),
        counters=questions.get("counters", arguments.counters, "1", lambda text: read_count(text, 1, MOST_COUNTERS)),
        kiosks=questions.get("kiosks", arguments.kiosks, "1", lambda text: read_count(text, 0, MOST_KIOSKS)),
        network=questions.get("network", arguments.network, str(free) if free else "", read_network),
        # Where the other posts have a domain, this one has the same: nobody is asked.
        domain=domain if domain or arguments.domain is None else arguments.domain,
    )
    inventory.check(post)
    return post


def main(words: Sequence[str] | None = None) -> int:
    language = environment_language()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("name", help="nom du poste / the post's name: nord-7")
    parser.add_argument("--inventory", type=Path, default=INVENTORY, help="dossier de l’inventaire / its folder")
    parser.add_argument("--title", help="nom en clair / the name as people say it")
    parser.add_argument("--counters", help="nombre de guichets / number of counters")
    parser.add_argument("--kiosks", help="nombre de bornes / number of kiosks")
    parser.add_argument("--network", help="réseau du poste / the post's network: 10.25.26.0/24")
    parser.add_argument("--domain", help="domaine des pages / domain of the pages: poste.uto.example")
    parser.add_argument("--dry-run", action="store_true", help="montrer, ne rien écrire / show, write nothing")
    parser.add_argument("--yes", action="store_true", help="ne rien demander / ask nothing")
    arguments = parser.parse_args(words)
    interactive = sys.stdin.isatty() and not arguments.yes
    try:
        inventory = Inventory(arguments.inventory)
        post = ask_post(inventory, arguments, Questions(language, input if interactive else None))
        hosts, variables = inventory.with_post(post), group_vars(post)
        if arguments.dry_run or interactive:
            added = difflib.ndiff(inventory.text.splitlines(), hosts.splitlines())
            click.echo(say("would", language, file=inventory.hosts_file))
            click.echo("\n".join(line[2:] for line in added if line.startswith("+ ")))
            click.echo(say("would", language, file=f"group_vars/{post.group}.yml"))
            click.echo(variables, nl=False)
        if arguments.dry_run:
            return 0
        if interactive and input(say("confirm", language, inventory=arguments.inventory) + " ")[:1].lower() not in (
            "o",
            "y",
        ):
            click.echo(say("nothing", language))
            return 1
        inventory.write(post)
    except Refused as refusal:
        click.echo(say(refusal.key, language, **refusal.params), err=True)
        return 1
    except (EOFError, KeyboardInterrupt):
        click.echo("\n" + say("nothing", language), err=True)
        return 1
    devices = ", ".join(post.addresses())
    shown = os.path.relpath(arguments.inventory)
    click.echo(say("done", language, name=post.name, devices=devices, inventory=shown, group=post.group))
    return 0


if __name__ == "__main__":
    sys.exit(main())
