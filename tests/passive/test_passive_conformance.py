"""Security objects of real passports and a real master list: the results their source states, and each mutation's."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from border_agent.documents.lds import EcKey, read_sod
from border_agent.documents.lds.signed_data import read_signed_data
from border_agent.trust.passive import (
    Certificate,
    CscaStore,
    PassiveVerdict,
    issued,
    judge_sod,
    load_folder,
    open_sod,
    read_certificate,
    read_master_list,
    read_revocation_list,
)
from border_agent.trust.passive.signatures import hash_name

TODAY = datetime.date(2026, 11, 26)
MUTATED = {
    "message_digest": ("invalid", "sod.message_digest"),
    "signature": ("invalid", "sod.signature"),
    "untrusted": ("no_trust_anchor", "dsc.signature"),
}
STATES = ("AT", "DE", "FR", "NZ", "RU", "US")
KEYS = {"RSA ": "rsa"}


@pytest.fixture(scope="module")
def trust(conformance: Path) -> Path:
    return conformance / "trust"


@pytest.fixture(scope="module")
def expected(trust: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((trust / "expected.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def store(trust: Path) -> CscaStore:
    return load_folder(trust).store


@lru_cache
def listed(path: Path) -> list[Certificate]:
    return [read_certificate(one) for one in read_master_list(path.read_bytes()).certificates]


def entry(expected: dict[str, Any], state: str) -> dict[str, Any]:
    return next(one for one in expected["security_objects"] if one["issuing_state"] == state)


@pytest.mark.parametrize("state", STATES)
def test_a_real_security_object(trust: Path, expected: dict[str, Any], store: CscaStore, state: str) -> None:
    stated = entry(expected, state)
    content = (trust / stated["file"]).read_bytes()
    judgement = judge_sod(content, {}, store, at=TODAY)
    assert judgement.verdict == stated["verdict"]
    assert judgement.issuer == state
    assert judgement.signer_serial == stated["document_signer"]["serial"]
    assert {finding.code for finding in judgement.findings} == {"crl.missing"} | (
        {"sod.weak_hash"} if state == "RU" else set()
    )
    assert (judgement.signed_at and f"{judgement.signed_at:%Y-%m-%dT%H:%M:%SZ}") == stated["signing_time"]
    assert judge_sod(content, {}, CscaStore(), at=TODAY).verdict == stated["without_the_master_list"]


@pytest.mark.parametrize("state", STATES)
def test_its_parts(trust: Path, expected: dict[str, Any], store: CscaStore, state: str) -> None:
    stated = entry(expected, state)
    opened = open_sod((trust / stated["file"]).read_bytes())
    signer = read_certificate(opened.signed.certificates[0])
    said = stated["document_signer"]
    assert sorted(opened.hashes.hashes) == stated["data_groups"]
    assert opened.hashes.version == stated["lds_security_object_version"]
    assert hash_name(opened.signed.signers[0].digest) == stated["signer_digest"]
    assert str(signer.key).lower().replace(" ", "") == said["key"].lower()
    assert isinstance(signer.key, EcKey) == (said["ec_parameters"] is not None)
    if isinstance(signer.key, EcKey):
        assert signer.key.explicit == (said["ec_parameters"] == "specified")
    assert (
        f"{signer.not_before:%Y-%m-%dT%H:%M:%SZ} {signer.not_after:%Y-%m-%dT%H:%M:%SZ}"
        == f"{said['not_before']} {said['not_after']}"
    )
    assert signer.extensions.authority_key_identifier.hex() == said["authority_key_identifier"]
    anchors = store.vouching(signer).anchors
    assert {one.sha256 for one in anchors} == {one["sha256"] for one in stated["csca"]}
    assert {f"{one.serial:x}" for one in anchors} == {one["serial"] for one in stated["csca"]}


@pytest.mark.parametrize("state", STATES)
def test_each_mutation(trust: Path, expected: dict[str, Any], store: CscaStore, state: str) -> None:
    stated = entry(expected, state)
    for mutation in stated["mutations"]:
        content = bytearray((trust / stated["file"]).read_bytes())
        content[mutation["offset"]] ^= mutation["xor"]
        judgement = judge_sod(bytes(content), {}, store, at=TODAY)
        verdict, code = MUTATED[mutation["expect"]]
        assert (judgement.verdict, judgement.has(code)) == (verdict, True), mutation
        if verdict == "invalid":
            assert judge_sod(bytes(content), {}, CscaStore(), at=TODAY).verdict == "invalid"


@pytest.mark.parametrize("state", STATES)
def test_the_day_asked_for(trust: Path, expected: dict[str, Any], store: CscaStore, state: str) -> None:
    stated = entry(expected, state)
    content = (trust / stated["file"]).read_bytes()
    first, last = (
        datetime.date.fromisoformat(stated["document_signer"][end][:10]) for end in ("not_before", "not_after")
    )
    one = datetime.timedelta(days=1)
    for at, verdict in ((first - one, "expired"), (first, "trusted"), (last, "trusted"), (last + one, "expired")):
        assert judge_sod(content, {}, store, at=at).verdict == verdict, at


def test_one_bit_anywhere_but_in_what_nobody_signs_takes_the_trust_away(trust: Path, store: CscaStore) -> None:
    """Every 5th byte of one object. Hashes, certificate, signed attributes and signature are covered; not signed are
    the container's version, its list of digests, and how a signature names its certificate."""
    content = (trust / "sod" / "AT.bin").read_bytes()
    signed = read_signed_data(read_sod(content), "EF.SOD")
    covered: set[int] = set()
    signer = signed.signers[0]
    for part in (signed.content, signed.certificates[0], signer.signed_attributes[2:], signer.signature):
        covered.update(range(content.index(part), content.index(part) + len(part)))
    for offset in range(0, len(content), 5):
        mutated = bytearray(content)
        mutated[offset] ^= 1
        verdict = judge_sod(bytes(mutated), {}, store, at=TODAY).verdict
        assert verdict is not PassiveVerdict.TRUSTED or offset not in covered, offset


