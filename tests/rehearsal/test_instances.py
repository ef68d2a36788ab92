"""A rehearsal fills any schema that can be filled, and with as little as it can."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.rehearsal.instances import minimal_instance
from claude_run.rehearsal.patterns import minimal_match

NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
    },
    "required": ["value", "next"],
    "additionalProperties": False,
}
BINARY = {
    "type": "object",
    "properties": {"left": {"$ref": "#/$defs/term"}, "right": {"$ref": "#/$defs/term"}},
    "required": ["left", "right"],
}

SMALLEST: list[tuple[Any, Any]] = [
    (True, None),
    ({}, None),
    ({"type": "object"}, {}),
    ({"type": "array"}, []),
    ({"type": "string"}, ""),
    ({"type": "number"}, 0),
    ({"type": "integer"}, 0),
    ({"type": "boolean"}, False),
    ({"type": "null"}, None),
    ({"type": ["string", "null"]}, ""),
    ({"enum": ["b", "a"]}, "b"),
    ({"type": "string", "enum": [1, "a"]}, "a"),
    ({"type": "integer", "enum": [True, 2]}, 2),
    ({"const": {"a": 1}}, {"a": 1}),
    ({"type": "string", "default": "x"}, ""),
    ({"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": ""}),
    ({"required": ["free"]}, {"free": None}),
    ({"required": ["a"], "additionalProperties": {"type": "integer"}}, {"a": 0}),
    ({"required": ["x_1"], "patternProperties": {"^x_": {"const": 1}}}, {"x_1": 1}),
    ({"type": "object", "minProperties": 1, "properties": {"a": {"const": 1}}}, {"a": 1}),
    ({"type": "object", "minProperties": 1}, {"property_1": None}),
    ({"type": "array", "minItems": 2, "items": {"type": "boolean"}}, [False, False]),
    ({"type": "array", "minItems": 2, "uniqueItems": True, "items": {"enum": [7, 8]}}, [7, 8]),
    ({"type": "array", "minItems": 2, "prefixItems": [{"const": "a"}]}, ["a", None]),
    ({"type": "array", "prefixItems": [{"const": "a"}]}, []),
    ({"type": "string", "minLength": 3}, "aaa"),
    ({"type": "string", "format": "date"}, "1970-01-01"),
    ({"type": "string", "format": "unheard-of"}, ""),
    ({"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}, "AA-0"),
    ({"type": "string", "pattern": "^x+$", "minLength": 4, "maxLength": 4}, "xxxx"),
    ({"type": "string", "pattern": "(?=too hard)"}, ""),
    ({"type": "integer", "minimum": 5}, 5),
    ({"type": "integer", "exclusiveMinimum": 5}, 6),
    ({"type": "integer", "maximum": -5}, -5),
    ({"type": "integer", "minimum": 1, "multipleOf": 7}, 7),
    ({"type": "integer", "minimum": 1, "multipleOf": 1.5}, 3),
    ({"type": "number", "minimum": 0.5}, 0.5),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    ({"type": "number", "maximum": -0.1, "multipleOf": 0.25}, -0.25),
    ({"anyOf": [False, {"type": "integer", "minimum": 2, "maximum": 1}, {"const": "c"}]}, "c"),
    ({"oneOf": [{"type": "string"}, {"type": "null"}]}, ""),
    ({"minimum": 3, "anyOf": [{"type": "integer"}]}, 3),
    (
        {
            "allOf": [
                {"type": ["integer", "string"], "minimum": 2},
                {"type": ["string", "number"], "minimum": 3, "maxLength": 0},
            ]
        },
        3,
    ),
    (
        {
            "allOf": [
                {"properties": {"a": {"minimum": 1}}, "required": ["a"]},
                {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            ]
        },
        {"a": 1},
    ),
    ({"$ref": "#/$defs/node", "$defs": {"node": NODE}}, {"value": 0, "next": None}),
    (
        {
            "$ref": "#/$defs/term",
            "$defs": {"term": {"anyOf": [BINARY, {"type": "string"}]}},
        },
        "",
    ),
    (
        {
            "type": "object",
            "properties": {"deeper": {"$ref": "#"}, "a~/%": {"const": 1}, "b": {}},
            "required": ["b"],
            "$defs": {"unused": {"$ref": "#/properties/deeper"}},
        },
        {"b": None},
    ),
    ({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"const": 1}}}, 1),
    (
        {
            "type": "object",
            "properties": {"parent": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["parent"],
        },
        {"parent": None},
    ),
    (
        {
            "allOf": [{"$ref": "#/$defs/base"}],
            "properties": {"sibling": {"$ref": "#/$defs/base"}},
            "required": ["sibling"],
            "$defs": {"base": {"properties": {"name": {"const": "n"}}, "required": ["name"]}},
        },
        {"name": "n", "sibling": {"name": "n"}},
    ),
    ({"$ref": "#/$defs/a~1b%25", "$defs": {"a/b%": {"const": 1}}}, 1),
    ({"$ref": "#/anyOf/1", "anyOf": [{"type": "null"}, {"const": 1}]}, 1),
]


@pytest.mark.parametrize(("schema", "smallest"), SMALLEST)
def test_the_smallest_value_of_a_schema(schema: Any, smallest: Any) -> None:
    value = minimal_instance(schema)

    assert (value, type(value)) == (smallest, type(smallest))
    if schema != {"type": "string", "pattern": "(?=too hard)"}:
        jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"enum": []},
        {"type": "unheard-of"},
        {"type": "string", "minLength": 2, "maxLength": 1},
        {"type": "integer", "minimum": 1, "maximum": 2, "multipleOf": 7},
        {"allOf": [{"type": "string"}, {"type": "null"}]},
        {"required": ["a"], "additionalProperties": False},
        {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "#"},
        {"$ref": "#/$defs/missing"},
    ],
)
def test_a_schema_that_nothing_meets_is_a_value_error(schema: Any) -> None:
    with pytest.raises(ValueError, match=r"no value can meet|leads nowhere"):
        minimal_instance(schema)


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    least = draw(st.integers(0, 5))
    most = draw(st.integers(least, 9))
    pattern = draw(st.sampled_from([{}, {"pattern": "^[a-f]*$"}, {"pattern": "[0-9]?"}]))
    return {"type": "string", "minLength": least, "maxLength": most, **pattern}


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-9, 9))
    step = draw(st.sampled_from([0.5, 1, 2, 3]))
    lower = draw(st.sampled_from(["minimum", "exclusiveMinimum"]))
    upper = draw(st.sampled_from(["maximum", "exclusiveMaximum"]))
    schema = {"type": draw(st.sampled_from(["integer", "number"])), lower: low, upper: low + 7}
    return {**schema, **draw(st.sampled_from([{}, {"multipleOf": step}]))}


def objects(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from("abc")
    return st.fixed_dictionaries(
        {
            "type": st.just("object"),
            "properties": st.dictionaries(names, parts),
            "required": st.lists(names, unique=True),
        }
    )


def arrays(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {
            "type": st.just("array"),
            "items": parts,
            "prefixItems": st.lists(parts, min_size=1, max_size=2),
            "minItems": st.integers(0, 3),
        }
    )


SCHEMAS = st.recursive(
    st.sampled_from([True, {"type": "null"}, {"type": "boolean"}, {"$ref": "#/$defs/node"}])
    | strings()
    | numbers()
    | st.builds(lambda values: {"enum": values}, st.lists(st.integers() | st.text(), min_size=1)),
    lambda parts: (
        objects(parts)
        | arrays(parts)
        | st.builds(lambda branches: {"anyOf": branches}, st.lists(parts, min_size=1, max_size=3))
        | st.builds(lambda part: {"allOf": [part]}, parts)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(SCHEMAS)
def test_the_value_of_any_schema_validates(schema: Any) -> None:
    whole = {"$defs": {"node": NODE}, "allOf": [schema]}

    jsonschema.Draft202012Validator(whole).validate(minimal_instance(whole))


@pytest.mark.parametrize(
    ("pattern", "at_least", "text"),
    [
        ("", 0, ""),
        ("^a|b$", 0, "a"),
        (r"^\d{3}-\d{4}$", 0, "000-0000"),
        (r"^(?:ab){2,}\.$", 0, "abab."),
        (r"^[^a]{2,3}?$", 0, "00"),
        (r"^[\]\-]$", 0, "]"),
        (r"^\w+@\w+\.com$", 0, "a@a.com"),
        (r"^#?([a-f0-9]{6}|[a-f0-9]{3})$", 0, "aaaaaa"),
        (r"^[a-z]*$", 5, "aaaaa"),
        (r"^x+:y+$", 6, "xxx:yyy"),
        (r"^.{2,8}$", 5, "aaaaa"),
        (r"^x", 3, "xaa"),
        (r"^ab$", 3, None),
        (r"(a)\1", 0, None),
        (r"^(?!a)", 0, None),
        (r"(?i)a", 0, None),
        (r"a{3000000}", 0, None),
        (r"(a", 0, None),
        (r"a)", 0, None),
        (r"[a", 0, None),
        ("\\", 0, None),
        (r"*", 0, None),
    ],
)
def test_the_shortest_text_of_a_pattern(pattern: str, at_least: int, text: str | None) -> None:
    assert minimal_match(pattern, at_least) == text
