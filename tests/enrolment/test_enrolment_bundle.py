"""What a device believes of a bundle: each thing that is wrong has its own refusal, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from enrolment_kit import AT, DAY, DEVICE, NAMES, POST, TrialCentre, TrialDevice, answer_of, bundle_of
from msgspec import structs

from border_agent.reporting.errors import NotInstalled
from mqtt_schemas.centre.authority import DAYS, ISSUING_DAYS, Authority, make_pilot
from mqtt_schemas.centre.errors import BadAuthority
from mqtt_schemas.centre.folder import keys_document, renew_keys_document
from mqtt_schemas.certificates import common_name, halfway, load_certificate, server_names
from mqtt_schemas.enrolment import EnrolmentAnswer, EnrolmentBundle, believe
from mqtt_schemas.enrolment_errors import (
    BadCertificate,
    EnrolmentError,
    Expired,
    ForeignAuthority,
    Replayed,
    WrongDevice,
    WrongKeys,
)
from mqtt_schemas.errors import BadSignature, ContractError, RolledBack
from mqtt_schemas.keys import ENROLMENT
from mqtt_schemas.messages import encode


def signed_by(centre: TrialCentre, bundle: EnrolmentBundle, role: str = ENROLMENT) -> bytes:
    """A bundle the centre's own key signs, whatever it says."""
    folder = centre.open()
    with folder.database() as database:
        document = keys_document(database)[1]
    return encode(EnrolmentAnswer(keys=encode(document), bundle=encode(folder.keys().sign(role, bundle))))


def test_a_good_bundle_is_installed_whole(centre: TrialCentre, device: TrialDevice) -> None:
    answer = centre.enrol(device.request())
    bundle = device.install(answer)
    assert (bundle.device, bundle.post, bundle.number) == (DEVICE, POST, 1)
    own, server = device.enrolled.own_certificate(), device.enrolled.server_certificate()
    assert own is not None
    assert server is not None
    assert (common_name(own), server_names(server)) == (DEVICE, NAMES)
    assert own.not_valid_after_utc - AT == timedelta(days=DAYS)
    assert timedelta(days=DAYS) / 2 - DAY < halfway(own) - AT < timedelta(days=DAYS) / 2
    assert own.not_valid_after_utc - own.not_valid_before_utc > timedelta(days=3 * 365)
    assert set(device.files()) == {"tls/device.pem", "tls/server.pem", "tls/enrolment.json", "authority.pem"}


def test_the_same_again_changes_nothing(centre: TrialCentre, device: TrialDevice) -> None:
    answer = centre.enrol(device.request())
    device.install(answer)
    before = {path: path.stat().st_mtime_ns for path in (device.folder / "tls").iterdir()}
    device.install(answer)
    assert {path: path.stat().st_mtime_ns for path in (device.folder / "tls").iterdir()} == before


def other_device(centre: TrialCentre, device: TrialDevice) -> bytes:
    other = TrialDevice(device.folder.with_name("other"), centre.root, device="uto-poste-2")
    return centre.enrol(other.request())


def other_post(centre: TrialCentre, device: TrialDevice) -> bytes:
    device.post = "maroua"
    device.configure()
    answer = centre.enrol(device.request())
    device.post = POST
    device.configure()
    return answer


def other_keys(centre: TrialCentre, device: TrialDevice) -> bytes:
    """Another machine under the same name."""
    return centre.enrol(TrialDevice(device.folder.with_name("other"), centre.root).request())


def spoilt(**change: object) -> Callable[[TrialCentre, TrialDevice], bytes]:
    def make(centre: TrialCentre, device: TrialDevice) -> bytes:
        bundle = bundle_of(centre.enrol(device.request()))
        return signed_by(centre, structs.replace(bundle, **change))  # type: ignore[arg-type]

    return make


def swapped(centre: TrialCentre, device: TrialDevice) -> bytes:
    """The server's certificate in the place of the device's."""
    bundle = bundle_of(centre.enrol(device.request()))
    return signed_by(centre, structs.replace(bundle, certificate=bundle.server_certificate))


