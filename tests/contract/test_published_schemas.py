"""The published JSON Schemas are those of the structs, and mean the same as the readers do."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import msgspec
import pytest
from contract_values import (
    NOON,
    PUBLISHED,
    REFUSED_TIMES,
    golden,
    instances,
    json_values,
    read,
    spoiled,
    spoiled_everywhere,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from mqtt_schemas import entries, json_schema, messages, post, publish, records
from mqtt_schemas.errors import ContractError

MANY = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
by_kind = pytest.mark.parametrize("name", sorted(PUBLISHED))


@cache
def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((publish.FOLDER / name).read_text(encoding="utf-8"))
    return loaded


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema(name), validate_formats=True)


def reads(kind: type[Struct], raw: bytes) -> bool:
    try:
        read(kind, raw)
    except ContractError:
        return False
    return True


def as_json(instance: Struct) -> Any:
    return json.loads(msgspec.json.encode(instance))


# --- the files ---------------------------------------------------------------------------------------------


def test_files_are_those_of_the_structs() -> None:
    assert publish.differences() == []


def test_check_names_what_differs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(publish, "differences", lambda: ["entry.json"])
    assert publish.main(["--check"]) == 1
    assert "entry.json" in capsys.readouterr().err
    monkeypatch.undo()
    assert publish.main(["--check"]) == 0


def test_differences_are_found_and_mended(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    publish.write(folder)
    assert publish.differences(folder) == []
    (folder / "entry.json").write_text("{}")
    (folder / "message-pull.json").unlink()
    (folder / "message-former.json").write_text("{}")
    assert publish.differences(folder) == ["entry.json", "message-former.json", "message-pull.json"]
    publish.write(folder)
    assert publish.differences(folder) == []


@pytest.mark.parametrize("path", sorted(publish.FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_file_is_a_schema_of_its_own(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == "urn:borne:v1:" + path.stem.replace("-", ":", 1)
    assert found["title"]
    assert found["description"]
    text = path.read_text(encoding="utf-8").replace(found["$schema"], "")
    assert "://" not in text, "names a host"
    assert all(reference.startswith("#/$defs/") for reference in _references(found)), "refers to another file"


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [inner for child in value.values() for inner in _references(child)]
    return [inner for child in value for inner in _references(child)] if isinstance(value, list) else []


def test_patterns_need_no_look_around() -> None:
    for path in publish.FOLDER.glob("*.json"):
        assert "(?" not in path.read_text(encoding="utf-8"), f"{path.name}: RE2 and others cannot read it"


@by_kind
def test_every_struct_and_enumeration_says_what_it_is(name: str) -> None:
    found = schema(name)
    for title, part in {found["title"]: found, **found.get("$defs", {})}.items():
        assert part["description"], title


# --- their meaning -----------------------------------------------------------------------------------------


@by_kind
@MANY
@given(data=st.data())
def test_every_instance_is_valid_and_read(name: str, data: st.DataObject) -> None:
    kind = PUBLISHED[name]
    instance = data.draw(instances(kind))
    value = as_json(instance)
    validator(name).validate(value)
    again = read(kind, json.dumps(value).encode())
    assert msgspec.json.encode(again) == msgspec.json.encode(instance)
    if name.startswith("entry-"):
        validator("entry.json").validate(value)
    if name.startswith("post-"):
        validator("post.json").validate(value)


@by_kind
def test_a_full_instance_spoiled_everywhere_is_judged_alike(name: str) -> None:
    kind, judge = PUBLISHED[name], validator(name)
    value = golden(name.replace(".json", ".full.json"))
    assert set(value) == set(schema(name)["properties"]), "the fixture must have every field there is"
    verdicts = set()
    for spoilt in spoiled_everywhere(value):
        accepted = reads(kind, json.dumps(spoilt).encode())
        assert accepted is judge.is_valid(spoilt), spoilt
        verdicts.add(accepted)
    assert verdicts == {True, False}


@by_kind
@MANY
@given(data=st.data())
def test_spoiled_instances_are_judged_alike(name: str, data: st.DataObject) -> None:
    kind = PUBLISHED[name]
    value = data.draw(spoiled(as_json(data.draw(instances(kind)))))
    raw = json.dumps(value).encode()
    assert reads(kind, raw) is validator(name).is_valid(value), value


@MANY
@given(data=st.data(), kind=st.sampled_from(publish.STATEMENTS))
def test_spoiled_statements_are_judged_alike_by_the_union(data: st.DataObject, kind: type[Struct]) -> None:
    value = data.draw(spoiled(as_json(data.draw(instances(kind)))))
    try:
        messages.decode_body(post.PostBody, json.dumps(value).encode())  # type: ignore[arg-type]
        accepted = True
    except ContractError:
        accepted = False
    assert accepted is validator("post.json").is_valid(value), value


@MANY
@given(data=st.data(), kind=st.sampled_from(publish.ENTRIES))
def test_spoiled_entries_are_judged_alike_by_the_union(data: st.DataObject, kind: type[Struct]) -> None:
    value = data.draw(spoiled(as_json(data.draw(instances(kind)))))
    raw = json.dumps(value).encode()
    try:
        entries.read_entry(raw)
        accepted = True
    except ContractError:
        accepted = False
    assert accepted is validator("entry.json").is_valid(value), value


@by_kind
@settings(MANY, max_examples=15)
@given(value=json_values())
def test_any_json_is_judged_alike(name: str, value: Any) -> None:
    assert reads(PUBLISHED[name], json.dumps(value).encode()) is validator(name).is_valid(value), value


@pytest.mark.parametrize("kind", [messages.JournalBatch, messages.FeedChunk, messages.Signed])
@MANY
@given(data=st.data())
def test_messagepack_is_judged_as_its_json_form(kind: type[Struct], data: st.DataObject) -> None:
    name = f"message-{publish.words(kind)}.json"
    value = data.draw(spoiled(as_json(data.draw(instances(kind)))))
    whole = schema(name)
    try:
        packed = msgspec.msgpack.encode(_with_bytes(value, whole, whole.get("$defs", {})))
    except OverflowError:
        assume(False)
    try:
        messages.decode(kind, packed)
        accepted = True
    except ContractError:
        accepted = False
    assert accepted is validator(name).is_valid(value), value


def _with_bytes(value: Any, part: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """The MessagePack form of a JSON value: what the schema says is base64 becomes bytes."""
    if "$ref" in part:
        part = definitions[part["$ref"].removeprefix("#/$defs/")]
    if isinstance(value, str) and part.get("contentEncoding") == "base64":
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            return value
    if isinstance(value, dict):
        known = part.get("properties", {})
        return {key: _with_bytes(child, known.get(key, {}), definitions) for key, child in value.items()}
    if isinstance(value, list):
        return [_with_bytes(child, part.get("items", {}), definitions) for child in value]
    return value


# --- bounds too large to meet by chance ---------------------------------------------------------------------


@pytest.mark.parametrize(("size", "fits"), [(65535, True), (65536, True), (65537, False), (65538, False)])
def test_picture_at_its_bound(size: int, fits: bool) -> None:
    visa = as_json(
        records.VisaRecord(
            visa_id="0" * 16,
            issuer="UTO",
            document_issuer="UTO",
            document_number="X1",
            valid_from=NOON.date(),
            valid_until=NOON.date(),
            entries=1,
            portrait=b"x" * size,
        )
    )
    assert validator("record-visa.json").is_valid(visa) is fits
    assert reads(records.VisaRecord, json.dumps(visa).encode()) is fits


@pytest.mark.parametrize("size", [1_048_575, 1_048_576, 1_048_577, 1_048_578])
def test_rows_at_their_bound(size: int) -> None:
    chunk = messages.FeedChunk(feed="visas", first=1, count=1, unpacked=size, digest=bytes(32), rows=bytes(size))
    # Only the field is looked at: the whole message would be beyond what is taken from the wire.
    fits = size <= 1_048_576
    assert validator("message-feed-chunk.json").is_valid(as_json(chunk)) is fits
    try:
        msgspec.msgpack.decode(msgspec.msgpack.encode(chunk), type=messages.FeedChunk)
        accepted = True
    except msgspec.ValidationError:
        accepted = False
    assert accepted is fits


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 8194])
def test_certificate_at_its_bounds(size: int) -> None:
    signer = golden("record-signer.full.json") | {"certificate": base64.b64encode(bytes(size)).decode()}
    fits = 1 <= size <= 8192
    assert validator("record-signer.json").is_valid(signer) is fits
    assert reads(records.SignerRecord, json.dumps(signer).encode()) is fits


@pytest.mark.parametrize(("number", "fits"), [(4096, True), (4097, False)])
def test_secrets_at_their_bound(number: int, fits: bool) -> None:
    secret = golden("message-journal-batch.full.json")["secrets"][0]
    batch = golden("message-journal-batch.full.json") | {"secrets": [secret] * number}
    assert validator("message-journal-batch.json").is_valid(batch) is fits
    assert reads(messages.JournalBatch, json.dumps(batch).encode()) is fits


def test_known_values_of_open_enumerations_are_listed() -> None:
    found = schema("message-ack.json")["properties"]["problem"]
    assert [option["const"] for option in found["anyOf"][:-1]] == [problem.value for problem in messages.Problem]
    assert set(found["anyOf"][-1]) == {"description"}, "the last takes any other text"
    assert schema("message-journal-batch.json")["properties"]["encoding"]["examples"] == [
        encoding.value for encoding in messages.Encoding
    ]


# --- where JSON Schema and the readers speak of different things (README, "Spelling") ------------------------


def _head(**changes: Any) -> bytes:
    head = messages.FeedHead(feed="visas", version=1, head=bytes(32), issued=NOON, expires=NOON)
    return json.dumps(as_json(head) | changes).encode()


_TOLERATED = [
    "2026-03-14 12:00:00Z",
    "2026-03-14t12:00:00Z",
    "2026-03-14T12:00:00z",
    "2026-03-14T12:00:00+00:00",
    "2026-03-14T12:00:00-00:00",
    "2026-03-14T12:00:00+0000",
    "2026-03-14T12:00:00.0000000Z",
]


@pytest.mark.parametrize("text", _TOLERATED)
def test_other_spellings_of_utc_are_read_but_never_written(text: str) -> None:
    assert messages.decode_body(messages.FeedHead, _head(issued=text)).issued == NOON
    assert not validator("message-feed-head.json").is_valid(json.loads(_head(issued=text)))


@pytest.mark.parametrize("text", REFUSED_TIMES)
def test_times_both_refuse(text: str) -> None:
    assert not reads(messages.FeedHead, _head(issued=text))
    assert not validator("message-feed-head.json").is_valid(json.loads(_head(issued=text)))


@MANY
@given(moment=st.datetimes(timezones=st.just(NOON.tzinfo)))
def test_times_are_written_in_the_one_published_spelling(moment: Any) -> None:
    validator("message-feed-head.json").validate(json.loads(_head()) | {"issued": as_json_time(moment)})


def as_json_time(moment: Any) -> str:
    text: str = json.loads(msgspec.json.encode(moment))
    return text


@pytest.mark.parametrize("spelling", ["1.0", "1e0", "10e-1"])
def test_integers_are_spelt_as_integers(spelling: str) -> None:
    """To JSON Schema 1.0 is an integer; a reader refuses it, as it would have to decide what 1e300 is."""
    raw = _head().replace(b'"version": 1', f'"version": {spelling}'.encode())
    assert validator("message-feed-head.json").is_valid(json.loads(raw))
    assert not reads(messages.FeedHead, raw)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "1" * 400])
def test_numbers_no_machine_holds_are_refused(number: str) -> None:
    face = '{"reference":"chip","zone":"match","match_threshold":0.4,"doubt_threshold":0.6,"frames":3,"model":"m",'
    face += f'"model_sha256":"","calibration_sha256":"","provisional":true,"distance":{number}}}'
    raw = MOVEMENT[:-1] + b',"faces":[' + face.encode() + b"]}"
    assert not reads(entries.Movement, raw)
    if number not in ("NaN", "Infinity"):
        assert not validator("entry-movement.json").is_valid(json.loads(raw))
    good = raw.replace(f'"distance":{number}'.encode(), b'"distance":0.3')
    assert reads(entries.Movement, good)
    assert validator("entry-movement.json").is_valid(json.loads(good))


MOVEMENT = (
    entries.write_entry(
        entries.Movement(
            id="0" * 32,
            occurred_at=NOON,
            recorded_at=NOON,
            clock=entries.ClockQuality.HOLDOVER,
            inspection_id="1" * 32,
            direction=entries.Direction.ENTRY,
            proposal=entries.Decision.ADMIT,
            decision=entries.Decision.ADMIT,
            officer="o-1",
        )
    )[:-1].replace(b',"faces":[]', b"")
    + b"}"
)


# --- the generator refuses what it cannot say alike ----------------------------------------------------------


def test_generator_refuses_what_the_two_languages_say_differently() -> None:
    class Open(Struct):
        number: int

    class Loose(Struct):
        text: Annotated[str, Meta(pattern="^a$")]

    class Endless(Struct):
        data: bytes

    class Ragged(Struct):
        data: Annotated[bytes, Meta(min_length=2, max_length=9)]

    class Zoneless(Struct):
        at: datetime

    for kind in (Open, Loose, Endless, Ragged, Zoneless):
        with pytest.raises(TypeError):
            json_schema.document(kind, "urn:borne:v1:test")
