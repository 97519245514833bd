"""Journal entries: what is written can be read, what cannot be read keeps its bytes."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest
from contract_signers import JOURNAL, Stream
from contract_values import NOON, golden, instances, json_values, spoiled
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from mqtt_schemas import codec, publish
from mqtt_schemas.entries import (
    LARGEST_BODY,
    ClockQuality,
    Decision,
    DeviceEvent,
    Direction,
    EpochOpened,
    EpochReason,
    Movement,
    entry_kind,
    read_entry,
    write_entry,
)
from mqtt_schemas.errors import Malformed

every = pytest.mark.parametrize("kind", publish.ENTRIES, ids=lambda kind: kind.__name__)


def full(kind: type[Struct]) -> dict[str, Any]:
    value: dict[str, Any] = golden(f"entry-{publish.words(kind)}.full.json")
    return value


def event(**changes: Any) -> DeviceEvent:
    fields = {
        "id": "0" * 32,
        "occurred_at": NOON,
        "recorded_at": NOON,
        "clock": ClockQuality.HOLDOVER,
        "event": "started",
    }
    return DeviceEvent(**(fields | changes))


@every
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(kind: type[Struct], data: st.DataObject) -> None:
    entry = data.draw(instances(kind))
    body = write_entry(entry)  # type: ignore[arg-type]
    assert read_entry(body) == entry
    assert entry_kind(body) == json.loads(body)["kind"]


@every
def test_a_newer_minors_fields_are_passed_over(kind: type[Struct]) -> None:
    value = full(kind)
    newer = value | {"added": {"deep": [None, 1]}, "document": (value.get("document") or {}) | {"chip": "absent"}}
    if "document" not in value:
        del newer["document"]
    assert read_entry(json.dumps(newer).encode()) == read_entry(json.dumps(value).encode())


def test_a_newer_minors_values_are_read_as_unknown() -> None:
    newer = full(Movement) | {"clock": "gps", "direction": "transit", "proposal": "quarantine", "decision": "defer"}
    entry = read_entry(json.dumps(newer).encode())
    assert isinstance(entry, Movement)
    assert entry.clock is ClockQuality.UNKNOWN
    assert entry.direction is Direction.UNKNOWN
    assert entry.proposal is Decision.UNKNOWN
    assert entry.decision is Decision.UNKNOWN
    opened = read_entry(json.dumps(full(EpochOpened) | {"reason": "moved"}).encode())
    assert isinstance(opened, EpochOpened)
    assert opened.reason is EpochReason.UNKNOWN


def test_a_kind_that_is_not_known_keeps_its_bytes_and_its_place() -> None:
    """The centre stores and acknowledges it: the chain counts, not what this side can read."""
    unknown = b'{"kind":"correction", "of":"' + b"0" * 32 + b'", "why":"wrong visa"}'
    stream = Stream([write_entry(event()), unknown, b"\xff not JSON at all", write_entry(event())])
    proved = codec.prove_batch(stream.batch(1, 4), codec.SecretTable(), JOURNAL.public_key())
    assert [entry.body for entry in proved] == stream.bodies
    with pytest.raises(Malformed):
        read_entry(unknown)
    assert [entry_kind(entry.body) for entry in proved] == ["device_event", "correction", "", "device_event"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"kind":"late_entry"}', "late_entry"),
        (b'{"x":[{}],"kind":"late_entry"}', "late_entry"),
        (b'{"kind":"' + b"a" * 40 + b'"}', "a" * 40),
        (b'{"kind":"' + b"a" * 41 + b'"}', ""),
        (b'{"kind":"Late"}', ""),
        (b'{"kind":"late\\n"}', ""),
        (b'{"kind":""}', ""),
        (b'{"kind":7}', ""),
        (b'{"kind":null}', ""),
        (b"{}", ""),
        (b"[]", ""),
        (b"", ""),
        (b'{"kind":"late_entry","x":"\xff"}', ""),
        (b'{"kind":"\xff"}', ""),
        (b'{"kind":"late_entry","x":' + b"[" * 100_000, ""),
    ],
)
def test_the_kind_a_body_names(body: bytes, kind: str) -> None:
    assert entry_kind(body) == kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"kind":"movement"}',
        b'{"kind":"nothing_known"}',
        b'{"kind":7}',
        b'{"kind":"device_event","event":"\xff"}',
        b'{"kind":"device_event","x":"\xff"}',
        b'{"kind":"device_event","x":"\\ud800"}',
        b'{"kind":"device_event","x":' + b"[" * 60_000,
        b'{"kind":"device_event","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b" " * (LARGEST_BODY + 1),
        b"\x81\xa4kind",
    ],
)
def test_hostile_bodies_are_typed_errors(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_entry(body)
    assert len(str(caught.value)) < 400


@settings(max_examples=80, deadline=None)
@given(
    st.binary(max_size=80)
    | json_values().map(lambda value: json.dumps(value).encode())
    | st.sampled_from(publish.ENTRIES)
    .flatmap(lambda kind: spoiled(full(kind)))
    .map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_an_entry_or_a_typed_error(body: bytes) -> None:
    entry_kind(body)
    try:
        read_entry(body)
    except Malformed:
        return


# --- nothing is written for good that nobody could read ----------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "short"},
        {"id": "0" * 32 + "\n"},
        {"event": "e" * 1025},
        {"event": "\ud800"},
        {"details": {"x": "y" * 1025}},
        {"details": {"x": 7}},
        {"details": {f"{number}": "y" * 1000 for number in range(70)}},
        {"event": None},
        {"clock": 7},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_entry_no_reader_takes_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        write_entry(event(**changes))


@pytest.mark.parametrize("distance", [float("nan"), float("inf"), -0.1, 2e6])
def test_a_distance_that_is_no_measure_is_not_written(distance: float) -> None:
    entry = read_entry(json.dumps(full(Movement)).encode())
    assert isinstance(entry, Movement)
    face = msgspec.structs.replace(entry.faces[0], distance=distance)
    with pytest.raises(Malformed):
        write_entry(msgspec.structs.replace(entry, faces=(face,)))


def test_a_time_of_another_zone_is_not_even_made() -> None:
    with pytest.raises(ValueError, match="UTC"):
        event(occurred_at=NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="UTC"):
        event(recorded_at=NOON.astimezone(timezone(timedelta(hours=1))))


def test_the_largest_body() -> None:
    room = LARGEST_BODY - len(write_entry(event(details={"x": ""})))
    whole, rest = divmod(room, len('"00000":"",') + 1024)
    details = {f"{number:05}": "y" * 1024 for number in range(whole)} | {"x": "y" * rest}
    body = write_entry(event(details=details))
    assert len(body) == LARGEST_BODY
    with pytest.raises(Malformed):
        write_entry(event(details=details, event="started1"))
