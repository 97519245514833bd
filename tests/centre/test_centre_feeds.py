"""Feeds: importing, heads, pulls; a device's side is played with the contract's own functions."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, open_office

from mqtt_schemas.centre.errors import BadImport, BadImportLine
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder, PublishSettings, StoreSettings, init
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.publisher import _ORDER
from mqtt_schemas.codec import open_chunk
from mqtt_schemas.errors import BadSignature
from mqtt_schemas.feeds import (
    Feed,
    extend_feed,
    feed_genesis,
    open_head,
    prove_changes,
    put,
    read_change,
    read_record,
)
from mqtt_schemas.messages import FeedChunk, FeedHead, Problem, Pull, Signed, decode, encode
from mqtt_schemas.records import CscaRecord, Policy, Regime, RegimeRule, SignerRecord, VisaRecord, WatchRecord
from mqtt_schemas.topics import Channel, parse_topic


def visa(number: int, **more: object) -> VisaRecord:
    return VisaRecord(
        visa_id=f"{number:016x}",
        issuer="UTO",
        document_issuer="D",
        document_number=f"C{number:08}",
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        entries=1,
        **more,
    )


def write(file: Path, *records: msgspec.Struct) -> Path:
    file.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    return file


@pytest.fixture
def folder(tmp_path: Path, store: StoreSettings) -> Path:
    init(tmp_path / "centre", store=store, at=AT)
    return tmp_path / "centre"


def content(folder: Path, feed: Feed) -> dict[str, bytes]:
    """A feed's content as a device would build it from the changes, from the first on."""
    with CentreFolder(folder).database() as database:
        feeds = FeedStore(database)
        version, head = feeds.position(feed)
        rows = feeds.changes(feed, 1, version, 1 << 40)
        prove_changes(
            0, feed_genesis(feed), rows, FeedHead(feed=feed, version=version, head=head, issued=AT, expires=AT)
        )
        built: dict[str, bytes] = {}
        for row in rows:
            change = read_change(row)
            if change.op == "put":
                built[change.key] = bytes(change.record)
            else:
                del built[change.key]
        assert list(feeds.keys(feed)) == sorted(built)
        return built


def test_an_import_is_the_difference(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "visas.jsonl"
    report = import_feed(folder, "visas", write(file, visa(1), visa(2), visa(3)))
    assert (report.version, report.added, report.changed, report.deleted, report.unchanged) == (3, 3, 0, 0, 0)
    assert import_feed(folder, "visas", file).version == 3
    report = import_feed(folder, "visas", write(file, visa(4), visa(2, uses=1), visa(1)))
    assert (report.version, report.added, report.changed, report.deleted, report.unchanged) == (6, 1, 1, 1, 1)
    found = content(folder, Feed.VISAS)
    assert found.keys() == {f"{number:016x}" for number in (1, 2, 4)}
    assert read_record(VisaRecord, found[f"{2:016x}"]).uses == 1
    # Put again after a deletion.
    report = import_feed(folder, "visas", write(file, visa(3)))
    assert (report.added, report.deleted, report.version) == (1, 3, 10)
    assert content(folder, Feed.VISAS).keys() == {f"{3:016x}"}


def test_every_feed_has_its_turn() -> None:
    """A feed that were left out would end the worker once a device pulls it."""
    assert sorted(_ORDER) == sorted(Feed)


def test_every_feed_has_its_records(folder: Path, tmp_path: Path) -> None:
    records = {
        "trust": SignerRecord(
            issuer="UTO",
            certificate=b"\x30\x00",
            scopes=("visa:UTO",),
            use_from=date(2026, 1, 1),
            use_until=date(2027, 1, 1),
        ),
        "policy": Policy(
            policy_id="p1",
            rules_version=1,
            country="UTO",
            issuers=("UTO",),
            regimes=(RegimeRule(nationality="*", regime=Regime.VISA_REQUIRED),),
        ),
        "watchlist": WatchRecord(record_id="w1", surname="DOE", birth="XXXX-05-XX"),
        "csca": CscaRecord(issuer="UT", certificate=b"\x30\x00", crl=b"\x30\x01\x00", source="a note"),
    }
    for feed, record in records.items():
        assert import_feed(folder, feed, write(tmp_path / feed, record)).added == 1
        (stored,) = content(folder, Feed(feed)).values()
        assert read_record(type(record), stored) == record


FIRST, GOOD = msgspec.json.encode(visa(9)), msgspec.json.encode(visa(1))


@pytest.mark.parametrize(
    "line",
    [
        b"rubbish",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 90_000,
        b"x" * 200_000,
        GOOD.replace(b'"entries":1', b'"entries":1,"portrait":"' + b"A" * 87_384 + b'"'),
        b"{}",
        GOOD[:-1],
        GOOD.replace(b'"entries":1', b'"entries":-1'),
        GOOD.replace(b'"entries":1', b'"entries":1,"useses":2'),
        GOOD.replace(b"2026-12-31", b"2026-13-31"),
        GOOD.replace(b'"UTO"', b'"uto"'),
        FIRST,
    ],
)
def test_a_bad_line_is_named_and_nothing_imported(folder: Path, tmp_path: Path, line: bytes) -> None:
    file = write(tmp_path / "visas.jsonl", visa(7))
    import_feed(folder, "visas", file)
    file.write_bytes(FIRST + b"\n\n" + line + b"\n" + msgspec.json.encode(visa(3)) + b"\n")
    with pytest.raises(BadImportLine) as raised:
        import_feed(folder, "visas", file)
    assert raised.value.line == 3
    assert content(folder, Feed.VISAS).keys() == {f"{7:016x}"}


def test_files_that_are_none(folder: Path, tmp_path: Path) -> None:
    empty = write(tmp_path / "empty.jsonl")
    for feed, file in (("visas", tmp_path / "missing"), ("visas", tmp_path), ("visas", empty), ("stays", empty)):
        with pytest.raises(BadImport):
            import_feed(folder, feed, file)
    import_feed(folder, "visas", write(tmp_path / "one.jsonl", visa(1)))
    assert import_feed(folder, "visas", empty, allow_empty=True).deleted == 1


def test_an_import_is_all_or_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "visas.jsonl", visa(1), visa(2))
    import_feed(folder, "visas", file)
    change = FeedStore._change

    def failing(store, feed, version, *more):
        if version == 4:
            raise KeyError
        return change(store, feed, version, *more)

    monkeypatch.setattr(FeedStore, "_change", failing)
    with pytest.raises(KeyError):
        import_feed(folder, "visas", write(file, *map(visa, range(3, 9))))
    monkeypatch.undo()
    assert content(folder, Feed.VISAS).keys() == {f"{number:016x}" for number in (1, 2)}


