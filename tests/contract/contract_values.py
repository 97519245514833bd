"""Strategies: any instance of a contract struct, and ways to spoil its JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st
from msgspec import Struct
from msgspec import inspect as shape

from mqtt_schemas import entries, feeds, messages, post, publish

SCALARS = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)


def instances(kind: type[Struct]) -> st.SearchStrategy[Struct]:
    """Any instance of a struct, optional fields given or left out."""
    info = shape.type_info(kind)
    assert isinstance(info, shape.StructType)
    required = {field.name: _values(field.type) for field in info.fields if field.required}
    optional = {field.name: _values(field.type) for field in info.fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


def _values(node: shape.Type) -> st.SearchStrategy[Any]:
    match node:
        case shape.Metadata():
            return _values(node.type)
        case shape.StrType(pattern=str(pattern)):
            return st.from_regex(pattern.replace(r"(?!\n)$", ""), fullmatch=True).filter(
                lambda text: len(text) <= (node.max_length or len(text))
            )
        case shape.StrType():
            most = min(node.max_length or 40, 40)
            return st.text(st.characters(codec="utf-8"), min_size=node.min_length or 0, max_size=most)
        case shape.BytesType():
            return st.binary(min_size=node.min_length or 0, max_size=min(node.max_length or 70, 70))
        case shape.IntType():
            return st.integers(node.ge, node.le)
        case shape.FloatType():
            return st.floats(node.ge, node.le, allow_nan=False)
        case shape.BoolType():
            return st.booleans()
        case shape.DateTimeType():
            return st.datetimes(timezones=st.just(UTC))
        case shape.DateType():
            return st.dates()
        case shape.EnumType():
            return st.sampled_from(list(node.cls))
        case shape.NoneType():
            return st.none()
        case shape.StructType():
            return instances(node.cls)
        case shape.UnionType():
            return st.one_of([_values(option) for option in node.types])
        case shape.VarTupleType():
            return st.lists(_values(node.item_type), max_size=3).map(tuple)
        case shape.DictType():
            return st.dictionaries(_values(node.key_type), _values(node.value_type), max_size=3)
        case shape.RawType():
            return json_values().map(lambda value: msgspec.Raw(json.dumps(value).encode()))
    raise TypeError(node)


def json_values() -> st.SearchStrategy[Any]:
    """Any small JSON value."""
    leaf = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.sampled_from([0.5, -1.5]) | SCALARS
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3))


REFUSED_TIMES = [
    "2026-03-14T12:00:00",  # no zone
    "2026-03-14T12:00:00+01:00",  # another zone
    "2026-03-14T12:00:00-00:01",
    "2026-03-14T12:00Z",
    "2026-03-14T24:00:00Z",
    "2026-03-14T23:59:60Z",  # a leap second: no clock or database here can hold it
    "2026-02-29T12:00:00Z",
    "0000-01-01T00:00:00Z",
    "20260314T120000Z",
    "2026-03-14T12:00:00.Z",
    "2026-03-14T12:00:00,5Z",
    "2026-03-14T12:00:00Z\n",
    " 2026-03-14T12:00:00Z",
    "2026-03-14",
]

# What stands at a bound of something in the contract, or just beyond.
_NUMBERS = [
    bound + step
    for bound in (0, 1, 1024, 4096, 65536, 8_388_608, 1_000_000, 2**31 - 1, 2**53, 2**63 - 1, 2**64)
    for step in (-1, 0, 1)
] + [0.5, -0.5, 1e30, 999_999.5, 1_000_000.5, -(2**63) - 1, 10**25]
_LENGTHS = [bound + step for bound in (1, 40, 48, 64, 128, 1024) for step in (-1, 0, 1)]
_BYTES = [base64.b64encode(bytes(size)).decode() for size in (0, 1, 2, 3, 15, 16, 17, 30, 31, 32, 33, 34, 63, 64, 65)]
_TEXTS = [
    *("A" * length for length in _LENGTHS),
    *("é" * length for length in (1024, 1025)),
    *("🙂" * length for length in (1024, 1025)),
    *_BYTES,
    *(text.rstrip("=") for text in _BYTES),
    *("AB==", "AAB=", "A===", "====", "AA==AAAA", "A-_=", "AA= ", "QUFB QUFB"),
    *("1.0", "1.9999", "1.10000", "1.", "2.0", "0.1", "1.0.0", "١.0", "1.٠"),
    *("2024-02-29", "2023-02-29", "2024-02-30", "0000-01-01", "0001-01-01", "2024-1-1", "2024-13-01", "20240101"),
    *("1985-XX-XX", "XXXX-XX-XX", "19XX-01-01", "1985-12-3X"),
    *("put", "delete", "replace", "visa_required", "entry", "movement", "unknown", "something_new"),
    *("CMR", "D", "*", "P", "ABCD", "A B", "cmr", "É"),
    *("0" * 31, "0" * 32, "0" * 33, "0" * 16, "F" * 16, "g" * 16),
    *("visas", "feed:visas", "feed:", "ack", "root", "Ack", "a", "ab-c", "-abc", "abc", "a" * 41),
    *("feed:" + "a" * 43, "feed:" + "a" * 44),
    *REFUSED_TIMES,
]

OTHERS: list[Any] = [*_NUMBERS, *_TEXTS, None, True, False, [], {}, [1], {"a": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a JSON value, itself included."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, child in children for inner in places(child, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], change)
    return copy


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    def drop(parent: Any) -> Any:
        if isinstance(parent, dict):
            return {key: child for key, child in parent.items() if key != path[-1]}
        return [child for index, child in enumerate(parent) if index != path[-1]]

    return _replaced(value, path[:-1], drop)


@st.composite
def spoiled(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with one to three things dropped, added, replaced, bent or repeated."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        action = draw(st.sampled_from(["drop", "replace", "bend", "add"]))
        if action == "drop" and path:
            value = _without(value, path)
        elif action == "replace":
            other = draw(st.sampled_from(OTHERS))
            value = _replaced(value, path, lambda _, other=other: other)
        elif action == "add":
            name, extra = draw(SCALARS), draw(json_values())
            value = _replaced(value, path, lambda here, name=name, extra=extra: _grown(here, name, extra))
        else:
            value = _replaced(value, path, draw(st.sampled_from(_BENDS)))
    return value


def spoiled_everywhere(value: Any) -> Iterator[Any]:
    """A JSON value spoiled once, at every place, in every way."""
    for path in places(value):
        if path:
            yield _without(value, path)
        for other in OTHERS:
            yield _replaced(value, path, lambda _, other=other: other)
        for bend in _BENDS:
            yield _replaced(value, path, bend)
        yield _replaced(value, path, lambda here: _grown(here, "something_new", {"deep": [1, None]}))


def _grown(here: Any, name: str, extra: Any) -> Any:
    if isinstance(here, dict):
        return here if name in here else {**here, name: extra}
    if isinstance(here, list):
        return [*here, *here, extra]
    return here


_BENDS: list[Callable[[Any], Any]] = [
    lambda here: here + "\n" if isinstance(here, str) else here,
    lambda here: "\n" + here if isinstance(here, str) else here,
    lambda here: here + "a" if isinstance(here, str) else here,
    lambda here: here[:-1] if isinstance(here, str | list) else here,
    lambda here: here[1:] if isinstance(here, str | list) else here,
    lambda here: here.swapcase() if isinstance(here, str) and "T" not in here else here,
    lambda here: here.replace("=", "") if isinstance(here, str) else here,
    lambda here: here + "\0" if isinstance(here, str) else here,
    lambda here: (here * 1100)[:1025] if isinstance(here, str) else here,
    lambda here: -here - 1 if isinstance(here, int) else here,
    lambda here: here + 1 if isinstance(here, int) else here,
    lambda here: str(here) if isinstance(here, int) else here,
    lambda here: here + 0.5 if isinstance(here, int) and abs(here) < 2**50 else here,
    lambda here: [here],
    lambda here: {"value": here},
]


def read(kind: type[Struct], raw: bytes) -> Struct:
    """A published struct from its JSON, by the function that readers use."""
    if kind in get_args(entries.Entry):
        entry = entries.read_entry(raw)
        if type(entry) is not kind:
            raise entries.Malformed("entry", "of another kind")
        return entry
    if kind in publish.STATEMENTS:
        statement: Struct = messages.decode_body(post.PostBody, raw)  # type: ignore[arg-type]
        if type(statement) is not kind:
            raise entries.Malformed("statement", "of another kind")
        return statement
    if kind is messages.FeedChange:
        return feeds.read_change(raw)
    if kind in feeds.RECORDS.values():
        return feeds.read_record(kind, raw)
    return messages.decode_body(kind, raw)


PUBLISHED: dict[str, type[Struct]] = {
    f"{group}-{publish.words(kind)}.json": kind for group, kinds in publish.GROUPS for kind in kinds
}

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def golden(name: str, version: str = messages.VERSION) -> Any:
    """A fixture of an older (or this) version of the contract: a minor version holds only what it changes."""
    minors = range(int(version.partition(".")[2]), -1, -1)
    file = next(file for minor in minors if (file := GOLDEN / f"1.{minor}" / name).is_file())
    return json.loads(file.read_text(encoding="utf-8"))
