"""`borne centre csca load`: master lists, certificates and revocation lists of other states become the list `csca`.

The data centre believes a master list because of its own signature and of an authority that the operator has got over
another way and laid beside it; the devices believe the data centre. So a device needs no master list, and a change of
one certificate is one small record.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec import Struct

from border_agent.cli.base import json_option, print_json, t
from border_agent.trust.passive import Certificate, RevocationList, TrustError, TrustFolder, load_files
from mqtt_schemas.centre import importing
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.records import CscaRecord

_NOT_ANCHORED: Final = "list.not_anchored"
LONGEST_SOURCE: Final = 64


class NotAnchored(TrustError):
    """A master list whose signer no certificate beside it vouches for: anybody could have signed it."""

    code = "trust.list_not_anchored"


class Loaded(Struct, frozen=True, kw_only=True):
    """What files of trust material hold for the list."""

    records: tuple[CscaRecord, ...]
    left_out: tuple[str, ...]
    """What is not in the list, and why."""


def load_records(paths: Iterable[Path], source: str = "", *, unanchored: bool = False) -> Loaded:
    """The records of files, and of the files of folders. `unanchored`: believe a master list by its own word.

    Raises TrustError: NotAnchored, TrustFolderUnreadable, MasterListUnusable.
    """
    folder = load_files(tuple(_files(paths)))
    if not unanchored:
        for finding in folder.findings:
            if finding.code == _NOT_ANCHORED:
                raise NotAnchored(finding.detail)
    left_out = list(folder.store.unusable)
    left_out += [f"{one.subject.shown}: signs documents only" for one in folder.store.signers]
    lists = _attached(folder, left_out)
    records = tuple(_records(folder.store.authorities, lists, source[:LONGEST_SOURCE], left_out))
    return Loaded(records=records, left_out=tuple(left_out))


@click.command(help=t("cli.centre.csca.load"))
@click.option(
    "--folder", "-f", required=True, type=click.Path(file_okay=False, path_type=Path), help=t("cli.option.folder")
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--source", default="", help=t("cli.centre.csca.option.source"))
@click.option("--unanchored", is_flag=True, help=t("cli.centre.csca.option.unanchored"))
@json_option
def load(folder: Path, paths: Sequence[Path], source: str, unanchored: bool, as_json: bool) -> None:
    loaded = load_records(paths, source, unanchored=unanchored)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(b"".join(msgspec.json.encode(record) + b"\n" for record in loaded.records))
        file.flush()
        report = importing.import_feed(folder, Feed.CSCA.value, Path(file.name))
    if as_json:
        print_json({**msgspec.to_builtins(report), "left_out": loaded.left_out})
        return
    numbers = {name: getattr(report, name) for name in ("version", "added", "changed", "deleted")}
    click.echo(t("cli.centre.imported", feed=Feed.CSCA.value, **numbers))
    for one in loaded.left_out:
        click.echo(f"  {one}", err=True)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.is_file())
        else:
            yield path


def _attached(folder: TrustFolder, left_out: list[str]) -> dict[str, RevocationList]:
    """The newest revocation list of each authority whose key signed one, by the certificate's SHA-256."""
    newest: dict[str, RevocationList] = {}
    for revocations in folder.store.lists:
        signers = [one for one in folder.store.authorities if revocations.signed_by(one)]
        if not signers:
            left_out.append(f"{revocations.issuer.shown}: revocation list of an authority that is not there")
            continue
        # Link certificates share a key with the root they lead to: it is enough to say it once.
        signer = max(signers, key=lambda one: one.not_after)
        held = newest.get(signer.sha256)
        if held is None or held.this_update < revocations.this_update:
            newest[signer.sha256] = revocations
    return newest


def _records(
    authorities: Iterable[Certificate], lists: dict[str, RevocationList], source: str, left_out: list[str]
) -> Iterator[CscaRecord]:
    for one in authorities:
        revocations = lists.get(one.sha256)
        record = CscaRecord(
            issuer=one.country,
            certificate=one.der,
            crl=revocations.der if revocations is not None else b"",
            source=source,
        )
        try:
            put(one.sha256, record)
        except Malformed as error:
            left_out.append(f"{one.subject.shown}: {error.detail}")
        else:
            yield record
