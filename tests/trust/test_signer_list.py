"""The signer list: who signed, may they, did they in time, and were they revoked."""

from __future__ import annotations

import datetime
import logging
import string

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from border_agent.documents.mrz import MrzFormat, build_mrz
from border_agent.seals import (
    SealedVisa,
    VisaContent,
    VisaSigner,
    decode_seal,
    encode_visa,
    make_signer,
)
from border_agent.trust import Reason, SealJudgement, SignatureVerdict, SignerList
from mqtt_schemas.records import SignerRecord

D = datetime.date
ISSUED = D(2026, 10, 1)
AT = D(2026, 11, 22)
SIGNER = make_signer(not_before=D(2026, 1, 1), not_after=D(2030, 1, 1))
OTHER = make_signer(not_before=D(2026, 1, 1), not_after=D(2030, 1, 1))
LINES = build_mrz(
    MrzFormat.MRVB,
    document_code="V",
    issuer="UTO",
    surname="Sagesse",
    given_names="Aïcha",
    number="EV0042",
    nationality="CMR",
    birth=D(1991, 2, 28),
    sex="F",
    expiry=D(2027, 4, 30),
)


def record(signer: VisaSigner = SIGNER, **changes: object) -> SignerRecord:
    values: dict[str, object] = {
        "issuer": "UTO",
        "certificate": signer.certificate,
        "scopes": ("visa:UTO",),
        "use_from": D(2026, 1, 1),
        "use_until": D(2026, 12, 31),
    }
    return SignerRecord(**(values | changes))  # type: ignore[arg-type]


def visa(signer: VisaSigner | None = SIGNER, issuer: str = "UTO", issued: datetime.date = ISSUED) -> SealedVisa:
    upper, lower = LINES
    content = VisaContent(issuer=issuer, issued=issued, mrz_lines=(upper, lower), passport_number="X4521907")
    return decode_seal(encode_visa(content, signer).encode())


def judge(
    seal: SealedVisa, *records: SignerRecord, at: datetime.date = AT, first_seen: datetime.date | None = None
) -> tuple[SignatureVerdict, str]:
    judgement = SignerList.from_records(records).judge(seal, at, first_seen)
    return judgement.verdict, judgement.detail


GOOD = (SignatureVerdict.VALID, "")


def test_a_good_seal() -> None:
    judgement = SignerList.from_records([record(OTHER), record()]).judge(visa(), AT, None)
    assert judgement == SealJudgement(SignatureVerdict.VALID, f"UTO {SIGNER.reference}")
    assert msgspec.json.decode(msgspec.json.encode(judgement), type=SealJudgement) == judgement


def test_unsigned_unknown_and_forged() -> None:
    assert judge(visa(None), record()) == (SignatureVerdict.UNSIGNED, "")
    assert judge(visa()) == (SignatureVerdict.SIGNER_UNKNOWN, "")
    assert judge(visa(), record(OTHER)) == (SignatureVerdict.SIGNER_UNKNOWN, "")
    forger = VisaSigner(SIGNER.certificate, OTHER.key)
    assert judge(visa(forger), record()) == (SignatureVerdict.FORGED, "")
    assert judge(visa(forger), record(), record(OTHER)) == (SignatureVerdict.FORGED, "")


def test_a_changed_visa_is_forged() -> None:
    seal = visa()
    signed = seal.signed_bytes.replace(b"\x03\x01\x01", b"\x03\x01\x00")
    assert signed != seal.signed_bytes
    assert judge(msgspec.structs.replace(seal, signed_bytes=signed), record())[0] is SignatureVerdict.FORGED


def test_scope() -> None:
    out = SignatureVerdict.SIGNER_OUT_OF_SCOPE
    assert judge(visa(), record(scopes=())) == (out, Reason.SCOPE)
    assert judge(visa(), record(scopes=("document:UTO", "visa:UT", "visa:UTOX"))) == (out, Reason.SCOPE)
    assert judge(visa(), record(scopes=("visa:YTO", "visa:UTO"))) == GOOD
    documents_only = make_signer(not_before=D(2026, 1, 1), not_after=D(2030, 1, 1), digital_signature=False)
    assert judge(visa(documents_only), record(documents_only)) == (out, Reason.KEY_USAGE)


