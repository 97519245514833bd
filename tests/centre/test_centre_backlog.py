"""After an outage: what the centre holds back while somebody has entries to send, and for how long at most."""

from __future__ import annotations

import time
from hashlib import sha256

import pytest
from centre_device import AT, Office, PaperDevice, movement, open_office
from test_centre_feeds import put_visas, visa

from mqtt_schemas.centre import backlog
from mqtt_schemas.centre.backlog import CHUNK_SECONDS, EVIDENCE_SECONDS, FEW
from mqtt_schemas.centre.folder import StoreSettings
from mqtt_schemas.entries import write_entry
from mqtt_schemas.feeds import Feed, feed_genesis, put
from mqtt_schemas.messages import EvidenceAck, EvidencePiece, FeedChunk, Pull, Signed, decode, decode_body, encode
from mqtt_schemas.records import WatchRecord
from mqtt_schemas.topics import Channel, parse_topic

OWED = 3 * FEW


@pytest.fixture
def office(store: StoreSettings) -> Office:
    office = open_office(url=store.url)
    put_visas(office, *(visa(number) for number in range(400)))
    office.publisher.heads(AT)
    return office


@pytest.fixture
def busy(office: Office) -> PaperDevice:
    """A device that has been cut off and has said hello."""
    device = PaperDevice("post-a")
    device.travellers(OWED)
    office.enrol(device)
    (ack,) = office.acks(device.greets())
    assert (ack.upto, ack.hold) == (0, EVIDENCE_SECONDS)
    return device


@pytest.fixture
def calm(office: Office) -> PaperDevice:
    """Another, that owes nothing."""
    device = PaperDevice("post-b")
    office.enrol(device)
    office.acks(device.greets())
    office.acks(device.sent(1, 1))
    return device


def asks(office: Office, device: PaperDevice, feed: str = Feed.VISAS, window: int = 4) -> None:
    pull = Pull(feed=feed, after=0, head=feed_genesis(feed), limit=1024, window=window)
    office.desk.handle([device.raw(Channel.PULL, encode(pull))])


def put_sought(office: Office) -> None:
    """An entry of the watch-list, announced."""
    record = WatchRecord(record_id="w-1", document_issuer="UTO", document_number="D1")
    with office.feeds.database.transaction():
        office.feeds.append(Feed.WATCHLIST, [("w-1", put("w-1", record))], [], AT)
    office.publisher.news(AT)


def chunks(office: Office, now: float) -> list[tuple[str, str]]:
    return [
        (parse_topic(message.topic).owner, decode(FeedChunk, message.payload).feed)
        for message in office.publisher.due(now)
    ]


def stands(office: Office, now: float) -> bool:
    return office.publisher._backlog.stands(now)


def test_a_few_entries_on_their_way_are_no_backlog(office: Office) -> None:
    device = PaperDevice("post-a")
    device.travellers(FEW - 1)
    office.enrol(device)
    (ack,) = office.acks(device.greets())
    assert ack.hold == 0
    assert not stands(office, time.monotonic() + 2)


def test_others_evidence_waits_until_the_entries_are_in(office: Office, busy: PaperDevice, calm: PaperDevice) -> None:
    data = b"a record"
    sequence = calm.add(write_entry(movement(2, evidence=sha256(data).digest())))
    (ack,) = office.acks(calm.sent(sequence, sequence))
    assert (ack.upto, ack.hold) == (sequence, EVIDENCE_SECONDS)
    piece = EvidencePiece(
        device=calm.name, sha256=sha256(data).digest(), size=len(data), offset=0, data=data, kind="record",
        epoch=calm.epoch, sequence=sequence,
    )  # fmt: skip
    (said,) = office.desk.handle([calm.raw(Channel.EVIDENCE, encode(piece))])
    held = decode_body(EvidenceAck, decode(Signed, said.payload).body)
    # What has come all the same is taken.
    assert (held.whole, held.refused, held.hold) == (True, "", EVIDENCE_SECONDS)
    (ack,) = office.acks(busy.sent(1, len(busy.bodies)))
    assert ack.upto == len(busy.bodies)
    assert not stands(office, time.monotonic() + 2)


def test_long_lists_come_slowly_meanwhile_and_short_ones_as_ever(
    office: Office, busy: PaperDevice, calm: PaperDevice
) -> None:
    asks(office, calm)
    now = time.monotonic()
    assert chunks(office, now) == [("post-b", "visas")], "never given up: one at once, and then seldom"
    assert chunks(office, now + 2) == []
    assert office.publisher.wait(now + 2) == pytest.approx(1.0), "looked at again, and no busy loop"
    put_sought(office)
    asks(office, calm, Feed.WATCHLIST)
    assert chunks(office, now + 3) == [("post-b", "watchlist")]
    # Its stream moves, else it counts as gone.
    office.acks(busy.sent(1, FEW))
    assert chunks(office, now + 25) == []
    assert chunks(office, now + CHUNK_SECONDS) == [("post-b", "visas")]
    assert chunks(office, now + CHUNK_SECONDS + 2) == []
    office.acks(busy.sent(FEW + 1, len(busy.bodies)))
    assert chunks(office, now + CHUNK_SECONDS + 4) == [("post-b", "visas")]


def test_who_stands_still_is_not_waited_for(office: Office, busy: PaperDevice, calm: PaperDevice) -> None:
    now = time.monotonic()
    assert stands(office, now + 2)
    assert not stands(office, now + 35)
    office.acks(busy.sent(1, FEW))
    assert stands(office, now + 37), "it moves again"


def test_nobody_waits_for_ever(
    office: Office, busy: PaperDevice, calm: PaperDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(backlog, "_LONGEST_SECONDS", 65.0)
    for sequence in range(1, 8):
        office.acks(busy.sent(sequence, sequence))
        assert stands(office, now + 10 * sequence) == (sequence < 7), sequence
    office.acks(busy.sent(8, len(busy.bodies)))
    assert not stands(office, now + 80)
    again = PaperDevice("post-a", key=busy.key)
    again.travellers(OWED)
    monkeypatch.setattr(time, "monotonic", lambda: now + 88)
    office.acks(again.greets())
    assert not stands(office, now + 90), "who owes and owes does not take all of the time"
    office.acks(again.sent(1, 1))
    assert stands(office, now + 170), "another outage is another"


def test_who_is_gone_is_not_waited_for(office: Office, busy: PaperDevice) -> None:
    office.desk.handle([busy.greets(online=False)])
    assert not stands(office, time.monotonic() + 2)
