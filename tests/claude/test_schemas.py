"""JSON schemas on their way to Claude: what is spelt anew, and what is checked by nobody else."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.claude.answer.structured import is_wrapped, unchecked_schema
from claude_run.claude.nesting import require_shallow
from claude_run.claude.schemas import checkable, fits, modern
from claude_run.turn import Failure, JsonObject, TurnError

TEXT: JsonObject = {"type": "string"}
PAIR: JsonObject = {"prefixItems": [{"type": "integer"}, TEXT], "items": False}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"maximum": 5, "exclusiveMaximum": True}, {"exclusiveMaximum": 5}),
        ({"maximum": 5, "exclusiveMaximum": False}, {"maximum": 5}),
        ({"exclusiveMinimum": True}, {}),
        ({"items": [TEXT], "additionalItems": TEXT}, {"prefixItems": [TEXT], "items": TEXT}),
        ({"items": []}, {"items": True}),
        ({"title": None, "default": None, "const": None}, {"default": None, "const": None}),
        ({"not": {"anyOf": [{"title": None}]}}, {"not": {"anyOf": [{}]}}),
        ({"enum": [{"title": None}]}, {"enum": [{"title": None}]}),
        ({"properties": {"title": {"title": None}}}, {"properties": {"title": {}}}),
        (
            {"dependencies": {"a": ["b"], "c": {"title": None}}},
            {"dependencies": {"a": ["b"], "c": {}}},
        ),
        (PAIR, PAIR),
    ],
)
def test_older_drafts_are_spelt_as_the_newest(old: JsonObject, new: JsonObject) -> None:
    assert modern(old) == new


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        ({"x-order": 1, "discriminator": {"propertyName": "a"}, "title": "T"}, {"title": "T"}),
        ({"properties": {"x-order": TEXT}}, {"properties": {"x-order": TEXT}}),
        ({"nullable": True}, {}),
        ({"nullable": True, "type": "string"}, {"nullable": True, "type": "string"}),
        ({"if": TEXT}, {}),
        ({"then": TEXT, "else": TEXT}, {}),
        ({"if": TEXT, "then": TEXT}, {"if": TEXT, "then": TEXT}),
    ],
)
def test_what_demands_nothing_is_left_out(schema: JsonObject, kept: JsonObject) -> None:
    assert checkable(schema) == (kept, True)


def test_what_cannot_be_checked_is_told() -> None:
    kept, is_complete = checkable({"properties": {"at": {**PAIR, "description": "Where."}}})
    assert not is_complete
    assert kept == {
        "properties": {
            "at": {
                "description": 'Where.\n\nJSON schema: {"prefixItems": [{"type": "integer"}, '
                '{"type": "string"}], "items": false}'
            }
        }
    }


SCHEMAS = st.recursive(
    st.sampled_from(
        [TEXT, {"type": "integer"}, PAIR, {"x-order": 1}, {"dependentRequired": {"a": ["b"]}}]
    ),
    lambda inner: (
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("ab"), inner)})
        | st.fixed_dictionaries({"items": inner, "minItems": st.just(1)})
        | st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)})
        | st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=2, max_size=2)})
        | st.fixed_dictionaries({"not": inner})
        | st.fixed_dictionaries({"if": inner, "then": inner}, optional={"else": inner})
    ),
    max_leaves=4,
)
VALUES = st.recursive(
    st.integers(0, 1) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


@settings(max_examples=300)
@given(SCHEMAS, VALUES)
def test_nothing_that_fits_is_refused_for_the_part_that_is_checked(
    schema: JsonObject, value: Any
) -> None:
    kept, is_complete = checkable(schema)
    draft_7 = jsonschema.Draft7Validator(kept).is_valid(value)
    assert draft_7 or not fits(value, schema)
    assert not is_complete or draft_7 == fits(value, schema)


def test_what_is_left_to_check_is_checked_against_all_of_it() -> None:
    schema: JsonObject = {"type": "array", **PAIR}
    assert unchecked_schema(schema) == schema
    assert fits([1, "x"], schema)
    assert not fits(["x", 1], schema)
    assert unchecked_schema({"type": "array", "items": TEXT}) is None


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "http://127.0.0.1:9/schema"}, {"$ref": "#/$defs/none"}, {"pattern": "("}],
)
def test_what_nobody_can_check_does_not_fit(schema: JsonObject) -> None:
    assert not fits("x", schema)


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "^(?=a)(a+)+$", "^(a*)*\\1$", "^((a{0,99}){0,99}){0,99}$"]
)
def test_no_pattern_is_tried_for_ever(pattern: str) -> None:
    text = "a" * 40 + "!"
    assert not fits(text, {"pattern": pattern})
    assert not fits({text: 1}, {"patternProperties": {pattern: TEXT}, "minProperties": 2})
    named = {"patternProperties": {pattern: TEXT}, "unevaluatedProperties": False}
    assert not fits({text: ""}, named)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"^\d+$", "12", True),
        (r"^\d+$", "\u0661", False),  # digits are those of ASCII
        ("^a$", "a\n", False),  # $ is the end, not the last line's
        (r"^\p{L}+$", "\u00e9", True),
        (r"^[\u0061-\u007a]+$", "abc", True),
        (r"^(?!no)\w+$", "yes", True),
        (r"^(?!no)\w+$", "nothing", False),
        (r"^(.)\1$", "aa", True),
    ],
)
def test_patterns_mean_what_they_mean_in_json_schema(
    pattern: str, text: str, matches: bool
) -> None:
    assert fits(text, {"pattern": pattern}) is matches


def test_a_value_without_a_bottom_fits_nothing() -> None:
    value: list[Any] = []
    for _ in range(20_000):
        value = [value]
    assert not fits(value, {"items": {"$ref": "#"}})


def test_whole_numbers_are_compared_whole() -> None:
    assert fits(2**64 + 1, {"const": 2**64 + 1})
    assert not fits(2**53, {"const": 2**53 + 1})


@pytest.mark.parametrize(
    ("schema", "wrapped"),
    [
        ({"type": "object"}, False),
        ({"type": "object", "properties": {"a.b-c_1": TEXT}}, False),
        ({"type": "object", "properties": {"a b": TEXT}}, True),
        ({"type": "object", "anyOf": [TEXT]}, True),
        ({"type": "object", "not": TEXT}, False),
        ({"type": ["object", "null"]}, True),
        ({"$ref": "#/$defs/a"}, True),
        ({}, True),
    ],
)
def test_whatever_cannot_be_a_tools_input_is_wrapped(schema: JsonObject, wrapped: bool) -> None:
    assert is_wrapped(schema) == wrapped


def test_a_schema_without_a_bottom_is_refused_by_name() -> None:
    schema: JsonObject = {}
    for _ in range(5000):
        schema = {"not": schema}
    with pytest.raises(TurnError) as caught:
        require_shallow(schema, "tools")
    assert (caught.value.failure, caught.value.param) == (Failure.BAD_REQUEST, "tools")


def doubled(rounds: int, to: str = "#/$defs/{}") -> JsonObject:
    """Schemas of two references to the next."""
    steps = {
        f"{n}": {"$anchor": f"a{n}", "allOf": [{"$ref": to.format(n + 1)}] * 2}
        for n in range(rounds)
    }
    return {"$defs": {**steps, f"{rounds}": {"$anchor": f"a{rounds}"}}, "$ref": to.format(0)}


@pytest.mark.parametrize("to", ["#/$defs/{}", "#a{}"])
def test_references_that_multiply_are_refused_by_name(to: str) -> None:
    require_shallow(doubled(8, to), "tools")
    with pytest.raises(TurnError) as caught:
        require_shallow(doubled(30, to), "tools")
    assert (caught.value.failure, caught.value.param) == (Failure.BAD_REQUEST, "tools")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$id": "a", "properties": {"next": {"$ref": "a"}}},
        {"properties": {"$ref": TEXT, "a": {"$ref": "#/properties/$ref"}}},
        {"$ref": "#/anyOf/7/x"},
        {"$ref": 1},
    ],
)
def test_recursive_and_broken_references_have_a_size(schema: JsonObject) -> None:
    require_shallow(schema, "tools")
