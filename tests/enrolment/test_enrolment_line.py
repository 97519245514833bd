"""Renewal by the device itself, over a real broker; and what a broker refuses, mended by stick."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from enrolment_kit import DAY, DEVICE, NAMES, PERSON, POST, TrialCentre, TrialDevice, bundle_of

from border_agent.agent.opening import enrolled, reporting_settings
from border_agent.clock import Clock
from border_agent.reporting import ReportingEvent, ReportingService
from border_agent.store import Journal, Store
from mqtt_schemas.centre import enrolment
from mqtt_schemas.centre.desk import Desk, Incoming
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, renew_keys_document
from mqtt_schemas.centre.own_certificates import issue
from mqtt_schemas.centre.renewals import Issuer
from mqtt_schemas.centre.service import CentreService
from mqtt_schemas.centre.store import Store as CentreStore
from mqtt_schemas.centre.values import AlarmCode
from mqtt_schemas.certificates import halfway, load_certificate, make_csr
from mqtt_schemas.enrolment import EnrolmentRequest, sign_request
from mqtt_schemas.entries import ClockQuality, DeviceEvent
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import Identity
from mqtt_schemas.topics import Channel, device_topic

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


class Alive:
    """A trial device whose reporting runs."""

    def __init__(self, device: TrialDevice) -> None:
        config = device.config
        self.events: list[ReportingEvent] = []
        self.store = Store(config.path(config.store.path), config.path(config.store.key))
        clock, keys = Clock(), device.keys
        self.journal = Journal(self.store, device.device, keys.journal, clock, software="test")
        settings = reporting_settings(config)
        self.service = ReportingService(self.store, self.journal, clock, settings, enrolled(config, keys.journal))
        self.service.on_event(self.events.append)

    def __enter__(self) -> Alive:
        self.service.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()
        self.store.close()

    def commit(self) -> int:
        at = datetime.now(UTC)
        entry = DeviceEvent(
            id=secrets.token_hex(16), occurred_at=at, recorded_at=at, clock=ClockQuality.UNKNOWN, event="started"
        )
        return self.journal.commit([entry]).sequence

    def count(self, kind: str) -> int:
        return self.service.status().counts.get(kind, 0)

    def drained(self) -> bool:
        status = self.service.status()
        return status.online and status.acknowledged > 0 and status.unacknowledged == 0

    def problems(self) -> set[str]:
        return {problem.code.value for problem in self.service.status().problems}

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def centre(tmp_path: Path) -> TrialCentre:
    """Five years old; its keys document is signed anew each year."""
    made = TrialCentre(tmp_path / "centre", at=NOW - 5 * YEAR, host="localhost")
    renew_keys_document(made.folder, at=NOW - DAY)
    return made


@pytest.fixture
def broker(tmp_path: Path, centre: TrialCentre) -> Iterator[LabBroker]:
    made = issue(centre.authority, "broker", ["localhost", "127.0.0.1"], tmp_path / "tls", NOW)
    ca = tmp_path / "tls" / "ca.pem"
    ca.write_bytes(centre.authority.pem())
    with LabBroker(tmp_path / "broker", Identity("broker", Path(made.certificate), Path(made.key), ca)) as running:
        yield running


@pytest.fixture
def running(tmp_path: Path, centre: TrialCentre, broker: LabBroker) -> Iterator[CentreService]:
    made = issue(centre.authority, "centre", [], tmp_path / "tls", NOW)
    text = (centre.folder / "centre.toml").read_text(encoding="utf-8")
    plain = BrokerSettings()
    for old, new in (
        (f"port = {plain.port}", f"port = {broker.port}"),
        (plain.ca, str(tmp_path / "tls" / "ca.pem")),
        (plain.certificate, made.certificate),
        (plain.key, made.key),
    ):
        assert old in text
        text = text.replace(old, new)
    (centre.folder / "centre.toml").write_text(text, encoding="utf-8")
    service = CentreService(CentreFolder(centre.folder))
    service.start()
    assert service.wait_online(60)
    yield service
    service.stop()


def device_of(tmp_path: Path, centre: TrialCentre, broker: LabBroker, age: timedelta) -> TrialDevice:
    """Enrolled so long ago."""
    device = TrialDevice(tmp_path / "device", centre.root, broker=f"mqtts://localhost:{broker.port}")
    device.install(centre.enrol(device.request(NOW - age), NOW - age), NOW - age)
    return device


def test_past_half_its_life_it_renews_by_itself(
    tmp_path: Path, centre: TrialCentre, broker: LabBroker, running: CentreService
) -> None:
    device = device_of(tmp_path, centre, broker, 2.2 * YEAR)
    old, old_server = device.enrolled.own_certificate(), device.enrolled.server_certificate()
    assert old is not None
    assert device.enrolled.due(NOW)
    with Alive(device) as alive:
        wait_for(lambda: "certificate_renewed" in alive.kinds())
        wait_for(lambda: alive.kinds().count("line_up") == 2)
        last = alive.commit()
        wait_for(lambda: alive.service.status().acknowledged >= last)
        assert alive.count("renewal.asked") == alive.count("renewal.installed") == 1
    new, new_server = device.enrolled.own_certificate(), device.enrolled.server_certificate()
    assert new is not None
    assert new != old
    assert new_server != old_server
    assert halfway(new) > NOW + 1.9 * YEAR
    assert new.public_key() == old.public_key()
    assert not device.enrolled.due(NOW)
    line = enrolment.book(centre.folder)[-1]
    assert (line.what, line.person, line.reason) == ("renewed", "", "by line")


def test_a_young_certificate_is_left_alone(
    tmp_path: Path, centre: TrialCentre, broker: LabBroker, running: CentreService
) -> None:
    device = device_of(tmp_path, centre, broker, 1.8 * YEAR)
    before = device.files()
    with Alive(device) as alive:
        wait_for(alive.drained)
        time.sleep(0.3)
        assert alive.count("renewal.asked") == 0
    assert device.files() == before


def test_an_expired_one_is_refused_and_mended_by_stick(
    tmp_path: Path, centre: TrialCentre, broker: LabBroker, running: CentreService
) -> None:
    device = device_of(tmp_path, centre, broker, 4.2 * YEAR)
    with Alive(device) as alive:
        wait_for(lambda: "refused" in alive.problems())
        recorded = alive.commit()
        assert not alive.service.status().online
        # On a stick to the centre, and back; the agent goes on meanwhile.
        stick = device.request(NOW, renewal=True)
        handed = enrolment.renew(centre.folder, stick, person=PERSON, at=NOW)
        device.install(handed.answer, NOW)
        wait_for(lambda: alive.service.status().acknowledged >= recorded)
        assert "refused" not in alive.problems()


def test_a_bundle_that_is_not_believed_changes_nothing(
    tmp_path: Path, centre: TrialCentre, broker: LabBroker, running: CentreService
) -> None:
    device = device_of(tmp_path, centre, broker, 1 * YEAR)
    other = TrialDevice(tmp_path / "other", centre.root, device="uto-poste-2")
    foreign = centre.enrol(other.request(NOW), NOW)
    before = device.files()
    with Alive(device) as alive:
        wait_for(alive.drained)
        topic = device_topic(DEVICE, Channel.CERTIFICATE)
        for payload in (foreign, b"", b"\x80", foreign[:-9], b"\xff" * 5000):
            running._client.publish(topic, payload, 1)
        wait_for(lambda: sum(alive.count(kind) for kind in alive.service.status().counts if "wire." in kind) >= 5)
        assert alive.count("wire.enrolment.wrong_device") == 1
        last = alive.commit()
        wait_for(lambda: alive.service.status().acknowledged >= last)
    assert device.files() == before


# --- the centre's side, without a line ---------------------------------------------------------------------


class Counter:
    """A desk that issues, on the centre's own folder."""

    def __init__(self, centre: TrialCentre) -> None:
        self.folder = centre.open()
        self.database = self.folder.database()
        self.store = CentreStore(self.database)
        self.now = NOW
        keys = self.folder.keys()
        self.desk = Desk(self.store, keys, None, lambda: self.now, issuer=Issuer(self.folder, keys))

    def ask(self, payload: bytes, device: str = DEVICE) -> list[bytes]:
        topic = device_topic(device, Channel.RENEWAL)
        return [sent.payload for sent in self.desk.handle([Incoming(topic, payload)])]

    def alarms(self) -> dict[str, str]:
        return {alarm.code: alarm.latest for alarm in self.store.alarms()}


