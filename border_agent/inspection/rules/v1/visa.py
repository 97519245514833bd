"""Rules on the visa: its seal, its holder, its days, its uses, and what the centre's list says of it.

Where seal and list differ, the narrower of both holds (the earlier end, the fewer entries), and the difference is
a finding of its own. Doc 9303-7 names the results this follows: INVALID_VISA_MRZ, SEAL_PASSPORT_MISMATCH.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from border_agent.documents.mrz import Mrz, same_name
from border_agent.inspection.errors import SecondVisa
from border_agent.inspection.evidence import Evidence, Step, VisaEvidence
from border_agent.inspection.findings import Finding, finding
from border_agent.inspection.rules.v1.dates import bounds, days_of_stay, may_be_same
from border_agent.inspection.rules.v1.regimes import RegimeMatch, visa_required
from border_agent.inspection.rules.v1.steps import fields, why_missing
from border_agent.seals import SealedVisa
from border_agent.trust import SealJudgement, SignatureVerdict
from mqtt_schemas.records import Policy, Regime, VisaRecord, VisaStatus

_SEALED_NUMBER = 9
"""Characters of a passport number that a seal has room for (Doc 9303-13, field 05)."""
_NOT_STATED = (0, 255)
"""Durations 000000 and FFFFFF are reserved (Doc 9303-13, field 04)."""

_FINDING_OF_ERROR = {
    "seal.not_a_seal": "seal.not_a_seal",
    "seal.not_a_visa": "seal.not_a_visa",
}
_FINDING_OF_SIGNATURE = {
    SignatureVerdict.FORGED: "seal.forged",
    SignatureVerdict.SIGNER_UNKNOWN: "seal.signer_unknown",
    SignatureVerdict.SIGNER_EXPIRED: "seal.signer_expired",
    SignatureVerdict.SIGNER_REVOKED: "seal.signer_revoked",
    SignatureVerdict.SIGNER_OUT_OF_SCOPE: "seal.out_of_scope",
    SignatureVerdict.UNSIGNED: "seal.unsigned",
}


def visa_weighed(evidence: Evidence, match: RegimeMatch) -> bool:
    """Whether the visa counts: it is asked for, or it was shown and nobody knows whether it is."""
    if visa_required(match, evidence.direction):
        return True
    shown = evidence.visa is not None and evidence.visa.visa is not None
    return shown and match.regime is Regime.UNKNOWN


def visa_findings(evidence: Evidence, policy: Policy, match: RegimeMatch) -> Iterator[Finding]:
    """What stands against the visa."""
    held = evidence.visa
    if held is None or held.visa is None:
        if visa_required(match, evidence.direction):
            yield _no_visa(evidence, held)
        return
    if not visa_weighed(evidence, match):
        yield finding("visa.not_needed")
        if held.judgement is not None and held.judgement.verdict is SignatureVerdict.FORGED:
            yield finding("seal.forged_not_needed", signer=held.judgement.signer)
        return
    if SecondVisa.code in evidence.problems:
        yield finding("visa.second")
    yield from _seal(held.visa, held.judgement, policy)
    yield from _zone(held.visa)
    yield from _validity(held.visa, held.record, evidence.clock.today)
    yield from _entries(held)
    yield from _elsewhere(held)
    yield from _centre(held.visa, held)
    yield from _portrait(held.visa, held.record, evidence)
    if evidence.mrz is not None:
        yield from _document(held.visa, held.record, evidence.mrz)


def stay_days(evidence: Evidence, match: RegimeMatch) -> int:
    """Longest stay in days: the visa's, the regime's, or the shorter of both; 0: none is stated."""
    visa = evidence.visa.visa if evidence.visa is not None else None
    if visa is None or not visa_required(match, evidence.direction):
        return match.days
    duration = (visa.duration_years, visa.duration_months, visa.duration_days)
    if any(all(part == reserved for part in duration) for reserved in _NOT_STATED):
        return match.days
    days = days_of_stay(evidence.clock.today, *duration)
    return min(days, match.days) if match.days else days


def _no_visa(evidence: Evidence, held: VisaEvidence | None) -> Finding:
    if held is None or not held.error:
        return finding("seal.missing", reason=why_missing(evidence, Step.VISA))
    return finding(_FINDING_OF_ERROR.get(held.error, "seal.unreadable"), error=held.error)


def _seal(visa: SealedVisa, judgement: SealJudgement | None, policy: Policy) -> Iterator[Finding]:
    if judgement is None:
        yield finding("seal.not_judged", signer=visa.certificate_ref)
    elif judgement.verdict in _FINDING_OF_SIGNATURE:
        yield finding(
            _FINDING_OF_SIGNATURE[judgement.verdict], signer=judgement.signer, detail=judgement.detail or "unstated"
        )
    if visa.issuer not in policy.issuers:
        yield finding("visa.issuer_not_accepted", issuer=visa.issuer)


def _zone(visa: SealedVisa) -> Iterator[Finding]:
    if visa.mrv is not None and not visa.mrv.valid:
        wrong = [check.field for check in visa.mrv.checks if not check.ok]
        wrong += [issue.field for issue in visa.mrv.issues]
        yield finding("visa.mrz_invalid", fields=fields(wrong))


def _validity(visa: SealedVisa, record: VisaRecord | None, today: date) -> Iterator[Finding]:
    latest = visa.valid_until
    if latest is None and visa.mrv is not None:
        span = bounds(visa.mrv.expiry)
        latest = span[1] if span is not None else None
    ends = [day for day in (latest, record.valid_until if record else None) if day is not None]
    starts = [day for day in (visa.valid_from, record.valid_from if record else None) if day is not None]
    if ends and min(ends) < today:
        yield finding("visa.expired", until=min(ends).isoformat())
    elif visa.valid_until is None:
        yield finding("visa.validity_unclear")
    if starts and max(starts) > today:
        # Not a refusal: shortly after midnight the device's day (UTC) may be the day before.
        yield finding("visa.not_yet_valid", start=max(starts).isoformat())


def _entries(held: VisaEvidence) -> Iterator[Finding]:
    visa, record = held.visa, held.record
    stated = [visa.entries] if visa is not None and visa.entries_stated else []
    stated += [record.entries] if record is not None else []
    if not stated:
        yield finding("visa.entries_unclear")
        return
    limited = [entries for entries in stated if entries > 0]
    if limited and held.uses >= min(limited):
        yield finding("visa.used_up", entries=str(min(limited)), used=str(held.uses))


def _elsewhere(held: VisaEvidence) -> Iterator[Finding]:
    if held.uses_elsewhere:
        newest = held.uses_elsewhere[-1]
        yield finding(
            "visa.used_elsewhere",
            post=newest.post or newest.device,
            at=newest.at.date().isoformat(),
            count=str(len(held.uses_elsewhere)),
        )


def _centre(visa: SealedVisa, held: VisaEvidence) -> Iterator[Finding]:
    record = held.record
    if record is None:
        yield finding("visa.not_yet_seen", version=str(held.record_version))
        return
    if record.status is VisaStatus.REVOKED:
        yield finding("visa.revoked")
    elif record.status is not VisaStatus.VALID:
        yield finding("visa.status_unknown")
    pairs = {
        "visa_id": (visa.visa_id, record.visa_id),
        "issuer": (visa.issuer, record.issuer),
        "number": (visa.passport_number or None, record.document_number[:_SEALED_NUMBER]),
        "valid_from": (visa.valid_from, record.valid_from),
        "valid_until": (visa.valid_until, record.valid_until),
        "entries": (visa.entries if visa.entries_stated else None, record.entries),
    }
    differing = [name for name, (sealed, listed) in pairs.items() if sealed is not None and sealed != listed]
    if differing:
        yield finding("visa.record_differs", fields=fields(differing))


def _portrait(visa: SealedVisa, record: VisaRecord | None, evidence: Evidence) -> Iterator[Finding]:
    listed = record.portrait_sha256 if record is not None else b""
    differs = bool(visa.portrait_sha256 and listed and visa.portrait_sha256 != listed)
    shown = evidence.face.portrait_matches_seal if evidence.face is not None else None
    if differs or shown is False:
        yield finding("visa.portrait_differs")


def _document(visa: SealedVisa, record: VisaRecord | None, mrz: Mrz) -> Iterator[Finding]:
    differing = []
    if not visa.passport_number:
        yield finding("visa.document_unclear")
    elif visa.passport_number != mrz.number[:_SEALED_NUMBER]:
        differing.append("number")
    if record is not None and record.document_issuer != mrz.issuer:
        differing.append("issuer")
    if visa.mrv is not None and visa.mrv.nationality != mrz.nationality:
        differing.append("nationality")
    if differing:
        yield finding("visa.document_mismatch", fields=fields(differing))
    if visa.mrv is not None:
        yield from _holder(visa.mrv, mrz)


def _holder(mrv: Mrz, mrz: Mrz) -> Iterator[Finding]:
    differing = []
    if not same_name(mrv, mrz):
        differing.append("name")
    if not may_be_same(mrv.birth, mrz.birth):
        differing.append("birth")
    if {mrv.sex, mrz.sex} == {"M", "F"}:
        differing.append("sex")
    if differing:
        yield finding("visa.holder_differs", fields=fields(differing))
