"""JSON schemas on their way to Claude: what is spelt anew, and what is checked by nobody else."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.claude.answer.structured import is_wrapped, unchecked_schema
from claude_run.claude.schemas import checkable, fits, modern, require_shallow
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
    [{"$ref": "http://127.0.0.1:9/schema"}, {"$ref": "#/$defs/none"}, {"pattern": "\\p{L}"}],
)
def test_what_nobody_can_check_does_not_fit(schema: JsonObject) -> None:
    assert not fits("x", schema)


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
