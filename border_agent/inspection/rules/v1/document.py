"""Rules on the travel document and on its holder's age (ICAO Doc 9303-3 to -7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from border_agent.documents.mrz import IssueCode, Mrz
from border_agent.inspection.characters import fields_at
from border_agent.inspection.chip import chip_confirms
from border_agent.inspection.errors import SecondDocument
from border_agent.inspection.evidence import Evidence, Step
from border_agent.inspection.findings import Finding, finding
from border_agent.inspection.rules.v1.dates import bounds, surely_reached, surely_younger
from border_agent.inspection.rules.v1.regimes import RegimeMatch
from border_agent.inspection.rules.v1.steps import fields, why_missing
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Policy, Regime

_FINDING_OF_ISSUE = {
    IssueCode.CHARACTER: "document.characters",
    IssueCode.NAME_STRUCTURE: "document.characters",
    IssueCode.MISSING: "document.number_missing",
    IssueCode.STATE_UNKNOWN: "document.code_unknown",
    IssueCode.DOCUMENT_CODE_UNKNOWN: "document.code_unknown",
}
"""Dates are weighed by `_dates`; an X for the sex is common and harmless."""


def document_findings(evidence: Evidence, policy: Policy, match: RegimeMatch) -> Iterator[Finding]:
    """What stands against the document as it was read."""
    mrz = evidence.mrz
    if mrz is None:
        held = evidence.document
        if held is not None and held.error:
            yield finding("document.unreadable", error=held.error)
        else:
            yield finding("document.missing", reason=why_missing(evidence, Step.DOCUMENT))
        return
    if SecondDocument.code in evidence.problems:
        yield finding("document.second")
    if typed(evidence):
        yield finding("document.typed")
    if evidence.document is not None and evidence.document.uncertain and not chip_confirms(evidence):
        yield finding("document.uncertain", fields=fields(fields_at(mrz.format, evidence.document.uncertain)))
    wrong = [check.field for check in mrz.checks if not check.ok]
    if wrong:
        yield finding("document.check_digit", fields=fields(wrong))
    for code in sorted(set(_FINDING_OF_ISSUE.values())):
        named = [issue.field for issue in mrz.issues if _FINDING_OF_ISSUE.get(issue.code) == code]
        if named:
            yield finding(code, fields=fields(named))
    yield from _dates(mrz, evidence.clock.today)
    yield from _expiry(evidence, mrz, policy, match)
    if not match.document_accepted:
        yield finding("document.type_not_accepted", document=mrz.document_code)
    elif match.regime is Regime.UNKNOWN:
        yield finding("regime.unknown", nationality=mrz.nationality, document=mrz.document_code)


def typed(evidence: Evidence) -> bool:
    """Whether an officer typed the zone that was weighed."""
    return evidence.document is not None and evidence.document.typed


def traveller_findings(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Whether the holder is a minor, or may be one."""
    mrz = evidence.mrz
    if mrz is None or not mrz.birth.valid:
        return
    today = evidence.clock.today
    if surely_younger(mrz.birth, policy.minor_age, today):
        yield finding("traveller.minor" if evidence.accompanied else "traveller.minor_alone")
    elif not surely_reached(mrz.birth, policy.minor_age, today):
        yield finding("traveller.age_unclear", birth=mrz.birth.raw)


def _dates(mrz: Mrz, today: date) -> Iterator[Finding]:
    unreadable = {issue.field for issue in mrz.issues if issue.code is IssueCode.CHARACTER}
    wrong = [name for name, value in (("birth", mrz.birth), ("expiry", mrz.expiry)) if not value.valid]
    birth = bounds(mrz.birth)
    if birth is not None and birth[0] > today:
        wrong.append("birth")
    wrong = [name for name in wrong if name not in unreadable]
    if wrong:
        yield finding("document.impossible_date", fields=fields(wrong))


def _expiry(evidence: Evidence, mrz: Mrz, policy: Policy, match: RegimeMatch) -> Iterator[Finding]:
    today = evidence.clock.today
    leaving = evidence.direction is Direction.EXIT
    span = bounds(mrz.expiry)
    if span is not None and span[1] < today:
        # A state lets its own nationals in, and nobody is kept from leaving by an old passport alone:
        # those an officer looks at.
        review = leaving or match.regime is Regime.NATIONAL
        yield finding("document.expired_review" if review else "document.expired", until=span[1].isoformat())
    elif mrz.expiry.known is None:
        if mrz.expiry.valid:
            yield finding("document.expiry_unclear", expiry=mrz.expiry.raw)
    elif not leaving and match.regime is not Regime.NATIONAL:
        left = (mrz.expiry.known - today).days
        if left < policy.passport_validity_days:
            yield finding(
                "document.expires_soon",
                until=mrz.expiry.known.isoformat(),
                days=str(policy.passport_validity_days),
            )
