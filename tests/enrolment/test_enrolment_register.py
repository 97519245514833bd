"""Enrolled, moved, retired, replaced, cloned: each a command, a line of the book, and the feed that follows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from enrolment_kit import AT, DAY, DEVICE, PERSON, POST, TrialCentre, TrialDevice, bundle_of

from border_agent.clock import Clock
from border_agent.store import Journal, Store
from border_agent.upkeep import unsent
from mqtt_schemas.centre import enrolment, reports, taking
from mqtt_schemas.centre.desk import Desk, Incoming
from mqtt_schemas.centre.enrolment_book import What
from mqtt_schemas.centre.errors import (
    BadEnrolment,
    BurntKeys,
    CodeDiffers,
    OtherMachine,
    Refused,
    UnsentUnclear,
)
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.ingest import judge_batch
from mqtt_schemas.centre.register import devices
from mqtt_schemas.centre.store import Store as CentreStore
from mqtt_schemas.centre.values import AlarmCode, DeviceStatus
from mqtt_schemas.chain import genesis
from mqtt_schemas.codec import build_batch
from mqtt_schemas.enrolment import open_request
from mqtt_schemas.entries import ClockQuality, DeviceEvent
from mqtt_schemas.errors import ContractError
from mqtt_schemas.feeds import Feed, read_change, read_record
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.messages import Problem, State, encode
from mqtt_schemas.records import DeviceRecord


def feed_of(centre: TrialCentre, device: str = DEVICE) -> DeviceRecord:
    with centre.open().database() as database:
        change = FeedStore(database).current(Feed.DEVICES, device)
    assert change is not None
    return read_record(DeviceRecord, bytes(read_change(change).record))


def alarms(centre: TrialCentre) -> dict[str, str]:
    return {alarm.code: alarm.latest for alarm in reports.alarms(centre.folder)}


def book(centre: TrialCentre) -> list[tuple[str, str, str, str]]:
    return [(event.what, event.device, event.post, event.person) for event in enrolment.book(centre.folder)]


def event() -> DeviceEvent:
    return DeviceEvent(
        id=secrets.token_hex(16), occurred_at=AT, recorded_at=AT, clock=ClockQuality.UNKNOWN, event="started"
    )


class Kept:
    """The journal of a trial device, written to as its agent would."""

    def __init__(self, device: TrialDevice, entries: int) -> None:
        self.device = device
        self.store = Store(device.folder / "store.db", device.folder / "keys" / "store.key")
        self.journal = Journal(self.store, device.device, device.keys.journal, Clock(), software="test")
        for _ in range(entries):
            self.journal.commit([event()])

    def batch(self, after: int, count: int) -> bytes:
        segment = self.journal.entries_after(after, count, 10**6)
        assert segment is not None
        return encode(
            build_batch(
                self.device.device,
                segment.epoch,
                segment.first,
                segment.previous,
                segment.bodies,
                segment.head,
                segment.signature,
                segment.secrets,
            )
        )

    def hello(self) -> State:
        position = self.journal.position()
        return State(
            device=self.device.device,
            online=True,
            nonce=b"n" * 16,
            epoch=position.epoch,
            sequence=position.sequence,
            head=position.head,
        )

    def sent(self, centre: TrialCentre, upto: int) -> None:
        """The centre has heard the hello, and has the first entries."""
        with centre.open().database() as database, database.transaction():
            store = CentreStore(database)
            store.apply(judge_batch(DEVICE, self.batch(0, upto), store), b"", AT)
            store.keep_state(DEVICE, encode(self.hello()), online=True, at=AT)
            farewell = State(device=DEVICE, online=False, nonce=b"n" * 16)
            store.keep_state(DEVICE, encode(farewell), online=False, at=AT)


@pytest.fixture
def kept(centre: TrialCentre, device: TrialDevice) -> Iterator[Kept]:
    """Nine entries (and the epoch's), of which the centre has five."""
    centre.enrol(device.request())
    made = Kept(device, 9)
    made.sent(centre, 5)
    yield made
    made.store.close()


def test_enrolling_is_a_line_of_the_book_and_of_the_feed(centre: TrialCentre, device: TrialDevice) -> None:
    centre.enrol(device.request())
    assert book(centre) == [("enrolled", DEVICE, POST, PERSON)]
    (found,) = devices(centre.folder)
    assert (found.status, found.role, len(found.certificate)) == (DeviceStatus.ENROLLED, "post", 32)
    record = feed_of(centre)
    assert (record.post, record.journal_key) == (POST, public_bytes(device.keys.journal))
    assert record.sealing_key == device.keys.sealing


def test_again_it_is_a_renewal(centre: TrialCentre, device: TrialDevice) -> None:
    first, second = centre.enrol(device.request()), centre.enrol(device.request(), AT + DAY)
    assert [what for what, *_ in book(centre)] == ["enrolled", "renewed"]
    assert bundle_of(second).number > bundle_of(first).number


def test_the_code_on_the_device_must_be_the_requests(centre: TrialCentre, device: TrialDevice) -> None:
    payload, other = device.request(), device.request()
    code = open_request(payload).code
    with pytest.raises(CodeDiffers):
        centre.enrol(other, code=code)
    assert devices(centre.folder) == []
    centre.enrol(payload, code=code.lower())


@pytest.mark.parametrize("person", ["", "  ", "x" * 401])
def test_who_does_it_must_be_said(centre: TrialCentre, device: TrialDevice, person: str) -> None:
    with pytest.raises(BadEnrolment, match="who"):
        enrolment.enrol(centre.folder, device.request(), person=person, at=AT)
    assert devices(centre.folder) == []
    assert book(centre) == []


def test_a_device_cannot_pass_for_the_centres_broker(centre: TrialCentre, device: TrialDevice) -> None:
    device.names = ("poste.garoua.lan", centre.host)
    device.configure()
    with pytest.raises(BadEnrolment, match="data centre's name"):
        centre.enrol(device.request())


def test_a_device_cannot_be_the_centre(centre: TrialCentre, device: TrialDevice) -> None:
    device.device = "centre"
    device.configure()
    with pytest.raises(BadEnrolment):
        centre.enrol(device.request())


def test_moved(centre: TrialCentre, device: TrialDevice) -> None:
    centre.enrol(device.request())
    enrolment.move(centre.folder, DEVICE, "maroua", person=PERSON, reason="opened", at=AT)
    assert feed_of(centre).post == "maroua"
    assert book(centre)[-1] == ("moved", DEVICE, "maroua", PERSON)
    assert enrolment.book(centre.folder)[-1].reason == f"{POST} -> maroua: opened"
    with pytest.raises(BadEnrolment, match="move it first"):
        centre.enrol(device.request())
    device.post = "maroua"
    device.configure()
    device.install(centre.enrol(device.request()))
    with pytest.raises(BadEnrolment, match="already"):
        enrolment.move(centre.folder, DEVICE, "maroua", person=PERSON, reason="", at=AT)
    with pytest.raises(BadEnrolment, match="not a post"):
        enrolment.move(centre.folder, DEVICE, "Nowhere!", person=PERSON, reason="", at=AT)


def test_retired_and_back_from_the_workshop(centre: TrialCentre, device: TrialDevice) -> None:
    centre.enrol(device.request())
    enrolment.retire(centre.folder, DEVICE, person=PERSON, reason="old", at=AT)
    assert feed_of(centre).state.value == "retired"
    with pytest.raises(BadEnrolment):
        enrolment.retire(centre.folder, DEVICE, person=PERSON, reason="old", at=AT)
    with pytest.raises(BadEnrolment, match="retired"):
        enrolment.move(centre.folder, DEVICE, "maroua", person=PERSON, reason="", at=AT)
    with pytest.raises(BadEnrolment, match="not enrolled"):
        centre.enrol(device.request(renewal=True))
    centre.enrol(device.request())
    assert feed_of(centre).state.value == "enrolled"
    assert [what for what, *_ in book(centre)] == ["enrolled", "retired", "enrolled"]


def test_nobody_else_is_moved_or_retired(centre: TrialCentre) -> None:
    for act in (enrolment.retire, enrolment.cloned):
        with pytest.raises(BadEnrolment):
            act(centre.folder, "uto-poste-9", person=PERSON, reason="x", at=AT)
    assert book(centre) == []


def test_a_retired_devices_entries_are_refused_with_an_alarm(centre: TrialCentre, kept: Kept) -> None:
    enrolment.retire(centre.folder, DEVICE, person=PERSON, reason="old", at=AT)
    with centre.open().database() as database, database.transaction():
        store = CentreStore(database)
        judgement = judge_batch(DEVICE, kept.batch(5, 5), store)
        assert judgement.problem is Problem.DEVICE
        assert judgement.entries == ()
        store.apply(judgement, b"", AT)
    assert AlarmCode.DEVICE_RETIRED in alarms(centre)


def test_a_replaced_machine_says_what_the_old_one_had(centre: TrialCentre, kept: Kept, device: TrialDevice) -> None:
    other = TrialDevice(device.folder.with_name("other"), centre.root)
    payload = other.request()
    with pytest.raises(OtherMachine, match="stored up to 5 of .*it last said it had 10"):
        centre.enrol(payload)
    known = enrolment.known(centre.folder, DEVICE)
    position = kept.journal.position()
    assert (known.epoch, known.mark, known.head) == (position.epoch, 5, kept.journal.head_at(position.epoch, 5))
    assert (known.said_sequence, known.said_unsent) == (10, 5)
    with pytest.raises(UnsentUnclear, match="it last said it had 10"):
        enrolment.replace(centre.folder, payload, person=PERSON, reason="burnt", at=AT)
    assert [what for what, *_ in book(centre)] == ["enrolled"]
    handed = enrolment.replace(
        centre.folder, payload, person=PERSON, reason="burnt", unsent_lost="the disk burnt", at=AT
    )
    other.install(handed.answer)
    line = enrolment.book(centre.folder)[-1]
    assert (line.what, line.known.mark, line.known.said_unsent) == (What.REPLACED, 5, 5)
    assert "unsent lost: the disk burnt" in line.reason
    assert feed_of(centre).journal_key == public_bytes(other.keys.journal)


def test_a_replaced_machines_journal_comes_on_a_stick(centre: TrialCentre, kept: Kept, device: TrialDevice) -> None:
    stick = device.folder / "stick"
    found = unsent.export(device.config, stick, device.folder / "keys")
    assert (found.unsent, found.recorded) == (10, 10)
    report = taking.take(centre.folder, stick, person=PERSON, at=AT)
    assert (report.device, report.taken, report.mark, report.problem) == (DEVICE, 5, 10, "")
    again = taking.take(centre.folder, stick, person=PERSON, at=AT)
    assert (again.taken, again.mark) == (0, 10)
    other = TrialDevice(device.folder.with_name("other"), centre.root)
    enrolment.replace(centre.folder, other.request(), person=PERSON, reason="burnt", at=AT)
    with centre.open().database() as database:
        stored = database.one("SELECT count(*) FROM journal")
    assert stored == (10,)


def test_part_of_its_journal_is_not_enough(centre: TrialCentre, kept: Kept, device: TrialDevice) -> None:
    """The file is older than the device's last word."""
    stick = device.folder / "stick"
    unsent.export(device.config, stick, device.folder / "keys")
    for _ in range(3):
        kept.journal.commit([event()])
    with centre.open().database() as database, database.transaction():
        CentreStore(database).keep_state(DEVICE, encode(kept.hello()), online=True, at=AT)
    taking.take(centre.folder, stick, person=PERSON, at=AT)
    other = TrialDevice(device.folder.with_name("other"), centre.root)
    with pytest.raises(UnsentUnclear):
        enrolment.replace(centre.folder, other.request(), person=PERSON, reason="burnt", at=AT)


def test_a_forged_stick_is_refused_as_on_the_line(centre: TrialCentre, kept: Kept, device: TrialDevice) -> None:
    stick = device.folder / "stick"
    unsent.export(device.config, stick, device.folder / "keys")
    honest = stick.read_bytes()
    for content in (b"", b"rubbish", honest[:-1], honest[:20], honest + b"\0\0", honest + b"\xff\xff\xff\xff"):
        stick.write_bytes(content)
        with pytest.raises(ContractError):
            taking.take(centre.folder, stick, person=PERSON, at=AT)
    forged = Kept(TrialDevice(device.folder.with_name("thief"), centre.root), 12)
    unsent.export(forged.device.config, stick, forged.device.folder / "keys")
    forged.store.close()
    report = taking.take(centre.folder, stick, person=PERSON, at=AT)
    assert (report.taken, report.problem) == (0, "signature")
    assert AlarmCode.SIGNATURE in alarms(centre)
    assert book(centre)[-1][0] == "enrolled"


def test_a_cloned_device_is_shut_out_and_its_keys_are_burnt(
    centre: TrialCentre, kept: Kept, device: TrialDevice
) -> None:
    enrolment.cloned(centre.folder, DEVICE, person=PERSON, reason="two of them", at=AT)
    assert "two of them" in alarms(centre)[AlarmCode.CLONE]
    assert feed_of(centre).state.value == "retired"
    assert book(centre)[-1] == ("cloned", DEVICE, POST, PERSON)
    for payload in (device.request(), device.request(renewal=True)):
        with pytest.raises(BurntKeys):
            centre.enrol(payload)
    other = TrialDevice(device.folder.with_name("other"), centre.root)
    enrolment.replace(
        centre.folder, other.request(), person=PERSON, reason="clone", unsent_lost="not to be told apart", at=AT
    )
    assert feed_of(centre).state.value == "enrolled"
    # Nor do they come back by another way.
    with pytest.raises(BurntKeys):
        enrolment.replace(centre.folder, device.request(), person=PERSON, reason="x", unsent_lost="x", at=AT)
    thief = TrialDevice(device.folder.with_name("thief"), centre.root, device="uto-poste-7")
    stolen = (device.folder / "keys" / "journal.key").read_bytes()
    (thief.folder / "keys" / "journal.key").write_bytes(stolen)
    with pytest.raises(BurntKeys):
        centre.enrol(thief.request())


def test_the_same_machine_is_not_replaced(centre: TrialCentre, device: TrialDevice) -> None:
    centre.enrol(device.request())
    with pytest.raises(BadEnrolment, match="same machine"):
        enrolment.replace(centre.folder, device.request(), person=PERSON, unsent_lost="x", at=AT)


def test_renewing_wants_the_keys_it_has(centre: TrialCentre, device: TrialDevice) -> None:
    with pytest.raises(BadEnrolment):
        enrolment.renew(centre.folder, device.request(renewal=True), person=PERSON, at=AT)
    centre.enrol(device.request())
    enrolment.renew(centre.folder, device.request(renewal=True), person=PERSON, at=AT)
    other = TrialDevice(device.folder.with_name("other"), centre.root)
    with pytest.raises(OtherMachine):
        enrolment.renew(centre.folder, other.request(renewal=True), person=PERSON, at=AT)


def test_the_book_is_only_written_on(centre: TrialCentre, device: TrialDevice) -> None:
    centre.enrol(device.request())
    with centre.open().database() as database:
        for statement in (
            "UPDATE enrolment_event SET reason = 'x'",
            "DELETE FROM enrolment_event",
            "DELETE FROM enrolment_answer",
            "UPDATE enrolment_answer SET names = 'x'",
        ):
            with pytest.raises(Refused, match="append-only"), database.transaction():
                database.execute(statement)


def test_what_fails_leaves_no_line(centre: TrialCentre, device: TrialDevice) -> None:
    (centre.folder / "pki" / "issuing.key").unlink()
    with pytest.raises(ContractError):
        centre.enrol(device.request())
    assert book(centre) == []
    assert devices(centre.folder) == []


def test_a_device_nobody_enrolled_is_refused_with_an_alarm(centre: TrialCentre) -> None:

    folder = centre.open()
    with folder.database() as database:
        store = CentreStore(database)
        desk = Desk(store, folder.keys(), None)
        hello = State(
            device="uto-poste-8",
            online=True,
            nonce=b"n" * 16,
            epoch=b"e" * 16,
            head=genesis("uto-poste-8", b"e" * 16),
        )
        desk.handle([Incoming("borne/v1/uto-poste-8/up/state", encode(hello))])
        (alarm,) = store.alarms()
    assert (alarm.code, alarm.device) == (AlarmCode.DEVICE_UNKNOWN, "uto-poste-8")
    assert devices(centre.folder) == []