def test_a_file_that_changes_while_it_is_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "visas.jsonl", visa(1), visa(2))
    append = FeedStore.append

    def meanwhile(store, *more):
        with file.open("r+b") as other:
            other.write(msgspec.json.encode(visa(3)))
        return append(store, *more)

    monkeypatch.setattr(FeedStore, "append", meanwhile)
    with pytest.raises(BadImport, match="changed"):
        import_feed(folder, "visas", file)
    assert content(folder, Feed.VISAS) == {}


# Down to the devices


def put_visas(office: Office, *records: VisaRecord) -> None:
    with office.feeds.database.transaction():
        office.feeds.append(Feed.VISAS, [(r.visa_id, put(r.visa_id, r)) for r in records], [], AT)


def heads(office: Office, messages) -> dict[str, FeedHead]:
    found = {}
    for message in messages:
        assert message.retain
        topic = parse_topic(message.topic)
        if topic.feed != "keys":
            found[topic.feed] = open_head(decode(Signed, message.payload), topic.feed, office.ring)
    return found


def test_heads_are_signed_and_kept_fresh() -> None:
    office = open_office(settings=PublishSettings(renew_minutes=60, validity_hours=5))
    published = office.publisher.heads(AT)
    found = heads(office, published)
    assert found.keys() == set(Feed)
    assert (found["visas"].version, found["visas"].head) == (0, feed_genesis("visas"))
    assert found["visas"].expires - found["visas"].issued == timedelta(hours=5)
    assert office.publisher.news(AT + timedelta(minutes=59)) == []
    put_visas(office, visa(1))
    found = heads(office, office.publisher.news(AT + timedelta(minutes=59)))
    assert found.keys() == {"visas"}
    assert found["visas"].version == 1
    assert heads(office, office.publisher.news(AT + timedelta(minutes=60))).keys() == set(Feed) - {"visas"}
    # A clock put back: signed anew, not left in the future.
    assert heads(office, office.publisher.news(AT)).keys() == set(Feed)


def test_a_head_of_one_feed_is_no_head_of_another() -> None:
    office = open_office()
    for message in office.publisher.heads(AT):
        topic = parse_topic(message.topic)
        if topic.feed == "visas":
            with pytest.raises(BadSignature):
                open_head(decode(Signed, message.payload), "trust", office.ring)


