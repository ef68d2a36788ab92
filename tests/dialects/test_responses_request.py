"""A Responses body, understood or refused, and what the response repeats of it."""

from typing import Any

import pytest
from openai.types.responses import Response

from claude_run.dialects.responses import parse_response, previous_id, response_object
from claude_run.turn import (
    Effort,
    JsonObject,
    Sampling,
    Text,
    ToolChoice,
    ToolMode,
    ToolSpec,
    TurnRequest,
    UserTurn,
)
from tests.dialects.chats import refusal
from tests.dialects.responses import (
    CLOCK,
    STARTED,
    WEATHER,
    body,
    called,
    finished,
    parsed,
    refused,
    result,
)

HELLO: JsonObject = {"role": "user", "content": "Hello"}
SEARCH: JsonObject = {"type": "web_search"}
SHELL: JsonObject = {"type": "shell"}
NAMESPACE: JsonObject = {
    "type": "namespace",
    "name": "mail",
    "description": "Mail.",
    "tools": [CLOCK],
}
SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}


def test_the_least_request_asks_for_nothing_special() -> None:
    call = parsed()
    assert call.request == TurnRequest(model="sonnet", turns=(UserTurn((Text("Hello"),)),))
    assert (call.stream, call.store, call.shows_reasoning) == (False, True, False)
    assert call.notices == ()


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_a_body_is_an_object(value: object) -> None:
    assert refusal(lambda: parse_response(value, strict=False)).param is None


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 4}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": {"role": "user"}}, "input"),
        ({"instructions": ["x"]}, "instructions"),
        ({"stream": "yes"}, "stream"),
        ({"store": 1}, "store"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"user": 7}, "user"),
        ({"previous_response_id": 7}, "previous_response_id"),
        ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "long"}}, "reasoning.summary"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "schema": []}}}, "text.format.schema"),
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [WEATHER, {**CLOCK, "parameters": "x"}]}, "tools[1].parameters"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].name"),
        ({"tools": [WEATHER], "parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ],
)
def test_a_bad_field_is_named_in_param_and_message(changed: JsonObject, param: str) -> None:
    error = refusal(lambda: parse_response({**body(), **changed}, strict=False))
    assert error.param == param
    assert param in error.message or "weather" in error.message


@pytest.mark.parametrize("name", ["model", "input"])
def test_what_is_missing_is_named(name: str) -> None:
    short = {key: value for key, value in body().items() if key != name}
    assert refusal(lambda: parse_response(short, strict=False)).param == name


def test_the_numbers_steer_the_generation() -> None:
    call = parsed(temperature=0.5, top_p=0.9, top_k=40, max_output_tokens=100)
    assert call.request.sampling == Sampling(0.5, 0.9, 40, max_tokens=100)
    assert call.notices == ()


def test_a_temperature_above_claudes_is_clamped_with_a_notice() -> None:
    call = parsed(temperature=1.5)
    assert call.request.sampling.temperature == 1
    assert [notice.subject for notice in call.notices] == ["temperature"]
    assert refused(strict=True, temperature=1.5).param == "temperature"


# --- tools ----------------------------------------------------------------------------


def test_functions_are_offered_as_they_are_described() -> None:
    assert parsed(tools=[WEATHER, CLOCK]).request.tools == (
        ToolSpec("weather", "The weather of a city.", WEATHER["parameters"]),
        ToolSpec("clock", "", {"type": "object", "properties": {}}),
    )


def test_other_types_of_tools_are_ignored_with_one_notice_each() -> None:
    call = parsed(tools=[SEARCH, WEATHER, SHELL, SEARCH])

    assert [tool.name for tool in call.request.tools] == ["weather"]
    subjects = [notice.subject for notice in call.notices]
    assert subjects == ["tools of type web_search", "tools of type shell"]
    assert refused(strict=True, tools=[WEATHER, SEARCH]).param == "tools[1].type"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice(ToolMode.NONE)),
        ("required", ToolChoice(ToolMode.REQUIRED)),
        ({"type": "function", "name": "clock"}, ToolChoice(ToolMode.NAMED, "clock")),
    ],
)
def test_a_tool_choice_is_native(value: object, expected: ToolChoice) -> None:
    assert parsed(tools=[WEATHER, CLOCK], tool_choice=value).request.tool_choice == expected


def test_calls_may_be_kept_to_one_at_a_time() -> None:
    call = parsed(tools=[WEATHER], parallel_tool_calls=False)
    assert call.request.tool_choice == ToolChoice(parallel=False)


@pytest.mark.parametrize(
    ("mode", "expected"), [("auto", ToolMode.AUTO), ("required", ToolMode.REQUIRED)]
)
def test_allowed_tools_are_the_ones_that_are_left(mode: str, expected: ToolMode) -> None:
    allowed = {
        "type": "allowed_tools",
        "mode": mode,
        "tools": [{"type": "function", "name": "clock"}],
    }
    request = parsed(tools=[WEATHER, CLOCK], tool_choice=allowed).request

    assert [tool.name for tool in request.tools] == ["clock"]
    assert request.tool_choice.mode is expected


def test_allowing_a_tool_that_is_ignored_is_a_notice() -> None:
    allowed = {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "weather"}, SEARCH],
    }
    call = parsed(tools=[WEATHER], tool_choice=allowed)

    assert [tool.name for tool in call.request.tools] == ["weather"]
    assert [notice.subject for notice in call.notices] == ["tools of type web_search"]


