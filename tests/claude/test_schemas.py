"""JSON schemas on their way to Claude: what is spelt anew, and answers that are checked."""

from typing import Any

import pytest

from claude_run.claude.answer.structured import is_wrapped
from claude_run.claude.nesting import require_shallow
from claude_run.claude.schemas import fits, modern, require_valid
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
        ({"$id": "Output Format"}, {}),
        ({"anyOf": [{"$id": "#a"}, {"$id": "List[int]"}, {"$id": 5}]}, {"anyOf": [{}, {}, {}]}),
        ({"$id": "https://example.com/a#"}, {"$id": "https://example.com/a#"}),
        ({"properties": {"$id": TEXT}}, {"properties": {"$id": TEXT}}),
    ],
)
def test_older_drafts_are_spelt_as_the_newest(old: JsonObject, new: JsonObject) -> None:
    assert modern(old) == new


def test_a_value_is_checked_against_all_of_a_schema() -> None:
    schema: JsonObject = {"type": "array", **PAIR}
    assert fits([1, "x"], schema)
    assert not fits(["x", 1], schema)
    assert fits("é", {"pattern": "^\\p{L}$"})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$ref": "#/$defs/none"},
        {"pattern": "("},
        {"type": "text"},
        {"properties": [1]},
    ],
)
def test_what_nobody_can_check_is_refused_by_name(schema: JsonObject) -> None:
    assert not fits("x", schema)
    with pytest.raises(TurnError) as caught:
        require_valid(schema, "output_schema")
    assert (caught.value.failure, caught.value.param) == (Failure.BAD_REQUEST, "output_schema")


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