def test_a_signer_of_one_state_speaks_for_no_other() -> None:
    seal = visa(issuer="YTO")
    assert judge(seal, record(scopes=("visa:UTO", "visa:YTO"))) == (
        SignatureVerdict.SIGNER_OUT_OF_SCOPE,
        Reason.OTHER_ISSUER,
    )
    forger = VisaSigner(SIGNER.certificate, OTHER.key)
    assert judge(visa(forger, issuer="YTO"), record()) == (SignatureVerdict.SIGNER_UNKNOWN, "")
    assert judge(seal, record(), record(issuer="YTO", scopes=("visa:YTO",))) == GOOD


def test_key_use_period_holds_for_the_day_of_the_signature() -> None:
    expired = SignatureVerdict.SIGNER_EXPIRED
    assert judge(visa(issued=D(2026, 12, 31)), record(), at=D(2027, 6, 1)) == GOOD
    assert judge(visa(issued=D(2027, 1, 1)), record(), at=D(2027, 6, 1)) == (expired, Reason.AFTER_USE_PERIOD)
    assert judge(visa(), record(use_from=ISSUED)) == GOOD
    assert judge(visa(), record(use_from=D(2026, 10, 2))) == (expired, Reason.BEFORE_USE_PERIOD)


def test_certificate_holds_then_and_now() -> None:
    expired = SignatureVerdict.SIGNER_EXPIRED
    assert judge(visa(), record(), at=D(2030, 1, 1)) == GOOD
    assert judge(visa(), record(), at=D(2030, 1, 2)) == (expired, Reason.CERTIFICATE_EXPIRED)
    early = record(use_from=D(2025, 1, 1))
    assert judge(visa(issued=D(2025, 12, 31)), early) == (expired, Reason.BEFORE_CERTIFICATE)
    assert judge(visa(issued=D(2026, 1, 1)), early) == GOOD


def test_a_slow_clock_changes_nothing_for_the_worse() -> None:
    assert judge(visa(), record(), at=D(1970, 1, 1)) == GOOD
    revoked = record(revoked_at=D(2026, 11, 1), revocation_reason="keyCompromise")
    assert judge(visa(), revoked, at=D(1970, 1, 1))[0] is SignatureVerdict.SIGNER_REVOKED


REVOKED = SignatureVerdict.SIGNER_REVOKED
DAY = D(2026, 10, 15)


@pytest.mark.parametrize(
    ("reason", "issued", "first_seen", "expected"),
    [
        ("superseded", D(2026, 10, 14), None, GOOD),
        ("superseded", D(2026, 10, 14), D(2026, 11, 1), GOOD),
        ("superseded", DAY, None, (REVOKED, Reason.SIGNED_AFTER_REVOCATION)),
        ("superseded", D(2026, 10, 16), D(2026, 10, 1), (REVOKED, Reason.SIGNED_AFTER_REVOCATION)),
        ("cessationOfOperation", D(2026, 10, 14), None, GOOD),
        ("keyCompromise", D(2026, 10, 14), None, (REVOKED, Reason.KEY_COMPROMISED)),
        ("keyCompromise", D(2026, 10, 14), D(2026, 10, 14), (REVOKED, Reason.KEY_COMPROMISED)),
        ("keyCompromise", D(2026, 10, 16), None, (REVOKED, Reason.KEY_COMPROMISED)),
        ("", D(2026, 10, 14), None, (REVOKED, Reason.UNPROVEN_BEFORE_REVOCATION)),
        ("", D(2026, 10, 14), D(2026, 10, 14), GOOD),
        ("", D(2026, 10, 14), DAY, (REVOKED, Reason.UNPROVEN_BEFORE_REVOCATION)),
        ("aReasonOfTomorrow", D(2026, 10, 14), None, (REVOKED, Reason.UNPROVEN_BEFORE_REVOCATION)),
    ],
)
def test_revocation(
    reason: str,
    issued: datetime.date,
    first_seen: datetime.date | None,
    expected: tuple[SignatureVerdict, str],
) -> None:
    revoked = record(revoked_at=DAY, revocation_reason=reason)
    assert judge(visa(issued=issued), revoked, first_seen=first_seen) == expected


