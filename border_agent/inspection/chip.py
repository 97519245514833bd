"""A document's chip beside the document: may it have one, do they say the same, what is its portrait worth?"""

from __future__ import annotations

from border_agent.documents.chip.reading import ChipAuthenticity
from border_agent.documents.mrz import Mrz, MrzFormat
from border_agent.faces import ReferenceKind
from border_agent.inspection.evidence import ChipEvidence, Evidence
from border_agent.trust.passive.judgement import PassiveVerdict
from mqtt_schemas.records import ChipWish, Policy

ANY = "*"
_PASSPORT = "P"
_CARDS = (MrzFormat.TD1, MrzFormat.TD2)
_PORTRAIT = "DG2"


def may_have_chip(mrz: Mrz) -> bool:
    """Whether a document of this kind may carry a chip: passports and cards (Doc 9303-4 to -6), never visas."""
    return mrz.format in _CARDS or (mrz.format is MrzFormat.TD3 and mrz.document_code.startswith(_PASSPORT))


def chip_wanted(mrz: Mrz | None, policy: Policy) -> bool:
    """Whether the chip of this document is to be read where the device can."""
    return mrz is not None and policy.chip.wanted is not ChipWish.NEVER and may_have_chip(mrz)


def chip_required(mrz: Mrz | None, policy: Policy) -> bool:
    """Whether an officer looks at this traveller where no chip was read."""
    if mrz is None or not may_have_chip(mrz):
        return False
    return not {ANY, mrz.nationality, mrz.issuer}.isdisjoint(policy.chip.required_for)


def differing_fields(page: Mrz, chip: Mrz) -> tuple[str, ...]:
    """Fields in which two zones differ, in the order of the document. Fillers and the check digits of empty fields
    may be written in several ways, so fields are compared and not lines."""
    pairs = {
        "document_code": (page.document_code, chip.document_code),
        "issuer": (page.issuer, chip.issuer),
        "name": ((page.surname, page.given_names), (chip.surname, chip.given_names)),
        "number": (page.number, chip.number),
        "nationality": (page.nationality, chip.nationality),
        "birth": (page.birth.raw, chip.birth.raw),
        "sex": (page.sex, chip.sex),
        "expiry": (page.expiry.raw, chip.expiry.raw),
        "optional": ((page.optional, page.optional2), (chip.optional, chip.optional2)),
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)


def chip_confirms(evidence: Evidence) -> bool:
    """Whether the chip says what was read of the page, character by character: two readings of one document."""
    return evidence.chip is not None and evidence.chip.read and evidence.chip.agrees is True


def is_original(chip: ChipEvidence) -> bool:
    """Whether the chip proved that it is no copy, by a key that the state has signed."""
    return chip.authenticity.proved and chip.proof_signed


def may_be_copy(chip: ChipEvidence) -> bool:
    """Whether the chip failed to prove that it is no copy, or hides the key by which it would have to."""
    return chip.authenticity is ChipAuthenticity.failed or (bool(chip.withheld) and not is_original(chip))


def portrait_kind(chip: ChipEvidence | None) -> ReferenceKind | None:
    """What the chip's portrait is worth as a reference; `None`: it has none.

    It is vouched for where the state's signature holds and covers it, the chip is this document's, and it was not
    found to be a copy. A chip that cannot prove that it is none still holds its own holder's signed picture.
    """
    if chip is None or not chip.read or not chip.portrait_sha256:
        return None
    passive = chip.passive
    vouched = (
        passive is not None
        and passive.verdict is PassiveVerdict.TRUSTED
        and _PORTRAIT in passive.hashes_checked
        and chip.agrees is True
        and not may_be_copy(chip)
    )
    return ReferenceKind.chip if vouched else ReferenceKind.chip_unvouched