def test_the_master_list(trust: Path, expected: dict[str, Any]) -> None:
    stated = expected["master_list"]
    read = read_master_list((trust / stated["file"]).read_bytes())
    assert read.intact
    assert not read.findings
    assert (len(read.certificates), len(set(read.certificates))) == (
        stated["certificates"],
        stated["distinct_certificates"],
    )
    assert read.anchored_by(CscaStore.from_certificates([(trust / stated["root"]).read_bytes()]))
    assert not read.anchored_by(CscaStore())
    signer = read.signer
    assert signer is not None
    assert (str(signer.key), list(signer.extensions.extended_usage)) == (
        stated["signer"]["key"],
        stated["signer"]["extended_key_usage"],
    )
    assert f"{read.signed_at:%Y-%m-%dT%H:%M:%SZ}" == stated["signer"]["signing_time"]


def test_the_master_lists_figures(trust: Path, expected: dict[str, Any]) -> None:
    stated = expected["master_list"]
    certificates = listed(trust / stated["file"])
    assert sorted({one.country for one in certificates}) == stated["country_codes"]
    assert len({one.country for one in certificates}) == stated["countries"]
    kinds = Counter(str(one.key).lower().replace(" ", "") for one in certificates)
    assert kinds == {kind.lower(): number for kind, number in stated["keys"].items()}
    assert (
        sum(isinstance(one.key, EcKey) and one.key.explicit for one in certificates)
        == stated["explicit_ec_parameters"]
    )
    held = set(CscaStore(certificates).countries)
    assert not held & set(stated["no_anchor_for"])
    assert len(CscaStore(certificates)) == stated["certificates"]


