"""Grounds of a refusal: the codes that a movement's entry and the traveller's notice carry; words `refusal.<code>`.

The list follows the standard form of the Schengen Borders Code (Annex V, part B), which officers of many countries
know by its letters, with what an airport here meets besides. A code's meaning never changes: what changes takes a new
code.
"""

from __future__ import annotations

from collections.abc import Iterable

from border_agent.inspection.findings import Finding, Severity

GROUNDS: tuple[str, ...] = (
    "no_document",
    "false_document",
    "no_visa",
    "false_visa",
    "purpose_unproven",
    "stay_used_up",
    "means_lacking",
    "entry_ban",
    "public_order",
    "public_health",
    "minor_alone",
    "other",
)
"""In the order of the notice. `other` says nothing by itself: it needs a reason in words."""

OTHER = "other"

_OF_FINDING = {
    "document.expired": "no_document",
    "document.missing": "no_document",
    "seal.forged": "false_visa",
    "seal.missing": "no_visa",
    "visa.expired": "no_visa",
    "visa.not_yet_valid": "no_visa",
    "visa.document_mismatch": "no_visa",
    "visa.used_up": "no_visa",
    "visa.revoked": "no_visa",
    "visa.issuer_not_accepted": "no_visa",
    "traveller.minor_alone": "minor_alone",
}
"""Never from the watch-list: the notice is the traveller's, and would say what the traveller must not learn."""


def suggested(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Grounds that the findings speak for, in the notice's order: those of a refusal, else those of a referral."""
    held = [finding for finding in findings if finding.code in _OF_FINDING]
    worst = [finding for finding in held if finding.severity is Severity.REFUSE] or held
    found = {_OF_FINDING[finding.code] for finding in worst}
    return tuple(code for code in GROUNDS if code in found)


def known(codes: Iterable[str]) -> tuple[str, ...]:
    """Those of the codes that are grounds, each once, in the notice's order."""
    chosen = set(codes)
    return tuple(code for code in GROUNDS if code in chosen)
