from typing import Any

import pytest

from claude_run.dialects.chat import parse_chat
from claude_run.turn import Effort, JsonObject, Sampling, Text, TurnRequest, UserTurn
from tests.dialects.chats import USER, WEATHER, body, parsed, refusal, refused

SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}}


def sampling(**fields: Any) -> Sampling:
    return parsed(**fields).request.sampling


def output_schema(response_format: Any) -> JsonObject | None:
    return parsed(response_format=response_format).request.output_schema


def json_schema(**members: Any) -> JsonObject:
    return {"type": "json_schema", "json_schema": {"name": "n", "strict": True, **members}}


def test_the_least_request_asks_for_nothing_special() -> None:
    call = parsed()
    assert call.request == TurnRequest(model="sonnet", turns=(UserTurn((Text("Hello"),)),))
    assert (call.n, call.stream, call.include_usage, call.notices) == (1, False, False, ())


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_a_body_is_an_object(value: object) -> None:
    assert refusal(lambda: parse_chat(value, strict=False)).param is None


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 4}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": {"role": "user"}}, "messages"),
        ({"messages": [USER, "Hello"]}, "messages[1]"),
        ({"messages": [{"content": "Hello"}]}, "messages[0].role"),
        ({"messages": [{"role": "User", "content": "Hello"}]}, "messages[0].role"),
        ({"messages": [{"role": 1}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "name": 1}]}, "messages[0].name"),
        ({"stream": "yes"}, "stream"),
        ({"stream": True, "stream_options": True}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_p": -1}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"top_k": 1.5}, "top_k"),
        ({"stop": 1}, "stop"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"stop": ["a", "b", "c", "d", ""]}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": 0, "max_completion_tokens": 5}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"n": True}, "n"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
        ({"parallel_tool_calls": "no", "tools": [WEATHER]}, "parallel_tool_calls"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format.type"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        (
            {"response_format": {"type": "json_schema", "json_schema": 1}},
            "response_format.json_schema",
        ),
        ({"response_format": json_schema(schema=[])}, "response_format.json_schema.schema"),
    ],
)
def test_a_bad_field_is_named_in_param_and_message(changed: JsonObject, param: str) -> None:
    error = refusal(lambda: parse_chat({**body(), **changed}, strict=False))
    assert error.param == param
    assert param in error.message


@pytest.mark.parametrize("name", ["model", "messages"])
def test_what_is_missing_is_named(name: str) -> None:
    short = {key: value for key, value in body().items() if key != name}
    assert refusal(lambda: parse_chat(short, strict=False)).param == name


@pytest.mark.parametrize("model", ["opus", "gpt-4.1", "openai/gpt-4o", "sonnet[1m]"])
def test_the_model_is_asked_for_as_it_was_written(model: str) -> None:
    assert parse_chat({**body(), "model": model}, strict=False).request.model == model


@pytest.mark.parametrize("value", [0, 0.3, 1, 1.0])
def test_a_temperature_claude_knows_is_passed_on(value: float) -> None:
    call = parsed(temperature=value, strict=True)
    assert call.request.sampling.temperature == value


def test_a_temperature_above_one_becomes_one_with_a_notice() -> None:
    call = parsed(temperature=1.7)
    assert call.request.sampling.temperature == 1
    assert [notice.subject for notice in call.notices] == ["temperature"]
    assert refused(temperature=1.7, strict=True).param == "temperature"


def test_sampling_is_passed_on() -> None:
    asked = sampling(temperature=0.5, top_p=0.9, top_k=40, stop="END", max_tokens=100)
    assert asked == Sampling(0.5, 0.9, 40, ("END",), 100)


@pytest.mark.parametrize("unlimited", [0, -1])
def test_a_top_k_of_nothing_is_no_top_k(unlimited: int) -> None:
    assert sampling(top_k=unlimited).top_k is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("", ()),
        ([], ()),
        ("\n\nSTOP", ("\n\nSTOP",)),
        (" ", (" ",)),
        (["</code", "", "Observation:"], ("</code", "Observation:")),
        (["a", "b", "c", "d"], ("a", "b", "c", "d")),
    ],
)
def test_stops_are_kept_to_the_character(said: object, meant: tuple[str, ...]) -> None:
    assert sampling(stop=said).stop == meant


def test_max_completion_tokens_wins_over_max_tokens() -> None:
    assert sampling(max_tokens=5).max_tokens == 5
    assert sampling(max_tokens=5, max_completion_tokens=9).max_tokens == 9


@pytest.mark.parametrize(
    ("said", "thinking", "effort"),
    [
        (None, False, None),
        ("none", False, Effort.LOW),
        ("minimal", True, Effort.LOW),
        ("low", True, Effort.LOW),
        ("medium", True, Effort.MEDIUM),
        ("high", True, Effort.HIGH),
        ("xhigh", True, Effort.XHIGH),
        ("max", True, Effort.MAX),
    ],
)
def test_reasoning_effort_sets_thinking_and_effort(
    said: str | None, thinking: bool, effort: Effort | None
) -> None:
    request = parsed(reasoning_effort=said).request
    assert (request.thinking, request.effort) == (thinking, effort)


@pytest.mark.parametrize(
    ("fields", "included"),
    [
        ({}, False),
        ({"stream": True}, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
        ({"stream": True, "stream_options": {"include_usage": None}}, False),
        ({"stream": True, "stream_options": {"include_obfuscation": False}}, False),
        ({"stream": False, "stream_options": {"include_usage": True}}, False),
    ],
)
def test_usage_is_included_in_streams_that_ask(fields: JsonObject, included: bool) -> None:
    call = parsed(**fields)
    assert call.include_usage is included
    assert call.stream is fields.get("stream", False)


def test_n_counts_the_choices() -> None:
    assert parsed(n=128).n == 128


@pytest.mark.parametrize(
    ("asked", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_object", "schema": {"type": "array"}}, {"type": "array"}),
        (json_schema(schema=SCHEMA), SCHEMA),
        (json_schema(schema={"type": "array"}), {"type": "array"}),
        (json_schema(), {"type": "object"}),
        (json_schema(schema=SCHEMA, description="d"), {**SCHEMA, "description": "d"}),
        (
            json_schema(schema={**SCHEMA, "description": "own"}, description="d"),
            {**SCHEMA, "description": "own"},
        ),
    ],
)
def test_a_response_format_is_a_schema(asked: JsonObject, schema: JsonObject | None) -> None:
    assert output_schema(asked) == schema
