"""`borne post …`: a whole post for people to walk about in, and a scripted shift."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pyotp
from rich.console import Console
from rich.live import Live
from rich.table import Table

from border_agent.cli.base import ALBUM, BorneGroup, json_option, print_json, t

album_option = click.option(
    "--album", type=click.Path(file_okay=False, path_type=Path), default=ALBUM, help=t("cli.demo.album")
)


@click.group(cls=BorneGroup, help=t("cli.post"))
def post() -> None:
    pass


@post.command(help=t("cli.post.demo"))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help=t("cli.post.option.port"))
@album_option
def demo(port: int, album: Path) -> None:
    stay(album, Console(stderr=True, highlight=False), port)


def stay(album: Path, console: Console, port: int = 0) -> None:
    """Open a populated post and keep it open until it is interrupted."""
    from border_agent.demo.stay import PASSWORD, OpenPost, open_post

    def show(opened: OpenPost) -> Table:
        # Fits in 80 columns: a secret that is cut off serves nobody.
        table = Table(title=t("stay.sign_in", url=opened.world.url), title_justify="left", title_style="bold")
        for column in ("number", "name", "code", "secret"):
            table.add_column(t(f"stay.column.{column}"))
        for one in opened.people:
            person = one.person
            roles = ", ".join(t(f"officer_role.{role.value}") for role in person.roles)
            table.add_row(
                person.number,
                f"{person.name}\n[dim]{roles}[/]",
                pyotp.TOTP(one.secret).now(),
                " ".join(one.secret[start : start + 4] for start in range(0, len(one.secret), 4)),
            )
        return table

    tell = _teller(console)
    with _folder() as folder, open_post(folder, album, tell, port=port) as opened:
        tell("stay.ca", file=opened.world.ca)
        tell("stay.password", password=PASSWORD)
        tell("stay.end")
        with contextlib.suppress(KeyboardInterrupt):
            if not console.is_terminal:
                console.print(show(opened), soft_wrap=True)
                while True:
                    time.sleep(3600.0)
            with Live(show(opened), console=console, auto_refresh=False) as live:
                while True:
                    time.sleep(30.0 - time.time() % 30.0)  # codes change by the half minute
                    live.update(show(opened), refresh=True)


@post.command(help=t("cli.post.shift"))
@click.option(
    "--travellers",
    type=click.IntRange(10, 10000),
    default=200,
    show_default=True,
    help=t("cli.post.option.travellers"),
)
@click.option("--outage-seconds", type=click.FloatRange(0.0), default=0.0, help=t("cli.post.option.outage"))
@album_option
@json_option
@click.pass_context
def shift(context: click.Context, travellers: int, outage_seconds: float, album: Path, as_json: bool) -> None:
    from border_agent.demo.shift import play_shift

    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]{t('shift.title')}[/]\n[dim]{t('demo.fictional')}[/]", soft_wrap=True)
    with _folder() as folder:
        result = play_shift(folder, album, _teller(console), travellers=travellers, outage_seconds=outage_seconds)
    numbers = result.as_json()
    if as_json:
        print_json(numbers)
    else:
        click.echo(
            t(
                "shift.report",
                travellers=result.travellers,
                lost=result.proof.lost,
                duplicated=result.proof.duplicated,
                outage=round(result.outage_seconds),
                wait=numbers["wait_seconds"]["p95"],
            )
        )
        click.echo(t("demo.good" if result.good else "demo.bad"))
    context.exit(0 if result.good else 1)


def _teller(console: Console) -> Callable[..., None]:
    def tell(key: str, **params: object) -> None:
        console.print(f"[bold]·[/] {t(key, **params)}", soft_wrap=True)

    return tell


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Under a short path: a Unix socket's name has 108 bytes at most."""
    # A closing terminal and `kill` end it in order, like Ctrl-C: no process may stay behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="borne-") as name:
        yield Path(name)
