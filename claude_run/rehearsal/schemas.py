"""JSON schemas as values: what their keywords are about, and two of them made one."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from claude_run.turn import JsonObject

Schema: TypeAlias = JsonObject | bool

COMBINATIONS: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf"})

FORMATS: Final[Mapping[str, str]] = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
}

# What a schema without a type is about, by the first of its keywords that tells.
_TYPE_OF: Final[Mapping[str, str]] = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "patternProperties": "object",
    "minProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "pattern": "string",
    "format": "string",
    "minLength": "string",
    "maxLength": "string",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
}


def types_of(schema: JsonObject) -> list[str] | None:
    """The types `schema` allows, in its order; None where it says nothing about them."""
    match schema.get("type"):
        case str(one):
            return [one]
        case list(several):
            return several
        case _:
            told = [type_ for keyword, type_ in _TYPE_OF.items() if keyword in schema]
            return told[:1] or None


def own(schema: JsonObject) -> JsonObject:
    """What `schema` says itself, apart from what it combines. A `const` is an `enum` of one."""
    said = {keyword: value for keyword, value in schema.items() if keyword not in COMBINATIONS}
    if "const" in said:
        said["enum"] = _common([said.pop("const")], said.get("enum"))
    return said


def merged(one: JsonObject, other: JsonObject) -> JsonObject:
    """A schema that allows what both allow. Where keywords cannot be made one, `other` wins."""
    both = {**one, **other}
    for keyword in one.keys() & other.keys() & _MERGES.keys():
        both[keyword] = _MERGES[keyword](one[keyword], other[keyword])
    return both


def is_of(value: Any, types: list[str]) -> bool:
    match value:
        case None:
            return "null" in types
        case bool():
            return "boolean" in types
        case str():
            return "string" in types
        case int() | float():
            whole = float(value).is_integer()
            return "number" in types or (whole and "integer" in types)
        case list():
            return "array" in types
        case _:
            return "object" in types


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one; unlike for Python, true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _common(one: list[Any], other: list[Any] | None) -> list[Any]:
    return one if other is None else [v for v in one if any(same(v, w) for w in other)]


def _common_types(one: str | list[str], other: str | list[str]) -> list[str]:
    types, allowed = ([t] if isinstance(t, str) else t for t in (one, other))
    both = [t for t in types if t in allowed or (t == "integer" and "number" in allowed)]
    return both + ["integer"] * ("number" in types and "integer" in allowed)


def _both(one: Schema, other: Schema) -> Schema:
    return {"allOf": [one, other]}


def _properties(one: JsonObject, other: JsonObject) -> JsonObject:
    shared = {name: _both(one[name], other[name]) for name in one if name in other}
    return {**one, **other, **shared}


_MERGES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "type": _common_types,
    "enum": _common,
    "properties": _properties,
    "patternProperties": _properties,
    "additionalProperties": _both,
    "items": _both,
    "required": lambda one, other: [*one, *other],
    "uniqueItems": lambda one, other: one or other,
    "minimum": max,
    "maximum": min,
    "exclusiveMinimum": max,
    "exclusiveMaximum": min,
    "minLength": max,
    "maxLength": min,
    "minItems": max,
    "maxItems": min,
    "minProperties": max,
}
