"""Findings: what an inspection may state, each with a stable code, a severity and its words.

A code's severity and meaning never change, because journals of ten years hold it: what changes takes a new code.
The officer's words are `finding.<code>.title` and `finding.<code>.advice`; the traveller's are
`traveller.<safe code>`. Nearly every code is `see_officer` for a traveller, so that nothing can be read from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from border_agent.inspection.errors import InspectionError


class Severity(StrEnum):
    """What a finding alone asks for: nothing, a look by an officer, or a refusal."""

    INFO = "info"
    REFER = "refer"
    REFUSE = "refuse"

    @property
    def rank(self) -> int:
        """0 for `info` to 2 for `refuse`."""
        return _RANKS[self]


_RANKS = {Severity.INFO: 0, Severity.REFER: 1, Severity.REFUSE: 2}


class SafeCode(StrEnum):
    """All that a traveller may ever learn; words under `traveller.<code>`."""

    GO_ON = "go_on"
    GO_TO_COUNTER = "go_to_counter"
    SEE_OFFICER = "see_officer"
    SHOW_PASSPORT = "show_passport"
    SHOW_VISA = "show_visa"
    RENEW_PASSPORT = "renew_passport"
    COME_WITH_FAMILY = "come_with_family"


class UnknownFinding(InspectionError):
    """A finding's code that is not in the registry."""

    code = "inspection.unknown_finding"


class Finding(Struct, frozen=True):
    """One statement about an inspection. `params` are data for its words: ISO dates, numbers, codes."""

    code: str
    severity: Severity
    params: dict[str, str] = {}


class FindingKind(Struct, frozen=True):
    """What is fixed about a code."""

    code: str
    severity: Severity
    traveller: SafeCode = SafeCode.SEE_OFFICER


def _kinds(severity: Severity, *codes: str) -> Iterable[FindingKind]:
    return (FindingKind(code, severity, _HARMLESS.get(code, SafeCode.SEE_OFFICER)) for code in codes)


_HARMLESS = {
    "document.missing": SafeCode.SHOW_PASSPORT,
    "document.unreadable": SafeCode.SHOW_PASSPORT,
    "document.expires_soon": SafeCode.RENEW_PASSPORT,
    "seal.missing": SafeCode.SHOW_VISA,
    "seal.not_a_seal": SafeCode.SHOW_VISA,
    "seal.unreadable": SafeCode.SHOW_VISA,
    "traveller.minor": SafeCode.COME_WITH_FAMILY,
    "traveller.minor_alone": SafeCode.COME_WITH_FAMILY,
}
"""The few a traveller can do something about and that betray nothing. All others are `see_officer`."""

REGISTRY: dict[str, FindingKind] = {
    kind.code: kind
    for kinds in (
        _kinds(
            Severity.REFUSE,
            "document.expired",
            "seal.forged",
            "visa.expired",
            "visa.document_mismatch",
            "visa.used_up",
            "visa.revoked",
        ),
        _kinds(
            Severity.REFER,
            "document.missing",
            "document.unreadable",
            "document.check_digit",
            "document.characters",
            "document.impossible_date",
            "document.code_unknown",
            "document.number_missing",
            "document.expired_review",
            "document.expires_soon",
            "document.expiry_unclear",
            "document.type_not_accepted",
            "document.second",
            "document.uncertain",
            "chip.required",
            "chip.access_refused",
            "chip.mrz_differs",
            "chip.invalid",
            "chip.signer_expired",
            "chip.signer_revoked",
            "chip.cloned",
            "chip.downgraded",
            "chip.hostile",
            "chip.portrait_unreadable",
            "stay.overstayed",
            "regime.unknown",
            "seal.missing",
            "seal.not_a_seal",
            "seal.not_a_visa",
            "seal.unreadable",
            "seal.not_judged",
            "seal.unsigned",
            "seal.signer_unknown",
            "seal.signer_expired",
            "seal.signer_revoked",
            "seal.out_of_scope",
            "seal.forged_not_needed",
            "visa.issuer_not_accepted",
            "visa.mrz_invalid",
            "visa.validity_unclear",
            "visa.not_yet_valid",
            "visa.document_unclear",
            "visa.holder_differs",
            "visa.entries_unclear",
            "visa.status_unknown",
            "visa.not_yet_seen",
            "visa.record_differs",
            "visa.portrait_differs",
            "visa.second",
            "watchlist.stop",
            "watchlist.discreet",
            "watchlist.inform",
            "watchlist.hit",
            "watchlist.document",
            "traveller.minor",
            "traveller.minor_alone",
            "traveller.age_unclear",
            "traveller.unanswered",
            "face.not_compared",
            "face.no_reference",
            "face.several",
            "face.declined",
            "face.doubt",
            "face.no_match",
            "face.references_disagree",
            "list.missing",
            "list.stale",
            "list.expired",
            "clock.doubtful",
            "clock.behind",
            "clock.went_back",
            "clock.jumped",
            "decoder.failed",
        ),
        _kinds(
            Severity.INFO,
            "document.typed",
            "chip.not_read",
            "chip.no_trust_anchor",
            "chip.not_authenticated",
            "chip.verified",
            "chip.signer_expired_now",
            "stay.entry_unknown",
            "stay.open_elsewhere",
            "visa.not_needed",
            "visa.used_elsewhere",
            "face.reference_unvouched",
            "face.provisional",
            "clock.corrected",
            "clock.holdover",
            "inspection.step_skipped",
            "inspection.step_timed_out",
            "inspection.problem",
        ),
    )
    for kind in kinds
}
"""Every code there is."""


def finding(code: str, **params: str) -> Finding:
    """A finding with its registered severity. Raises UnknownFinding."""
    kind = REGISTRY.get(code)
    if kind is None:
        raise UnknownFinding(code)
    return Finding(code, kind.severity, params)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, then by code and parameters, each statement once: the same set is always the same tuple."""
    unique = {(item.code, tuple(sorted(item.params.items()))): item for item in findings}
    return tuple(item for _, item in sorted(unique.items(), key=lambda entry: (-entry[1].severity.rank, entry[0])))


def safe_code(code: str) -> SafeCode:
    """What a traveller may learn of a finding. A code nobody knows betrays nothing either."""
    kind = REGISTRY.get(code)
    return kind.traveller if kind is not None else SafeCode.SEE_OFFICER