def server_with_clients_use(centre: TrialCentre, device: TrialDevice) -> bytes:
    bundle = bundle_of(centre.enrol(device.request()))
    server = device.keys.server
    assert server is not None
    wrong = centre.authority.device(server.public_key(), DEVICE, AT)
    return signed_by(centre, structs.replace(bundle, server_certificate=wrong.public_bytes(Encoding.DER)))


def other_role(centre: TrialCentre, device: TrialDevice) -> bytes:
    return signed_by(centre, bundle_of(centre.enrol(device.request())), role="ack")


def other_national_root(centre: TrialCentre, device: TrialDevice) -> bytes:
    return TrialCentre(centre.folder.with_name("foreign")).enrol(device.request())


def rubbish_certificate(centre: TrialCentre, device: TrialDevice) -> bytes:
    return spoilt(certificate=b"rubbish")(centre, device)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (other_device, WrongDevice),
        (other_post, WrongDevice),
        (other_keys, WrongKeys),
        (spoilt(sealing_key=b"k" * 32), WrongKeys),
        (swapped, WrongKeys),
        (spoilt(expires=AT - DAY), Expired),
        (other_role, BadSignature),
        (other_national_root, BadSignature),
        (rubbish_certificate, BadCertificate),
        (server_with_clients_use, BadCertificate),
        (spoilt(chain=()), EnrolmentError),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize("known", [False, True], ids=["first", "again"])
def test_each_fault_has_its_refusal(
    centre: TrialCentre,
    device: TrialDevice,
    make: Callable[[TrialCentre, TrialDevice], bytes],
    error: type[ContractError],
    known: bool,
) -> None:
    if known:
        (device.folder / "authority.pem").write_bytes(centre.authority.pem())
    answer = make(centre, device)
    before = device.files()
    with pytest.raises(error):
        device.install(answer)
    assert device.files() == before


def test_another_authority_is_not_taken_on_the_centres_word(
    centre: TrialCentre, device: TrialDevice, tmp_path: Path
) -> None:
    """Whoever stole the enrolment key still cannot make a device trust an authority of his own."""
    (device.folder / "authority.pem").write_bytes(centre.authority.pem())
    (tmp_path / "rogue").mkdir()
    rogue = make_pilot(tmp_path / "rogue", AT, "Borne")
    assert rogue.issuing.subject == centre.authority.issuing.subject
    bundle = bundle_of(centre.enrol(device.request()))
    keys = device.keys
    forged = structs.replace(
        bundle,
        certificate=rogue.device(keys.tls.public_key(), DEVICE, AT).public_bytes(Encoding.DER),
        server_certificate=b"",
        chain=rogue.chain,
    )
    before = device.files()
    with pytest.raises(ForeignAuthority):
        device.install(signed_by(centre, forged))
    assert device.files() == before


def test_an_issuing_authority_alone_is_enough_to_trust(centre: TrialCentre, device: TrialDevice) -> None:
    (device.folder / "authority.pem").write_bytes(centre.authority.issuing.public_bytes(Encoding.PEM))
    device.install(centre.enrol(device.request()))


def test_an_older_bundle_is_a_replay(centre: TrialCentre, device: TrialDevice) -> None:
    first = centre.enrol(device.request())
    second = centre.enrol(device.request(), AT + DAY)
    device.install(second, AT + DAY)
    with pytest.raises(Replayed):
        device.install(first, AT + DAY)


def test_an_older_keys_document_is_refused(centre: TrialCentre, device: TrialDevice) -> None:
    old = centre.enrol(device.request())
    renew_keys_document(centre.folder, at=AT)
    device.install(centre.enrol(device.request()))
    newest = answer_of(centre.enrol(device.request()))
    mixed = encode(EnrolmentAnswer(keys=answer_of(old).keys, bundle=newest.bundle))
    with pytest.raises(RolledBack):
        device.install(mixed)


