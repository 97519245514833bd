"""The machine-readable zone as the document camera sees it: a few looks, which vote for each character.

Check digits do not cover names, issuing state and document code. So a zone is taken at once only where every
character of it is certain; later the best there is is taken, and says which characters are not.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from datetime import date

from border_agent.agent.eyes import Eyes
from border_agent.agent.guidance import Guidance
from border_agent.decoding import FoundMrz
from border_agent.decoding.mrz.voting import vote
from border_agent.documents.mrz import Mrz, MrzError, parse_mrz
from border_agent.inspection.evidence import DocumentEvidence, DocumentSource

CERTAIN = 0.9
"""Confidence from which a character counts as read."""
FRAMES = 5
"""Looks that vote, the newest ones."""
AGREEING = 2
"""Looks before a zone is taken: one alone may have met a reflection."""
PATIENCE_SECONDS = 8.0
"""So long better looks are hoped for where the check digits hold and single characters stay uncertain."""
_SLIPS = 2
"""Characters of which two looks at one document may both be certain, and differ; more, and another one lies there."""


class ZoneSearch:
    """One document step's looks. Calls raise DecoderError."""

    def __init__(self, eyes: Eyes, today: date) -> None:
        self._eyes = eyes
        self._today = today
        self._found: deque[FoundMrz] = deque(maxlen=FRAMES)
        self._since = 0.0

    def look(self) -> tuple[Guidance | None, DocumentEvidence | None]:
        """Look once: what to tell the traveller (None: the camera gave no frame), and the zone, once it is certain
        or patience has run out."""
        seen, found = self._eyes.zone()
        if not seen:
            return None, None
        if found is None:
            return Guidance.DOCUMENT_LOOK, None
        if self._found and not _alike(self._found[-1], found):
            self._found.clear()
        if not self._found:
            self._since = time.monotonic()
        self._found.append(found)
        document = self.best()
        if document is None or document.mrz is None or not document.mrz.valid or len(self._found) < AGREEING:
            return Guidance.DOCUMENT_HOLD, None
        if document.uncertain and time.monotonic() - self._since < PATIENCE_SECONDS:
            return Guidance.DOCUMENT_HOLD, None
        return None, document

    def best(self) -> DocumentEvidence | None:
        """What the looks say together, certain or not; None: no zone was seen."""
        if not self._found:
            return None
        voted = vote(tuple(self._found))
        mrz = self._parsed(voted.lines)
        if mrz is None:
            return None
        return DocumentEvidence(
            mrz=mrz,
            attempts=len(self._found),
            source=DocumentSource.CAMERA,
            confidence=round(min((one for line in voted.confidence for one in line), default=0.0), 4),
            uncertain=tuple(
                (line, column)
                for line, row in enumerate(voted.confidence)
                for column, one in enumerate(row)
                if one < CERTAIN
            ),
        )

    def _parsed(self, lines: Sequence[str]) -> Mrz | None:
        try:
            return parse_mrz("\n".join(lines), today=self._today)
        except MrzError:
            return None


def _alike(one: FoundMrz, other: FoundMrz) -> bool:
    """Whether both may be of one document: characters of which both are certain are the same, but for a few."""
    if [len(line) for line in one.lines] != [len(line) for line in other.lines]:
        return False
    differing = sum(
        one.lines[line][column] != other.lines[line][column]
        and min(one.confidence[line][column], other.confidence[line][column]) >= CERTAIN
        for line in range(len(one.lines))
        for column in range(len(one.lines[line]))
    )
    return differing <= _SLIPS
