"""One ordinary passport of Utopia, for whoever needs a chip and does not care whose.

The authorities are made once a process, and so is the picture, which shows nobody.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np

from border_agent.documents.mrz import MrzFormat, build_mrz
from border_agent.specimens.canvas import Pixels
from border_agent.specimens.cast import years_before
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.faces import FaceCoding, compress, dg2
from border_agent.specimens.chip.faults import Fault
from border_agent.specimens.chip.groups import dg7, dg11, dg12
from border_agent.specimens.chip.personalise import Holder, personalise
from border_agent.specimens.chip.pki import SignerCondition, SpecimenPki
from border_agent.specimens.chip.profile import (
    ActiveAuthenticationOffer,
    ChipAuthenticationOffer,
    ChipProfile,
    PaceOffer,
)
from border_agent.specimens.chip.profile import (
    Mapping as PaceMapping,
)
from border_agent.specimens.chip.signing_keys import KeyKind

WIDTH, HEIGHT = 413, 531
FORMATS = (MrzFormat.TD3, MrzFormat.TD2, MrzFormat.TD1)

BAC_ONLY = ChipProfile()
"""An older chip: basic access, short APDUs in practice, nothing to prove itself with."""
MODERN = ChipProfile(pace=(PaceOffer(),), can="271828", chip_authentication=ChipAuthenticationOffer())
"""PACE beside BAC, and Chip Authentication."""
MAPPED = ChipProfile(bac=False, pace=(PaceOffer(), PaceOffer(mapping=PaceMapping.CHIP_AUTHENTICATION)), can="314159")
"""PACE only, with Chip Authentication Mapping."""
ACTIVE = ChipProfile(active_authentication=ActiveAuthenticationOffer())
"""Basic access and Active Authentication."""


def today() -> date:
    return datetime.now(UTC).date()


@lru_cache(maxsize=1)
def sample_pki() -> SpecimenPki:
    """Utopia with a rollover, a second state, and one in no list (Chad)."""
    countries = {"UT": KeyKind.BRAINPOOL256, "ML": KeyKind.P256, "TD": KeyKind.P256}
    return SpecimenPki(today(), countries, rollover=("UT",), unknown=("TD",))


def sample_lines(
    format: MrzFormat = MrzFormat.TD3, *, number: str = "U27182818", issuer: str = "UTO"
) -> tuple[str, ...]:
    """The zone of the sample's page."""
    return build_mrz(
        format,
        document_code="P" if format is MrzFormat.TD3 else "I",
        issuer=issuer,
        surname="Spécimen",
        given_names="Aminata Rose",
        number=number,
        nationality=issuer,
        birth=years_before(today(), 33, 40),
        sex="F",
        expiry=years_before(today(), -6),
    )


@lru_cache(maxsize=1)
def sample_picture() -> Pixels:
    """A grey oval on light ground with grain, 531 x 413 x 3: as large as a portrait once compressed."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    oval = ((x - WIDTH / 2) / 120) ** 2 + ((y - HEIGHT * 0.48) / 165) ** 2
    level = np.where(oval < 1, 120 + 40 * oval, 215)[..., None]
    grain = np.random.default_rng(7).normal(0, 6, (HEIGHT, WIDTH, 3))
    return np.clip(level + grain, 0, 255).astype(np.uint8)


def sample_image(coding: FaceCoding = FaceCoding.JPEG, size: int = 15_000) -> bytes:
    """The picture as a file of about `size` bytes."""
    return _image(FaceCoding.JPEG2000 if coding.jpeg2000 else FaceCoding.JPEG, size)


@lru_cache(maxsize=16)
def _image(coding: FaceCoding, size: int) -> bytes:
    return compress(sample_picture(), coding, size)


def sample_holder(
    lines: tuple[str, ...] = (), *, coding: FaceCoding = FaceCoding.JPEG, size: int = 15_000, details: bool = True
) -> Holder:
    """The data groups about the holder; with `details` also DG7, DG11 and DG12."""
    return Holder(
        lines=lines or sample_lines(),
        dg2=dg2(sample_image(coding, size), coding, WIDTH, HEIGHT),
        dg7=dg7(sample_image(size=6_000)) if details else b"",
        dg11=dg11(
            full_name="SPÉCIMEN<<AMINATA<ROSE",
            birth=years_before(today(), 33, 40),
            birthplace="NOUVELLE-UTOPIE",
            personal_number="UT-1993-0001",
        )
        if details
        else b"",
        dg12=dg12(authority="PRÉFECTURE D’UTOPIA", issued=years_before(today(), 4)) if details else b"",
    )


def sample_booklet(
    profile: ChipProfile = MODERN,
    *,
    holder: Holder | None = None,
    condition: SignerCondition = SignerCondition.GOOD,
    country: str = "UT",
    kind: KeyKind | None = None,
    digest: str = "sha256",
    signed: date | None = None,
    printed: tuple[str, ...] = (),
    faults: tuple[Fault, ...] = (),
    pki: SpecimenPki | None = None,
) -> Booklet:
    """The sample's chip. `country` (two letters) signs; `kind` is its document signer's key."""
    signed = signed or today() - timedelta(300)
    signer = (pki or sample_pki()).authority(country).signer(signed, condition, kind)
    return personalise(
        profile, holder or sample_holder(), signer, signed, digest=digest, printed=printed, faults=faults
    )
