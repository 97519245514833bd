"""`borne read …`: what a document says, in print and on its chip, without an agent."""

from __future__ import annotations

import click

from border_agent.cli.base import BorneGroup, t

_COMMANDS = {
    "chip": "border_agent.cli.read_chip:chip",
    "mrz": "border_agent.cli.read_mrz:mrz",
}


@click.group(cls=BorneGroup, lazy=_COMMANDS, help=t("cli.read"))
def read() -> None:
    pass
