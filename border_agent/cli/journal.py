"""`borne journal …`: this device's journal."""

from __future__ import annotations

from pathlib import Path

import click

from border_agent.agent.identity import load_journal_key
from border_agent.agent.opening import open_store
from border_agent.cli.agent import config_option
from border_agent.cli.base import BorneGroup, json_option, print_json, t
from border_agent.config import load_config
from border_agent.store import verify_journal


@click.group(cls=BorneGroup, help=t("cli.journal"))
def journal() -> None:
    pass


@journal.command(help=t("cli.journal.verify"))
@config_option
@json_option
@click.pass_context
def verify(context: click.Context, config: Path, as_json: bool) -> None:
    loaded = load_config(config)
    key = load_journal_key(loaded.path(loaded.identity.journal_key))
    with open_store(loaded) as store:
        report = verify_journal(store, key.public_key())
    if as_json:
        print_json(report)
    elif report.ok:
        click.echo(t("cli.journal.good", entries=report.entries, epochs=report.epochs))
    else:
        for fault in report.faults:
            detail = f"{fault.kind}, {fault.epoch.hex()} {fault.sequence}"
            click.echo(t("cli.journal.broken", detail=detail))
    context.exit(0 if report.ok else 1)
