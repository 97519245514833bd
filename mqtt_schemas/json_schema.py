"""JSON Schema 2020-12 from the contract's structs.

What a schema says must be what a reader does, so this translates only what both sides can say alike, and
refuses the rest: a number without bounds (JSON has numbers no machine holds), a time without a zone, bytes
whose bounds base64 cannot show. Where the two languages still differ, README.md ("Spelling") has the rule.
"""

from __future__ import annotations

import ast
import inspect
import sys
from enum import Enum
from functools import cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec import inspect as shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DATE = f"{_YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z"
_SEXTET = "[A-Za-z0-9+/]"
_PYTHON_END = r"(?!\n)$"

Schema = dict[str, Any]


def document(kind: type[Struct], urn: str) -> Schema:
    """The schema of one struct as a file of its own: nothing in it refers to another file."""
    return _Document().of(kind, urn)


def union(kinds: tuple[type[Struct], ...], urn: str, title: str, description: str) -> Schema:
    """The schema of a tagged union of structs as a file of its own."""
    maker = _Document()
    options = [maker.reference(kind) for kind in kinds]
    return {
        **_head(urn, title, description),
        "anyOf": options,
        "$defs": maker.definitions,
    }


def _head(urn: str, title: str, description: str) -> Schema:
    return {"$schema": DIALECT, "$id": urn, "title": title, "description": description}


