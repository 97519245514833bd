"""What every command shares: the language, help in that language, errors as words, JSON on one line."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from border_agent.words import environment_language, has, text

LANGUAGE = environment_language()
ALBUM = Path("build", "specimens")
"""Where the rendered pictures stay between two runs."""


def t(key: str, **params: object) -> str:
    """A text in the language of the person at the terminal."""
    return text(key, LANGUAGE, **params)


def say_error(error: Exception) -> None:
    """An error as people need it: what is wrong and what to do, then where, for whoever helps them.

    Where the agent refused, its reason says more than that it refused.
    """
    keys = (f"error.{getattr(error, name, '')}" for name in ("reason", "code"))
    if (key := next(filter(has, keys), None)) is not None:
        click.echo(t(key), err=True)
    click.echo(f"  {error}", err=True)


def print_json(value: object) -> None:
    """One JSON object on standard output."""
    click.echo(msgspec.json.encode(value).decode())


def usage_words(error: click.UsageError) -> str:
    """What is wrong with a command line, in the person's language; click's own words for what is rare."""
    match error:
        case click.NoSuchOption():
            return t("cli.no_such_option", name=error.option_name)
        case click.MissingParameter():
            return t("cli.missing", name=_parameter_name(error))
        case click.BadParameter():
            return t("cli.bad_value", name=_parameter_name(error), detail=error.message)
        case _:
            return error.format_message()


def _parameter_name(error: click.BadParameter) -> str:
    hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param and error.ctx else "")
    return hint if isinstance(hint, str) else ", ".join(hint or ())


class _Formatter(click.HelpFormatter):
    """click's own layout, with our headings."""

    _HEADINGS: Mapping[str, str] = {"Options": "cli.heading.options", "Commands": "cli.heading.commands"}

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, t("cli.heading.usage") + " " if prefix is None else prefix)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        with super().section(t(self._HEADINGS[name]) if name in self._HEADINGS else name):
            yield


class _Context(click.Context):
    formatter_class = _Formatter


class _Worded(click.Command):
    context_class = _Context

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = t("cli.help")
        return option


class BorneCommand(_Worded):
    """A command whose help is in the person's language."""


class BorneGroup(_Worded, click.Group):
    """A group whose subcommands are imported when they are asked for: `borne --help` need not load OpenCV."""

    command_class = BorneCommand

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._lazy})

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(t("cli.no_such_command", name=args[0][:80]), ctx)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._lazy:
            module, _, name = self._lazy[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        return super().get_command(ctx, cmd_name)


BorneGroup.group_class = BorneGroup
json_option = click.option("--json", "as_json", is_flag=True, help=t("cli.option.json"))
folder_option = click.option(
    "--folder", "-f", required=True, type=click.Path(file_okay=False, path_type=Path), help=t("cli.option.folder")
)
"""A data centre's folder."""
