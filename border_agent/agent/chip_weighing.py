"""What a reading of a chip is worth: its files against the state's signature, its zone against the page's."""

from __future__ import annotations

import time
from datetime import datetime
from hashlib import sha256

from border_agent.documents.chip.reading import ChipOutcome, ChipReading
from border_agent.documents.lds import ChipImage, LdsError, read_dg2
from border_agent.documents.mrz import Mrz, MrzError, parse_mrz
from border_agent.inspection.chip import differing_fields
from border_agent.inspection.evidence import ChipEvidence
from border_agent.trust.passive import (
    CscaStore,
    PassiveJudgement,
    PassiveVerdict,
    judge_card_security,
    judge_sod,
)

SOD = "EF.SOD"
CARD_SECURITY = "EF.CardSecurity"
PORTRAIT = "DG2"
KEYS = ("DG14", "DG15")
"""Data groups that hold the key of a chip's proof."""
_GROUP = "DG"
NO_PORTRAIT = "chip.file_missing"


def weighed_reading(reading: ChipReading, page: Mrz, authorities: CscaStore, at: datetime) -> ChipEvidence:
    """A reading as evidence, its portrait not looked at yet. Never raises: what cannot be read is evidence, too."""
    mrz = _zone(reading, at)
    begun = time.monotonic()
    passive = _judged(reading, authorities, at, mrz) if reading.outcome is ChipOutcome.read else None
    judging = round((time.monotonic() - begun) * 1000, 1)
    return ChipEvidence(
        outcome=reading.outcome,
        error=reading.error,
        access=reading.access,
        pace_failed=reading.pace_failed,
        access_differs=reading.access_differs,
        authenticity=reading.authenticity,
        proof_signed=_proof_signed(reading, passive, authorities, at),
        withheld=_withheld(reading, passive),
        mrz=mrz,
        agrees=not differing_fields(page, mrz) if mrz is not None else None,
        passive=passive,
        files={name: sha256(data).hexdigest() for name, data in reading.files.items()},
        missing=reading.missing,
        ms={stage: round(ms, 1) for stage, ms in reading.ms.items()} | ({"judging": judging} if passive else {}),
    )


def portrait_of(reading: ChipReading) -> tuple[ChipImage | None, str]:
    """The chip's portrait as its file holds it; else the code of why there is none. Empty: nothing was read."""
    if reading.outcome is not ChipOutcome.read:
        return None, ""
    if PORTRAIT not in reading.files:
        return None, NO_PORTRAIT
    try:
        return read_dg2(reading.files[PORTRAIT]).faces[0], ""
    except LdsError as error:
        return None, error.code


def _proof_signed(
    reading: ChipReading, passive: PassiveJudgement | None, authorities: CscaStore, at: datetime
) -> bool:
    """Whether the state signed the file whose key proved the chip."""
    if not reading.authenticity.proved or passive is None:
        return False
    if reading.proof_file != CARD_SECURITY:
        return reading.proof_file in passive.hashes_checked
    # Its signature is its own, by a signer of the same state's; one nobody vouches for signs nothing.
    judged = judge_card_security(reading.files.get(CARD_SECURITY, b""), authorities, at=at)
    return judged.verdict is PassiveVerdict.TRUSTED


def _withheld(reading: ChipReading, passive: PassiveJudgement | None) -> tuple[str, ...]:
    """Key files the state has signed for this chip and the chip did not give: EF.COM, which nobody signs, may hide
    them."""
    signed = passive.hashes_listed if passive is not None else ()
    return tuple(name for name in KEYS if name in signed and name not in reading.files)


def _zone(reading: ChipReading, at: datetime) -> Mrz | None:
    try:
        return parse_mrz("\n".join(reading.mrz_lines), today=at.date()) if reading.mrz_lines else None
    except MrzError:
        return None


def _judged(reading: ChipReading, authorities: CscaStore, at: datetime, mrz: Mrz | None) -> PassiveJudgement | None:
    sod = reading.files.get(SOD)
    if sod is None:
        return None
    groups = {
        int(number): data
        for name, data in reading.files.items()
        if name.startswith(_GROUP) and (number := name.removeprefix(_GROUP)).isdigit()
    }
    return judge_sod(sod, groups, authorities, at=at, dg1_issuer=mrz.issuer if mrz is not None else None)