class _Document:
    """One file in the making, with the definitions its parts need."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def of(self, kind: type[Struct], urn: str) -> Schema:
        body = self._struct(kind)
        head = _head(urn, body.pop("title"), body.pop("description"))
        return {**head, **body, **({"$defs": self.definitions} if self.definitions else {})}

    def reference(self, kind: type[Struct]) -> Schema:
        name = kind.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # keeps its place, should the struct hold itself
            self.definitions[name] = self._struct(kind)
        return {"$ref": f"#/$defs/{name}"}

    def _struct(self, kind: type[Struct]) -> Schema:
        info = shape.type_info(kind)
        assert isinstance(info, shape.StructType)
        words = field_words(kind)
        properties: dict[str, Schema] = {}
        required: list[str] = []
        if info.tag_field is not None:
            properties[info.tag_field] = {"const": info.tag}
            required.append(info.tag_field)
        for field in info.fields:
            schema = self._type(field.type)
            if words.get(field.name):
                schema.pop("description", None)  # what its type says of itself
                schema = {"description": words[field.name], **schema}
            # A reader takes no message without its version, though a writer's struct has a default for it.
            if field.required or field.name == "v":
                required.append(field.encode_name)
            else:
                schema["default"] = _default(field)
            properties[field.encode_name] = schema
        return {
            "title": kind.__name__,
            "description": _one_line(kind.__doc__),
            "type": "object",
            "required": required,
            "properties": properties,
        }

    def _type(self, node: shape.Type) -> Schema:
        match node:
            case shape.Metadata():
                return {**self._type(node.type), **(node.extra_json_schema or {})}
            case shape.StrType():
                return _string(node)
            case shape.BytesType():
                return _bytes(node.min_length or 0, node.max_length)
            case shape.IntType() | shape.FloatType():
                return _number(node)
            case shape.BoolType():
                return {"type": "boolean"}
            case shape.DateTimeType(tz=True):
                return {"type": "string", "format": "date-time", "pattern": f"^{_DATE}T{_TIME}$"}
            case shape.DateType():
                return {"type": "string", "format": "date", "pattern": f"^{_DATE}$"}
            case shape.EnumType():
                return _enumeration(node.cls)
            case shape.StructType():
                return self.reference(node.cls)
            case shape.UnionType():
                return {"anyOf": [self._type(option) for option in node.types]}
            case shape.NoneType():
                return {"type": "null"}
            case shape.VarTupleType():
                limit = {} if node.max_length is None else {"maxItems": node.max_length}
                return {"type": "array", "items": self._type(node.item_type), **limit}
            case shape.DictType(key_type=shape.StrType()):
                return {"type": "object", "additionalProperties": self._type(node.value_type)}
            case shape.RawType():
                return {}
            case _:
                raise TypeError(f"the contract has no way to publish {node}")


def _string(node: shape.StrType) -> Schema:
    schema: Schema = {"type": "string"}
    if node.min_length is not None:
        schema["minLength"] = node.min_length
    if node.max_length is not None:
        schema["maxLength"] = node.max_length
    if node.pattern is not None:
        if not node.pattern.endswith(_PYTHON_END):
            raise TypeError(f"pattern {node.pattern} lets a final line feed through in Python")
        # In JSON Schema (ECMA-262) a plain `$` is the end, and engines without look-ahead can read it.
        schema["pattern"] = node.pattern.removesuffix(_PYTHON_END) + "$"
    return schema


def _bytes(least: int, most: int | None) -> Schema:
    """Bytes as base64 (RFC 4648 section 4, padded); in MessagePack the same field is `bin`."""
    schema: Schema = {"type": "string", "contentEncoding": "base64"}
    if most is None:
        raise TypeError("bytes without a bound")
    whole, rest = divmod(most, 3)
    if least == most:
        tail = {0: "", 1: f"{_SEXTET}{{2}}==", 2: f"{_SEXTET}{{3}}="}[rest]
        sextets = 4 * whole + (rest + 1 if rest else 0)
        return {**schema, "pattern": f"^{_SEXTET}{{{sextets}}}{'=' * tail.count('=')}$"}
    if least > 1:
        raise TypeError(f"{least} to {most} bytes: base64 cannot show the lower bound")
    if least:
        schema["minLength"] = 4
    schema["maxLength"] = 4 * (whole + (rest > 0))
    schema["pattern"] = f"^({_SEXTET}{{4}})*({_SEXTET}{{2}}==|{_SEXTET}{{3}}=)?$"
    if rest:
        # Of the longest texts, those with less padding hold one or two bytes too many.
        ending = "[^=]=?$" if rest == 1 else "[^=]$"
        schema["not"] = {"minLength": schema["maxLength"], "pattern": ending}
    return schema


def _number(node: shape.IntType | shape.FloatType) -> Schema:
    if node.ge is None or node.le is None:
        raise TypeError("a number without bounds")
    kind = "integer" if isinstance(node, shape.IntType) else "number"
    return {"type": kind, "minimum": node.ge, "maximum": node.le}


def _enumeration(kind: type[Enum]) -> Schema:
    words = field_words(kind)
    known = [{"const": member.value, **_described(words.get(member.name))} for member in kind]
    described = _described(_one_line(kind.__doc__) if "__doc__" in vars(kind) else "")
    if "UNKNOWN" not in kind.__members__:
        return {**described, "type": "string", "oneOf": known}
    newer = {"description": "A value of a newer minor version: read as `unknown`."}
    return {**described, "type": "string", "anyOf": [*known, newer]}


def _described(words: str | None) -> Schema:
    return {"description": words} if words else {}


def _default(field: shape.Field) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    if isinstance(field.default, msgspec.Raw):
        return msgspec.json.decode(bytes(field.default))
    if isinstance(field.default, bytes):
        return ""
    return msgspec.to_builtins(field.default)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


@cache
def field_words(kind: type) -> dict[str, str]:
    """What the source says of each attribute of a class: the string below it, or below its named type."""
    words: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__[:-1]):
        if not ancestor.__module__.startswith("mqtt_schemas."):
            continue
        tree = _tree(ancestor.__module__)
        body = next(
            node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == ancestor.__name__
        )
        words |= _strings_below(body, named_types())
    return words


@cache
def named_types() -> dict[str, str]:
    """What the source says of the contract's named types (`Mark`, `Moment` …)."""
    names: dict[str, str] = {}
    for module in ("records", "entries", "messages", "post"):
        names |= _strings_below(_tree(f"mqtt_schemas.{module}").body, {})
    return names


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _strings_below(body: list[ast.stmt], types: dict[str, str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for statement, below in zip(body, [*body[1:], None], strict=True):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                words[name] = _type_words(annotation, types)
            case ast.Assign(targets=[ast.Name(id=name)]):
                words[name] = ""
            case _:
                continue
        match below:
            case ast.Expr(value=ast.Constant(value=str(text))):
                words[name] = _one_line(text)
    return {name: text for name, text in words.items() if text}


def _type_words(annotation: ast.expr, types: dict[str, str]) -> str:
    match annotation:
        case ast.Name(id=name):
            return types.get(name, "")
        case ast.BinOp(left=ast.Name(id=name), right=ast.Constant(value=None)):
            return types.get(name, "")
        case _:
            return ""
