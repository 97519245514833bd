"""`borne demo`: the main job, played from end to end on real parts."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from border_agent.cli.base import ALBUM, LANGUAGE, BorneCommand, json_option, print_json, t
from border_agent.cli.post import stay
from border_agent.demo.report import as_json as result_as_json
from border_agent.demo.report import show
from border_agent.demo.script import SHORT, play


@click.command(cls=BorneCommand, help=t("cli.demo"))
@json_option
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help=t("cli.demo.keep"))
@click.option("--album", type=click.Path(file_okay=False, path_type=Path), default=ALBUM, help=t("cli.demo.album"))
@click.option("--stay", "stays", is_flag=True, help=t("cli.demo.stay"))
@click.option("--short", is_flag=True, help=t("cli.demo.short", count=len(SHORT)))
@click.pass_context
def demo(context: click.Context, as_json: bool, keep: Path | None, album: Path, stays: bool, short: bool) -> None:
    console = Console(stderr=True, highlight=False)

    def tell(key: str, **params: object) -> None:
        passage = params.pop("passage", None)
        if passage is not None:
            word = t(f"verdict.{passage.verdict}")  # type: ignore[attr-defined]
            mark = "[green]✓[/]" if passage.as_expected else "[bold red]≠[/]"  # type: ignore[attr-defined]
            line = f"  {mark} {passage.number:>2}  {passage.name:<36} {word}"  # type: ignore[attr-defined]
            console.print(line, soft_wrap=True)
        else:
            console.print(f"[bold]·[/] {t(key, **params)}", soft_wrap=True)

    console.print(f"[bold]{t('demo.title')}[/]\n[dim]{t('demo.fictional')}[/]", soft_wrap=True)
    with _folder(keep) as folder:
        result = play(folder, album, tell, numbers=SHORT if short else ())
    if as_json:
        print_json(result_as_json(result))
    else:
        screen = Console(highlight=False)
        # A pipe or a log has no width of its own; 80 columns would break every finding over five lines.
        show(result, screen if screen.is_terminal else Console(highlight=False, width=132), LANGUAGE)
    if stays and result.good:
        stay(album, console)
    context.exit(0 if result.good else 1)


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """A folder of its own under a short path: a Unix socket's name has 108 bytes at most."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="borne-") as name:
        yield Path(name)
