"""The desk without a network: every rule of the protocol's steps 2 and 4."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, open_office

from mqtt_schemas import chain
from mqtt_schemas.centre.desk import Incoming
from mqtt_schemas.centre.folder import StoreSettings
from mqtt_schemas.centre.store import QUARANTINED_MOST
from mqtt_schemas.entries import EpochReason
from mqtt_schemas.messages import JournalBatch, Problem, SaltSecret, encode
from mqtt_schemas.topics import Channel, device_topic


@pytest.fixture
def office(store: StoreSettings) -> Iterator[Office]:
    made = open_office(url=store.url)
    yield made
    made.store.database.close()


@pytest.fixture
def device(office: Office) -> PaperDevice:
    made = PaperDevice()
    office.enrol(made)
    office.desk.handle([made.greets()])
    return made


def changed(device: PaperDevice, first: int, last: int, /, **fields: object) -> Incoming:
    batch = msgspec.structs.replace(device.batch(first, last), **fields)
    return device.raw(Channel.JOURNAL, encode(batch))


def test_a_hello_is_answered_with_what_is_committed(office: Office) -> None:
    device = PaperDevice()
    office.enrol(device)
    (ack,) = office.acks(device.greets())
    assert (ack.device, ack.nonce, ack.epoch) == (device.name, device.nonce, device.epoch)
    assert (ack.upto, ack.head, ack.want, ack.problem) == (0, device.heads[0], 1, Problem.NONE)
    assert ack.time == AT
    device.travellers(3)
    office.acks(device.sent(1, 4))
    device.nonce = secrets.token_bytes(16)
    (ack,) = office.acks(device.greets())
    assert (ack.nonce, ack.upto, ack.head) == (device.nonce, 4, device.heads[4])


def test_entries_are_taken_once_whatever_is_sent_again(office: Office, device: PaperDevice) -> None:
    device.travellers(9)
    for first, last, upto in ((1, 4, 4), (1, 4, 4), (3, 6, 6), (1, 2, 6), (1, 10, 10), (10, 10, 10)):
        (ack,) = office.acks(device.sent(first, last))
        assert (ack.upto, ack.head, ack.want) == (upto, device.heads[upto], upto + 1)
        assert ack.problem is Problem.NONE
    assert office.bodies() == [(device.name, i + 1, body) for i, body in enumerate(device.bodies)]
    assert office.codes() == []


def test_a_backlog_is_one_commit_and_one_acknowledgement(office: Office, device: PaperDevice) -> None:
    device.travellers(29)
    database, commits = office.store.database, []
    commit = database._commit
    database._commit = lambda: (commits.append(1), commit())
    (ack,) = office.acks(*(device.sent(first, first + 4) for first in range(1, 30, 5)))
    assert ack.upto == 30
    assert len(commits) == 1


def test_a_gap_is_asked_for_and_nothing_of_it_stored(office: Office, device: PaperDevice) -> None:
    device.travellers(9)
    office.acks(device.sent(1, 3))
    for first in (5, 6, 10):
        (ack,) = office.acks(device.sent(first, 10))
        assert (ack.problem, ack.upto, ack.want) == (Problem.GAP, 3, 4)
    assert len(office.bodies()) == 3
    # What was dropped is asked for although the gap before it closed; unless it came again meanwhile.
    (ack,) = office.acks(device.sent(6, 8), device.sent(4, 5))
    assert (ack.problem, ack.upto, ack.want) == (Problem.GAP, 5, 6)
    (ack,) = office.acks(device.sent(9, 10), device.sent(6, 8), device.sent(9, 10))
    assert (ack.problem, ack.upto) == (Problem.NONE, 10)
    assert office.codes() == []


def test_a_fork_is_kept_aside(office: Office, device: PaperDevice) -> None:
    device.travellers(4)
    office.acks(device.sent(1, 5))
    device.heads[5] = b"\1" * 32
    device.travellers(2)
    message = device.sent(6, 7)
    (ack,) = office.acks(message)
    assert (ack.problem, ack.upto) == (Problem.FORK, 5)
    assert office.quarantined() == [("fork", message.payload)]
    assert office.codes() == ["fork"]
    assert len(office.bodies()) == 5


def twin(device: PaperDevice, upto: int) -> PaperDevice:
    """A clone: the same key, epoch and secrets, other entries from `upto` on."""
    clone = PaperDevice(device.name, device.key)
    clone.epoch, clone.bodies, clone.heads = device.epoch, device.bodies[:upto], device.heads[: upto + 1]
    clone.secrets.__init__()
    clone.secrets.add(device.secrets.between(1, upto))
    return clone


def test_two_heads_for_one_sequence_are_a_clone(office: Office, device: PaperDevice) -> None:
    device.travellers(7)
    clone = twin(device, 3)
    clone.travellers(7)
    office.acks(device.sent(1, 8))
    (ack,) = office.acks(clone.sent(4, 7))
    assert (ack.problem, ack.upto) == (Problem.FORK, 8)
    (ack,) = office.acks(clone.sent(2, 9))
    assert ack.problem is Problem.FORK
    assert office.codes() == ["clone"]
    assert office.store.alarms()[0].times == 2
    assert [reason for reason, _ in office.quarantined()] == ["clone", "clone"]
    assert [body for *_, body in office.bodies()] == device.bodies


def test_a_clone_shows_in_its_hello(office: Office, device: PaperDevice) -> None:
    device.travellers(7)
    clone = twin(device, 3)
    clone.travellers(2)
    office.acks(device.sent(1, 8))
    office.acks(device.greets())
    assert office.codes() == []
    # It may be an older copy of the disk, which learns it from the answer and begins another epoch at once.
    office.acks(clone.greets())
    office.acks(clone.greets(), device.greets())
    assert office.codes() == []
    clone.nonce = bytes(16)
    office.acks(clone.greets())
    assert office.codes() == ["clone"]


def test_a_forged_repeat_is_no_clone(office: Office, device: PaperDevice) -> None:
    device.travellers(3)
    office.acks(device.sent(1, 4))
    (ack,) = office.acks(changed(device, 1, 4, head=b"\1" * 32))
    assert ack.problem is Problem.SIGNATURE
    assert office.codes() == ["signature"]


@pytest.mark.parametrize(
    ("fields", "problem", "code"),
    [
        ({"signature": b"\0" * 64}, Problem.SIGNATURE, "signature"),
        ({"head": b"\0" * 32}, Problem.CHAIN, "chain"),
        ({"secrets": ()}, Problem.CHAIN, "chain"),
        ({"rows": b"rubbish"}, Problem.CHAIN, "chain"),
        ({"unpacked": 7}, Problem.CHAIN, "chain"),
        ({"count": 3}, Problem.CHAIN, "chain"),
        ({"previous": b"\0" * 32}, Problem.FORK, "fork"),
        ({"encoding": "columns+zstd"}, Problem.VERSION, "version"),
    ],
)
def test_what_does_not_hold_is_not_taken(
    office: Office, device: PaperDevice, fields: dict[str, object], problem: Problem, code: str
) -> None:
    device.travellers(6)
    office.acks(device.sent(1, 5))
    (ack,) = office.acks(changed(device, 6, 7, **fields))
    assert (ack.problem, ack.upto, ack.head) == (problem, 5, device.heads[5])
    assert office.codes() == [code]
    assert len(office.bodies()) == 5
    assert len(office.quarantined()) == (0 if code == "version" else 1)
    # And the true one is still taken.
    (ack,) = office.acks(device.sent(6, 7))
    assert (ack.problem, ack.upto) == (Problem.NONE, 7)


def test_a_tampered_body_is_found(office: Office, device: PaperDevice) -> None:
    device.travellers(3)
    device.bodies[2] = device.bodies[2].replace(b"ERIKSSON", b"ERIKSSEN", 1)
    (ack,) = office.acks(device.sent(1, 4))
    assert ack.problem is Problem.CHAIN
    assert office.bodies() == []


def test_another_device_may_not_be_spoken_for(office: Office, device: PaperDevice) -> None:
    other = PaperDevice("kiosk-2")
    office.enrol(other)
    office.acks(other.greets())
    payload = encode(device.batch(1, 1))
    assert office.acks(other.raw(Channel.JOURNAL, payload)) == []
    assert office.acks(other.raw(Channel.STATE, encode(device.hello()))) == []
    assert office.codes() == ["foreign_device"]
    # Nor by the signature of another: the batch says it is its own.
    device.name, name = other.name, device.name
    office.acks(device.sent(1, 1))
    device.name = name
    assert "chain" in office.codes()
    assert office.bodies() == []


def test_only_enrolled_devices_are_heard(office: Office, device: PaperDevice) -> None:
    stranger = PaperDevice("stranger")
    (ack,) = office.acks(stranger.greets())
    assert (ack.problem, ack.upto) == (Problem.DEVICE, 0)
    (ack,) = office.acks(stranger.sent(1, 1))
    assert ack.problem is Problem.DEVICE
    device.travellers(1)
    office.acks(device.sent(1, 1))
    with office.store.database.transaction():
        office.store.retire_device(device.name, AT)
    (ack,) = office.acks(device.sent(2, 2))
    assert (ack.problem, ack.upto) == (Problem.DEVICE, 1)
    assert office.codes() == ["device_unknown", "device_retired"]
    assert len(office.bodies()) == 1


def test_an_epoch_begins_at_its_beginning(office: Office, device: PaperDevice) -> None:
    device.travellers(4)
    (ack,) = office.acks(device.sent(3, 4))
    assert (ack.problem, ack.upto, ack.want) == (Problem.EPOCH, 0, 1)
    assert (office.codes(), office.quarantined()) == ([], [])
    # What is missing is named, also where the beginning came with it, in the wrong order.
    (ack,) = office.acks(device.sent(3, 4), device.sent(1, 2))
    assert (ack.upto, ack.want) == (2, 3)


def test_an_epoch_says_what_it_is(office: Office, device: PaperDevice) -> None:
    device.bodies, device.heads = [], device.heads[:1]
    device.travellers(2)
    (ack,) = office.acks(device.sent(1, 2))
    assert ack.problem is Problem.EPOCH
    assert office.codes() == ["epoch_not_opened"]
    opening = PaperDevice("kiosk-2").bodies[0]
    device.bodies, device.heads = [], device.heads[:1]
    device.add(opening)
    (ack,) = office.acks(device.sent(1, 1))
    assert ack.problem is Problem.EPOCH
    device.begin()
    genesis = chain.genesis("kiosk-2", device.epoch)
    (ack,) = office.acks(changed(device, 1, 1, previous=genesis))
    assert ack.problem is Problem.CHAIN
    assert office.bodies() == []


def test_a_new_epoch_closes_the_old_one(office: Office, device: PaperDevice) -> None:
    device.travellers(2)
    office.acks(device.sent(1, 2))
    old = (device.epoch, device.bodies, device.heads, device.secrets)
    device.begin(EpochReason.RESTORED)
    (ack,) = office.acks(device.sent(1, 1))
    assert (ack.epoch, ack.upto) == (device.epoch, 1)
    (alarm,) = office.store.alarms()
    assert (alarm.code, alarm.subject) == ("epoch_changed", old[0].hex())
    assert "restored" in alarm.detail
    assert "up to 2" in alarm.detail
    # What the old one still had is taken, because it is proved; but that is worth a look.
    device.epoch, device.bodies, device.heads, device.secrets = old
    (ack,) = office.acks(device.sent(3, 3))
    assert (ack.upto, ack.problem) == (3, Problem.NONE)
    assert office.codes() == ["epoch_changed", "closed_epoch"]


def test_a_stream_keeps_its_key(office: Office, device: PaperDevice) -> None:
    device.travellers(2)
    office.acks(device.sent(1, 2))
    replaced = PaperDevice(device.name)
    office.enrol(replaced)
    (ack,) = office.acks(device.sent(3, 3))
    assert (ack.problem, ack.upto) == (Problem.SIGNATURE, 2)
    # Nor may the new key go on with what the old one signed.
    device.key, old = replaced.key, device.key
    (ack,) = office.acks(device.sent(3, 3))
    assert (ack.problem, ack.upto) == (Problem.SIGNATURE, 2)
    device.key = old
    (ack,) = office.acks(replaced.sent(1, 1))
    assert (ack.problem, ack.upto) == (Problem.NONE, 1)


def test_a_secret_for_later_entries_cannot_be_planted(office: Office, device: PaperDevice) -> None:
    device.travellers(9)
    office.acks(device.sent(1, 3))
    planted = (*device.batch(4, 5).secrets, SaltSecret(first=6, secret=b"\0" * 32))
    (ack,) = office.acks(changed(device, 4, 5, secrets=planted))
    assert (ack.upto, ack.problem) == (3, Problem.CHAIN)
    # Nor one be replaced that is stored already.
    office.acks(device.sent(4, 7))
    (ack,) = office.acks(changed(device, 5, 8, secrets=(SaltSecret(first=6, secret=b"\0" * 32),)))
    assert (ack.upto, ack.problem) == (7, Problem.CHAIN)
    (ack,) = office.acks(device.sent(8, 10))
    assert (ack.upto, ack.problem) == (10, Problem.NONE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b'{"kind":"stay","id":1}',
        b'{"kind":"movement","a":' + b"[" * 60000,
        b'{"kind":"device_event","id":"' + b"0" * 32 + b'","occurred_at":"0001-01-01T00:00:00+14:00",'
        b'"recorded_at":"2026-01-01T00:00:00Z","clock":"unknown","event":"started"}',
        b'{"kind":"\xff"}',
    ],
)
def test_an_entry_that_cannot_be_read_counts(office: Office, device: PaperDevice, body: bytes) -> None:
    device.add(body)
    device.travellers(1)
    (ack,) = office.acks(device.sent(1, 3))
    assert (ack.upto, ack.problem) == (3, Problem.NONE)
    assert office.codes() == ["unreadable_entry"]
    kinds = [kind for (kind,) in office.store.database.rows("SELECT kind FROM journal ORDER BY sequence")]
    assert kinds == ["epoch_opened", "unknown", "movement"]
    assert office.bodies()[1][2] == body


RUBBISH = (b"", b"\0", b"{}", b"[]", b"\x81", b"\xc1" * 50, b"[" * 100_000, b"\x91" * 100_000, b"x" * 2_000_000)


@pytest.mark.parametrize("channel", [Channel.JOURNAL, Channel.STATE, Channel.PULL])
def test_rubbish_on_every_topic(
    office: Office, device: PaperDevice, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for payload in RUBBISH:
            assert office.acks(device.raw(channel, payload)) == []
    assert set(office.codes()) <= {"malformed", "version"}
    assert sum(alarm.times for alarm in office.store.alarms()) == len(RUBBISH)
    assert len(caplog.records) == len(office.codes())
    assert len(office.acks(device.sent(1, 1))) == 1


@pytest.mark.parametrize("channel", [Channel.JOURNAL, Channel.STATE, Channel.PULL])
def test_an_unknown_version_on_every_topic(office: Office, device: PaperDevice, channel: Channel) -> None:
    later = {"v": "2.0", "device": device.name, "something": ["new"]}
    packed = channel is Channel.JOURNAL
    payload = msgspec.msgpack.encode(later) if packed else msgspec.json.encode(later)
    acks = office.acks(device.raw(channel, payload))
    assert office.codes() == ["version"]
    # A batch of unknown version is answered for the epoch that the hello named.
    assert [(ack.problem, ack.epoch) for ack in acks] == ([(Problem.VERSION, device.epoch)] if packed else [])


def test_a_newer_minor_is_read(office: Office, device: PaperDevice) -> None:
    batch = msgspec.to_builtins(device.batch(1, 1), builtin_types=(bytes,))
    payload = msgspec.msgpack.encode(batch | {"v": "1.7", "more": {"to": "come"}})
    (ack,) = office.acks(device.raw(Channel.JOURNAL, payload))
    assert (ack.upto, ack.problem) == (1, Problem.NONE)


def test_other_topics_are_dropped(office: Office, device: PaperDevice) -> None:
    payload = encode(device.batch(1, 1))
    for topic in ("", "a/b", "borne/v2/kiosk-1/up/journal", device_topic(device.name, Channel.ACK)):
        assert office.desk.handle([Incoming(topic, payload)]) == []
    assert office.bodies() == []


def test_sequences_end(office: Office, device: PaperDevice) -> None:
    last = chain.LAST_SEQUENCE
    assert office.acks(changed(device, 1, 1, first=last, count=4096)) == []
    (ack,) = office.acks(changed(device, 1, 1, first=last, count=1))
    assert ack.problem is Problem.EPOCH


def test_quarantine_is_bounded(office: Office, device: PaperDevice) -> None:
    for number in range(QUARANTINED_MOST + 20):
        office.desk.handle([changed(device, 1, 1, signature=number.to_bytes(64, "big"))])
        office.desk.handle([changed(device, 1, 1, signature=number.to_bytes(64, "big"))])
    assert len(office.quarantined()) == QUARANTINED_MOST
    (alarm,) = office.store.alarms()
    assert alarm.times == 2 * (QUARANTINED_MOST + 20)
    assert "kiosk-1" in alarm.latest


def test_random_epochs_do_not_make_an_alarm_each(office: Office, device: PaperDevice) -> None:
    for _ in range(5):
        office.desk.handle([changed(device, 1, 1, epoch=chain.new_epoch())])
    assert office.codes() == ["chain"]


def test_without_a_nonce_there_is_no_acknowledgement(office: Office) -> None:
    device = PaperDevice()
    office.enrol(device)
    assert office.acks(device.sent(1, 1)) == []
    assert len(office.bodies()) == 1
    (ack,) = office.acks(device.greets())
    assert ack.upto == 1


def test_a_late_will_does_not_end_the_next_session(office: Office, device: PaperDevice) -> None:
    will = device.greets(online=False)
    device.nonce = secrets.token_bytes(16)
    office.acks(device.greets())
    office.acks(will)
    (ack,) = office.acks(device.sent(1, 1))
    assert ack.nonce == device.nonce
    office.acks(device.greets(online=False))
    assert office.acks(device.sent(1, 1)) == []


def test_a_fault_on_one_message_does_not_stop_the_others(
    office: Office, device: PaperDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PaperDevice("kiosk-2")
    office.enrol(other)
    apply = office.store.apply

    def failing(judgement, payload, at):
        apply(judgement, payload, at)
        if judgement.device == device.name:
            raise KeyError("a fault")

    monkeypatch.setattr(office.store, "apply", failing)
    office.acks(device.sent(1, 1), other.sent(1, 1))
    assert [name for name, *_ in office.bodies()] == ["kiosk-2"]
    assert office.codes() == ["internal"]


def test_what_is_known_of_a_batch_is_what_it_says() -> None:
    # The desk reads nothing of a batch but its struct: a field added there must be looked at here.
    assert set(JournalBatch.__struct_fields__) == {
        "v", "device", "epoch", "first", "count", "previous", "head", "signature", "secrets", "encoding",
        "unpacked", "rows",
    }  # fmt: skip
