"""`borne agent run`: the device's engine, in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from pathlib import Path
from types import FrameType

import click

from border_agent.agent.logring import LogRing
from border_agent.agent.runtime import Agent
from border_agent.api.app import create_app
from border_agent.api.server import ApiServer
from border_agent.cli.base import BorneGroup, t
from border_agent.cli.service import Service, answers
from border_agent.config import load_config
from border_agent.console.app import Console
from border_agent.console.server import ConsoleServer

config_option = click.option(
    "--config", "-c", required=True, type=click.Path(dir_okay=False, path_type=Path), help=t("cli.option.config")
)


@click.group(cls=BorneGroup, help=t("cli.agent"))
def agent() -> None:
    pass


@agent.command(help=t("cli.agent.run"))
@config_option
def run(config: Path) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ring = LogRing()
    logging.getLogger().addHandler(ring)
    loaded = load_config(config)
    ended, service = threading.Event(), Service()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with Agent(loaded, ring) as engine, contextlib.ExitStack() as serving:
        path = loaded.path(loaded.api.socket)
        server = ApiServer(create_app(engine), path)
        server.start()
        serving.callback(server.stop)
        click.echo(t("cli.agent.ready", device=loaded.device.id, socket=path))
        if loaded.console is not None:
            console = ConsoleServer(Console(engine), loaded)
            console.start()
            serving.callback(console.stop)
            click.echo(t("cli.agent.console", url=f"https://{loaded.console.names[0]}:{console.port}"))
        service.ready()
        service.stay(ended, lambda seconds: answers(str(path), seconds))
        service.stopping()
    click.echo(t("cli.agent.stopped"))
