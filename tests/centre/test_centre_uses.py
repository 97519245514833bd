"""Uses of visas counted at the centre, double use found, and what the visa list says of it."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, movement, open_office
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_kit import (
    VISA,
    carrying,
    conflict_rows,
    correction,
    crossing,
    list_visas,
    published,
    send,
    settled,
    visa_record,
)
from postgres_kit import Cluster

from mqtt_schemas.centre.database import MEMORY
from mqtt_schemas.centre.folder import StoreSettings, init
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.reports import counts, movements
from mqtt_schemas.centre.settling import PORTION, Lists, Settler, settle, settle_all
from mqtt_schemas.entries import Decision, Direction, VisaFacts, write_entry
from mqtt_schemas.feeds import Feed

HOUR = timedelta(hours=1)


@pytest.fixture
def office(tmp_path: Path, store: StoreSettings) -> Office:
    return open_office(MEMORY if store.url else tmp_path / "centre.db", url=store.url)


@pytest.fixture
def pair(office: Office) -> tuple[PaperDevice, PaperDevice]:
    """Two posts that know nothing of each other."""
    devices = PaperDevice("post-1"), PaperDevice("post-2")
    office.enrol(*devices)
    return devices


def test_a_use_comes_back_in_the_list(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record(entries=2), visa_record("f" * 16))
    first, second = crossing(AT, allowed=2), crossing(AT + HOUR, allowed=2)
    send(office, pair[0], first, crossing(AT, allowed=2, direction=Direction.EXIT))
    send(office, pair[1], second, crossing(AT, allowed=2, decision=Decision.REFUSE))
    assert published(office).uses == 0
    settled(office)
    record = published(office)
    assert record.uses == 2
    assert [(fact.entry, fact.device, fact.post, fact.at) for fact in record.used] == [
        (first.id, "post-1", "post-1", AT),
        (second.id, "post-2", "post-1", AT + HOUR),
    ]
    assert published(office, "f" * 16) == visa_record("f" * 16)
    # A backlog of two uses is one change of the record.
    assert office.feeds.position(Feed.VISAS)[0] == 3
    assert conflict_rows(office) == []
    assert office.codes() == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("between", [False, True])
def test_a_single_entry_visa_used_at_two_posts(
    office: Office, pair: tuple[PaperDevice, PaperDevice], order: tuple[int, int], between: bool
) -> None:
    list_visas(office, visa_record())
    used = [crossing(AT), crossing(AT + HOUR)]
    for number in order:
        send(office, pair[number], used[number])
        if between:
            settled(office)
    settled(office)
    assert conflict_rows(office) == [(VISA, 1, 2, True)]
    (alarm,) = office.store.alarms()
    assert (alarm.code, alarm.subject, alarm.times) == ("double_use", VISA, 1)
    assert alarm.detail == "2 of 1: post-1 2026-05-01T08:00:00.000000Z; post-2 2026-05-01T09:00:00.000000Z"
    assert [fact.entry for fact in published(office).used] == [entry.id for entry in used]
    settled(office)
    assert office.store.alarms() == [alarm]


def test_a_visa_that_the_list_does_not_hold_is_counted_by_its_seal(
    office: Office, pair: tuple[PaperDevice, PaperDevice]
) -> None:
    for device in pair:
        send(office, device, crossing(AT))
    settled(office)
    assert conflict_rows(office) == [(VISA, 1, 2, True)]
    # The list that comes later does not take it back, and knows of both.
    list_visas(office, visa_record(entries=0))
    send(office, pair[0], crossing(AT + HOUR))
    settled(office)
    assert published(office).uses == 3
    assert conflict_rows(office) == [(VISA, 1, 3, True)]
    assert office.store.alarms()[0].times == 2


def test_an_annulled_movement_takes_the_conflict_back(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record())
    used = [crossing(AT), crossing(AT + HOUR)]
    for device, entry in zip(pair, used, strict=True):
        send(office, device, entry)
    settled(office)
    send(office, pair[1], correction(used[1], AT + 2 * HOUR, annuls=True))
    settled(office)
    assert conflict_rows(office) == [(VISA, 1, 1, False)]
    assert [fact.entry for fact in published(office).used] == [used[0].id]
    send(office, pair[1], crossing(AT + 3 * HOUR))
    settled(office)
    assert conflict_rows(office) == [(VISA, 1, 2, True)]


@pytest.mark.parametrize(
    ("changes", "uses"),
    [({"decision": "refuse"}, 0), ({"direction": "exit"}, 0), ({"occurred_at": "2026-04-30T23:00:00Z"}, 1)],
)
def test_a_correction_counts_whenever_it_comes(
    office: Office, pair: tuple[PaperDevice, PaperDevice], changes: dict[str, str], uses: int
) -> None:
    list_visas(office, visa_record())
    entry = crossing(AT)
    # It comes before what it corrects; an older one that says otherwise comes after both.
    send(office, pair[0], correction(entry, AT + 2 * HOUR, **changes))
    settled(office)
    send(office, pair[1], entry)
    settled(office)
    send(office, pair[0], correction(entry, AT + HOUR, direction="entry", occurred_at="2026-06-01T00:00:00Z"))
    settled(office)
    record = published(office)
    assert record.uses == uses
    if "occurred_at" in changes:
        assert record.used[0].at.isoformat() == "2026-04-30T23:00:00+00:00"


def test_a_correction_that_gives_another_visa(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    other = "f" * 16
    list_visas(office, visa_record(), visa_record(other))
    entry = crossing(AT)
    send(office, pair[0], entry)
    settled(office)
    send(office, pair[0], correction(entry, visa_id=other))
    settled(office)
    assert (published(office).uses, published(office, other).uses) == (0, 1)


def test_carried_entries_count_once(tmp_path: Path, store: StoreSettings) -> None:
    init(tmp_path / "centre", store=store, at=AT)
    office = open_office(tmp_path / "centre" / "centre.db", url=store.url)
    device = PaperDevice("post-1")
    office.enrol(device)
    list_visas(office, visa_record())
    entry = crossing(AT)
    send(office, device, entry, correction(entry, document__surname="OTHER"))
    settled(office)
    carried = device.bodies[1:]
    carrying(device, carried)
    send(office, device, movement(9))
    settled(office)
    assert published(office).uses == 1
    assert conflict_rows(office) == []
    found = counts(tmp_path / "centre")
    assert (found.movements, found.corrections, found.carried, found.repeated_movements) == (2, 1, 2, 0)
    rows = list(movements(tmp_path / "centre"))
    assert [row.entry for row in rows].count(entry.id) == 1
    assert next(row for row in rows if row.entry == entry.id).corrections.count(" ") == 0
    assert office.codes() == ["epoch_changed"]


def test_two_entries_under_one_id_raise_an_alarm(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record())
    entry = crossing(AT)
    send(office, pair[0], entry)
    send(office, pair[1], msgspec.structs.replace(entry, officer="somebody else"))
    settled(office)
    assert published(office).uses == 1
    assert [(alarm.code, alarm.device) for alarm in office.store.alarms()] == [("entry_twice", "post-2")]


def test_what_no_list_can_hold_stops_nothing(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    odd = VisaFacts(visa_id="\0" * 3, issuer="UTO", signature="valid", seen_at_centre=False)
    send(office, pair[0], crossing(AT, visa="x" * 1000), msgspec.structs.replace(crossing(AT), visa=odd))
    device = pair[1]
    device.add(b'{"kind":"something_new"}')
    device.add(b"no JSON at all")
    list_visas(office, visa_record())
    send(office, device, crossing(AT))
    settled(office)
    assert published(office).uses == 1


def test_an_entry_of_a_known_kind_that_cannot_be_read_is_flagged(tmp_path: Path, store: StoreSettings) -> None:
    """Taken in and acknowledged by its beginning alone; the rest is read when it is settled."""
    init(tmp_path / "centre", store=store, at=AT)
    office = open_office(tmp_path / "centre" / "centre.db", url=store.url)
    device = PaperDevice("post-1")
    office.enrol(device)
    body = msgspec.json.decode(write_entry(crossing(AT)))
    for changes in ({"decision": 7}, {"document": {"format": "TD3"}}, {"officer": "x" * 5000}):
        device.add(msgspec.json.encode(body | changes))
    device.add(b'{"kind":"movement","id":"short"}')
    send(office, device, crossing(AT + HOUR))
    settled(office)
    assert office.codes() == ["unreadable_entry"]
    # One when the batch came, one for each of the others.
    assert office.store.alarms()[0].times == 4
    found = counts(tmp_path / "centre")
    assert (found.movements, found.unreadable, found.entries) == (1, 4, 6)
    assert [row.sequence for row in movements(tmp_path / "centre")] == [6]


def test_an_import_keeps_the_uses(tmp_path: Path, store: StoreSettings) -> None:
    folder = tmp_path / "centre"
    init(folder, store=store, at=AT)
    office = open_office(folder / "centre.db", url=store.url)
    device = PaperDevice("post-1")
    office.enrol(device)
    file = tmp_path / "visas.jsonl"

    def bring(**fields: object) -> None:
        file.write_bytes(msgspec.json.encode(visa_record(entries=5, **fields)) + b"\n")
        import_feed(folder, "visas", file, at=AT)

    def uses() -> int:
        settled(office)
        return published(office).uses

    bring()
    entry = crossing(AT, allowed=5)
    send(office, device, entry)
    assert uses() == 1
    # The same file again, and one that changes something else.
    bring()
    bring(status="revoked")
    assert uses() == 1
    assert [fact.entry for fact in published(office).used] == [entry.id]
    # The list has heard of the use by our export; then of one more, which is in no journal here.
    bring(uses=1)
    assert uses() == 1
    bring(uses=2)
    assert uses() == 2
    send(office, device, crossing(AT + HOUR, allowed=5))
    assert uses() == 3
    bring(uses=2)
    assert uses() == 3
    bring(uses=3)
    assert uses() == 3
    bring()
    assert uses() == 2


def test_a_list_imported_before_uses_were_counted(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record(entries=5, uses=2))
    send(office, pair[0], crossing(AT, allowed=5))
    settled(office)
    assert published(office).uses == 2
    send(office, pair[0], crossing(AT + HOUR, allowed=5))
    settled(office)
    assert published(office).uses == 3


def test_a_list_that_allows_fewer_entries_shows_the_conflict(tmp_path: Path, store: StoreSettings) -> None:
    folder = tmp_path / "centre"
    init(folder, store=store, at=AT)
    office = open_office(folder / "centre.db", url=store.url)
    device = PaperDevice("post-1")
    office.enrol(device)
    send(office, device, crossing(AT, allowed=0), crossing(AT + HOUR, allowed=0))
    settled(office)
    assert conflict_rows(office) == []
    file = tmp_path / "visas.jsonl"
    file.write_bytes(msgspec.json.encode(visa_record(entries=1)) + b"\n")
    import_feed(folder, "visas", file, at=AT)
    settled(office)
    assert conflict_rows(office) == [(VISA, 1, 2, True)]


def test_only_the_newest_uses_are_named(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record(entries=0))
    entries = [crossing(AT + number * HOUR, allowed=0) for number in range(20)]
    send(office, pair[0], *entries)
    settled(office)
    record = published(office)
    assert record.uses == 20
    assert [fact.entry for fact in record.used] == [entry.id for entry in entries[4:]]


def test_a_backlog_is_settled_in_portions(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record(entries=0))
    for _ in range(PORTION // 100 + 1):
        send(office, pair[0], *(crossing(AT, allowed=0) for _ in range(100)))
    # The visa, and the stay of its holder.
    steps = [settle(office.store.database, AT) for _ in range(3)]
    assert [(step.entries, step.changes, step.more) for step in steps] == [
        (PORTION, 0, True),
        (101, 2, False),
        (0, 0, False),
    ]
    assert published(office).uses == PORTION + 100


def test_the_lists_are_not_changed_for_every_entry(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record(entries=0))
    settler = Settler(office.store.database, 5)
    for second in range(12):
        send(office, pair[0], crossing(AT + second * HOUR, allowed=0))
        settler.step(AT, 100.0 + second, busy=False)
    # At once, then after five seconds each.
    assert office.feeds.position(Feed.VISAS)[0] == 1 + 3
    assert published(office).uses == 11
    settler.step(AT, 114.0, busy=False)
    assert published(office).uses == 11
    settler.step(AT, 115.0, busy=False)
    assert published(office).uses == 12


def test_a_conflict_does_not_wait_for_the_lists(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record())
    settler = Settler(office.store.database, 3600)
    for second, device in enumerate(pair):
        send(office, device, crossing(AT + second * HOUR))
        settler.step(AT, 100.0 + second, busy=False)
    assert conflict_rows(office) == [(VISA, 1, 2, True)]
    assert office.codes() == ["double_use"]
    assert published(office).uses == 1
    send(office, pair[1], correction(crossing(AT), annuls=True))
    settled(office)
    assert published(office).uses == 2
    assert office.store.alarms()[0].times == 1


def test_a_backlog_does_not_keep_the_lists_back(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record(entries=0))
    settler = Settler(office.store.database, 5)
    settler.step(AT, 100.0, busy=False)
    send(office, pair[0], *(crossing(AT, allowed=0) for _ in range(3 * PORTION)))
    settler.step(AT, 101.0, busy=False)
    assert published(office).uses == PORTION - 1


def test_settling_waits_while_journals_come(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    list_visas(office, visa_record(entries=0))
    settler = Settler(office.store.database, 0)
    settler.step(AT, 100.0, busy=False)
    send(office, pair[0], crossing(AT, allowed=0))
    settler.step(AT, 101.0, busy=True)
    assert published(office).uses == 0
    settler.step(AT, 103.0, busy=True)
    assert published(office).uses == 1


def test_a_crash_between_ledger_and_lists_loses_nothing(
    office: Office, pair: tuple[PaperDevice, PaperDevice]
) -> None:
    list_visas(office, visa_record())
    send(office, pair[0], crossing(AT))
    assert settle(office.store.database, AT, Lists.NOT).entries
    with pytest.raises(RuntimeError), office.store.database.transaction():
        office.store.database.execute("DELETE FROM touched")
        raise RuntimeError
    assert settle(office.store.database, AT).changes == 2
    assert published(office).uses == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_order_of_arrival_comes_to_the_same(data: st.DataObject) -> None:
    """Uses, corrections and annulments of three posts, taken in and settled in any order the line brings them."""
    used = [crossing(AT + number * HOUR, allowed=1) for number in range(3)]
    mended = [
        correction(used[1], AT + 5 * HOUR, direction="exit"),
        correction(used[1], AT + 6 * HOUR, direction="entry"),
    ]
    undone = correction(used[2], AT + 7 * HOUR, annuls=True)
    journals = [[used[0]], [used[1], *mended], [used[2], undone]]
    left = data.draw(st.permutations([number for number, entries in enumerate(journals) for _ in entries]))
    pauses = data.draw(st.lists(st.booleans(), min_size=len(left), max_size=len(left)))
    office = open_office()
    devices = [PaperDevice(f"post-{number}") for number in range(3)]
    office.enrol(*devices)
    list_visas(office, visa_record())
    coming = [iter(entries) for entries in journals]
    for number, pause in zip(left, pauses, strict=True):
        send(office, devices[number], next(coming[number]))
        if pause:
            settled(office)
    settled(office)
    assert [fact.entry for fact in published(office).used] == [used[0].id, used[1].id]
    assert conflict_rows(office) == [(VISA, 1, 2, True)]
    office.store.database.close()


def test_what_was_taken_by_an_older_version_is_settled(tmp_path: Path) -> None:
    office = open_office(tmp_path / "centre.db")
    devices = [PaperDevice(f"post-{number}") for number in range(3)]
    office.enrol(*devices)
    for device, hours in itertools.product(devices, range(3)):
        device.add(write_entry(crossing(AT + hours * HOUR)))
    for device in devices:
        office.acks(device.greets(), device.sent(1, 4))
    settled(office)
    assert conflict_rows(office) == [(VISA, 1, 9, True)]


def test_two_processes_take_in_while_a_third_settles(postgres: Cluster) -> None:
    """Neither of the two can see the other's entries before they are committed: no double use is missed for that."""
    url = postgres.fresh()
    visas = [f"{number:016x}" for number in range(40)]
    posts = [(open_office(url=url), PaperDevice(f"post-{number}")) for number in range(2)]
    with closing(open_office(url=url).store.database) as database:
        posts[0][0].enrol(*(device for _, device in posts))

        def take_in(post: tuple[Office, PaperDevice]) -> None:
            for visa in visas:
                send(*post, crossing(AT, visa=visa))

        with ThreadPoolExecutor(2) as pool:
            coming = [pool.submit(take_in, post) for post in posts]
            while not all(one.done() for one in coming):
                settle(database, AT)
            for one in coming:
                one.result()
        settle_all(database, AT)
        found = list(database.rows("SELECT visa, uses FROM conflict ORDER BY visa"))
        assert found == [(visa, 2) for visa in visas]
        alarms = list(database.rows("SELECT subject, times FROM alarm WHERE code = 'double_use' ORDER BY subject"))
        assert alarms == [(visa, 1) for visa in visas]
    for office, _ in posts:
        office.store.database.close()
    postgres.give_back(url)
