"""Whatever a chip or a folder holds, a judgement comes out, or the error of its kind."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from border_agent.trust.passive import (
    CertificateUnreadable,
    CscaStore,
    MasterListUnusable,
    PassiveVerdict,
    RevocationListUnreadable,
    judge_card_security,
    judge_sod,
    read_certificate,
    read_master_list,
    read_revocation_list,
    verdict_of,
)
from border_agent.trust.passive.codes import CODES, family
from tests.passive.pki import TODAY, container, crl, csca, day, dsc, ec_key, master_list, sod

FILES = {1: b"DG1", 2: b"DG2"}
AUTHORITY = csca(key=ec_key("secp256r1"))
SIGNER = dsc(AUTHORITY)
SOD = sod(FILES, SIGNER, signed_at=day("2024-03-01"))
STORE = CscaStore.from_certificates([AUTHORITY.der], [crl(AUTHORITY, [5])])
LIST = master_list([AUTHORITY.der], SIGNER)
CRL = crl(AUTHORITY, [5, 6, 7])


@st.composite
def changed(draw: st.DrawFn, good: bytes) -> bytes:
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.integers(0, 2)):
            case 0 if content:
                content[at] = draw(st.integers(0, 255))
            case 1:
                del content[at : at + draw(st.integers(1, 20))]
            case _:
                content[at:at] = content[at : at + 24]
    return bytes(content)


@given(changed(SOD), st.dates(datetime.date(2000, 1, 1), datetime.date(2060, 1, 1)), st.text(max_size=3))
@example(b"\x77\x82\x40\x00" + b"\x30\x80" * 0x2000, TODAY, "UTO")
@example(SOD, TODAY, "UTO")
def test_a_changed_security_object_is_judged(content: bytes, at: datetime.date, issuer: str) -> None:
    judgement = judge_sod(content, FILES, STORE, at=at, dg1_issuer=issuer)
    assert judgement.verdict is verdict_of(judgement.findings)
    assert all(family(finding.code) in CODES for finding in judgement.findings)
    assert all(len(finding.detail) < 500 and finding.detail.isprintable() for finding in judgement.findings)


@given(changed(SOD))
def test_a_changed_security_object_is_trusted_for_the_same_files_only(content: bytes) -> None:
    """A change that keeps the trust has changed nothing that is signed."""
    if judge_sod(content, FILES, STORE, at=TODAY).verdict is PassiveVerdict.TRUSTED:
        assert judge_sod(content, FILES, STORE, at=TODAY).hashes_checked == ("DG1", "DG2")
        assert judge_sod(content, {1: b"other"}, STORE, at=TODAY).verdict is PassiveVerdict.INVALID


@given(st.binary(max_size=400))
def test_random_bytes(content: bytes) -> None:
    assert judge_sod(content, FILES, STORE, at=TODAY).verdict is PassiveVerdict.INVALID
    assert judge_card_security(content, STORE, at=TODAY).verdict is PassiveVerdict.INVALID
    with pytest.raises(CertificateUnreadable):
        read_certificate(content)
    with pytest.raises(RevocationListUnreadable):
        read_revocation_list(content)
    with pytest.raises(MasterListUnusable):
        read_master_list(content)


@given(st.one_of(changed(AUTHORITY.der), changed(SIGNER.der)))
def test_a_changed_certificate_is_read_or_refused(content: bytes) -> None:
    try:
        read = read_certificate(content)
    except CertificateUnreadable:
        return
    CscaStore([read]).vouching(read, [read])


@given(changed(CRL))
def test_a_changed_revocation_list_is_read_or_refused(content: bytes) -> None:
    try:
        read = read_revocation_list(content)
    except RevocationListUnreadable:
        return
    changed_signed = read.signed_by(read_certificate(AUTHORITY.der))
    assert not changed_signed or sorted(read.revoked) == [5, 6, 7]


@given(changed(LIST))
def test_a_changed_master_list_is_read_or_refused(content: bytes) -> None:
    try:
        read = read_master_list(content)
    except MasterListUnusable:
        return
    read.anchored_by(STORE)
    assert not read.intact or read.certificates == (AUTHORITY.der,)


@given(changed(container("0.4.0.127.0.7.3.2.1", b"\x31\x00", SIGNER)))
def test_changed_card_security_is_judged(content: bytes) -> None:
    judge_card_security(content, STORE, at=TODAY)