def test_a_clock_years_behind_hinders_no_enrolment(centre: TrialCentre, device: TrialDevice) -> None:
    """A machine whose battery is dead: its certificate would not be valid yet."""
    long_ago = datetime(2000, 1, 1, tzinfo=AT.tzinfo)
    device.install(centre.enrol(device.request(long_ago)), long_ago)


def test_an_expired_certificate_is_refused_even_in_a_fresh_bundle(centre: TrialCentre, device: TrialDevice) -> None:
    bundle = bundle_of(centre.enrol(device.request()))
    longer = structs.replace(bundle, expires=AT + timedelta(days=9000))
    with pytest.raises(Expired, match="certificate"):
        device.install(signed_by(centre, longer), AT + timedelta(days=DAYS + 1))


def test_a_damaged_note_lets_nothing_older_pass(centre: TrialCentre, device: TrialDevice) -> None:
    answer = centre.enrol(device.request())
    device.install(answer)
    (device.folder / "tls" / "enrolment.json").write_bytes(b"{")
    with pytest.raises(NotInstalled):
        device.install(answer)


def test_what_broke_off_is_done_again(
    centre: TrialCentre, device: TrialDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power is lost after any of the renames: the same bundle finishes it."""
    answer = centre.enrol(device.request())
    replace, left = Path.replace, {"renames": 0}

    def tear(path: Path, target: Path) -> Path:
        if left["renames"] == 0:
            raise OSError("power is gone")
        left["renames"] -= 1
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", tear)
    for renames in (0, 1, 1, 1):
        left["renames"] = renames
        with pytest.raises(NotInstalled):
            device.install(answer)
        assert not [path for path in device.folder.rglob(".*") if path.is_file()], "leaves something behind"
        if (device.folder / "tls" / "device.pem").exists():
            assert device.enrolled.own_certificate() is not None
    monkeypatch.undo()
    device.install(answer)
    assert device.enrolled.taken().number == 1


def test_a_full_disk_keeps_what_was_there(
    centre: TrialCentre, device: TrialDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install(centre.enrol(device.request()))
    before = device.files()
    newer = centre.enrol(device.request(), AT + DAY)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NotInstalled):
        device.install(newer, AT + DAY)
    monkeypatch.undo()
    assert device.files() == before


def test_believing_needs_no_file(centre: TrialCentre, device: TrialDevice) -> None:
    believed = believe(answer_of(centre.enrol(device.request())), device.own(), AT)
    assert believed.root == centre.root
    assert len(believed.chain) == 2


def test_a_kiosk_gets_no_servers_certificate(centre: TrialCentre, tmp_path: Path) -> None:
    kiosk = TrialDevice(tmp_path / "kiosk", centre.root, device="uto-borne-1", role="kiosk")
    bundle = kiosk.install(centre.enrol(kiosk.request()))
    assert bundle.server_certificate == b""
    assert not (kiosk.folder / "keys" / "server.key").exists()
    assert load_certificate(bundle.certificate)


def test_an_authority_near_its_end_issues_nothing(centre: TrialCentre, device: TrialDevice) -> None:
    payload = device.request()
    end = centre.authority.issuing.not_valid_after_utc
    short = centre.enrol(payload, end - timedelta(days=400))
    assert load_certificate(bundle_of(short).certificate).not_valid_after_utc == end
    with pytest.raises(BadAuthority, match="ends on"):
        centre.enrol(payload, AT + timedelta(days=ISSUING_DAYS - 20))


def test_an_authority_of_two_halves_is_none(centre: TrialCentre, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_pilot(tmp_path / "other", AT)
    pki = centre.folder / "pki"
    (pki / "root.pem").write_bytes(other.root.public_bytes(Encoding.PEM))
    with pytest.raises(BadAuthority, match="not issued"):
        Authority.load(centre.folder)
    (pki / "issuing.pem").write_bytes(other.issuing.public_bytes(Encoding.PEM))
    with pytest.raises(BadAuthority, match="not that of"):
        Authority.load(centre.folder)
    (pki / "issuing.key").chmod(0o644)
    with pytest.raises(BadAuthority, match="others"):
        Authority.load(centre.folder)
