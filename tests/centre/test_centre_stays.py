"""Open stays as the centre tells them: documents by a keyed hash only."""

from __future__ import annotations

import hmac
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, open_office
from ledger_kit import correction, crossing, send, settled, stays
from test_centre_reports import late_entry

from mqtt_schemas.centre.database import MEMORY
from mqtt_schemas.centre.folder import StoreSettings
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.feeds import STAYS_KEY, Feed, read_change, read_record
from mqtt_schemas.records import StayRecord

HOUR = timedelta(hours=1)


@pytest.fixture
def office(tmp_path: Path, store: StoreSettings) -> Office:
    return open_office(MEMORY if store.url else tmp_path / "centre.db", url=store.url)


@pytest.fixture
def pair(office: Office) -> tuple[PaperDevice, PaperDevice]:
    devices = PaperDevice("post-1"), PaperDevice("post-2")
    office.enrol(*devices)
    return devices


def test_a_stay_is_open_from_entry_to_exit(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    entry = crossing(AT, stay_days=30)
    send(office, pair[0], entry)
    settled(office)
    (stay,) = stays(office)
    assert (stay.entered_at, stay.days, stay.entry, stay.device, stay.post) == (AT, 30, entry.id, "post-1", "post-1")
    change = office.feeds.current(Feed.STAYS, STAYS_KEY)
    assert change is not None
    key = read_record(StayRecord, read_change(change).record).hash_key
    assert stay.document == hmac.new(key, b"UTO\0L00000001", sha256).digest()[:16]
    send(office, pair[1], crossing(AT + HOUR, direction=Direction.EXIT))
    settled(office)
    assert stays(office) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_took_place_last_holds_whatever_came_last(
    office: Office, pair: tuple[PaperDevice, PaperDevice], order: tuple[int, ...]
) -> None:
    passed = [
        crossing(AT),
        crossing(AT + HOUR, direction=Direction.EXIT),
        crossing(AT + 2 * HOUR, stay_days=5),
    ]
    for number in order:
        send(office, pair[number % 2], passed[number])
        settled(office)
    (stay,) = stays(office)
    assert stay.entry == passed[2].id


def test_an_entry_and_an_exit_of_one_backlog_are_no_change(
    office: Office, pair: tuple[PaperDevice, PaperDevice]
) -> None:
    send(office, pair[0], crossing(AT), crossing(AT + HOUR, direction=Direction.EXIT))
    settled(office)
    assert stays(office) == []
    assert office.feeds.position(Feed.STAYS)[0] == 1


def test_who_was_refused_or_is_at_home_has_no_stay(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    send(
        office,
        pair[0],
        crossing(AT, decision=Decision.REFUSE),
        crossing(AT, regime="national"),
        crossing(AT, direction=Direction.UNKNOWN),
        msgspec.structs.replace(crossing(AT), document=None),
    )
    settled(office)
    assert stays(office) == []


def test_corrections_count(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    entry = crossing(AT, stay_days=30)
    send(office, pair[0], entry)
    settled(office)
    (before,) = stays(office)
    send(office, pair[0], correction(entry, document__number="OTHER1", stay_days="15"))
    settled(office)
    (stay,) = stays(office)
    assert (stay.days, stay.document == before.document) == (15, False)
    send(office, pair[0], correction(entry, AT + HOUR, stay_days="many"))
    settled(office)
    assert stays(office)[0].days == 30
    send(office, pair[0], correction(entry, annuls=True))
    settled(office)
    assert stays(office) == []


def test_days_on_paper_count(office: Office, pair: tuple[PaperDevice, PaperDevice]) -> None:
    entry = msgspec.structs.replace(late_entry(), direction=Direction.ENTRY)
    send(office, pair[0], entry)
    settled(office)
    (stay,) = stays(office)
    assert (stay.entry, stay.entered_at) == (entry.id, entry.occurred_at)
