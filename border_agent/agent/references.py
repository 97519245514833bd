"""The stored faces of one inspection, and the comparisons of the live one with all of them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from border_agent.agent.answers import Answers, portrait_matches_seal
from border_agent.agent.eyes import Eyes
from border_agent.decoding import FoundFace
from border_agent.faces import ReferenceKind
from border_agent.inspection.chip import portrait_kind
from border_agent.inspection.evidence import Evidence, FaceEvidence


class References:
    """Faces as they are found; which reference the chip's is depends on what else is known of the chip by then."""

    def __init__(self, answers: Answers) -> None:
        self.record: FoundFace | None = None
        self.printed: FoundFace | None = None
        self.chip: FoundFace | None = None
        self._answers = answers

    def compared(self, evidence: Evidence, probes: Sequence[FoundFace], error: str = "") -> FaceEvidence:
        """The live face against every reference there is, the most trustworthy first. Raises FaceError."""
        chip = portrait_kind(evidence.chip)
        references: dict[ReferenceKind, FoundFace | None] = {
            ReferenceKind.visa_record: self.record,
            ReferenceKind.printed: self.printed,
        } | ({chip: self.chip} if chip is not None else {})
        comparisons = tuple(
            self._answers.compare(reference, probes, kind)
            for kind in ReferenceKind
            if (reference := references.get(kind)) is not None
        )
        return FaceEvidence(
            comparisons=comparisons, error=error, portrait_matches_seal=portrait_matches_seal(evidence.visa)
        )

    def afterwards(self, evidence: Evidence, eyes: Eyes, picture: bytes) -> FaceEvidence | None:
        """A chip that was read after the faces were compared: its face against the kept `picture` of the live one.

        None: there is nothing to add. Raises DecoderError, FaceError.
        """
        kind, held = portrait_kind(evidence.chip), evidence.face
        if kind is None or self.chip is None or held is None or not held.comparisons or not picture:
            return None
        if any(comparison.reference is kind for comparison in held.comparisons):
            return None
        live = eyes.stored_face(picture)
        if live is None:
            return None
        more = self._answers.compare(self.chip, (live,), kind)
        return structs.replace(held, comparisons=(*held.comparisons, more))
