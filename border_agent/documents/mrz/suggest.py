"""What a misread zone may have said: repairs to be shown, never applied.

A check digit that fails says that something is wrong, not what. A repaired number is a guess, so nothing here changes
a line: an officer sees the suggestion beside what was read, and the record keeps both. One character is replaced at a
time, by one that looks like it (O and 0, I and 1) or by the reader's own second choice.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from border_agent.documents.mrz.digits import DIGITS, FILLER, LETTERS
from border_agent.documents.mrz.errors import MrzError
from border_agent.documents.mrz.layout import LAYOUTS, Layout, Span
from border_agent.documents.mrz.parse import parse_mrz
from border_agent.documents.mrz.states import is_state_code
from border_agent.documents.mrz.types import MrzFormat

MAX_SUGGESTIONS = 6
CERTAIN = 0.999
"""A character read with this confidence is not doubted because a check digit fails."""
UNSURE = 0.9
"""Below this confidence the reader's second choice is worth showing, whatever the check digits say."""

_ALIKE = ("O0", "Q0", "D0", "I1", "L1", "T7", "Z2", "S5", "B8", "G6", "OQ", "OD", "CG", "UV", "K<", "8S", "39", "VY")
"""Pairs that readers confuse in OCR-B and its like, the commonest first."""

_ANY_DAY = datetime.date(2000, 1, 1)
"""Centuries do not matter here."""


class SuggestionReason(StrEnum):
    """Why a character may be another one."""

    CHECK_DIGIT = "check_digit"
    """With it, check digits hold that did not."""
    STATE_CODE = "state_code"
    """With it, a code is one of the table of Doc 9303-3."""
    PLACE = "place"
    """A letter where only digits stand, or a digit among letters."""
    UNSURE = "unsure"
    """The reader itself was not sure."""


class Suggestion(Struct, frozen=True):
    """One character that may have been another. `line` and `position` are counted from 1."""

    field: str
    """As in `MrzIssue.field`; "composite" for that check digit's own place."""
    position: int
    line: int
    found: str
    proposed: str
    reason: SuggestionReason


class _Place(Struct, frozen=True):
    """One character's place, counted from 0."""

    field: str
    line: int
    position: int
    check: bool
    """It is a check digit's: no letter can stand there."""


def suggestions(
    lines: Sequence[str],
    format: MrzFormat,
    confidence: Sequence[Sequence[float]] | None = None,
    runner_up: Sequence[str] | None = None,
) -> tuple[Suggestion, ...]:
    """Repairs of a zone, the likeliest first, MAX_SUGGESTIONS at most; often none.

    `confidence` and `runner_up` are the reader's, in the shape of `lines`. Lines of another shape than the format's
    have no suggestions.
    """
    layout = LAYOUTS[format]
    read = tuple(lines)
    if [len(line) for line in read] != [layout.width] * layout.lines:
        return ()
    ranked: list[tuple[float, Suggestion]] = []
    broken = _broken(read)
    for place in _places(layout):
        found = read[place.line][place.position]
        share = confidence[place.line][place.position] if confidence else 0.0
        if share >= CERTAIN:
            continue
        second = runner_up[place.line][place.position] if runner_up else ""
        for rank, proposed in enumerate(_others(found, second)):
            reason, gain = _reason(layout, read, place, proposed, broken)
            if place.check and proposed not in DIGITS:
                continue
            unsure = share < UNSURE and proposed == second
            if reason is None and unsure:
                reason = SuggestionReason.UNSURE
            if reason is not None:
                suggestion = Suggestion(place.field, place.position + 1, place.line + 1, found, proposed, reason)
                ranked.append((4.0 * gain + 3.0 * unsure + (1.0 - share) - 0.1 * rank, suggestion))
    ranked.sort(key=lambda item: -item[0])
    return tuple(suggestion for _, suggestion in ranked[:MAX_SUGGESTIONS])


def _others(found: str, second: str) -> list[str]:
    """What the character may be instead, the likeliest first."""
    others = [second] if second and second != found else []
    for pair in _ALIKE:
        if found in pair:
            other = pair.replace(found, "")
            if other not in others:
                others.append(other)
    return others


def _places(layout: Layout) -> Iterator[_Place]:
    """Every place of the zone with the name of its field."""
    fields: dict[str, Span | None] = {
        "document_code": layout.document_code,
        "issuer": layout.issuer,
        "name": layout.name,
        "number": layout.number,
        "nationality": layout.nationality,
        "birth": layout.birth,
        "sex": layout.sex,
        "expiry": layout.expiry,
        "optional": layout.optional,
        "optional2": layout.optional2,
    }
    checks: dict[str, Span | None] = {
        "number": layout.number_check,
        "birth": layout.birth_check,
        "expiry": layout.expiry_check,
        "optional": layout.optional_check,
        "composite": layout.composite_check,
    }
    for spans, check in ((fields, False), (checks, True)):
        for field, span in spans.items():
            if span is not None:
                for position in range(span.start, span.stop):
                    yield _Place(field, span.line, position, check)


def _broken(lines: tuple[str, ...]) -> frozenset[str] | None:
    """The check digits that do not hold; None where the lines are no zone at all."""
    try:
        return frozenset(check.field for check in parse_mrz("\n".join(lines), today=_ANY_DAY).checks if not check.ok)
    except MrzError:
        return None


def _replaced(lines: tuple[str, ...], place: _Place, proposed: str) -> tuple[str, ...]:
    line = lines[place.line]
    changed = line[: place.position] + proposed + line[place.position + 1 :]
    return (*lines[: place.line], changed, *lines[place.line + 1 :])


def _reason(
    layout: Layout, lines: tuple[str, ...], place: _Place, proposed: str, broken: frozenset[str] | None
) -> tuple[SuggestionReason | None, float]:
    """Why this repair is worth showing, and how much it mends; None where it mends nothing."""
    changed = _replaced(lines, place, proposed)
    if broken and place.field not in ("document_code", "issuer", "name", "nationality", "sex"):
        left = _broken(changed)
        if left is not None and left < broken:
            return SuggestionReason.CHECK_DIGIT, float(len(broken) - len(left))
    if place.field in ("issuer", "nationality"):
        span = layout.issuer if place.field == "issuer" else layout.nationality
        if not is_state_code(span.of(lines).rstrip(FILLER)) and is_state_code(span.of(changed).rstrip(FILLER)):
            return SuggestionReason.STATE_CODE, 1.0
    found = lines[place.line][place.position]
    if place.field in ("birth", "expiry") and found in LETTERS and proposed in DIGITS:
        return SuggestionReason.PLACE, 0.5
    if place.field in ("name", "issuer", "nationality") and found in DIGITS and proposed in LETTERS:
        return SuggestionReason.PLACE, 0.5
    return None, 0.0
