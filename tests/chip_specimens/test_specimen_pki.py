"""Certificates and lists of the specimens' authorities, held against two readers that did not write them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from border_agent.specimens.cast import years_before
from border_agent.specimens.chip.pki import Authority, SignerCondition, SpecimenPki
from border_agent.specimens.chip.signing_keys import KeyKind, make_key
from border_agent.specimens.feeds import csca_records
from border_agent.trust.passive import (
    CscaStore,
    load_folder,
    read_certificate,
    read_master_list,
    read_revocation_list,
)
from mqtt_schemas.feeds import RECORDS, Feed

TODAY = date(2026, 11, 26)
NAMED = [kind for kind in KeyKind if kind is not KeyKind.BRAINPOOL224]
"""Kinds that `cryptography` knows as well."""


def load(certificate: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate)


@pytest.mark.parametrize("kind", NAMED)
def test_a_csca_and_its_signer_hold_by_another_library(kind: KeyKind) -> None:
    authority = Authority("UT", TODAY, kind)
    signer = authority.signer(years_before(TODAY, 1))
    root, document = load(authority.current.certificate), load(signer.certificate)
    root.verify_directly_issued_by(root)
    document.verify_directly_issued_by(root)
    assert isinstance(document.public_key(), rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    assert document.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert document.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == identifier


def test_names_say_specimen_and_no_two_runs_share_a_key() -> None:
    one, other = (Authority("UT", TODAY).current for _ in range(2))
    subject = load(one.certificate).subject
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "SPECIMEN"
    assert "SPECIMEN" in str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    assert one.key.info() != other.key.info()
    assert one.certificate not in repr(one.key).encode()


def test_a_rollover_ties_the_new_key_to_the_old_under_one_name() -> None:
    authority = Authority("UT", TODAY, rollover=True)
    old, new, link = map(load, authority.certificates())
    assert old.subject == new.subject == link.subject == link.issuer
    link.verify_directly_issued_by(old)
    assert link.public_key() == new.public_key() != old.public_key()
    before, after = authority.signer(years_before(TODAY, 4)), authority.signer(years_before(TODAY, 1))
    load(before.certificate).verify_directly_issued_by(old)
    load(after.certificate).verify_directly_issued_by(new)


@pytest.mark.parametrize("condition", SignerCondition)
def test_conditions_of_signers(condition: SignerCondition) -> None:
    authority, signed = Authority("UT", TODAY), years_before(TODAY, 1)
    signer = load(authority.signer(signed, condition).certificate)
    start, end = signer.not_valid_before_utc.date(), signer.not_valid_after_utc.date()
    assert start < signed
    assert (signed <= end) is (condition is not SignerCondition.EXPIRED)
    assert (end >= TODAY) is (condition in (SignerCondition.GOOD, SignerCondition.REVOKED))
    crl = x509.load_der_x509_crl(authority.crl())
    revoked = crl.get_revoked_certificate_by_serial_number(signer.serial_number)
    assert (revoked is not None) is (condition is SignerCondition.REVOKED)
    key = load(authority.current.certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert crl.is_signature_valid(key)


def test_the_lists_of_a_run() -> None:
    kinds = {"UT": KeyKind.BRAINPOOL224, "ML": KeyKind.P256_EXPLICIT, "TD": KeyKind.P256}
    pki = SpecimenPki(TODAY, kinds, rollover=("ML",), unknown=("TD",))
    pki.authority("ML").signer(TODAY, SignerCondition.REVOKED)
    published = pki.csca_certificates()
    assert len(published) == 4
    assert [read_certificate(one).country for one in published] == ["UT", "ML", "ML", "ML"]
    master = read_master_list(pki.master_list())
    assert master.intact
    assert sorted(master.certificates) == sorted(published)
    store = CscaStore.from_certificates(published, pki.crls())
    assert master.anchored_by(store)
    assert not store.unusable
    for authority, crl in zip(("UT", "ML"), pki.crls(), strict=True):
        signer = read_certificate(pki.authority(authority).current.certificate)
        assert read_revocation_list(crl).signed_by(signer)


def test_a_folder_of_trust_holds_what_is_published(tmp_path: Path) -> None:
    pki = SpecimenPki(TODAY, {"UT": KeyKind.P256, "ML": KeyKind.P256}, rollover=("UT",))
    pki.write(tmp_path / "trust")
    loaded = load_folder(tmp_path / "trust")
    assert loaded.store.countries == CscaStore.from_certificates(pki.csca_certificates(), pki.crls()).countries
    assert not loaded.store.unusable
    assert not loaded.findings


def test_records_of_the_feed_carry_each_list_with_the_key_that_signed_it() -> None:
    pki = SpecimenPki(TODAY, {"UT": KeyKind.P256, "ML": KeyKind.P256}, rollover=("UT",))
    records = csca_records(pki)
    assert all(isinstance(record, RECORDS[Feed.CSCA]) for record in records)
    assert [record.issuer for record in records] == ["UT", "UT", "UT", "ML"]
    assert [bool(record.crl) for record in records] == [False, True, False, True]
    for record in records:
        if record.crl:
            assert read_revocation_list(record.crl).signed_by(read_certificate(record.certificate))


def test_keys_of_every_kind_sign() -> None:
    for kind in KeyKind:
        key = make_key(kind)
        assert key.sign(b"specimen") != key.sign(b"Specimen")
        assert len(key.algorithm()) > 10


def test_a_list_may_be_as_old_as_one_likes() -> None:
    authority = Authority("UT", TODAY)
    stale = x509.load_der_x509_crl(authority.crl(at=TODAY - timedelta(200), days=30))
    assert stale.next_update_utc is not None
    assert stale.next_update_utc.date() < TODAY
