"""Single characters of a machine-readable zone: to which field does each belong, which may be put right?"""

from __future__ import annotations

from collections.abc import Iterable

from border_agent.documents.mrz import Mrz, MrzFormat
from border_agent.documents.mrz.layout import LAYOUTS, Layout, Span
from border_agent.inspection.evidence import DocumentEvidence

COMPOSITE = "composite"


def fields_at(format: MrzFormat, places: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Names of the fields that hold these characters (line and column, from 0), each once, in the document's order.

    A field's check digit counts as the field. Places outside the zone are passed over.
    """
    wanted = set(places)
    return tuple(
        name for name, spans in _spans(LAYOUTS[format]).items() if any(_holds(span, wanted) for span in spans if span)
    )


def settles(held: DocumentEvidence, mrz: Mrz) -> bool:
    """Whether another reading of the zone only settles characters that were uncertain in the one that is held, so
    that it may take its place: what was certain is another document where it differs."""
    if held.mrz is None or [len(line) for line in held.mrz.lines] != [len(line) for line in mrz.lines]:
        return False
    differing = {
        (line, column)
        for line, (one, other) in enumerate(zip(held.mrz.lines, mrz.lines, strict=True))
        for column, pair in enumerate(zip(one, other, strict=True))
        if pair[0] != pair[1]
    }
    return differing <= set(held.uncertain)


def _spans(layout: Layout) -> dict[str, tuple[Span | None, ...]]:
    return {
        "document_code": (layout.document_code,),
        "issuer": (layout.issuer,),
        "name": (layout.name,),
        "number": (layout.number, layout.number_check),
        "nationality": (layout.nationality,),
        "birth": (layout.birth, layout.birth_check),
        "sex": (layout.sex,),
        "expiry": (layout.expiry, layout.expiry_check),
        "optional": (layout.optional, layout.optional_check),
        "optional2": (layout.optional2,),
        COMPOSITE: (layout.composite_check,),
    }


def _holds(span: Span, places: set[tuple[int, int]]) -> bool:
    return any(line == span.line and span.start <= column < span.stop for line, column in places)
