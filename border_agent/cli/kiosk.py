"""`borne kiosk`: the traveller's window on a device, and the same with specimen travellers and virtual devices."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from border_agent.cli.base import ALBUM, BorneGroup, json_option, print_json, t
from border_agent.errors import BorneError

_RESULTS = {
    "result-gate": "cli.kiosk.result_gate",
    "result-counter": "cli.kiosk.result_counter",
    "result-officer": "cli.kiosk.result_officer",
}


class WindowFailed(BorneError):
    """There is no window that a traveller could see."""

    code = "kiosk.no_window"


class Size(click.ParamType[tuple[int, int]]):
    """Width and height in pixels: 1080x1920."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        width, _, height = str(value).partition("x")
        if not (width.isdigit() and height.isdigit() and 600 <= int(width) <= 8192 and 600 <= int(height) <= 8192):
            self.fail(str(value), param, ctx)
        return int(width), int(height)


PORTRAIT, LANDSCAPE = (1080, 1920), (1280, 800)
size_option = click.option("--size", type=Size(), default=None, help=t("cli.kiosk.size"))


@click.group(cls=BorneGroup, help=t("cli.kiosk"))
def kiosk() -> None:
    pass


@kiosk.command(help=t("cli.kiosk.run"))
@click.option("--socket", required=True, help=t("cli.option.socket"))
@click.option("--training-socket", default="", help=t("cli.kiosk.training_socket"))
@size_option
@click.option("--fullscreen/--window", default=True, help=t("cli.kiosk.fullscreen"))
@click.option("--jack", default="", help=t("cli.kiosk.jack"))
@click.option("--silent", is_flag=True, help=t("cli.kiosk.silent"))
def run(
    socket: str, training_socket: str, size: tuple[int, int] | None, fullscreen: bool, jack: str, silent: bool
) -> None:
    from kiosk_app.run import Settings

    with _window_errors():
        from kiosk_app import run as kiosk_run

        kiosk_run.run(
            Settings(
                socket=socket,
                training_socket=training_socket,
                width=(size or PORTRAIT)[0],
                height=(size or PORTRAIT)[1],
                fullscreen=fullscreen,
                jack=jack,
                sound=not silent,
            )
        )


@kiosk.command(help=t("cli.kiosk.demo"))
@click.option("--scripted", is_flag=True, help=t("cli.kiosk.scripted"))
@click.option("--travellers", type=click.IntRange(1, 10_000), default=5, help=t("cli.kiosk.travellers"))
@click.option("--questions", is_flag=True, help=t("cli.kiosk.questions"))
@click.option(
    "--pictures", type=click.Path(file_okay=False, path_type=Path), default=None, help=t("cli.kiosk.pictures")
)
@click.option("--album", type=click.Path(file_okay=False, path_type=Path), default=ALBUM, help=t("cli.demo.album"))
@size_option
@json_option
@click.pass_context
def demo(
    context: click.Context,
    scripted: bool,
    travellers: int,
    questions: bool,
    pictures: Path | None,
    album: Path,
    size: tuple[int, int] | None,
    as_json: bool,
) -> None:
    from border_agent.demo.chips import obstacle
    from border_agent.demo.display import fits, private_display
    from border_agent.demo.kiosk import Visit, play_kiosk
    from border_agent.demo.kiosk_world import Cast, KioskWorld

    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]{t('cli.kiosk.title')}[/]\n[dim]{t('demo.fictional')}[/]", soft_wrap=True)
    seen = bool(os.environ.get("DISPLAY")) and not scripted
    width, height = size or (LANDSCAPE if seen and not fits(*PORTRAIT) else PORTRAIT)

    def tell(visit: Visit) -> None:
        words = t(
            "cli.kiosk.visit",
            number=visit.number,
            language=visit.language,
            result=t(_RESULTS[visit.result]),
            seconds=visit.seconds,
            machine=round(visit.machine_ms),
        )
        console.print(f"  [green]✓[/] {words}", soft_wrap=True)

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="borne-")))
        world = stack.enter_context(KioskWorld(folder, album, questions=questions))
        console.print(f"[bold]·[/] {t('demo.preparing')}", soft_wrap=True)
        if obstacle():
            console.print(f"[bold]·[/] {t('demo.no_chips', why=obstacle())}", soft_wrap=True)
        arrivals = world.start()
        cast = stack.enter_context(Cast(world.world, arrivals, pause=2.0 if seen else 0.0))
        stack.enter_context(_window_errors())
        if seen:
            from kiosk_app import run as kiosk_run

            console.print(f"[bold]·[/] {t('cli.kiosk.yours')}", soft_wrap=True)
            kiosk_run.run(kiosk_run.Settings(socket=str(world.socket), width=width, height=height))
            return
        stack.enter_context(private_display(width, height))
        report = play_kiosk(
            world, cast, travellers=travellers, width=width, height=height, pictures=pictures, tell=tell
        )
    if as_json:
        print_json(report.as_json())
    else:
        numbers = report.as_json()
        console.print(
            t(
                "cli.kiosk.report",
                seconds=numbers["seconds"]["p95"],
                machine=round(numbers["machine_ms"]["p95"]),
                slips=numbers["slips"],
            ),
            soft_wrap=True,
        )
        if pictures is not None:
            console.print(t("cli.kiosk.pictured", count=report.pictures, folder=pictures), soft_wrap=True)
    context.exit(0)


@kiosk.command(help=t("cli.kiosk.training"))
@click.option("--folder", required=True, type=click.Path(file_okay=False, path_type=Path), help=t("cli.demo.keep"))
@click.option("--album", type=click.Path(file_okay=False, path_type=Path), default=ALBUM, help=t("cli.demo.album"))
def training(folder: Path, album: Path) -> None:
    import signal
    import threading

    from border_agent.demo.kiosk_world import Cast, KioskWorld

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with KioskWorld(folder.absolute(), album, training=True, questions=True) as world:
        arrivals = world.start()
        with Cast(world.world, arrivals, pause=3.0):
            click.echo(t("cli.agent.ready", device=world.world.device, socket=world.socket))
            ended.wait()
    click.echo(t("cli.agent.stopped"))


@contextlib.contextmanager
def _window_errors() -> Iterator[None]:
    """A window nobody sees is told in words, and ends in a status that makes the service start again."""
    from kiosk_app.ui.glass import NoTrueWindow

    try:
        yield
    except NoTrueWindow as error:
        raise WindowFailed("window", str(error)) from None