def test_a_seal_whose_date_has_unknown_parts() -> None:
    undated = msgspec.structs.replace(visa(), issued=None)
    assert judge(undated, record()) == GOOD
    assert judge(undated, record(), at=D(2027, 2, 1)) == (
        SignatureVerdict.SIGNER_EXPIRED,
        Reason.AFTER_USE_PERIOD,
    )
    assert judge(undated, record(), at=D(2027, 2, 1), first_seen=D(2026, 12, 1)) == GOOD
    superseded = record(revoked_at=DAY, revocation_reason="superseded")
    assert judge(undated, superseded) == (REVOKED, Reason.UNPROVEN_BEFORE_REVOCATION)
    assert judge(undated, superseded, first_seen=D(2026, 10, 14)) == GOOD


def test_one_broken_certificate_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    broken = [
        record(certificate=b"\x00"),
        record(certificate=SIGNER.certificate[:-3]),
        record(certificate=bytes(9000)),
    ]
    with caplog.at_level(logging.WARNING):
        signers = SignerList.from_records([broken[0], record(), *broken[1:]])
    assert len(caplog.records) == 3
    assert len(signers) == 4 and len(signers.unusable) == 3
    assert signers.judge(visa(), AT, None).verdict is SignatureVerdict.VALID


def test_a_signer_whose_certificate_cannot_be_used_is_not_known() -> None:
    nameless = VisaSigner(b"not a certificate", SIGNER.key)
    assert judge(visa(nameless), record(nameless)) == (
        SignatureVerdict.SIGNER_UNKNOWN,
        Reason.CERTIFICATE_UNUSABLE,
    )


def test_the_best_of_several_entries_for_one_signer_counts() -> None:
    late = record(use_from=D(2027, 1, 1), use_until=D(2027, 12, 31))
    assert judge(visa(), late, record(), late) == GOOD
    assert judge(visa(), late, record(scopes=()))[0] is SignatureVerdict.SIGNER_EXPIRED


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            SignerRecord,
            issuer=st.sampled_from(["UTO", "YTO"]),
            certificate=st.one_of(
                st.binary(min_size=1, max_size=60), st.sampled_from([SIGNER.certificate, OTHER.certificate])
            ),
            scopes=st.lists(st.sampled_from(["visa:UTO", "visa:YTO", "x"])).map(tuple),
            use_from=st.dates(),
            use_until=st.dates(),
            revoked_at=st.one_of(st.none(), st.dates()),
            revocation_reason=st.sampled_from(["", "superseded", "keyCompromise"]),
        ),
        max_size=4,
    ),
    st.dates(),
    st.one_of(st.none(), st.dates()),
    st.sampled_from([visa(), visa(None), visa(issuer="YTO"), visa(VisaSigner(SIGNER.certificate, OTHER.key))]),
)
def test_only_a_signer_of_that_issuer_in_its_time_makes_a_seal_valid(
    records: list[SignerRecord], at: datetime.date, first_seen: datetime.date | None, seal: SealedVisa
) -> None:
    verdict = SignerList.from_records(records).judge(seal, at, first_seen).verdict
    if verdict is SignatureVerdict.VALID:
        assert any(
            entry.certificate == SIGNER.certificate
            and entry.issuer == seal.issuer
            and f"visa:{seal.issuer}" in entry.scopes
            and entry.use_from <= ISSUED <= entry.use_until
            and not (entry.revoked_at and entry.revocation_reason == "keyCompromise")
            for entry in records
        )
        assert at <= D(2030, 1, 1)


@settings(deadline=None)
@given(st.text(string.printable), st.binary(max_size=80), st.binary(max_size=200))
def test_any_reference_and_signature_gets_a_verdict(reference: str, signature: bytes, signed: bytes) -> None:
    seal = msgspec.structs.replace(visa(), certificate_ref=reference, signature=signature, signed_bytes=signed)
    signers = SignerList.from_records([record(), record(OTHER)])
    assert signers.judge(seal, AT, None).verdict is not SignatureVerdict.VALID
    named = msgspec.structs.replace(seal, certificate_ref=SIGNER.reference)
    assert signers.judge(named, AT, None).verdict in (SignatureVerdict.FORGED, SignatureVerdict.UNSIGNED)
