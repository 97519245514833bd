"""`borne`: the one entry point. Exit codes: 0 good, 1 the answer is no, 2 wrong use or unreadable input."""

from __future__ import annotations

import sys

import click

from border_agent.cli.base import BorneGroup, say_error, t, usage_words
from border_agent.errors import BorneError
from firmware_bridge.errors import DeviceError
from mqtt_schemas.errors import ContractError

__all__ = ["cli", "main"]

_COMMANDS = {
    "agent": "border_agent.cli.agent:agent",
    "backup": "border_agent.cli.backup:backup",
    "calls": "border_agent.cli.calls:calls",
    "centre": "border_agent.cli.centre:centre",
    "demo": "border_agent.cli.demo:demo",
    "device": "border_agent.cli.device:device",
    "doctor": "border_agent.cli.doctor:doctor",
    "inspect": "border_agent.cli.inspect:inspect",
    "journal": "border_agent.cli.journal:journal",
    "kiosk": "border_agent.cli.kiosk:kiosk",
    "lists": "border_agent.cli.lists:lists",
    "post": "border_agent.cli.post:post",
    "read": "border_agent.cli.read:read",
    "replay": "border_agent.cli.replay:replay",
    "staff": "border_agent.cli.staff:staff",
    "update": "border_agent.cli.update:update",
    "verify": "border_agent.cli.verify:verify",
}


@click.command(cls=BorneGroup, lazy=_COMMANDS, help=t("cli.borne"))
@click.version_option(package_name="borne", message="borne %(version)s", help=t("cli.version"))
def cli() -> None:
    pass


def main() -> None:
    """Run the command line; every error a person can cause is told in words, in their language."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.UsageError as error:
        click.echo(t("cli.usage_error", detail=usage_words(error)), err=True)
        if error.ctx is not None:
            click.echo(t("cli.usage_hint", command=error.ctx.command_path), err=True)
        sys.exit(2)
    except (BorneError, ContractError, DeviceError) as error:
        say_error(error)
        sys.exit(2)
