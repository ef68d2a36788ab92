import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.dialects import reading
from claude_run.dialects.json_text import json_value, require_sound
from tests.dialects.chats import refusal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("read", "good"),
    [
        (reading.text, ["", "a"]),
        (reading.boolean, [True, False]),
        (reading.number, [0, -1, 0.5]),
        (reading.integer, [0, -1, 3]),
        (reading.array, [[], [1]]),
        (reading.object_, [{}, {"a": 1}]),
    ],
)
def test_a_reader_takes_its_own_type_and_refuses_the_others(
    read: Callable[[object, str], object], good: list[Any]
) -> None:
    assert [read(value, "x") for value in good] == good
    others: list[object] = [None, "a", True, 0.5, [1], {"a": 1}]
    for other in others:
        if not any(type(other) is type(one) for one in good):
            error = refusal(lambda other=other: read(other, "some[0].field"))  # type: ignore[misc]
            assert error.param == "some[0].field"
            assert error.message.startswith("some[0].field must be ")


def test_a_whole_float_is_an_integer() -> None:
    assert reading.integer(100.0, "n") == 100
    assert isinstance(reading.integer(100.0, "n"), int)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_are_finite(text: str) -> None:
    assert refusal(lambda: reading.number(json.loads(text), "x")).param == "x"
    assert refusal(lambda: reading.integer(json.loads(text), "x")).param == "x"


@pytest.mark.parametrize("number", [2**53 + 1, 10**400, -(10**4000), 1e300])
def test_a_whole_number_that_is_not_the_same_everywhere_is_refused(number: float) -> None:
    assert reading.integer(2**53, "x") == 2**53
    refused = refusal(lambda: reading.integer(number, "x", 1))
    assert refused.param == "x"
    assert len(refused.message) < 150


@pytest.mark.parametrize("value", [-0.1, 2.1])
def test_bounds_are_inclusive_and_told(value: float) -> None:
    assert reading.number(0, "x", 0, 2) == 0
    assert reading.number(2, "x", 0, 2) == 2
    assert "between 0 and 2" in refusal(lambda: reading.number(value, "x", 0, 2)).message


def test_a_lower_bound_alone_is_told_alone() -> None:
    assert "at least 1" in refusal(lambda: reading.integer(0, "x", 1)).message


def test_a_choice_names_its_options() -> None:
    assert reading.choice("a", ("a", "b"), "x") == "a"
    message = refusal(lambda: reading.choice("c", ("a", "b"), "x")).message
    assert message == "x must be one of 'a', 'b', not 'c'."
    assert refusal(lambda: reading.choice(["a"], ("a", "b"), "x")).param == "x"


def test_a_long_value_is_not_repeated() -> None:
    assert len(refusal(lambda: reading.choice("c" * 10_000, ("a",), "x")).message) < 100


def test_paths_are_spelt_as_in_the_request() -> None:
    assert reading.at(reading.at(reading.at("", "messages"), 2), "role") == "messages[2].role"
    assert [path for path, _ in reading.elements(["a", "b"], "stop")] == ["stop[0]", "stop[1]"]


def test_absent_and_null_are_one_for_required_and_optional() -> None:
    assert reading.optional(reading.text, {}, "a") is None
    assert reading.optional(reading.text, {"a": None}, "a") is None
    assert refusal(lambda: reading.required({}, "a")).param == "a"
    assert refusal(lambda: reading.required({"a": None}, "a", "x[0]")).param == "x[0].a"


def test_optional_reads_what_is_there() -> None:
    assert reading.optional(reading.number, {"a": 2}, "a", low=1) == 2
    assert refusal(lambda: reading.optional(reading.number, {"a": 0}, "a", "x", 1)).param == "x.a"


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (r'{"messages": [{"content": "a\ud800"}]}', "messages[0].content"),
        (r'{"user": "\udc00\ud800"}', "user"),
        (r'{"metadata": {"\ud800": 1}}', "metadata"),
        (r'{"\ud800": 1}', None),
        (r'{"a": ["é", "\udfff"], "b": "\ud800"}', "a[1]"),
    ],
)
def test_a_lone_surrogate_is_found_where_it_is(text: str, param: str | None) -> None:
    error = refusal(lambda: json_value(text))
    assert error.param == param
    error.message.encode()


def test_a_surrogate_pair_is_a_character() -> None:
    assert json_value(r'"\ud83d\ude00"') == "\U0001f600"


@pytest.mark.parametrize(
    "written",
    [
        *("NaN", "-Infinity", "1e400", "[-1e999]", "9" * 5000, "[" * 502 + "]" * 502),
        *("[" * 10**6, "{", '{"a":1', "\\ufeff{}", "[1,]", "'a'", "", "01", "1.", "nul"),
    ],
)
@pytest.mark.parametrize("param", ["", "arguments"])
def test_what_is_not_json_is_refused_by_name(written: str, param: str) -> None:
    error = refusal(lambda: json_value(written, param))
    assert error.param == (param or None)
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('{"a": 1, "a": 2}', {"a": 2}),
        ("9007199254740993", 2**53 + 1),
        ("1e308", 1e308),
        ('{"__proto__": {"a": 1}}', {"__proto__": {"a": 1}}),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "\xe9"}),
        ("[" * 500 + "]" * 500, None),
    ],
)
def test_what_is_json_is_read_as_it_is(written: str | bytes, meant: object) -> None:
    assert json_value(written) == meant or meant is None


def test_depth_is_refused_and_no_obstacle() -> None:
    deep: object = "end"
    for _ in range(100_000):
        deep = [deep]
    assert "deep" in refusal(lambda: require_sound(deep)).message


@settings(deadline=None)
@given(JSON)
def test_what_can_be_encoded_is_not_refused(value: object) -> None:
    require_sound(value)
