"""`borne backup …`: sealed copies on another disk, and the drill that opens one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from border_agent.cli.base import BorneGroup, json_option, print_json, t
from border_agent.config import load_config
from border_agent.upkeep import backup as backups
from border_agent.upkeep.backup_drill import drill as open_aside
from border_agent.upkeep.backup_drill import load_recovery_key, make_recovery_key
from border_agent.upkeep.credentials import DEFAULT_FOLDER, device_keys
from border_agent.upkeep.credentials import store_key as unsealed
from mqtt_schemas.keys import public_bytes

RECOVERY = Path("/etc/borne/recovery.pub")
FOLDER = Path("/var/backups/borne")
CONFIG = Path("/etc/borne/agent.toml")
_file = click.Path(dir_okay=False, path_type=Path)
_folder = click.Path(file_okay=False, path_type=Path)
to_option = click.option("--to", type=_folder, default=FOLDER, show_default=True, help=t("cli.backup.option.to"))


@click.group(cls=BorneGroup, help=t("cli.backup"))
def backup() -> None:
    pass


@backup.command(help=t("cli.backup.make"))
@click.option("--config", "-c", type=_file, default=CONFIG, show_default=True, help=t("cli.option.config"))
@click.option("--centre", type=_folder, help=t("cli.backup.option.centre"))
@click.option("--store-key", type=_file, help=t("cli.backup.option.store_key"))
@to_option
@click.option("--recovery", type=_file, default=RECOVERY, show_default=True, help=t("cli.backup.option.recovery"))
@click.option(
    "--keep", type=click.IntRange(1, 1000), default=backups.KEEP, show_default=True, help=t("cli.backup.option.keep")
)
@click.option("--mounted", is_flag=True, help=t("cli.backup.option.mounted"))
@json_option
def make(
    config: Path,
    centre: Path | None,
    store_key: Path | None,
    to: Path,
    recovery: Path,
    keep: int,
    mounted: bool,
    as_json: bool,
) -> None:
    public = backups.recovery_public(recovery)
    if centre is not None:
        made = backups.back_up_centre(centre, to, public, keep=keep, mounted=mounted)
    else:
        loaded = load_config(config)
        key = store_key if store_key is not None else unsealed(loaded, DEFAULT_FOLDER)
        made = backups.back_up_store(loaded, key, to, public, keep=keep, mounted=mounted)
    if as_json:
        print_json(made)
        return
    click.echo(t("cli.backup.made", file=made.file, megabytes=max(1, made.size // 1_000_000)))
    if made.same_disk:
        click.echo(t("cli.backup.same_disk"))


@backup.command(name="list", help=t("cli.backup.list"))
@to_option
@click.option("--check", is_flag=True, help=t("cli.backup.option.check"))
@json_option
@click.pass_context
def list_backups(context: click.Context, to: Path, check: bool, as_json: bool) -> None:
    found = backups.list_backups(to, check=check)
    if as_json:
        rows = [
            {
                "file": one.file,
                "size": one.size,
                "good": one.good,
                "device": one.head.device if one.head else "",
                "made_at": one.head.made_at if one.head else "",
                "sequence": one.head.sequence if one.head else 0,
            }
            for one in found
        ]
        print_json({"backups": rows, "count": len(rows)})
    for one in () if as_json else found:
        word = t("cli.backup.good" if one.good else "cli.backup.bad")
        click.echo(f"{Path(one.file).name}  {max(1, one.size // 1_000_000)} MB  {word}")
    if not found and not as_json:
        click.echo(t("cli.backup.none"))
    context.exit(0 if found and all(one.good for one in found) else 1)


@backup.command(help=t("cli.backup.drill"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--recovery-key", required=True, type=_file, help=t("cli.backup.option.recovery_key"))
@click.option("--journal", default="", help=t("cli.backup.option.journal"))
@click.option("--config", "-c", type=_file, default=CONFIG, show_default=True, help=t("cli.option.config"))
@click.option(
    "--aside", type=_folder, default=Path(tempfile.gettempdir()), show_default=True, help=t("cli.backup.option.aside")
)
@click.option("--scratch", default="", help=t("cli.backup.option.scratch"))
@json_option
@click.pass_context
def drill(
    context: click.Context,
    file: Path,
    recovery_key: Path,
    journal: str,
    config: Path,
    aside: Path,
    scratch: str,
    as_json: bool,
) -> None:
    public = _public(journal)
    if not public and config.exists():
        public = public_bytes(device_keys(load_config(config), DEFAULT_FOLDER).journal)
    found = open_aside(file, load_recovery_key(recovery_key), aside, journal=public, scratch=scratch)
    if as_json:
        print_json(found)
    else:
        click.echo(t("cli.backup.opened", device=found.device, made=found.made_at, entries=found.entries))
        click.echo(t(f"cli.backup.drill.{found.code or 'good'}"))
    context.exit(0 if found.ok else 1)


@backup.command(help=t("cli.backup.key"))
@click.option("--out", "-o", required=True, type=_file, help=t("cli.backup.option.key_out"))
@json_option
def key(out: Path, as_json: bool) -> None:
    public = make_recovery_key(out)
    if as_json:
        print_json({"file": str(out), "public": public})
    else:
        click.echo(t("cli.backup.key_made", file=out))
        click.echo(public)


def _public(text: str) -> bytes:
    try:
        public = bytes.fromhex(text)
    except ValueError:
        public = b"?"
    if len(public) not in (0, 32):
        raise click.BadParameter(text[:80], param_hint="--journal")
    return public
