"""`borne replay`: decisions made again from the evidence that was kept. 0: the same, 1: not the same, 2: cannot."""

from __future__ import annotations

from pathlib import Path

import click

from border_agent.agent.replay import Answer, Reason, Replay, Replayer
from border_agent.cli.agent import config_option
from border_agent.cli.base import BorneCommand, json_option, print_json, t
from border_agent.cli.journal import opened_store
from border_agent.config import load_config


@click.command(cls=BorneCommand, help=t("cli.replay"))
@config_option
@click.option("--sequence", type=click.IntRange(min=1), help=t("cli.replay.option.sequence"))
@click.option("--entry", help=t("cli.replay.option.entry"))
@click.option("--all", "every", is_flag=True, help=t("cli.replay.option.all"))
@json_option
@click.pass_context
def replay(
    context: click.Context, config: Path, sequence: int | None, entry: str | None, every: bool, as_json: bool
) -> None:
    if (sequence is not None) + (entry is not None) + every != 1:
        raise click.UsageError(t("cli.replay.one"), context)
    with opened_store(load_config(config)) as store:
        replayer = Replayer(store)
        if every:
            context.exit(_every(replayer, as_json))
        made = replayer.sequence(sequence) if sequence is not None else replayer.entry(entry or "")
    if as_json:
        print_json(made)
    else:
        _tell(made)
    context.exit(_CODES[made.answer])


_CODES = {Answer.SAME: 0, Answer.DIFFERS: 1, Answer.CANNOT: 2}


def _every(replayer: Replayer, as_json: bool) -> int:
    """All of them: 1 where one differs, 2 where none could be made again."""
    counts = dict.fromkeys(Answer, 0)
    notable: list[Replay] = []
    for made in replayer.all():
        counts[made.answer] += 1
        if made.answer is Answer.DIFFERS:
            if not as_json:
                _tell(made)
            elif len(notable) < _MOST:
                notable.append(made)
    if as_json:
        print_json({**{answer.value: count for answer, count in counts.items()}, "differing": notable})
    else:
        click.echo(t("cli.replay.counts", **{answer.value: count for answer, count in counts.items()}))
    if counts[Answer.DIFFERS]:
        return 1
    return 0 if counts[Answer.SAME] or not counts[Answer.CANNOT] else 2


_MOST = 1000


def _tell(made: Replay) -> None:
    if made.reason is Reason.NO_ENTRY:
        click.echo(t(f"audit.replay.{made.reason}"))
        return
    place = t("cli.replay.place", sequence=made.sequence, entry=made.entry)
    match made.answer:
        case Answer.SAME:
            click.echo(t("cli.replay.same", place=place, proposal=t(f"verdict.{made.proposal}")))
        case Answer.DIFFERS:
            click.echo(
                t(
                    "cli.replay.differs",
                    place=place,
                    before=t(f"verdict.{made.proposal}"),
                    now=t(f"verdict.{made.proposal_again}"),
                )
            )
            for finding in made.gone:
                click.echo(f"    - {finding}")
            for finding in made.new:
                click.echo(f"    + {finding}")
        case Answer.CANNOT:
            click.echo(t("cli.replay.cannot", place=place, reason=t(f"audit.replay.{made.reason}")))