def test_names_do_not_tell_who_signed(trust: Path, expected: dict[str, Any]) -> None:
    """Of the certificates whose issuer is their subject a quarter is signed by another key of that name, or by none
    that is there."""
    stated = expected["master_list"]["same_name_certificates"]
    certificates = listed(trust / expected["master_list"]["file"])
    same_name = [one for one in certificates if one.self_issued]
    others: dict[Any, list[Certificate]] = {}
    for one in certificates:
        others.setdefault(one.subject.canonical, []).append(one)
    counted = Counter(
        "self_signed"
        if issued(one, one)
        else "signed_by_another_key_of_that_name"
        if any(issued(other, one) for other in others[one.subject.canonical] if other.spki != one.spki)
        else "no_issuer_in_list"
        for one in same_name
    )
    assert counted["self_signed"] == stated["self_signed"]
    # Names that differ in case or spaces only are one name here, so a few more may find their issuer.
    assert sum(counted.values()) >= sum(stated.values())
    assert counted["no_issuer_in_list"] <= stated["no_issuer_in_list"] + 7


def test_the_master_lists_mutations(trust: Path, expected: dict[str, Any]) -> None:
    stated = expected["master_list"]
    for mutation in stated["mutations"]:
        content = bytearray((trust / stated["file"]).read_bytes())
        content[mutation["offset"]] ^= mutation["xor"]
        read = read_master_list(bytes(content))
        assert (read.intact, [finding.code for finding in read.findings]) == (False, [f"list.{mutation['expect']}"])


def test_a_specimen_chip_without_an_anchor(conformance: Path, store: CscaStore) -> None:
    """The BSI's specimen of 2008: brainpoolP224r1 with explicit parameters, SHA-1, a test authority; DG15 is not in
    its list."""
    folder = conformance / "chip" / "bsi2008"
    files = {number: (folder / f"EF_DG{number}.bin").read_bytes() for number in (1, 2, 14, 15)}
    content = (folder / "EF_SOD.bin").read_bytes()
    judgement = judge_sod(content, files, store, at=TODAY, dg1_issuer="D")
    assert judgement.verdict is PassiveVerdict.NO_TRUST_ANCHOR
    assert judgement.hashes_checked == ("DG1", "DG2", "DG14")
    assert judgement.has("sod.hash_missing.DG15")
    assert not judgement.has("sod.signature")
    assert not judgement.has("sod.issuer_differs")
    opened = open_sod(content)
    stated = next(
        one["expect"]
        for one in json.loads((conformance / "chip" / "expected.json").read_text())["files"]
        if one["file"] == "bsi2008/EF_SOD.bin"
    )
    assert sorted(opened.hashes.hashes) == stated["data_groups"]
    signer = read_certificate(read_signed_data(read_sod(content), "EF.SOD").certificates[0])
    assert f"{signer.not_before:%Y-%m-%dT%H:%M:%SZ}" == stated["not_before"]
    assert isinstance(signer.key, EcKey)
    assert (signer.key.curve.name, signer.key.explicit) == ("brainpoolP224r1", True)
    assert judge_sod(content, {1: b"another"}, store, at=TODAY).verdict is PassiveVerdict.INVALID


def test_a_real_revocation_list_is_good_and_stale(conformance: Path, store: CscaStore) -> None:
    content = (conformance / "seals" / "aus_csca.crl").read_bytes()
    read = read_revocation_list(content)
    authority = read_certificate((conformance / "seals" / "aus_csca.cer").read_bytes())
    assert read.signed_by(authority)
    assert not read.revoked
    assert read.stale(datetime.datetime(2021, 11, 18, tzinfo=datetime.UTC))
    assert authority.sha256 in {one.sha256 for one in store.of_country("AU")}


def test_the_files_are_those_that_were_verified(trust: Path, expected: dict[str, Any]) -> None:
    for one in expected["security_objects"]:
        assert hashlib.sha256((trust / one["file"]).read_bytes()).hexdigest() == one["sha256"]