@pytest.fixture
def counter(centre: TrialCentre) -> Iterator[Counter]:
    made = Counter(centre)
    yield made
    made.database.close()


@pytest.fixture
def device(tmp_path: Path, centre: TrialCentre) -> TrialDevice:
    made = TrialDevice(tmp_path / "device", centre.root)
    made.install(centre.enrol(made.request(NOW - 3 * YEAR), NOW - 3 * YEAR), NOW - 3 * YEAR)
    return made


def test_asked_again_it_gives_the_same_and_no_more(counter: Counter, device: TrialDevice) -> None:
    (first,) = counter.ask(device.request(NOW, renewal=True))
    (second,) = counter.ask(device.request(NOW, renewal=True))
    assert first == second
    counter.now = NOW + 2 * DAY
    (third,) = counter.ask(device.request(NOW, renewal=True))
    assert bundle_of(third).number > bundle_of(first).number
    device.install(third, NOW)
    assert counter.alarms() == {}
    assert len(enrolment.book(counter.folder.path)) == 3


def test_a_stranger_gets_nothing(counter: Counter, device: TrialDevice, tmp_path: Path) -> None:
    stranger = TrialDevice(tmp_path / "stranger", device.root, device="uto-poste-9")
    assert counter.ask(stranger.request(NOW, renewal=True), "uto-poste-9") == []
    assert AlarmCode.DEVICE_UNKNOWN in counter.alarms()
    thief = TrialDevice(tmp_path / "thief", device.root)
    assert counter.ask(thief.request(NOW, renewal=True)) == []
    assert "other keys" in counter.alarms()[AlarmCode.RENEWAL]


