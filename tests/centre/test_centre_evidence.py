"""Evidence at the centre, without a network: only what is named, from its beginning, held against its name."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from centre_device import AT, Office, PaperDevice, movement, open_office
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from mqtt_schemas.centre.errors import Refused
from mqtt_schemas.centre.evidence import FULL, MISMATCH, MOST_PICTURES, UNKNOWN_NAME, EvidenceBook
from mqtt_schemas.centre.folder import StoreSettings
from mqtt_schemas.entries import write_entry
from mqtt_schemas.keys import ACK
from mqtt_schemas.messages import EvidenceAck, EvidencePiece, Signed, decode, decode_body, encode
from mqtt_schemas.topics import Channel

PART = 4096


@pytest.fixture
def office(store: StoreSettings) -> Iterator[Office]:
    made = open_office(url=store.url)
    yield made
    made.store.database.close()


@pytest.fixture
def device(office: Office) -> PaperDevice:
    return arrive(office, "kiosk-1")


def arrive(office: Office, name: str) -> PaperDevice:
    made = PaperDevice(name)
    office.enrol(made)
    office.desk.handle([made.greets()])
    return made


def picture(number: int, size: int = 10_000) -> bytes:
    return random.Random(number).randbytes(size)


def record(pictures: Mapping[str, bytes]) -> bytes:
    named = {kind: sha256(data).hexdigest() for kind, data in pictures.items()}
    return json.dumps({"inspection_id": secrets.token_hex(16), "pictures": named}).encode()


def enters(office: Office, device: PaperDevice, evidence: bytes) -> int:
    """An entry that names a record, at the centre."""
    named = structs.replace(movement(len(device.bodies)), evidence=sha256(evidence).digest())
    sequence = device.add(write_entry(named))
    office.desk.handle([device.sent(1, sequence)])
    return sequence


def piece(device: PaperDevice, data: bytes, sequence: int, offset: int = 0, /, **more: object) -> EvidencePiece:
    fields: dict[str, object] = {
        "device": device.name,
        "sha256": sha256(data).digest(),
        "size": len(data),
        "offset": offset,
        "data": data[offset : offset + PART],
        "kind": "live",
        "epoch": device.epoch,
        "sequence": sequence,
    }
    return EvidencePiece(**(fields | more))  # type: ignore[arg-type]


def said(office: Office, device: PaperDevice, *pieces: EvidencePiece) -> EvidenceAck:
    """The one answer to these."""
    (sent,) = office.desk.handle([device.raw(Channel.EVIDENCE, encode(one)) for one in pieces])
    assert sent.topic == f"borne/v1/{device.name}/down/evidence-ack"
    signed = decode(Signed, sent.payload)
    ack = decode_body(EvidenceAck, signed.body)
    office.ring.verify(signed, ACK, at=ack.time)
    assert (ack.device, ack.nonce, ack.sha256, ack.time) == (device.name, device.nonce, pieces[0].sha256, AT)
    return ack


def sends(office: Office, device: PaperDevice, data: bytes, sequence: int) -> EvidenceAck:
    return said(office, device, *(piece(device, data, sequence, at) for at in range(0, len(data), PART)))


def book(office: Office) -> EvidenceBook:
    return EvidenceBook(office.store.database)


def test_a_record_and_its_pictures_come_whole(office: Office, device: PaperDevice) -> None:
    pictures = {"live": picture(1), "page": picture(2, 5 * PART)}
    kept = record(pictures)
    sequence = enters(office, device, kept)
    assert list(book(office).items()) == []
    for data in (kept, *pictures.values()):
        ack = sends(office, device, data, sequence)
        assert (ack.upto, ack.whole, ack.refused) == (len(data), True, "")
        assert book(office).get(sha256(data).digest()) == data
    items = list(book(office).items())
    assert [(item.kind, item.size, item.sequence) for item in items] == [
        ("record", len(kept), sequence),
        ("live", 10_000, sequence),
        ("page", 5 * PART, sequence),
    ]
    assert items[0].inspection
    assert list(book(office).items(missing=True)) == []


def test_what_is_named_and_has_not_come_is_known(office: Office, device: PaperDevice) -> None:
    pictures = {"live": picture(1), "page": picture(2)}
    kept = record(pictures)
    sequence = enters(office, device, kept)
    sends(office, device, kept, sequence)
    said(office, device, piece(device, pictures["live"], sequence))
    assert [(item.kind, item.held, item.whole_at) for item in book(office).items(missing=True)] == [
        ("live", PART, None),
        ("page", 0, None),
    ]
    assert book(office).get(sha256(pictures["live"]).digest()) is None


def test_it_says_from_where_to_go_on(office: Office, device: PaperDevice) -> None:
    kept = picture(3, 3 * PART)
    sequence = enters(office, device, kept)
    assert said(office, device, piece(device, kept, sequence, 2 * PART)).upto == 0
    assert said(office, device, piece(device, kept, sequence)).upto == PART
    assert said(office, device, piece(device, kept, sequence)).upto == PART
    assert said(office, device, piece(device, kept, sequence, 2 * PART)).upto == PART
    one_byte = {"data": kept[-1:], "offset": len(kept) - 1}
    assert said(office, device, piece(device, kept, sequence, **one_byte)).upto == PART
    ack = said(office, device, piece(device, kept, sequence, PART), piece(device, kept, sequence, 2 * PART))
    assert (ack.upto, ack.whole) == (len(kept), True)
    assert said(office, device, piece(device, kept, sequence, **one_byte)).whole
    assert book(office).get(sha256(kept).digest()) == kept


def test_what_no_entry_names_is_refused(office: Office, device: PaperDevice) -> None:
    kept, other = record({"live": picture(1)}), arrive(office, "kiosk-2")
    sequence = enters(office, device, kept)
    assert said(office, device, piece(device, picture(9), sequence)).refused == UNKNOWN_NAME
    assert said(office, device, piece(device, picture(1), sequence)).refused == UNKNOWN_NAME  # before its record
    assert said(office, device, piece(device, kept, sequence + 1)).refused == UNKNOWN_NAME
    assert said(office, device, piece(device, kept, sequence, epoch=bytes(16))).refused == UNKNOWN_NAME
    assert said(office, device, piece(device, kept, sequence, epoch=b"")).refused == UNKNOWN_NAME
    assert said(office, other, piece(other, kept, sequence, epoch=device.epoch)).refused == UNKNOWN_NAME
    assert list(book(office).items()) == []


def test_what_is_not_what_its_name_says_is_dropped_and_may_come_again(office: Office, device: PaperDevice) -> None:
    kept = picture(4, 2 * PART)
    sequence = enters(office, device, kept)
    said(office, device, piece(device, kept, sequence))
    ack = said(office, device, piece(device, kept, sequence, PART, data=bytes(PART)))
    assert (ack.refused, ack.whole, ack.upto) == (MISMATCH, False, 0)
    assert [alarm.code for alarm in office.store.alarms()] == ["malformed"]
    assert office.store.database.one("SELECT count(*) FROM evidence_part")[0] == 0
    assert sends(office, device, kept, sequence).whole
    assert book(office).get(sha256(kept).digest()) == kept


def test_a_size_that_changes_begins_anew(office: Office, device: PaperDevice) -> None:
    kept = picture(5, 2 * PART)
    sequence = enters(office, device, kept)
    said(office, device, piece(device, kept, sequence, size=PART * 9))
    said(office, device, piece(device, kept, sequence, PART, size=PART * 9))
    assert sends(office, device, kept, sequence).whole


def test_what_another_device_brought_is_not_sent_twice(office: Office, device: PaperDevice) -> None:
    shared = picture(6)
    sequence = enters(office, device, kept := record({"live": shared}))
    for data in (kept, shared):
        sends(office, device, data, sequence)
    post = arrive(office, "post-1")
    sequence = enters(office, post, kept := record({"live": shared, "page": picture(7)}))
    assert said(office, post, piece(post, shared, sequence)).refused == UNKNOWN_NAME
    sends(office, post, kept, sequence)
    ack = said(office, post, piece(post, shared, sequence))
    assert (ack.whole, ack.upto) == (True, len(shared))
    assert [item.kind for item in book(office).items(device="post-1", missing=True)] == ["page"]
    assert book(office).get(sha256(shared).digest()) == shared


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"\x00not json",
        b'{"pictures": 7}',
        b'{"pictures": {"live": "xyz"}}',
        json.dumps({"pictures": {f"k{n}": sha256(bytes([n])).hexdigest() for n in range(40)}}).encode(),
    ],
)
def test_whatever_a_record_is_it_is_kept_and_names_little(office: Office, device: PaperDevice, kept: bytes) -> None:
    kept = kept or b" "
    sequence = enters(office, device, kept)
    assert sends(office, device, kept, sequence).whole
    assert len(list(book(office).items())) <= 1 + MOST_PICTURES


def test_who_may_not_is_not_answered(office: Office, device: PaperDevice) -> None:
    kept = picture(8)
    sequence = enters(office, device, kept)
    foreign = piece(device, kept, sequence, device="kiosk-9")
    assert office.desk.handle([device.raw(Channel.EVIDENCE, encode(foreign))]) == []
    assert office.desk.handle([device.raw(Channel.EVIDENCE, b"\xc1")]) == []
    stranger = PaperDevice("kiosk-7")
    assert office.desk.handle([stranger.raw(Channel.EVIDENCE, encode(piece(stranger, kept, sequence)))]) == []
    office.store.retire_device(device.name, AT)
    assert office.desk.handle([device.raw(Channel.EVIDENCE, encode(piece(device, kept, sequence)))]) == []
    codes = {alarm.code for alarm in office.store.alarms()}
    assert codes == {"foreign_device", "malformed", "device_unknown", "device_retired"}
    assert list(book(office).items()) == []


def test_it_leaves_room_for_entries(office: Office, device: PaperDevice, tmp_path: Path) -> None:
    kept = picture(8)
    sequence = enters(office, device, kept)
    full = EvidenceBook(office.store.database, disk=tmp_path, reserve=2**62)
    with office.store.database.transaction():
        held = full.take(device.name, piece(device, kept, sequence), AT)
    assert (held.refused, held.whole, held.upto) == (FULL, False, 0)
    assert sends(office, device, kept, sequence).whole


def test_on_a_full_disk_nothing_is_answered_and_it_goes_on_later() -> None:
    office = open_office()
    device = arrive(office, "kiosk-1")
    kept = picture(8, 100 * PART)
    sequence = enters(office, device, kept)
    database = office.store.database
    (pages,) = database.one("PRAGMA page_count")
    database.execute(f"PRAGMA max_page_count = {pages + 4}")
    held = 0
    while office.desk.handle([device.raw(Channel.EVIDENCE, encode(piece(device, kept, sequence, held)))]):
        held += PART
    assert 0 < held < len(kept)
    assert office.desk.trouble is not None
    database.execute("PRAGMA max_page_count = 1073741823")
    assert said(office, device, piece(device, kept, sequence, len(kept) - PART)).upto == held
    assert sends(office, device, kept, sequence).whole
    database.close()


def test_what_is_whole_is_not_altered(office: Office, device: PaperDevice) -> None:
    kept = picture(8)
    sequence = enters(office, device, kept)
    sends(office, device, kept, sequence)
    for sql in ("UPDATE evidence SET held = 0", "DELETE FROM evidence", "UPDATE evidence_part SET start = 9"):
        with pytest.raises(Refused), office.store.database.transaction():
            office.store.database.execute(sql)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    size=st.integers(1, 300),
    steps=st.lists(st.tuples(st.integers(0, 299), st.integers(1, 120), st.booleans()), max_size=30),
)
def test_whatever_order_parts_come_in_only_the_true_whole_is_held(
    size: int, steps: list[tuple[int, int, bool]]
) -> None:
    office = open_office()
    device = arrive(office, "kiosk-1")
    data = picture(size, size)
    sequence = enters(office, device, data)
    for offset, length, true in steps:
        part = data[offset : offset + length] if true else bytes(min(length, max(0, size - offset)))
        if part and offset < size:
            said(office, device, piece(device, data, sequence, offset, data=part))
            assert book(office).get(sha256(data).digest()) in (None, data)
    held = said(office, device, piece(device, data, sequence, size - 1, data=data[-1:])).upto
    while held < size:
        ack = said(office, device, piece(device, data, sequence, held, data=data[held:]))
        held = ack.upto if not ack.refused else 0
    assert book(office).get(sha256(data).digest()) == data
    office.store.database.close()
