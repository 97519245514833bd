"""The flight: the cast with all that it carries, made for one run, and the lists that the data centre publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct

from border_agent.demo.counter import Arrival
from border_agent.demo.parts import today
from border_agent.specimens.album import Album, CodeSpecimen, build_all, build_codes
from border_agent.specimens.cast import Shown, Traveller
from border_agent.specimens.chip.booklets import build_booklets, make_pki
from border_agent.specimens.feeds import csca_records, policy, signer_records, visa_records, watch_records
from border_agent.specimens.signing import make_signers
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import Question


@dataclass(frozen=True, kw_only=True)
class Flight:
    """Who comes, with what."""

    album: Album
    codes: Mapping[int, CodeSpecimen]
    booklets: Mapping[int, Path]
    """Chips by traveller; empty where none can be read."""
    feeds: dict[Feed, list[Struct]]

    @property
    def arrivals(self) -> list[Arrival]:
        """In the order of the cast. The one with the copied chip comes only where chips are read."""
        come = self.album.everybody if self.booklets else self.album.travellers
        return [arrival_of(self.album, self.codes, traveller, self.booklets) for traveller in come]


def prepare_flight(album_folder: Path, folder: Path, *, chips: bool, questions: tuple[Question, ...] = ()) -> Flight:
    """Draw what is not drawn yet in `album_folder`; sign codes and chips for this run in `folder`.

    `chips`: whether chips can be read; the authorities that sign them are published all the same.
    """
    album = build_all(album_folder, today())
    signers, pki = make_signers(album.today), make_pki(album.today)
    codes = build_codes(album, folder / "codes", signers)
    booklets = build_booklets(album, folder / "booklets", pki) if chips else {}
    feeds: dict[Feed, list[Struct]] = {
        Feed.VISAS: list(visa_records(album.today, album.portraits())),
        Feed.TRUST: list(signer_records(album.today, signers)),
        Feed.CSCA: list(csca_records(pki)),  # after the booklets: revocation lists name their signers
        Feed.POLICY: [policy(album.today, questions)],
        Feed.WATCHLIST: list(watch_records(album.today)),
    }
    return Flight(album=album, codes=codes, booklets=booklets, feeds=feeds)


def arrival_of(
    album: Album,
    codes: Mapping[int, CodeSpecimen],
    traveller: Traveller,
    booklets: Mapping[int, Path] | None = None,
) -> Arrival:
    """What one traveller of the cast brings to the counter."""
    code = codes.get(traveller.number)
    by_scanner = code is not None and traveller.shown is Shown.SCANNER
    return Arrival(
        number=traveller.number,
        name=traveller.name,
        case=traveller.because or "good",
        expected=traveller.expected,
        mrz="\r\n".join(traveller.passport.lines).encode("ascii") + b"\r\n",
        page=album.page_frames(traveller.number),
        chip=(booklets or {}).get(traveller.number),
        code=code.payload if code is not None and by_scanner else b"",
        code_frames=code.frames if code is not None and not by_scanner else (),
        live=album.live_frames(traveller.number),
        accompanied=traveller.accompanied,
        guardian=traveller.guardian,
    )


def lists_are_there(state: dict[str, Any]) -> bool:
    """Whether every list that decisions rest on is installed."""
    wanted = {Feed.VISAS, Feed.TRUST, Feed.CSCA, Feed.POLICY, Feed.WATCHLIST}
    return wanted <= {name for name, info in state["lists"].items() if info["version"]}
