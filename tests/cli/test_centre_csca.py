"""`borne centre csca load`: master lists and revocation lists become the list, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from test_command_line import borne

from border_agent.cli.centre_csca import NotAnchored, load_records
from border_agent.specimens.chip.pki import SignerCondition, SpecimenPki
from border_agent.specimens.chip.sample import sample_pki
from border_agent.trust.passive import CscaStore, MasterListUnusable, judge_sod
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, init
from mqtt_schemas.feeds import Feed, read_change, read_record
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.records import CscaRecord


@pytest.fixture(scope="module")
def pki() -> SpecimenPki:
    made = sample_pki()
    made.authority("UT").signer(made.today, SignerCondition.REVOKED)
    return made


@pytest.fixture
def trust(pki: SpecimenPki, tmp_path: Path) -> Path:
    """One master list, its signer's root, the revocation lists."""
    folder = tmp_path / "trust"
    pki.write(folder)
    return folder


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Path]:
    tls = LabAuthority(tmp_path / "tls").client("centre")
    folder = tmp_path / "centre"
    init(folder, BrokerSettings(ca=str(tls.ca), certificate=str(tls.certificate), key=str(tls.key)))
    yield folder


def stored(centre: Path) -> dict[str, CscaRecord]:
    with CentreFolder(centre).database() as database:
        feeds = FeedStore(database)
        changes = {key: feeds.current(Feed.CSCA, key) for key in feeds.keys(Feed.CSCA)}
    return {key: read_record(CscaRecord, read_change(row).record) for key, row in changes.items() if row is not None}


def test_a_master_list_becomes_one_record_a_certificate(pki: SpecimenPki, trust: Path, centre: Path) -> None:
    done = borne("centre", "csca", "load", "--folder", centre, trust, "--source", "specimen-1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["feed"], report["added"], report["left_out"]) == ("csca", len(set(pki.csca_certificates())), [])
    records = stored(centre)
    assert {record.certificate for record in records.values()} == set(pki.csca_certificates())
    assert {record.source for record in records.values()} == {"specimen-1"}
    assert {record.issuer for record in records.values()} == {"UT", "ML"}
    # Each revocation list stands once, with an authority whose key signed it, byte for byte.
    lists = [record.crl for record in records.values() if record.crl]
    assert sorted(lists) == sorted({file.read_bytes() for file in trust.glob("*.crl")})
    # Again is nothing new; a certificate that is gone is taken out.
    again = json.loads(borne("centre", "csca", "load", "--folder", centre, trust, "--json").stdout)
    assert (again["added"], again["changed"]) == (0, len(records))
    (only,) = [trust / "specimen-root.cer"]
    fewer = json.loads(borne("centre", "csca", "load", "--folder", centre, only, "--json").stdout)
    assert fewer["deleted"] == len(records) - 1


def test_devices_judge_with_it_as_with_the_folder(pki: SpecimenPki, trust: Path) -> None:
    records = load_records([trust]).records
    store = CscaStore.from_certificates(
        (record.certificate for record in records), (record.crl for record in records if record.crl)
    )
    assert len(store) == len(records)
    assert len(store.lists) == len(list(trust.glob("*.crl")))
    assert judge_sod(b"", {}, store, at=pki.today).verdict.value == "invalid"


def test_a_master_list_nobody_vouches_for_is_not_believed(trust: Path, centre: Path) -> None:
    (trust / "specimen-root.cer").unlink()
    with pytest.raises(NotAnchored):
        load_records([trust])
    refused = borne("centre", "csca", "load", "--folder", centre, trust)
    assert refused.returncode == 2
    assert "master list" in refused.stderr
    assert stored(centre) == {}
    assert load_records([trust], unanchored=True).records
    allowed = borne("centre", "csca", "load", "--folder", centre, trust, "--unanchored", language="fr")
    assert allowed.returncode == 0
    assert stored(centre)


def test_a_spoilt_master_list_changes_nothing(trust: Path, centre: Path) -> None:
    file = trust / "specimen.ml"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(MasterListUnusable):
        load_records([trust])
    assert borne("centre", "csca", "load", "--folder", centre, trust).returncode == 2
    assert stored(centre) == {}


def test_what_does_not_belong_is_named_and_left_out(pki: SpecimenPki, trust: Path, tmp_path: Path) -> None:
    (trust / "rubbish.cer").write_bytes(b"\x30\x03\x02\x01\x01")
    other = SpecimenPki(pki.today, {"XO": next(iter(pki._authorities.values())).kind})
    (trust / "foreign.crl").write_bytes(other.crls()[0])
    signer = pki.authority("UT").signer(pki.today, SignerCondition.GOOD)
    (trust / "signer.cer").write_bytes(signer.certificate)
    loaded = load_records([trust])
    assert {record.certificate for record in loaded.records} == set(pki.csca_certificates())
    assert len(loaded.left_out) == 3, loaded.left_out
    assert any("documents only" in reason for reason in loaded.left_out)
    assert any("revocation list" in reason for reason in loaded.left_out)


def test_a_file_of_records_is_imported_like_every_list(pki: SpecimenPki, centre: Path, tmp_path: Path) -> None:
    record = CscaRecord(issuer="UT", certificate=pki.csca_certificates()[0])
    file = tmp_path / "csca.jsonl"
    file.write_bytes(msgspec.json.encode(record) + b"\n")
    assert borne("centre", "csca", "import", "--folder", centre, file).returncode == 0
    assert list(stored(centre).values()) == [record]


def test_a_real_master_list_is_taken_whole(conformance: Path) -> None:
    loaded = load_records(file for file in (conformance / "trust").iterdir() if file.is_file())
    assert (len(loaded.records), loaded.left_out) == (588, ())
    store = CscaStore.from_certificates(record.certificate for record in loaded.records)
    assert (len(store), store.unusable) == (588, ())
