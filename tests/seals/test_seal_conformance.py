"""Third-party seals, certificates and field encodings, each with the result its source states."""

from __future__ import annotations

import datetime
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, x509

from border_agent.seals import (
    CertificateUnusable,
    NotASeal,
    NotAVisa,
    SealError,
    SealUnsupported,
    SealUnwritable,
    certificate_reference,
    decode_idb,
    decode_seal,
    read_certificate,
    verify_signature,
)
from border_agent.seals.encodings import (
    c40_decode,
    c40_encode,
    decode_date,
    decode_date_time,
    decode_masked_date,
    encode_date,
    encode_date_time,
    encode_masked_date,
)


@pytest.fixture(scope="module")
def seals(conformance: Path) -> Path:
    return conformance / "seals"


@pytest.fixture(scope="module")
def expected(seals: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((seals / "expected.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def encodings(seals: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((seals / "encodings.json").read_text())
    return loaded


def test_idb_texts(seals: Path, expected: dict[str, Any]) -> None:
    cases = [case for case in expected["seals"] if case["kind"] == "IDB"]
    assert len(cases) == 2
    for case in cases:
        text = (seals / case["file"]).read_bytes()
        certificate = (seals / case["certificate"]).read_bytes()
        seal = decode_idb(text)
        assert seal.issuer == case["issuing_country"]
        assert seal.signed == case["signed"]
        assert seal.algorithm == case["signature_algorithm_byte"]
        assert seal.issued == case["signature_creation_date"]
        assert seal.certificate_ref == case["certificate_reference"] == certificate_reference(certificate)
        assert read_certificate(certificate).key.curve.name.lower() == case["curve"].lower()
        assert [message.tag for message in seal.messages] == [field["tag"] for field in case["fields"]]
        for field in case["fields"]:
            value = seal.message(field["tag"])
            assert value is not None
            if "raw" in field:
                assert value.hex() == field["raw"]
            else:
                assert (len(value), hashlib.sha256(value).hexdigest()) == (field["bytes"], field["sha256"])
                assert value == (seals / field["value_file"]).read_bytes()
            if field["name"] == "MRZ_TD2":
                assert c40_decode(value).replace(" ", "<") == field["value"].replace("\n", "")
        assert verify_signature(seal, certificate)
        assert not verify_signature(seal, (seals / "sealgen_DETS32.crt").read_bytes())
        for mutation in case["mutations"]:
            changed = bytearray(text)
            changed[mutation["offset"]] = ord(mutation["replace_with"])
            assert bytes(changed) != text
            assert not verify_signature(decode_idb(bytes(changed)), certificate)


def test_they_are_seals_but_no_visas(seals: Path) -> None:
    for path in seals.glob("*.idb.txt"):
        with pytest.raises(NotAVisa):
            decode_seal(path.read_bytes())


def test_other_codes_are_told_apart(seals: Path) -> None:
    for path in seals.glob("*.vds.bin"):
        with pytest.raises(SealUnsupported):
            decode_seal(path.read_bytes())
    for name in ("not_a_seal.json", "aus_valid.vdsnc.json"):
        with pytest.raises(NotASeal):
            decode_seal((seals / name).read_bytes())


def test_every_single_change_of_a_character_is_noticed(seals: Path) -> None:
    """Every position of the shorter text, every other letter in turn: an error, or a signature that fails."""
    text = (seals / "provisional_residence_document.idb.txt").read_bytes()
    certificate = (seals / "sealgen_UTTS5B.crt").read_bytes()
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for position in range(5, len(text)):
        old = alphabet.index(text[position])
        new = alphabet[(old + 1 + position % 31) % 32]
        changed = text[:position] + bytes((new,)) + text[position + 1 :]
        try:
            assert not verify_signature(decode_idb(changed), certificate), position
        except SealError:
            continue


def test_dates_both_ways(encodings: dict[str, Any]) -> None:
    for case in encodings["date"]:
        date = datetime.date.fromisoformat(case["value"])
        assert encode_date(date).hex() == case["hex"]
        assert decode_date(bytes.fromhex(case["hex"])) == date
    for case in encodings["masked_date"]:
        assert encode_masked_date(case["value"]).hex() == case["hex"]
        assert decode_masked_date(bytes.fromhex(case["hex"])) == case["value"].lower()
    for text in encodings["masked_date_refused"]:
        with pytest.raises(SealUnwritable):
            encode_masked_date(text)
    for case in encodings["date_time"]:
        moment = datetime.datetime.fromisoformat(case["value"])
        assert encode_date_time(moment).hex() == case["hex"]
        assert decode_date_time(bytes.fromhex(case["hex"])) == moment


def test_c40_both_ways(encodings: dict[str, Any]) -> None:
    for case in encodings["c40"]:
        assert c40_encode(case["value"]).hex() == case["hex"]
        assert c40_decode(bytes.fromhex(case["hex"])) == case["value"]


def test_c40_of_every_field_of_a_binary_seal(expected: dict[str, Any]) -> None:
    names = ("MRZ", "MRZ_MRVB", "PASSPORT_NUMBER", "SHEET_NUMBER")
    fields = [field for case in expected["seals"] if case["kind"] == "VDS" for field in case["fields"]]
    checked = [field for field in fields if field["name"] in names]
    assert len(checked) == 7
    for field in checked:
        text = field["value"].replace("\n", "")
        assert c40_decode(bytes.fromhex(field["raw"])).replace(" ", "<") == text
        assert c40_encode(text).hex() == field["raw"]


def test_zlib_and_certificate_reference(encodings: dict[str, Any]) -> None:
    packed = bytes.fromhex(encodings["zlib"]["packed"])
    assert zlib.decompress(packed).hex() == encodings["zlib"]["plain"]
    case = encodings["certificate_reference"]
    assert certificate_reference(bytes.fromhex(case["certificate"])) == case["reference"]


def test_certificates(seals: Path, expected: dict[str, Any]) -> None:
    for case in expected["certificates"]:
        der = (seals / case["file"]).read_bytes()
        if case["file"] != "sealgen_UTTS5B.crt":
            with pytest.raises(CertificateUnusable):  # brainpoolP224r1, and an RSA authority
                read_certificate(der)
            continue
        certificate = read_certificate(der)
        assert certificate.not_before.isoformat() == case["not_before"].replace("Z", "+00:00")
        assert certificate.not_after.isoformat() == case["not_after"].replace("Z", "+00:00")
        assert certificate.subject == case["subject"] and certificate.may_sign


class _Certificates(core.SetOf):
    _child_spec = x509.Certificate


class _MasterList(core.Sequence):
    _fields = [("version", core.Integer), ("certificates", _Certificates)]  # noqa: RUF012 - its parser wants a list


def test_every_elliptic_key_of_a_real_list_can_be_used(conformance: Path) -> None:
    """160 of them with explicit curve parameters, many of which `cryptography` alone refuses."""
    path = next((conformance / "trust").glob("DE_ML_*.ml"))
    content = cms.ContentInfo.load(path.read_bytes())["content"]["encap_content_info"]["content"].native
    certificates = _MasterList.load(content)["certificates"]
    assert len(certificates) == 588
    explicit = 0
    for certificate in certificates:
        if certificate.public_key.algorithm != "ec":
            with pytest.raises(CertificateUnusable):
                read_certificate(certificate.dump())
            continue
        assert read_certificate(certificate.dump()).key.key_size >= 256
        explicit += certificate.public_key["algorithm"]["parameters"].name == "specified"
    assert explicit == 160
