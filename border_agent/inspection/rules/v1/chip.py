"""Rules on the document's chip (ICAO Doc 9303-10 to -12).

Nothing here refuses: states have issued chips with faults, in numbers, and the traveller is not to blame for them.
What points to a forgery goes to an officer with the document in hand. Evidence without a chip yields nothing, unless
the policy requires one.
"""

from __future__ import annotations

from collections.abc import Iterator

from border_agent.documents.chip.reading import ChipOutcome
from border_agent.inspection.chip import chip_required, differing_fields, is_original, may_be_copy
from border_agent.inspection.evidence import ChipEvidence, Evidence
from border_agent.inspection.findings import Finding, finding
from border_agent.inspection.rules.v1.steps import fields
from border_agent.trust.passive.judgement import PassiveVerdict
from mqtt_schemas.records import Policy

_REFERRED = {
    ChipOutcome.access_refused: "chip.access_refused",
    ChipOutcome.hostile: "chip.hostile",
}
"""Outcomes that are an officer's whatever the policy: the printed zone does not open the chip, or it attacks."""
_FINDING_OF_VERDICT = {
    PassiveVerdict.REVOKED: "chip.signer_revoked",
    PassiveVerdict.NO_TRUST_ANCHOR: "chip.no_trust_anchor",
}
_UNSIGNED_FILE = "sod.hash_missing"
"""Passive authentication's word for a file that was read and that the signature does not cover."""
_NOT_THEN = ("dsc.not_valid_at_signing", "dsc.not_yet_valid")
"""Its words for a signer that was not in force when it signed. Expired since is common."""
_NOT_THEIRS = "dsc.signature"
"""Its word for a signer that names an authority we hold, which has not signed it."""


def chip_findings(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """What the chip says, what stands against it, or that it was not read."""
    held = evidence.chip
    if held is None or not held.read:
        yield from _not_read(evidence, held, policy)
        return
    if held.pace_failed or held.access_differs:
        yield finding("chip.downgraded", access=held.access)
    if held.mrz is None:
        yield finding("chip.invalid", codes="dg1.missing")
    elif evidence.mrz is not None and held.agrees is not True:
        yield finding("chip.mrz_differs", fields=fields(differing_fields(evidence.mrz, held.mrz)))
    yield from _signature(held)
    if may_be_copy(held):
        yield finding("chip.cloned")
    elif not is_original(held):
        yield finding("chip.not_authenticated")
    if held.portrait_error:
        yield finding("chip.portrait_unreadable", error=held.portrait_error)


def _not_read(evidence: Evidence, held: ChipEvidence | None, policy: Policy) -> Iterator[Finding]:
    reason = (held.error or held.outcome.value) if held is not None else "not_done"
    if chip_required(evidence.mrz, policy):
        yield finding("chip.required", reason=reason)
    if held is None:
        return
    code = _REFERRED.get(held.outcome)
    if code is not None:
        yield finding(code, error=held.error or held.outcome.value)
    else:
        yield finding("chip.not_read", reason=reason)


def _signature(held: ChipEvidence) -> Iterator[Finding]:
    """What passive authentication said. A chip that was read and has nothing signed is not as a state issued it."""
    judged = held.passive
    if judged is None:
        yield finding("chip.invalid", codes="sod.missing")
        return
    codes = fields(one.code for one in judged.findings)
    by = {"issuer": judged.issuer or "unstated", "signer": judged.signer or "unstated"}
    if judged.has(_UNSIGNED_FILE):
        yield finding("chip.invalid", codes=codes)
    elif judged.verdict is PassiveVerdict.TRUSTED:
        if held.agrees is True and not may_be_copy(held):  # else it would praise what stands accused beside it
            yield finding("chip.verified", issuer=by["issuer"])
    elif judged.verdict is PassiveVerdict.EXPIRED:
        yield finding("chip.signer_expired" if any(map(judged.has, _NOT_THEN)) else "chip.signer_expired_now", **by)
    elif judged.verdict in _FINDING_OF_VERDICT and not judged.has(_NOT_THEIRS):
        yield finding(_FINDING_OF_VERDICT[judged.verdict], **by)
    else:
        yield finding("chip.invalid", codes=codes)
