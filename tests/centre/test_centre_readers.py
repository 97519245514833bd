"""Who gets which list, and in which form; chunks that a device clocks itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from centre_device import AT, Office, PaperDevice, open_office
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from test_centre_feeds import chunks, put_visas, visa

from mqtt_schemas.centre.folder import CentreFolder, PublishSettings, StoreSettings
from mqtt_schemas.centre.readers import Manner, Readers, forget_reader, may_read
from mqtt_schemas.centre.values import Device, DeviceStatus
from mqtt_schemas.chunks import chunk_rows
from mqtt_schemas.errors import NotForDevice
from mqtt_schemas.feeds import PERSONAL, Feed, feed_genesis, put
from mqtt_schemas.messages import Encoding, FeedChunk, Pull, decode, encode
from mqtt_schemas.records import Policy, Regime, RegimeRule, WatchRecord
from mqtt_schemas.sealing import sealing_public
from mqtt_schemas.topics import Channel

SEALING = X25519PrivateKey.generate()


def open_with(store: StoreSettings, **more: object) -> Office:
    office = open_office(settings=PublishSettings(**({"chunk_burst": 1000} | more)), url=store.url)  # type: ignore[arg-type]
    put_visas(office, *(visa(number, portrait=bytes([number % 251] * 500)) for number in range(300)))
    watched = WatchRecord(record_id="w1", surname="DOE")
    policy = Policy(
        policy_id="p1",
        rules_version=1,
        country="UTO",
        issuers=("UTO",),
        regimes=(RegimeRule(nationality="*", regime=Regime.VISA_REQUIRED),),
    )
    with office.feeds.database.transaction():
        office.feeds.append(Feed.WATCHLIST, [("w1", put("w1", watched))], [], AT)
        office.feeds.append(Feed.POLICY, [("p1", put("p1", policy))], [], AT)
    return office


def enrol(office: Office, device: PaperDevice, *, role: str = "post", sealed_to: str = "", key: bool = True) -> None:
    public = sealing_public(SEALING) if key else b""
    with office.store.database.transaction():
        office.store.put_device(
            Device(device.name, "post-1", device.public, b"", DeviceStatus.ENROLLED, role, public, sealed_to), AT
        )
    office.desk.handle([device.greets()])


def pull(office: Office, device: PaperDevice, feed: str = "visas", **more: object) -> list[FeedChunk]:
    asked = Pull(feed=feed, after=0, head=feed_genesis(feed), limit=1024)
    office.acks(device.raw(Channel.PULL, encode(structs.replace(asked, **more))))
    return chunks(office, 0.0)


@given(
    feed=st.sampled_from(Feed),
    role=st.sampled_from(["post", "kiosk", ""]),
    sealed_to=st.sampled_from(["tpm2", "host", "plain", ""]),
    written=st.booleans(),
)
def test_who_may_read_what(feed: Feed, role: str, sealed_to: str, written: bool) -> None:
    given_ = may_read(feed, role, sealed_to, kiosks_without_tpm=written)
    in_a_hall = role == "kiosk" and sealed_to != "tpm2" and not written
    assert given_ is not (in_a_hall and feed in ("watchlist", "stays"))


def test_a_list_of_people_comes_sealed_and_any_other_in_clear(store: StoreSettings) -> None:
    office, device = open_with(store), PaperDevice()
    enrol(office, device)
    sent = pull(office, device, sealed=True)
    assert {chunk.encoding for chunk in sent} == {Encoding.ROWS_ZSTD_HPKE.value}
    assert all(len(chunk.rows) <= 1024 for chunk in sent)
    rows = [row for chunk in sent for row in chunk_rows(chunk, private=SEALING)]
    assert rows == office.feeds.changes(Feed.VISAS, 1, len(rows), 1 << 40)
    with pytest.raises(NotForDevice):
        chunk_rows(sent[0])
    (clear,) = pull(office, device, "policy", sealed=True)
    assert clear.encoding == Encoding.ROWS_ZSTD.value


def test_an_older_device_gets_it_in_clear_until_it_has_asked_for_more(store: StoreSettings) -> None:
    office, device = open_with(store), PaperDevice()
    enrol(office, device)
    assert pull(office, device)[0].encoding == Encoding.ROWS_ZSTD.value
    assert pull(office, device, sealed=True)[0].encoding == Encoding.ROWS_ZSTD_HPKE.value
    # A broker that takes the word back, or an update that was: nothing in clear any more, and somebody hears of it.
    for _ in range(2):
        assert pull(office, device) == []
    assert [(alarm.code, alarm.subject, alarm.times) for alarm in office.store.alarms()] == [
        ("feed_unsealed", "visas", 2)
    ]
    assert pull(office, device, "policy") != []
    # Even with its key gone from the register.
    enrol(office, device, key=False)
    assert pull(office, device, sealed=True) == []
    # Until people enrol it anew.
    with office.store.database.transaction():
        forget_reader(office.store.database, device.name)
    assert pull(office, device)[0].encoding == Encoding.ROWS_ZSTD.value


def test_a_centre_without_older_devices_sends_nothing_in_clear(store: StoreSettings) -> None:
    office, device, keyless = open_with(store, older_devices=False), PaperDevice(), PaperDevice("kiosk-2")
    enrol(office, device)
    enrol(office, keyless, key=False)
    assert pull(office, device) == []
    assert pull(office, keyless, sealed=True) == []
    assert pull(office, keyless, "policy") != []
    assert pull(office, device, sealed=True) != []
    assert {alarm.device for alarm in office.store.alarms()} == {device.name, keyless.name}


@pytest.mark.parametrize(("sealed_to", "written"), [("host", False), ("", False), ("host", True), ("tpm2", False)])
def test_a_kiosk_without_a_tpm_hears_no(store: StoreSettings, sealed_to: str, written: bool) -> None:
    office, kiosk = open_with(store, kiosks_without_tpm=written), PaperDevice()
    enrol(office, kiosk, role="kiosk", sealed_to=sealed_to)
    (chunk,) = pull(office, kiosk, "watchlist", sealed=True)
    if written or sealed_to == "tpm2":
        assert chunk_rows(chunk, private=SEALING) == office.feeds.changes(Feed.WATCHLIST, 1, 1, 1 << 20)
    else:
        with pytest.raises(NotForDevice):
            chunk_rows(chunk, private=SEALING)
    assert pull(office, kiosk, sealed=True) != []
    assert office.codes() == []


def test_a_retired_device_reads_nothing(store: StoreSettings) -> None:
    office, device = open_with(store), PaperDevice()
    enrol(office, device)
    with office.store.database.transaction():
        office.store.retire_device(device.name, AT)
    assert pull(office, device, sealed=True) == []
    assert office.codes() == ["device_retired"]


def test_what_was_once_pulled_sealed_outlives_the_centre(tmp_path: Path) -> None:
    office, device = open_office(tmp_path / "centre.db"), PaperDevice()
    put_visas(office, visa(1))
    enrol(office, device)
    assert pull(office, device, sealed=True) != []
    again = open_office(tmp_path / "centre.db")
    way = Readers(again.store.database, PublishSettings()).way(device.name, Feed.VISAS, sealed=False, at=AT)
    assert way.manner is Manner.UNSEALED
    assert Feed.VISAS in PERSONAL


# Chunks that the device clocks


def ask(
    office: Office, device: PaperDevice, after: int, window: int, feed: Feed = Feed.VISAS, limit: int = 1024
) -> None:
    head = office.feeds.head_at(feed, after)
    assert head is not None
    asked = Pull(feed=feed, after=after, head=head, limit=limit, sealed=True, window=window)
    office.acks(device.raw(Channel.PULL, encode(asked)))


def last(chunk: FeedChunk) -> int:
    return chunk.first + chunk.count - 1


def test_no_more_is_on_its_way_than_the_device_takes() -> None:
    office, device = open_with(StoreSettings(), chunks_per_second=0.001, chunk_burst=1), PaperDevice()
    enrol(office, device)
    ask(office, device, 0, window=3)
    sent = chunks(office, 0.0)
    assert len(sent) == 3
    assert office.publisher.wait(0.0) is None
    # One has come, two have come: so many follow, and nothing twice.
    ask(office, device, last(sent[0]), window=3)
    sent += chunks(office, 0.1)
    assert len(sent) == 4
    ask(office, device, last(sent[2]), window=4)
    sent += chunks(office, 0.2)
    assert len(sent) == 7
    now = 0.3
    while last(sent[-1]) < 300:
        now += 0.1
        ask(office, device, last(sent[-1]), window=4)
        sent += chunks(office, now)
    assert [chunk.first for chunk in sent[1:]] == [last(chunk) + 1 for chunk in sent[:-1]]


def test_the_same_point_twice_is_a_new_beginning() -> None:
    office, device = open_with(StoreSettings()), PaperDevice()
    enrol(office, device)
    ask(office, device, 0, window=2)
    first = chunks(office, 0.0)
    ask(office, device, last(first[0]), window=2)
    chunks(office, 0.1)
    ask(office, device, last(first[0]), window=2)
    assert [chunk.first for chunk in chunks(office, 11.0)][0] == first[1].first


def test_the_end_said_late_brings_nothing_twice_and_a_newer_list_does() -> None:
    office, device = open_with(StoreSettings()), PaperDevice()
    enrol(office, device)
    ask(office, device, 0, window=64, limit=16384)
    sent = chunks(office, 0.0)
    assert last(sent[-1]) == 300
    ask(office, device, last(sent[2]), window=64, limit=16384)
    assert chunks(office, 0.1) == []
    put_visas(office, visa(1000))
    office.publisher.news(AT)
    ask(office, device, 300, window=64)
    assert [(chunk.first, chunk.count) for chunk in chunks(office, 0.2)] == [(301, 1)]


def test_a_list_that_is_not_taken_in_does_not_keep_the_others_waiting() -> None:
    office, device = open_with(StoreSettings()), PaperDevice()
    enrol(office, device)
    with office.feeds.database.transaction():
        for number in range(2, 200):
            record = WatchRecord(record_id=f"w{number}", surname="DOE", grounds="x" * 60)
            office.feeds.append(Feed.WATCHLIST, [(record.record_id, put(record.record_id, record))], [], AT)
    office.publisher.news(AT)
    ask(office, device, 0, window=1)
    ask(office, device, 0, window=1, feed=Feed.WATCHLIST)
    assert [chunk.feed for chunk in chunks(office, 0.0)] == ["watchlist"]
    assert chunks(office, 59.0) == []
    assert [chunk.feed for chunk in chunks(office, 61.0)] == ["visas"]


def test_a_folder_says_in_writing_what_it_allows(tmp_path: Path) -> None:
    (tmp_path / "centre.toml").write_text("[publish]\nkiosks_without_tpm = true\nolder_devices = false\n")
    publish = CentreFolder(tmp_path).settings.publish
    assert (publish.kiosks_without_tpm, publish.older_devices) == (True, False)
    assert decode(Pull, encode(Pull(feed="visas", after=0, head=b"h" * 32))).window == 0
