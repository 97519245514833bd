"""Passive authentication over a fictional PKI: what each fault leads to, and that nothing else does."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import pytest

from border_agent.specimens.chip import der
from border_agent.specimens.chip.signing_keys import SigningKey
from border_agent.trust.passive import (
    CODES,
    CscaStore,
    PassiveFinding,
    PassiveJudgement,
    PassiveVerdict,
    judge_card_security,
    judge_sod,
    verdict_of,
)
from tests.passive.pki import (
    TODAY,
    Holder,
    certificate,
    container,
    crl,
    csca,
    day,
    dsc,
    ec_key,
    key_identifier,
    name,
    rsa_key,
    sod,
)

FILES = {1: b"DG1 content", 2: b"DG2 content", 14: b"DG14 content"}
SIGNED = day("2024-03-01")


def judge(
    content: bytes,
    *authorities: Holder,
    crls: tuple[bytes, ...] = (),
    files: dict[int, bytes] | None = None,
    **options: object,
) -> PassiveJudgement:
    store = CscaStore.from_certificates([one.der for one in authorities], crls)
    assert not store.unusable
    return judge_sod(content, FILES if files is None else files, store, **{"at": TODAY, **options})  # type: ignore[arg-type]


def codes(judgement: PassiveJudgement, *, but: tuple[str, ...] = ("crl.missing",)) -> list[str]:
    return [finding.code for finding in judgement.findings if finding.code not in but]


def test_a_good_chip_is_trusted() -> None:
    authority = csca()
    judgement = judge(
        sod(FILES, dsc(authority), signed_at=SIGNED), authority, crls=(crl(authority),), dg1_issuer="UTO"
    )
    assert judgement == PassiveJudgement(
        verdict=PassiveVerdict.TRUSTED,
        issuer="UT",
        signer="C=UT, CN=Document Signer UT",
        signer_serial="100",
        anchor="C=UT, CN=CSCA UT",
        signed_at=SIGNED,
        hashes_checked=("DG1", "DG2", "DG14"),
        hashes_listed=("DG1", "DG2", "DG14"),
    )


@pytest.mark.parametrize(
    "key",
    [
        ec_key("secp224r1"),
        ec_key("secp384r1", digest="sha384"),
        ec_key("secp521r1", digest="sha512"),
        ec_key("brainpoolP224r1", digest="sha224"),
        ec_key("brainpoolP256r1", explicit=True),
        ec_key("brainpoolP320r1", digest="sha384"),
        ec_key("brainpoolP512r1", digest="sha512", explicit=True),
        rsa_key(),
        rsa_key(pss=True),
        rsa_key(pss=True, digest="sha512"),
    ],
    ids=lambda key: f"{type(key).__name__}-{getattr(getattr(key, 'curve', None), 'name', '')}-{key.digest}",
)
def test_every_kind_of_key_signs_chips_and_certificates(key: SigningKey) -> None:
    authority = csca(key=key)
    signer = dsc(authority, key=key)
    content = sod(FILES, signer, signed_at=SIGNED)
    assert judge(content, authority).verdict is PassiveVerdict.TRUSTED
    forged = bytearray(content)
    forged[-1] ^= 1
    assert codes(judge(bytes(forged), authority)) == ["sod.signature"]


def test_a_signature_algorithm_without_a_hash_takes_the_signers_digest() -> None:
    authority, plain = csca(), rsa_key()
    bare = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null())
    assert judge(sod(FILES, dsc(authority, key=plain), algorithm=bare), authority).verdict is PassiveVerdict.TRUSTED


def test_a_plain_ecdsa_signature_is_not_taken_for_a_der_one() -> None:
    authority = csca()
    plain = der.sequence(der.oid("0.4.0.127.0.7.1.1.4.1.3"))
    assert codes(judge(sod(FILES, dsc(authority), algorithm=plain), authority)) == ["sod.signature"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"stated_digest": b"\0" * 32}, ["sod.message_digest"]),
        ({"stated_type": "1.2.840.113549.1.7.1"}, ["sod.signed_attributes"]),
        ({"algorithm": der.sequence(der.oid("1.2.3.4"))}, ["sod.algorithm"]),
        ({"certificates": []}, ["sod.signer_missing"]),
        ({"certificates": [b"\x30\x03\x02\x01\x00"]}, ["dsc.unreadable"]),
        ({"attributes": False}, ["sod.no_signed_attributes"]),
        ({"by_key_identifier": True}, []),
        ({"copies": 3}, []),
    ],
)
def test_what_can_be_wrong_with_the_container(options: dict[str, object], found: list[str]) -> None:
    authority = csca()
    judgement = judge(sod(FILES, dsc(authority), **options), authority)
    assert codes(judgement) == found
    assert judgement.verdict is verdict_of(PassiveFinding(code) for code in found)


@pytest.mark.parametrize("options", [{"copies": 5}, {"certificates": [b"\x30\x00"] * 40}])
def test_a_container_beyond_all_bounds_is_malformed(options: dict[str, object]) -> None:
    authority = csca()
    judgement = judge(sod(FILES, dsc(authority), **options), authority)
    assert codes(judgement) == ["sod.malformed"]
    assert judgement.verdict is PassiveVerdict.INVALID


@pytest.mark.parametrize(
    "content", [b"", b"\x77\x00", b"\x77\x02\x30\x80", b"\x30\x00", b"\x77\x82\xff\xff" + bytes(65_535)]
)
def test_no_security_object_at_all_is_malformed(content: bytes) -> None:
    assert codes(judge(content)) == ["sod.malformed"]


def test_another_signed_content_is_no_security_object() -> None:
    authority = csca()
    other = container("2.23.136.1.1.2", b"\x30\x00", dsc(authority))
    assert codes(judge(b"\x77\x82" + len(other).to_bytes(2, "big") + other, authority)) == ["sod.malformed"]


def test_the_content_of_early_containers_stands_without_an_octet_string() -> None:
    authority = csca()
    content = b"\x30\x03\x02\x01\x00"
    judgement = judge_card_security(
        container(
            "0.4.0.127.0.7.3.2.1",
            content,
            dsc(authority),
            wrapped=False,
            stated_digest=hashlib.sha256(content[2:]).digest(),
        ),
        CscaStore.from_certificates([authority.der]),
        at=TODAY,
    )
    assert judgement.verdict is PassiveVerdict.TRUSTED


def test_an_altered_file_is_invalid_and_an_unlisted_one_is_said() -> None:
    authority = csca()
    content = sod(FILES, dsc(authority))
    altered = judge(content, authority, files={1: b"another", 2: FILES[2]})
    assert (altered.verdict, codes(altered), altered.hashes_checked) == ("invalid", ["sod.hash.DG1"], ("DG2",))
    unlisted = judge(content, authority, files={**FILES, 15: b"a key of somebody's"})
    assert (unlisted.verdict, codes(unlisted)) == ("trusted", ["sod.hash_missing.DG15"])
    assert "DG15" not in unlisted.hashes_checked
    assert altered.has("sod.hash")
    assert not unlisted.has("sod.hash")


def test_an_unknown_hash_checks_nothing() -> None:
    authority = csca()
    signer = dsc(authority)
    odd = der.sequence(der.integer(0), der.sequence(der.oid("1.2.3")), der.sequence())
    judgement = judge(_sod_of(odd, signer), authority)
    assert (judgement.verdict, codes(judgement)) == ("no_trust_anchor", ["sod.hash_algorithm"])


def _sod_of(content: bytes, signer: Holder) -> bytes:
    held = container("2.23.136.1.1.1", content, signer)
    return b"\x77\x82" + len(held).to_bytes(2, "big") + held


def test_sha1_is_said_once_and_forbids_nothing() -> None:
    authority = csca(key=ec_key(digest="sha1", private=0xCAFE))
    signer = dsc(authority, key=ec_key(digest="sha1"))
    judgement = judge(sod(FILES, signer, hashed_with="sha1"), authority)
    assert (judgement.verdict, codes(judgement)) == ("trusted", ["sod.weak_hash"])
    hashes_only = judge(sod(FILES, dsc(authority), hashed_with="sha1"), authority)
    assert codes(hashes_only) == ["sod.weak_hash"]


def test_a_short_key_is_said() -> None:
    authority = csca()
    judgement = judge(sod(FILES, dsc(authority, key=rsa_key(3, bits=1024))), authority)
    assert (judgement.verdict, codes(judgement)) == ("trusted", ["sod.weak_key"])


def test_without_an_authority_there_is_no_anchor_but_broken_stays_broken() -> None:
    authority = csca()
    good = sod(FILES, dsc(authority))
    assert (judge(good).verdict, codes(judge(good))) == ("no_trust_anchor", ["dsc.no_anchor"])
    assert judge(good, files={1: b"another"}).verdict is PassiveVerdict.INVALID
    assert judge(good[:-1] + bytes((good[-1] ^ 1,))).verdict is PassiveVerdict.INVALID


def test_a_certificate_that_names_our_authority_which_did_not_sign_it() -> None:
    authority, forger = csca(), csca(key=ec_key(private=0xBAD))
    forged = dsc(forger, authority_key=key_identifier(authority.key))
    judgement = judge(sod(FILES, forged), authority)
    assert (judgement.verdict, codes(judgement)) == ("no_trust_anchor", ["dsc.signature", "dsc.no_anchor"])


def test_the_authority_is_found_by_country_where_no_key_identifier_leads_to_it() -> None:
    first = csca(key=ec_key(private=0xF1), serial=1)
    second = csca(key=ec_key(private=0xF2), serial=2)
    lower = certificate(name("ut", "Signer"), ec_key(private=0xD5), second, authority_key=b"\x99" * 8, serial=5)
    judgement = judge(sod(FILES, lower), first, second)
    assert (judgement.verdict, judgement.issuer) == ("trusted", "UT")


def test_an_authority_of_another_country_vouches_for_nobody_here() -> None:
    stranger = csca("ZZ")
    judgement = judge(sod(FILES, dsc(stranger, "UT")), stranger)
    assert (judgement.verdict, codes(judgement)) == ("no_trust_anchor", ["dsc.country_differs", "dsc.no_anchor"])


@pytest.mark.parametrize(
    ("issuer", "found"),
    [
        ("UTO", []),
        ("UTO<", []),
        ("FRA", ["sod.issuer_differs"]),
        ("D", ["sod.issuer_differs"]),
        ("XOM", ["sod.issuer_unknown"]),
        ("", ["sod.issuer_unknown"]),
    ],
)
def test_the_state_that_signed_is_the_one_on_the_data_page(issuer: str, found: list[str]) -> None:
    authority = csca()
    assert codes(judge(sod(FILES, dsc(authority)), authority, dg1_issuer=issuer)) == found


def test_a_chain_over_a_link_certificate_the_chip_brings() -> None:
    old = csca(key=ec_key(private=0x01D), ends="2034-01-01", serial=1)
    new_key = ec_key(private=0x2EF)
    link, new = csca(key=new_key, by=old, serial=3), csca(key=new_key, serial=2)
    signer = dsc(new)
    alone = judge(sod(FILES, signer), old)
    assert alone.verdict is PassiveVerdict.NO_TRUST_ANCHOR
    brought = judge(sod(FILES, signer, certificates=[signer.der, link.der]), old)
    assert (brought.verdict, codes(brought), brought.anchor) == ("trusted", ["csca.link"], "C=UT, CN=CSCA UT")
    held = judge(sod(FILES, signer), old, link)
    assert (held.verdict, codes(held)) == ("trusted", [])


def test_a_chain_ends_somewhere() -> None:
    holders = [csca(key=ec_key(private=0x100), serial=100)]
    for number in range(1, 7):
        holders.append(csca(key=ec_key(private=0x100 + number), by=holders[-1], serial=100 + number))
    signer = dsc(holders[-1])
    content = sod(FILES, signer, certificates=[signer.der, *(one.der for one in holders[1:])])
    assert judge(content, holders[0]).verdict is PassiveVerdict.NO_TRUST_ANCHOR
    assert judge(content, holders[3]).verdict is PassiveVerdict.TRUSTED


def test_a_chain_stays_in_one_country() -> None:
    authority = csca("ZZ")
    link = csca("ZZ", key=ec_key(private=0x2EF), by=authority, serial=3)
    signer = dsc(link, "UT")
    judgement = judge(sod(FILES, signer, certificates=[signer.der, link.der]), authority)
    assert judgement.verdict is PassiveVerdict.NO_TRUST_ANCHOR


def test_a_signer_is_no_link() -> None:
    authority = csca()
    signer = dsc(authority)
    under = certificate(name("UT", "Under"), ec_key(private=0x77), signer, serial=9)
    judgement = judge(sod(FILES, under, certificates=[under.der, signer.der]), authority)
    assert judgement.verdict is PassiveVerdict.NO_TRUST_ANCHOR


def test_a_signer_known_beforehand_need_not_be_in_the_container() -> None:
    authority = csca()
    signer = dsc(authority)
    content = sod(FILES, signer, certificates=[])
    assert judge(content, authority, signer).verdict is PassiveVerdict.TRUSTED
    assert judge(content, signer).verdict is PassiveVerdict.NO_TRUST_ANCHOR


def test_the_only_certificate_is_tried_where_the_signature_names_another() -> None:
    authority = csca()
    signer = dsc(authority)
    other = dsc(authority, serial=0x999)
    judgement = judge(sod(FILES, other, certificates=[signer.der]), authority)
    assert (judgement.verdict, codes(judgement)) == ("trusted", ["sod.signer_identifier"])


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"usage": b"\x03\x02\x05\x20"}, "dsc.key_usage"),
        ({"extended": ["2.23.136.1.1.3"]}, "dsc.out_of_scope"),
    ],
)
def test_a_certificate_for_other_work_signs_no_chip(options: dict[str, object], found: str) -> None:
    authority = csca()
    judgement = judge(sod(FILES, dsc(authority, **options)), authority)
    assert (judgement.verdict, codes(judgement)) == ("invalid", [found])


@pytest.mark.parametrize(
    ("signed", "at", "found", "verdict"),
    [
        ("2021-06-01", "2022-01-01", [], "trusted"),
        ("2021-06-01", "2026-11-26", ["dsc.expired_now"], "expired"),
        ("2025-06-01", "2026-11-26", ["dsc.not_valid_at_signing", "dsc.expired_now"], "expired"),
        ("2025-06-01", "2022-01-01", ["dsc.not_valid_at_signing"], "expired"),
        ("2019-06-01", "2022-01-01", ["dsc.not_valid_at_signing"], "expired"),
        ("2021-06-01", "2020-12-31", ["dsc.not_yet_valid"], "expired"),
        ("2020-12-31", "2022-01-01", [], "trusted"),
        ("2021-06-01", "2021-01-01", [], "trusted"),
        ("2021-06-01", "2023-01-01", [], "trusted"),
        ("2021-06-01", "2023-01-02", ["dsc.expired_now"], "expired"),
    ],
)
def test_the_signers_period_then_and_now(signed: str, at: str, found: list[str], verdict: str) -> None:
    """In force from noon of 1 January 2021 to noon of 1 January 2023; a day counts whole, a signing time by a day."""
    authority = csca()
    signer = dsc(authority, begins="2021-01-01", ends="2023-01-01")
    judgement = judge(sod(FILES, signer, signed_at=day(signed)), authority, at=datetime.date.fromisoformat(at))
    assert (codes(judgement), judgement.verdict) == (found, verdict)


@pytest.mark.parametrize(
    ("written", "read", "found"),
    [
        (b"\x18\x0f20240301120000Z", "2024-03-01T12:00:00+00:00", []),
        (b"\x18\x0e20240301120000", "2024-03-01T12:00:00+00:00", []),
        (b"\x18\x1320240301120000+0100", "2024-03-01T11:00:00+00:00", []),
        (b"\x18\x0f00010101000000Z", "0001-01-01T00:00:00+00:00", ["dsc.not_valid_at_signing"]),
        (b"\x18\x1300010101000000+1400", None, []),
        (b"\x18\x0f99991231235959Z", "9999-12-31T23:59:59+00:00", ["dsc.not_valid_at_signing"]),
        (b"\x18\x0f00000101000000Z", None, []),
        (b"\x17\x03abc", None, []),
        (b"\x04\x01a", None, []),
    ],
)
def test_signing_times_as_chips_may_write_them(written: bytes, read: str | None, found: list[str]) -> None:
    authority = csca()
    judgement = judge(sod(FILES, dsc(authority), signed_at=written), authority)
    assert (judgement.signed_at and judgement.signed_at.isoformat()) == read
    assert codes(judgement) == found


def test_a_moment_counts_to_the_second() -> None:
    authority = csca()
    content = sod(FILES, dsc(authority, begins="2021-01-01", ends="2023-01-01"))
    last = day("2023-01-01")
    assert judge(content, authority, at=last).verdict is PassiveVerdict.TRUSTED
    assert judge(content, authority, at=last + datetime.timedelta(seconds=1)).verdict is PassiveVerdict.EXPIRED
    assert judge(content, authority, at=last.replace(tzinfo=None)).verdict is PassiveVerdict.TRUSTED


def test_a_signature_outside_the_keys_use_is_said() -> None:
    authority = csca()
    signer = dsc(authority, use_period=("2021-01-01", "2021-04-01"))
    assert codes(judge(sod(FILES, signer, signed_at=day("2021-02-01")), authority)) == []
    late = judge(sod(FILES, signer, signed_at=day("2022-02-01")), authority)
    assert (late.verdict, codes(late)) == ("trusted", ["dsc.outside_use_period"])


def test_an_authority_out_of_force_counts_only_where_no_other_certificate_has_its_key() -> None:
    key = ec_key(private=0xCAFE)
    old, renewed = csca(key=key, ends="2025-01-01", serial=1), csca(key=key, serial=2)
    content = sod(FILES, dsc(old))
    assert (judge(content, old).verdict, codes(judge(content, old))) == ("expired", ["csca.expired"])
    assert codes(judge(content, old, renewed)) == []


def test_revoked_is_revoked_whatever_day_is_asked_for() -> None:
    authority = csca()
    content = sod(FILES, dsc(authority), signed_at=SIGNED)
    for at in (TODAY, datetime.date(2024, 3, 2)):
        judgement = judge(content, authority, crls=(crl(authority, [0x100]),), at=at)
        assert judgement.verdict is PassiveVerdict.REVOKED
        assert judgement.findings[-1] == PassiveFinding("dsc.revoked", "2026-10-01 keyCompromise 100")


def test_a_revoked_authority_revokes() -> None:
    authority = csca()
    judgement = judge(sod(FILES, dsc(authority)), authority, crls=(crl(authority, [7]),))
    assert (judgement.verdict, codes(judgement)) == ("revoked", ["csca.revoked"])


def test_an_entry_taken_back_and_one_of_another_serial_revoke_nothing() -> None:
    authority = csca()
    content = sod(FILES, dsc(authority))
    assert codes(judge(content, authority, crls=(crl(authority, [0x100], reason=8),)), but=()) == []
    assert codes(judge(content, authority, crls=(crl(authority, [0x101]),)), but=()) == []


def test_the_state_of_revocation_lists_is_said() -> None:
    authority, forger, stranger = csca(), csca(key=ec_key(private=0xBAD)), csca("ZZ", key=ec_key(private=0x2E))
    content = sod(FILES, dsc(authority))
    stale = crl(authority, following="2026-11-20")
    assert codes(judge(content, authority), but=()) == ["crl.missing"]
    assert codes(judge(content, authority, crls=(stale,)), but=()) == ["crl.stale"]
    assert codes(judge(content, authority, crls=(stale, crl(authority))), but=()) == []
    assert codes(judge(content, authority, crls=(crl(forger, [0x100]),)), but=()) == ["crl.signature", "crl.missing"]
    assert codes(judge(content, authority, stranger, crls=(crl(stranger, [0x100]),)), but=()) == ["crl.missing"]


def test_a_stale_list_still_revokes() -> None:
    authority = csca()
    judgement = judge(sod(FILES, dsc(authority)), authority, crls=(crl(authority, [0x100], following="2026-11-20"),))
    assert (judgement.verdict, codes(judgement)) == ("revoked", ["crl.stale", "dsc.revoked"])


def test_after_a_change_of_keys_the_new_one_signs_the_list() -> None:
    old, new = csca(key=ec_key(private=0x01D), serial=1), csca(key=ec_key(private=0x2EF), serial=2)
    judgement = judge(sod(FILES, dsc(old)), old, new, crls=(crl(new, [0x100]),))
    assert judgement.verdict is PassiveVerdict.REVOKED


def test_every_code_that_is_found_leads_to_a_verdict() -> None:
    source = "".join(path.read_text() for path in Path(judge_sod.__code__.co_filename).parent.glob("*.py"))
    assert not [code for code in CODES if code.partition(".")[2] not in source]
    for code, verdict in CODES.items():
        assert verdict_of([PassiveFinding(f"{code}.DG1")]) is verdict
    assert verdict_of([]) is PassiveVerdict.TRUSTED
    every = [PassiveFinding(code) for code in CODES]
    assert verdict_of(every) is PassiveVerdict.INVALID


def test_a_container_with_several_signatures_counts_by_its_best() -> None:
    authority = csca()
    signer = dsc(authority)
    content = sod(FILES, signer, copies=2)
    forged = bytearray(content)
    forged[-1] ^= 1  # the second signature only
    assert judge(bytes(forged), authority).verdict is PassiveVerdict.TRUSTED