@pytest.fixture
def office(store: StoreSettings) -> Office:
    made = open_office(settings=PublishSettings(chunks_per_second=2, chunk_burst=3), url=store.url)
    put_visas(made, *(visa(number, portrait=bytes([number % 251] * 500)) for number in range(300)))
    return made


@pytest.fixture
def device(office: Office) -> PaperDevice:
    made = PaperDevice()
    office.enrol(made)
    office.desk.handle([made.greets()])
    return made


def pull(device: PaperDevice, after: int = 0, head: bytes | None = None, limit: int = 1024, feed: str = "visas"):
    asked = Pull(feed=feed, after=after, head=head or feed_genesis(feed), limit=limit)
    return device.raw(Channel.PULL, encode(asked))


def chunks(office: Office, now: float) -> list[FeedChunk]:
    found = []
    while sent := office.publisher.due(now):
        found += [decode(FeedChunk, message.payload) for message in sent]
    return found


def test_a_pull_is_answered_up_to_the_signed_head(office: Office, device: PaperDevice) -> None:
    target = heads(office, office.publisher.heads(AT))["visas"]
    # A change that is not signed yet belongs to the next pull: no chunk runs over a signed head.
    put_visas(office, visa(1000))
    office.acks(pull(device))
    rows: list[bytes] = []
    now = 0.0
    while (wait := office.publisher.wait(now)) is not None:
        now += wait
        for chunk in chunks(office, now):
            assert chunk.first == len(rows) + 1
            assert len(chunk.rows) <= 1024
            rows += open_chunk(chunk)
    prove_changes(0, feed_genesis("visas"), rows, target)
    office.publisher.news(AT)
    office.acks(pull(device, after=300, head=target.head))
    (chunk,) = chunks(office, now + 10)
    assert (chunk.first, chunk.count) == (301, 1)
    assert open_chunk(chunk) == [put(f"{1000:016x}", visa(1000))]
    assert office.publisher.wait(now) is None


def test_no_more_is_read_than_a_chunk_holds(office: Office) -> None:
    (first, second, *_) = office.feeds.changes(Feed.VISAS, 1, 300, 1 << 40)
    assert office.feeds.changes(Feed.VISAS, 1, 300, len(first) + len(second)) == [first, second]
    assert office.feeds.changes(Feed.VISAS, 1, 300, 1) == [first]
    assert office.feeds.changes(Feed.VISAS, 300, 299, 1) == []


def test_chunks_leave_room_for_acknowledgements(office: Office, device: PaperDevice) -> None:
    other = PaperDevice("kiosk-2")
    office.enrol(other)
    office.acks(pull(device), pull(other))
    assert len(office.publisher.due(0.0)) == 2
    assert len(chunks(office, 0.0)) == 4
    assert office.publisher.wait(0.0) == pytest.approx(0.5)
    assert chunks(office, 0.4) == []
    assert len(chunks(office, 0.5)) == 2
    assert len(chunks(office, 60.0)) == 6


def test_a_pull_again_goes_on_from_there(office: Office, device: PaperDevice) -> None:
    office.acks(pull(device))
    rows = [row for chunk in chunks(office, 0.0) for row in open_chunk(chunk)]
    head = feed_genesis("visas")
    for version, row in enumerate(rows[:-1], start=1):
        head = extend_feed(head, version, row)
    office.acks(pull(device, after=len(rows) - 1, head=head))
    assert chunks(office, 1.0)[0].first == len(rows)


def test_a_device_that_goes_is_sent_nothing(office: Office, device: PaperDevice) -> None:
    office.acks(pull(device))
    office.acks(device.greets(online=False))
    assert chunks(office, 0.0) == []
    office.acks(pull(device))
    office.publisher.forget_all()
    assert chunks(office, 0.0) == []


def test_what_is_not_answered(office: Office, device: PaperDevice) -> None:
    stranger = PaperDevice("stranger")
    office.acks(pull(stranger))
    office.acks(pull(device, after=5, head=b"\0" * 32))
    office.acks(pull(device, after=301, head=b"\0" * 32))
    office.acks(pull(device, feed="no_such_feed"))
    _, head = office.feeds.position(Feed.VISAS)
    office.acks(pull(device, after=300, head=head))
    assert chunks(office, 0.0) == []
    assert office.codes() == ["device_unknown", "feed_history", "version"]
    assert office.store.alarms()[1].subject == "visas"
    (ack,) = office.acks(device.sent(1, 1))
    assert ack.problem is Problem.NONE
