"""The chips of the cast's passports, made anew for each run: who has which is the cast's to say.

All are signed by fictional authorities of the states on the page; those of Chad and the Congo are in no list, as is
usual for the neighbours. The chips' faces are the cast's portraits, 413 px wide and about 15 kB.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import cv2
import numpy as np

from border_agent.specimens.album import Album, AlbumDamaged
from border_agent.specimens.cast import Chip, Passport, Traveller
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.faces import FaceCoding, compress, dg2, scaled
from border_agent.specimens.chip.groups import dg11, dg12
from border_agent.specimens.chip.personalise import Holder, cloned, personalise
from border_agent.specimens.chip.pki import SignerCondition, SpecimenPki
from border_agent.specimens.chip.profile import (
    ActiveAuthenticationOffer,
    ChipAuthenticationOffer,
    ChipProfile,
    Mapping,
    PaceOffer,
    Written,
)
from border_agent.specimens.chip.signing_keys import KeyKind

WIDTH = 413
"""Pixels across a chip's portrait: 35 mm at 300 dpi."""

_STATES = {
    "UTO": ("UT", KeyKind.BRAINPOOL256),
    "MLI": ("ML", KeyKind.P256),
    "NGA": ("NG", KeyKind.P256_EXPLICIT),
    "GHA": ("GH", KeyKind.BRAINPOOL384),
    "COD": ("CD", KeyKind.P256),
    "BFA": ("BF", KeyKind.BRAINPOOL224),
    "USA": ("US", KeyKind.RSA),
    "CPV": ("CV", KeyKind.P256),
    "TCD": ("TD", KeyKind.P256),
    "GAB": ("GA", KeyKind.P256),
}
"""Of each state whose passports have chips: the two letters of its certificates, and the kind of its keys."""
_UNKNOWN = ("CD", "TD")
_LAPSED = frozenset({12})
"""Travellers whose passport's signer has expired since."""

_PACE, _AUTHENTICATION = PaceOffer(), ChipAuthenticationOffer(written=Written.EXPLICIT)
_PROFILES = {
    Chip.BASIC: ChipProfile(extended=False, odd_read=False),
    Chip.ACTIVE: ChipProfile(active_authentication=ActiveAuthenticationOffer(), extended=False),
    Chip.MODERN: ChipProfile(pace=(_PACE,), chip_authentication=_AUTHENTICATION),
    Chip.INTEGRATED: ChipProfile(pace=(PaceOffer(mapping=Mapping.INTEGRATED),), chip_authentication=_AUTHENTICATION),
    Chip.MAPPED: ChipProfile(bac=False, pace=(_PACE, PaceOffer(mapping=Mapping.CHIP_AUTHENTICATION))),
    Chip.CLONED: ChipProfile(pace=(_PACE,), chip_authentication=_AUTHENTICATION),
}
_CODINGS = {
    2: FaceCoding.JPEG2000,
    7: FaceCoding.JPEG2000,
    9: FaceCoding.JPEG2000_39794,
    13: FaceCoding.JPEG_39794,
}
"""Portraits that are not JPEG in the older record."""


def make_pki(today: date) -> SpecimenPki:
    """The authorities of all states of the cast; Utopia has had a rollover."""
    kinds = dict(_STATES.values())
    return SpecimenPki(today, kinds, rollover=("UT",), unknown=_UNKNOWN)


def make_booklet(traveller: Traveller, portrait: Path, pki: SpecimenPki) -> Booklet | None:
    """The chip of a traveller's passport, None where it has none. Raises `AlbumDamaged` without the portrait."""
    passport = traveller.passport
    if passport.chip is Chip.NONE:
        return None
    condition = SignerCondition.LAPSED if traveller.number in _LAPSED else SignerCondition.GOOD
    country, _ = _STATES[passport.issuer]
    signer = pki.authority(country).signer(passport.issued, condition)
    holder = _holder(passport, portrait, _CODINGS.get(traveller.number, FaceCoding.JPEG))
    booklet = personalise(_PROFILES[passport.chip], holder, signer, passport.issued)
    return cloned(booklet) if passport.chip is Chip.CLONED else booklet


def build_booklets(album: Album, folder: Path, pki: SpecimenPki) -> dict[int, Path]:
    """The files of all chips, by traveller's number, for a twin to lay on the reader. One passport has one chip."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[int, Path] = {}
    known: dict[str, Path] = {}
    for traveller in album.everybody:
        number = traveller.passport.number
        if number not in known:
            booklet = make_booklet(traveller, album.portrait_file(traveller.face), pki)
            if booklet is None:
                continue
            known[number] = folder / f"booklet-{traveller.number:02d}.json"
            booklet.save(known[number])
        files[traveller.number] = known[number]
    return files


def _holder(passport: Passport, portrait: Path, coding: FaceCoding) -> Holder:
    picture = cv2.imread(str(portrait))
    if picture is None:
        raise AlbumDamaged(str(portrait), "not a picture")
    face = scaled(np.asarray(picture, np.uint8), WIDTH)
    details = passport.chip in (Chip.MODERN, Chip.MAPPED)
    return Holder(
        lines=passport.lines,
        dg2=dg2(compress(face, coding), coding, face.shape[1], face.shape[0]),
        dg11=dg11(
            full_name=f"{passport.surname}<<{passport.given_names}".replace(" ", "<").upper(),
            birth=passport.birth,
            birthplace=passport.birthplace.upper(),
        )
        if details
        else b"",
        dg12=dg12(authority="SPÉCIMEN", issued=passport.issued) if details else b"",
    )