def test_a_retired_device_gets_nothing(counter: Counter, device: TrialDevice) -> None:
    enrolment.retire(counter.folder.path, DEVICE, person=PERSON, reason="x", at=NOW)
    assert counter.ask(device.request(NOW, renewal=True)) == []
    assert AlarmCode.DEVICE_RETIRED in counter.alarms()


def test_in_anothers_name_it_gets_nothing(counter: Counter, device: TrialDevice) -> None:
    keys = device.keys
    request = EnrolmentRequest(
        device="uto-poste-2",
        post=POST,
        role="post",
        renewal=True,
        nonce=b"n" * 16,
        made_at=NOW,
        journal_key=public_bytes(keys.journal),
        csr=make_csr(keys.tls, "uto-poste-2"),
    )
    assert counter.ask(sign_request(keys.journal, request)) == []
    assert AlarmCode.FOREIGN_DEVICE in counter.alarms()


def test_names_it_was_never_handed_are_a_persons_matter(counter: Counter, device: TrialDevice) -> None:
    device.names = (*NAMES, "poste.maroua.lan")
    device.configure()
    assert counter.ask(device.request(NOW, renewal=True)) == []
    assert "poste.maroua.lan" in counter.alarms()[AlarmCode.RENEWAL]
    enrolment.renew(counter.folder.path, device.request(NOW, renewal=True), person=PERSON, at=NOW - 2 * DAY)
    assert len(counter.ask(device.request(NOW, renewal=True))) == 1


def test_moved_it_is_not_given_one_for_its_old_post(counter: Counter, device: TrialDevice) -> None:
    enrolment.move(counter.folder.path, DEVICE, "maroua", person=PERSON, reason="x", at=NOW)
    assert counter.ask(device.request(NOW, renewal=True)) == []
    assert "maroua" in counter.alarms()[AlarmCode.RENEWAL]


@pytest.mark.parametrize("payload", [b"", b"\0", b"{}", b"\xff" * 3000, b"\x81"])
def test_rubbish_is_an_alarm_and_no_answer(counter: Counter, device: TrialDevice, payload: bytes) -> None:
    assert counter.ask(payload) == []
    assert AlarmCode.RENEWAL in counter.alarms()


def test_without_an_authority_it_says_so_and_goes_on(counter: Counter, device: TrialDevice) -> None:
    (counter.folder.path / "pki" / "issuing.key").rename(counter.folder.path / "away")
    assert counter.ask(device.request(NOW, renewal=True)) == []
    assert "centre.authority" in counter.alarms()[AlarmCode.RENEWAL]
    (counter.folder.path / "away").rename(counter.folder.path / "pki" / "issuing.key")
    assert len(counter.ask(device.request(NOW, renewal=True))) == 1


def test_nothing_is_handed_out_that_is_not_committed(counter: Counter, device: TrialDevice) -> None:
    payload = device.request(NOW, renewal=True)
    counter.database.execute("PRAGMA query_only = ON")
    assert counter.ask(payload) == []
    counter.database.execute("PRAGMA query_only = OFF")
    (answer,) = counter.ask(payload)
    assert load_certificate(bundle_of(answer).certificate)
