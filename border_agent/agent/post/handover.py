"""What a kiosk hands over: one finished inspection as it goes on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from border_agent.agent.case import Case
from border_agent.agent.stored_pictures import named
from border_agent.inspection.evidence import without_pictures
from border_agent.store import EvidenceStore, StoreDamaged
from border_agent.store.referrals import Referral
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.post import LARGEST_EVIDENCE, LARGEST_PICTURE, PictureKind, PostPicture

_PICTURES = (PictureKind.PAGE, PictureKind.VISA, PictureKind.LIVE)
"""What an officer compares."""


class Handover(Struct, frozen=True, kw_only=True):
    """A finished inspection that waits."""

    inspection: str
    direction: Direction
    started_at: datetime
    finished_at: datetime
    proposal: Decision
    evidence: bytes
    """JSON."""
    kept: dict[PictureKind, bytes] = {}
    """Its pictures as the store has them; none where the desk still shows them."""

    def fields(self, pictures: Mapping[PictureKind, bytes]) -> dict[str, object]:
        """The statement's fields, with those pictures that are small enough. `pictures`: the desk's."""
        kept = ((kind, pictures.get(kind) or self.kept.get(kind, b"")) for kind in _PICTURES)
        return {
            "inspection_id": self.inspection,
            "direction": self.direction,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "proposal": self.proposal,
            "evidence": self.evidence,
            "pictures": tuple(
                PostPicture(kind=kind, jpeg=jpeg) for kind, jpeg in kept if 0 < len(jpeg) <= LARGEST_PICTURE
            ),
        }


def of_case(case: Case, now: datetime) -> Handover | None:
    """A proposed case; None where its evidence is too large for a message."""
    evidence, verdict = case.inspection.evidence, case.inspection.verdict
    return _bounded(
        Handover(
            inspection=case.id,
            direction=evidence.direction,
            started_at=evidence.started_at,
            finished_at=case.proposed_at or now,
            proposal=Decision(verdict.proposal.value) if verdict is not None else Decision.UNKNOWN,
            evidence=msgspec.json.encode(without_pictures(evidence)),
        )
    )


def of_referral(referral: Referral, store: EvidenceStore) -> Handover | None:
    """One of before the agent was started; None where its evidence is gone. Raises StoreError."""
    evidence = store.get(referral.evidence)
    if evidence is None:
        return None
    return _bounded(
        Handover(
            inspection=referral.inspection,
            direction=referral.direction,
            started_at=referral.started_at,
            finished_at=referral.finished_at,
            proposal=referral.proposal,
            evidence=evidence,
            kept=_kept(evidence, store),
        )
    )


def _kept(record: bytes, store: EvidenceStore) -> dict[PictureKind, bytes]:
    try:
        found = {kind: store.get(name) for kind, name in named(record).items() if kind in _PICTURES}
    except StoreDamaged:
        return {}
    return {kind: data for kind, data in found.items() if data}


def _bounded(handover: Handover) -> Handover | None:
    return handover if len(handover.evidence) <= LARGEST_EVIDENCE else None