@pytest.mark.parametrize(
    ("tools", "value", "param"),
    [
        ([SEARCH], "required", "tool_choice"),
        ([], "required", "tool_choice"),
        ([SEARCH, WEATHER], {"type": "web_search"}, "tool_choice.type"),
        ([WEATHER], {"type": "custom", "name": "x"}, "tool_choice"),
        ([WEATHER], {"type": "custom"}, "tool_choice.name"),
        ([WEATHER], {"type": "function", "name": "clock"}, "tool_choice"),
        ([NAMESPACE], {"type": "function", "name": "clock"}, "tool_choice"),
        ([WEATHER], {"type": "function"}, "tool_choice.name"),
        ([WEATHER], "sometimes", "tool_choice"),
        ([WEATHER], {"type": "allowed_tools", "mode": "auto"}, "tool_choice.tools"),
        (
            [WEATHER, SEARCH],
            {"type": "allowed_tools", "mode": "required", "tools": [SEARCH]},
            "tool_choice",
        ),
    ],
)
def test_a_choice_that_cannot_be_had_is_refused(tools: Any, value: Any, param: str) -> None:
    assert refused(tools=tools, tool_choice=value).param == param


def test_tools_that_were_called_stay_declared_but_are_not_offered() -> None:
    request = parsed(HELLO, called("a"), result("a")).request

    assert [tool.name for tool in request.tools] == ["weather"]
    assert request.tool_choice == ToolChoice(ToolMode.NONE)


# --- structure and reasoning ----------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "schema"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_object", "schema": {"type": "array"}}, {"type": "array"}),
        ({"type": "json_schema", "name": "n", "strict": True, "schema": SCHEMA}, SCHEMA),
        (
            {"type": "json_schema", "name": "n", "description": "An a.", "schema": SCHEMA},
            {"description": "An a.", **SCHEMA},
        ),
    ],
)
def test_a_text_format_asks_for_structure(format_: Any, schema: JsonObject | None) -> None:
    assert parsed(text={"format": format_}).request.output_schema == schema


@pytest.mark.parametrize(
    ("reasoning", "thinking", "effort", "shown"),
    [
        ({}, False, None, False),
        ({"summary": "auto"}, True, None, True),
        ({"generate_summary": "concise"}, True, None, True),
        ({"effort": "none"}, False, Effort.LOW, False),
        ({"effort": "none", "summary": "auto"}, False, Effort.LOW, False),
        ({"effort": "minimal"}, True, Effort.LOW, False),
        ({"effort": "high", "summary": "detailed"}, True, Effort.HIGH, True),
        ({"effort": "xhigh"}, True, Effort.XHIGH, False),
    ],
)
def test_reasoning_is_asked_for_by_effort_and_shown_by_summary(
    reasoning: JsonObject, thinking: bool, effort: Effort | None, shown: bool
) -> None:
    call = parsed(reasoning=reasoning)

    assert (call.request.thinking, call.request.effort) == (thinking, effort)
    assert call.shows_reasoning is shown


# --- what the response repeats --------------------------------------------------------


def response(**fields: Any) -> JsonObject:
    return response_object(
        parsed(**fields), [STARTED, finished()], response_id="resp_1", created_at=1_700_000_000
    )


def test_a_response_repeats_its_request() -> None:
    asked = {
        "instructions": "Be brief.",
        "max_output_tokens": 50,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.5,
        "tool_choice": "required",
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "store": False,
    }
    told = response(**asked, tools=[WEATHER, SEARCH], reasoning={"effort": "low"})

    assert {name: told[name] for name in asked} == asked
    assert told["tools"] == [WEATHER]
    assert told["reasoning"] == {"effort": "low", "summary": None}


def test_a_response_says_what_held_where_the_request_was_silent() -> None:
    told = response(truncation="auto", service_tier="priority")

    assert (told["tool_choice"], told["tools"], told["metadata"]) == ("auto", [], {})
    assert (told["parallel_tool_calls"], told["store"]) == (True, True)
    assert (told["truncation"], told["service_tier"]) == ("disabled", "default")
    assert told["text"] == {"format": {"type": "text"}}
    assert (told["temperature"], told["top_p"]) == (1, 1)
    assert (told["presence_penalty"], told["frequency_penalty"]) == (0, 0)


def test_a_response_tells_the_temperature_in_effect() -> None:
    assert response(temperature=1.5)["temperature"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {
            "tools": [WEATHER, CLOCK, NAMESPACE],
            "tool_choice": {"type": "function", "name": "clock"},
        },
        {
            "tools": [CLOCK],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "clock"}],
            },
        },
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
        {"text": {"format": {"type": "json_schema"}}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"reasoning": {"effort": "minimal", "generate_summary": "auto"}, "metadata": {"a": "b"}},
    ],
)
def test_the_response_is_one_that_the_client_knows(fields: JsonObject) -> None:
    told = response(**fields)
    assert (
        Response.model_validate(told, strict=True).model_dump(
            mode="json", by_alias=True, exclude_unset=True
        )
        == told
    )


# --- going on -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [(body(), None), (body(previous_response_id="resp_1"), "resp_1"), ([], None), (None, None)],
)
def test_the_response_to_go_on_from_is_read_first(value: object, expected: str | None) -> None:
    assert previous_id(value) == expected


def test_a_response_that_does_not_exist_cannot_be_gone_on_from() -> None:
    error = refused(previous_response_id="resp_404")

    assert error.code == "previous_response_not_found"
    assert "the last 1,000" in error.message
    assert error.param == "previous_response_id"
    assert "resp_404" in error.message


def test_an_item_that_does_not_exist_cannot_be_referred_to() -> None:
    error = refused({"type": "item_reference", "id": "msg_404"})
    assert (error.param, "msg_404" in error.message) == ("input[0].id", True)
