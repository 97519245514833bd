"""Certificates, master lists, revocation lists and folders of them, well made and broken."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from border_agent.documents.lds import DhKey, EcKey, RsaKey
from border_agent.specimens.chip import der
from border_agent.trust.passive import (
    CertificateUnreadable,
    CscaStore,
    MasterListUnusable,
    RevocationListUnreadable,
    TrustFolderUnreadable,
    issued,
    load_files,
    load_folder,
    read_certificate,
    read_master_list,
    read_revocation_list,
    same_state,
)
from border_agent.trust.passive.names import read_name
from tests.passive.pki import Holder, certificate, container, crl, csca, dsc, ec_key, master_list, name, rsa_key

LIST_SIGNER = "2.23.136.1.1.3"


def list_signer(authority: Holder) -> Holder:
    return dsc(authority, extended=[LIST_SIGNER], serial=0x200, key=ec_key(private=0x715))


def pem(data: bytes, kind: str = "CERTIFICATE") -> bytes:
    body = base64.encodebytes(data).decode()
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n".encode()


def test_a_certificate_says_what_it_says() -> None:
    authority = csca(begins="2019-05-05", ends="2034-05-05")
    read = read_certificate(authority.der)
    assert (read.country, read.serial, read.self_issued, read.is_issuer) == ("UT", 7, True, True)
    assert f"{read.not_before:%Y-%m-%d %H} {read.not_after:%Y-%m-%d}" == "2019-05-05 12 2034-05-05"
    assert isinstance(read.key, EcKey)
    assert issued(read, read)
    signer = read_certificate(dsc(authority, key=rsa_key()).der)
    assert (signer.is_issuer, signer.extensions.may_sign, str(signer.key)) == (False, True, "RSA 2048")
    assert issued(read, signer)
    assert not issued(signer, read)
    assert signer.extensions.authority_key_identifier == read.extensions.key_identifier


@pytest.mark.parametrize(
    ("options", "is_issuer"),
    [
        ({"usage": b"\x03\x02\x01\x06", "authority": None}, True),
        ({"usage": b"\x03\x02\x01\x06", "authority": False}, True),  # some real authorities deny that they are any
        ({"usage": None, "authority": True}, True),
        ({"usage": None, "authority": None}, True),
        ({"usage": None, "authority": False}, False),
        ({"usage": b"\x03\x02\x07\x80", "authority": None}, False),
        ({"version_1": True}, True),
    ],
)
def test_who_is_made_to_sign_certificates(options: dict[str, object], is_issuer: bool) -> None:
    holder = certificate(name("UT", "Any"), ec_key(), **options)  # type: ignore[arg-type]
    assert read_certificate(holder.der).is_issuer is is_issuer


@pytest.mark.parametrize(
    "broken", [b"", b"\x30\x00", b"\x30\x80\x00\x00", b"\x30" * 4000, bytes(20_000), b"\x04\x02ab"]
)
def test_no_certificate_is_refused_with_its_own_error(broken: bytes) -> None:
    with pytest.raises(CertificateUnreadable):
        read_certificate(broken)
    with pytest.raises(RevocationListUnreadable):
        read_revocation_list(broken)
    with pytest.raises(MasterListUnusable):
        read_master_list(broken)


def test_a_certificate_with_a_key_nobody_can_use_stays_readable() -> None:
    odd_curve = der.sequence(
        der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.3.132.0.10")), der.bits(b"\x04" + b"\1" * 64)
    )

    class Odd:
        digest = "sha256"

        def info(self) -> bytes:
            return odd_curve

        def algorithm(self) -> bytes:
            return ec_key().algorithm()

        def sign(self, data: bytes) -> bytes:
            return ec_key().sign(data)

    read = read_certificate(csca(key=Odd()).der)
    assert read.key is None
    assert not issued(read, read)


def test_names_are_equal_but_for_case_spaces_and_kind_of_string() -> None:
    assert read_name(name("UT", "A  Name")).canonical == read_name(name("ut", "a name", printable=True)).canonical
    assert read_name(name("UT", "One")).canonical != read_name(name("UT", "Two")).canonical
    assert read_name(name("ut", "x\x1b[2J\n")).shown == "C=ut, CN=x[2J"
    assert read_name(name("", "x")).country == ""
    assert len(read_name(name("UT", "x" * 5000)).shown) == 200


@pytest.mark.parametrize(
    ("mrz", "certificate_country", "same"),
    [
        ("D", "DE", True),
        ("D<<", "de", True),
        ("FRA", "FR", True),
        ("FRA", "FRA", True),
        ("GBD", "GB", True),
        ("RKS", "KS", True),
        ("CHN", "HK", True),
        ("EUE", "EU", True),
        ("UNO", "UN", True),
        ("UTO", "UT", True),
        ("MLI", "ML", True),
        ("MLI", "NE", False),
        ("UTO", "DE", False),
        ("XOM", "MT", None),
        ("FRA", "", None),
        ("???", "FR", None),
    ],
)
def test_states_in_three_letters_and_in_two(mrz: str, certificate_country: str, same: bool | None) -> None:
    assert same_state(mrz, certificate_country) is same


def test_a_store_holds_each_certificate_once_and_names_what_it_cannot_use() -> None:
    authority, other = csca(), csca("ZZ")
    store = CscaStore.from_certificates(
        [authority.der, authority.der, other.der, b"rubbish", dsc(authority).der], [crl(authority), b"rubbish"]
    )
    assert (len(store), store.countries, len(store.signers), len(store.lists)) == (2, ("UT", "ZZ"), 1, 1)
    assert len(store.unusable) == 2


def test_a_master_list_and_who_signed_it() -> None:
    authority, stranger = csca(), csca("ZZ")
    signer = list_signer(authority)
    listed = read_master_list(master_list([authority.der, stranger.der], signer))
    assert listed.intact
    assert not listed.findings
    assert set(listed.certificates) == {authority.der, stranger.der}
    assert listed.anchored_by(CscaStore.from_certificates([authority.der]))
    assert not listed.anchored_by(CscaStore.from_certificates([stranger.der]))


def test_a_master_list_by_somebody_else_or_altered() -> None:
    authority = csca()
    good = master_list([authority.der], list_signer(authority))
    altered = read_master_list(good[:-1] + bytes((good[-1] ^ 1,)))
    assert (altered.intact, [finding.code for finding in altered.findings]) == (False, ["list.signature"])
    wrong = read_master_list(master_list([authority.der], list_signer(authority), stated_digest=bytes(32)))
    assert (wrong.intact, [finding.code for finding in wrong.findings]) == (False, ["list.message_digest"])
    unusual = read_master_list(master_list([authority.der], dsc(authority)))
    assert (unusual.intact, [finding.code for finding in unusual.findings]) == (True, ["list.signer_usage"])


@pytest.mark.parametrize("content", [b"", b"\x30\x03\x02\x01\x00", b"\x30\x05\x02\x01\x00\x30\x00", b"\x31\x00"])
def test_another_content_is_no_master_list(content: bytes) -> None:
    with pytest.raises(MasterListUnusable):
        read_master_list(container("2.23.136.1.1.2", content, dsc(csca())))
    with pytest.raises(MasterListUnusable):
        read_master_list(container("2.23.136.1.1.1", content, dsc(csca())))


def test_a_revocation_list_says_what_it_says() -> None:
    authority = csca()
    listed = read_revocation_list(crl(authority, [5, 6], reason=4))
    assert (sorted(listed.revoked), listed.revoked[5].reason) == ([5, 6], "superseded")
    assert listed.signed_by(read_certificate(authority.der))
    assert not listed.signed_by(read_certificate(csca("ZZ", key=ec_key(private=9)).der))


def test_a_folder_of_everything(tmp_path: Path) -> None:
    authority, other, third = csca(), csca("ZZ", key=ec_key(private=2)), csca("YY", key=ec_key(private=3))
    (tmp_path / "list.ml").write_bytes(master_list([other.der], list_signer(authority)))
    (tmp_path / "one.cer").write_bytes(authority.der)
    (tmp_path / "two.PEM").write_bytes(b"a word before\n" + pem(authority.der) + pem(third.der))
    (tmp_path / "broken.crt").write_bytes(b"rubbish")
    (tmp_path / "cut.pem").write_bytes(pem(authority.der).replace(b"M", b"!", 1))
    (tmp_path / "list.crl").write_bytes(pem(crl(authority), "X509 CRL"))
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "folder.cer").mkdir()
    loaded = load_folder(tmp_path)
    assert loaded.store.countries == ("UT", "YY", "ZZ")
    assert (len(loaded.store), len(loaded.store.lists), len(loaded.store.unusable)) == (3, 1, 2)
    assert not loaded.findings


def test_a_list_nobody_beside_it_vouches_for_is_used_and_said(tmp_path: Path) -> None:
    authority = csca()
    (tmp_path / "list.ml").write_bytes(master_list([authority.der], list_signer(authority)))
    loaded = load_folder(tmp_path)
    assert len(loaded.store) == 1
    assert [finding.code for finding in loaded.findings] == ["list.not_anchored"]


def test_a_broken_list_stops_everything(tmp_path: Path) -> None:
    good = master_list([csca().der], list_signer(csca()))
    for content in (b"rubbish", good[:-1] + bytes((good[-1] ^ 1,))):
        (tmp_path / "list.ml").write_bytes(content)
        with pytest.raises(MasterListUnusable):
            load_folder(tmp_path)


def test_folders_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TrustFolderUnreadable):
        load_folder(tmp_path / "missing")
    with pytest.raises(TrustFolderUnreadable):
        load_files([tmp_path / "missing.cer"])
    huge = tmp_path / "huge.cer"
    with huge.open("wb") as opened:
        os.truncate(opened.fileno(), 17 << 20)
    with pytest.raises(TrustFolderUnreadable):
        load_files([huge])


def test_keys_show_what_they_are() -> None:
    assert str(RsaKey(1 << 2047 | 1, 3)) == "RSA 2048"
    assert str(DhKey((1 << 1023) | 1, 2, None, 3)) == "DH 1024"
