"""Who stands behind a container's signer: an authority of ours, in force, that has not taken it back."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from border_agent.documents.lds import SignedData
from border_agent.trust.passive.authorities import CscaStore, Vouching
from border_agent.trust.passive.certificates import Certificate
from border_agent.trust.passive.containers import open_container
from border_agent.trust.passive.judging import Judging, Moment
from border_agent.trust.passive.revocation import RevocationList

SIGNING_TOLERANCE = datetime.timedelta(hours=24)
"""How far a signing time may lie outside the signer's period: some states write their local time as if it were
UTC."""

_OTHER_WORK = "2.23.136.1.1."
"""ICAO's extended usages: master lists, deviation lists, visible seals. None of them is for signing chips."""


def judge_signer(judging: Judging, signed: SignedData, store: CscaStore, at: Moment) -> None:
    """The container's own signature, then who stands behind its signer."""
    named = [one for signer in signed.signers for one in store.signer(signer.serial, signer.key_identifier)]
    container = judging.container = open_container(signed, "sod", named)
    judging.findings.extend(container.findings)
    signer = container.certificate
    if signer is None:
        return
    _judge_scope(judging, signer)
    _judge_periods(judging, signer, container.signer.signing_time, at)
    vouching = store.vouching(signer, container.brought)
    if not vouching.anchors:
        _tell_unanchored(judging, signer, vouching)
        return
    # Several certificates may hold the key that signed: one in force counts, one that issued itself is named first.
    anchor = min(vouching.anchors, key=lambda one: (not at.in_force(one), not one.self_issued))
    judging.anchor = anchor
    if not at.in_force(anchor):
        judging.find("csca.expired", f"{_period(anchor)} {anchor.subject.shown}")
    for link in vouching.links:
        judging.find("csca.link", link.subject.shown)
        if not at.in_force(link):
            judging.find("csca.expired", f"{_period(link)} {link.subject.shown}")
    _judge_revocation(judging, signer, anchor, vouching.links, store, at)


def _judge_scope(judging: Judging, signer: Certificate) -> None:
    """Whether the certificate may sign chips at all (Doc 9303-12 table 5)."""
    if not signer.extensions.may_sign:
        judging.find("dsc.key_usage", signer.subject.shown)
    usage = signer.extensions.extended_usage
    if any(one.startswith(_OTHER_WORK) for one in usage):
        judging.find("dsc.out_of_scope", ", ".join(usage)[:200])


def _judge_periods(judging: Judging, signer: Certificate, signed_at: datetime.datetime | None, at: Moment) -> None:
    """The signer's period, when it signed and on the day asked for, apart from each other."""
    if signed_at is not None:
        if _outside(signed_at, signer.not_before, signer.not_after):
            judging.find("dsc.not_valid_at_signing", f"{signed_at:%Y-%m-%d}, {_period(signer)}")
        if _outside(signed_at, signer.extensions.use_from, signer.extensions.use_until):
            judging.find("dsc.outside_use_period", f"{signed_at:%Y-%m-%d}")
    if at.after(signer):
        judging.find("dsc.expired_now", _period(signer))
    elif at.before(signer):
        judging.find("dsc.not_yet_valid", _period(signer))


def _outside(moment: datetime.datetime, first: datetime.datetime | None, last: datetime.datetime | None) -> bool:
    """Whether a signing time lies outside a period by more than the tolerance. Differences, since a hostile chip may
    have signed in the year 1."""
    early = first is not None and first - moment > SIGNING_TOLERANCE
    return early or (last is not None and moment - last > SIGNING_TOLERANCE)


def _tell_unanchored(judging: Judging, signer: Certificate, vouching: Vouching) -> None:
    named = [one for one in vouching.named if one.country in (signer.country, "")]
    if named:
        judging.find("dsc.signature", named[0].subject.shown)
    elif vouching.named:
        judging.find("dsc.country_differs", f"{signer.country}, {vouching.named[0].country}")
    judging.find("dsc.no_anchor", f"{signer.country}: {vouching.of_country}, {signer.issuer.shown}")


def _judge_revocation(
    judging: Judging,
    signer: Certificate,
    anchor: Certificate,
    others: Iterable[Certificate],
    store: CscaStore,
    at: Moment,
) -> None:
    """Revocation lists of the signer's authority. Withdrawn is withdrawn, whatever day is asked for.

    A list counts for a certificate where it has the name of its issuer or was signed by the same key. It may be
    signed by any key of the country's: after a change of keys the new one signs for certificates of the old.
    """
    authorities = (anchor, *others, *store.of_country(signer.country))
    concerned = [
        one
        for one in store.lists
        if one.issuer.canonical == signer.issuer.canonical
        or (one.issuer.country == signer.country and one.signed_by(anchor))
    ]
    usable = [one for one in concerned if any(one.signed_by(authority) for authority in authorities)]
    for one in concerned:
        if one not in usable:
            judging.find("crl.signature", one.issuer.shown)
    if not usable:
        judging.find("crl.missing", signer.issuer.shown)
        return
    if all(one.stale(at.first) for one in usable):
        newest = max(one.next_update for one in usable if one.next_update)
        judging.find("crl.stale", f"{newest:%Y-%m-%d}")
    _tell_revoked(judging, "dsc.revoked", signer, usable)
    _tell_revoked(
        judging, "csca.revoked", anchor, [one for one in usable if one.issuer.canonical == anchor.issuer.canonical]
    )


def _tell_revoked(judging: Judging, code: str, certificate: Certificate, lists: Iterable[RevocationList]) -> None:
    for one in lists:
        if revoked := one.revoked.get(certificate.serial):
            judging.find(code, f"{revoked.at:%Y-%m-%d} {revoked.reason} {certificate.serial:x}".replace("  ", " "))
            return


def _period(certificate: Certificate) -> str:
    return f"{certificate.not_before:%Y-%m-%d} - {certificate.not_after:%Y-%m-%d}"
