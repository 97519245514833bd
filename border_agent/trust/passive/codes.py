"""Codes of findings, and the verdict each one leads to."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from border_agent.trust.passive.judgement import PassiveFinding, PassiveVerdict

_V = PassiveVerdict

CODES: Final = MappingProxyType(
    {
        "sod.malformed": _V.INVALID,
        "sod.message_digest": _V.INVALID,
        "sod.signed_attributes": _V.INVALID,
        "sod.signature": _V.INVALID,
        "sod.hash": _V.INVALID,
        "sod.issuer_differs": _V.INVALID,
        "sod.algorithm": _V.NO_TRUST_ANCHOR,
        "sod.hash_algorithm": _V.NO_TRUST_ANCHOR,
        "sod.signer_missing": _V.NO_TRUST_ANCHOR,
        "sod.hash_missing": _V.TRUSTED,
        "sod.issuer_unknown": _V.TRUSTED,
        "sod.signer_identifier": _V.TRUSTED,
        "sod.no_signed_attributes": _V.TRUSTED,
        "sod.weak_hash": _V.TRUSTED,
        "sod.weak_key": _V.TRUSTED,
        "dsc.key_usage": _V.INVALID,
        "dsc.out_of_scope": _V.INVALID,
        "dsc.unreadable": _V.NO_TRUST_ANCHOR,
        "dsc.key": _V.NO_TRUST_ANCHOR,
        "dsc.no_anchor": _V.NO_TRUST_ANCHOR,
        "dsc.signature": _V.NO_TRUST_ANCHOR,
        "dsc.country_differs": _V.NO_TRUST_ANCHOR,
        "dsc.revoked": _V.REVOKED,
        "dsc.expired_now": _V.EXPIRED,
        "dsc.not_yet_valid": _V.EXPIRED,
        "dsc.not_valid_at_signing": _V.EXPIRED,
        "dsc.outside_use_period": _V.TRUSTED,
        "csca.revoked": _V.REVOKED,
        "csca.expired": _V.EXPIRED,
        "csca.link": _V.TRUSTED,
        "crl.missing": _V.TRUSTED,
        "crl.stale": _V.TRUSTED,
        "crl.signature": _V.TRUSTED,
    }
)
"""Every code, without the file's name behind `sod.hash` and `sod.hash_missing`. `trusted`: the finding alone takes
nothing from the verdict."""

_WORST_FIRST = (_V.INVALID, _V.REVOKED, _V.NO_TRUST_ANCHOR, _V.EXPIRED, _V.TRUSTED)
"""Altered is altered, whoever signed; what an authority withdrew says more than that we lack another; a period counts
only where somebody we hold stated it."""


def verdict_of(findings: Iterable[PassiveFinding]) -> PassiveVerdict:
    """The verdict that counts where all these were found."""
    leads_to = {CODES[family(finding.code)] for finding in findings}
    return next((verdict for verdict in _WORST_FIRST if verdict in leads_to), _V.TRUSTED)


def family(code: str) -> str:
    """A finding's code without the name of a file: the key of its words."""
    return ".".join(code.split(".")[:2])
