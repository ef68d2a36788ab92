"""Custom tools in a chat: functions of one text to Claude, called in their own form."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from claude_run.dialects.chat import ChunkWriter, completion
from claude_run.turn import (
    AssistantTurn,
    JsonObject,
    StopReason,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    ToolChoice,
    ToolMode,
    TurnEvent,
    TurnFinished,
    TurnStarted,
    Usage,
    fold,
)
from tests.dialects.chats import CLOCK, USER, WEATHER, call, calling, parsed, refused, result

GRAMMAR: JsonObject = {"syntax": "lark", "definition": 'start: "***" line+'}


def custom(name: str = "apply_patch", **fields: Any) -> JsonObject:
    return {"type": "custom", "custom": {"name": name, **fields}}


PATCH = custom(description="Edits files.", format={"type": "grammar", "grammar": GRAMMAR})
TOOLS = [WEATHER, PATCH]


def answered(*events: TurnEvent, stop: StopReason = StopReason.TOOL_CALLS) -> JsonObject:
    """The message that `events` amount to, which is the same streamed and whole."""
    asked = parsed(tools=TOOLS)
    happened = [TurnStarted("m"), *events, TurnFinished(stop, Usage(), "m")]
    body = completion(asked, [fold(happened)], id="chatcmpl-1", created=5)
    ChatCompletion.model_validate(body, strict=True)
    writer = ChunkWriter(asked, 0, "chatcmpl-1", 5)
    written = [chunk for event in happened for chunk in writer.write(event)]
    message: JsonObject = body["choices"][0]["message"]
    assert joined(written) == message["tool_calls"]
    return message


def joined(chunks: list[JsonObject]) -> list[JsonObject]:
    """The calls of a stream, as its client adds them up."""
    made: list[JsonObject] = []
    for delta in (chunk["choices"][0]["delta"] for chunk in chunks):
        for piece in delta.get("tool_calls", ()):
            index, told = piece["index"], {k: v for k, v in piece.items() if k != "index"}
            if index == len(made):
                made.append(told)
                continue
            ((kind, fields),) = told.items()
            for name, text in fields.items():
                made[index][kind][name] += text
    return made


def input_of(*pieces: str, stop: StopReason = StopReason.TOOL_CALLS) -> str:
    deltas = [ToolCallDelta(0, piece) for piece in pieces]
    message = answered(ToolCallStarted(0, "a", "apply_patch"), *deltas, stop=stop)
    said: str = message["tool_calls"][0]["custom"]["input"]
    return said


@pytest.mark.parametrize(
    "format_",
    [{"type": "grammar", "grammar": GRAMMAR}, {"type": "grammar", **GRAMMAR}],
    ids=["nested", "flat"],
)
def test_a_custom_tool_is_a_function_of_one_text(format_: JsonObject) -> None:
    (tool,) = parsed(tools=[custom(description="Edits.", format=format_)]).request.tools
    assert tool.name == "apply_patch"
    assert tool.description.startswith("Edits.")
    assert tool.schema["required"] == ["input"]
    told = tool.schema["properties"]["input"]["description"]
    assert told.endswith('It must match this lark grammar:\nstart: "***" line+')


@pytest.mark.parametrize("format_", [{}, {"format": {"type": "text"}}, {"format": None}])
def test_without_a_grammar_none_is_told(format_: JsonObject) -> None:
    (tool,) = parsed(tools=[custom(**format_)]).request.tools
    assert tool.schema["properties"]["input"]["description"].endswith("as plain text.")


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "custom"}, "tools[0].custom"),
        ({"type": "custom", "custom": 1}, "tools[0].custom"),
        ({"type": "custom", "custom": {}}, "tools[0].custom.name"),
        (custom("a b"), "tools[0].custom.name"),
        (custom(format=1), "tools[0].custom.format"),
        (
            custom(format={"type": "grammar", "grammar": {"syntax": "lark"}}),
            "tools[0].custom.format.grammar.definition",
        ),
    ],
)
def test_a_tool_that_cannot_be_read_is_named_to_the_field(tool: JsonObject, param: str) -> None:
    assert refused(tools=[tool]).param == param


def test_two_tools_of_one_name_are_too_many() -> None:
    assert refused(tools=[PATCH, CLOCK, custom("clock")]).param == "tools[2].custom.name"


def test_a_custom_tool_is_chosen_and_allowed_in_its_own_form() -> None:
    chosen = parsed(tools=TOOLS, tool_choice=custom())
    assert chosen.request.tool_choice == ToolChoice(ToolMode.NAMED, "apply_patch")
    allowed = {"mode": "required", "tools": [custom()]}
    left = parsed(tools=TOOLS, tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool.name for tool in left.request.tools] == ["apply_patch"]
    assert left.request.tool_choice == ToolChoice(ToolMode.REQUIRED)
    assert refused(tools=TOOLS, tool_choice=custom("cat")).param == "tool_choice"


def test_each_call_is_in_the_form_of_its_tool() -> None:
    message = answered(
        ToolCallStarted(0, "a", "weather"),
        ToolCallDelta(0, '{"city": "Bern"}'),
        ToolCallStarted(1, "b", "apply_patch"),
        ToolCallDelta(1, '{"input": "*** Begin"}'),
        ToolCallStarted(2, "c", "weather"),
    )
    assert message["tool_calls"] == [
        call("a"),
        {"id": "b", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin"}},
        call("c", arguments="{}"),
    ]


@given(st.data(), st.text(), st.booleans())
def test_the_text_streams_wherever_its_json_is_cut(
    data: st.DataObject, said: str, is_ascii: bool
) -> None:
    written = json.dumps({"input": said}, ensure_ascii=is_ascii)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=6)))
    places = pairwise([0, *cuts, len(written)])
    assert input_of(*(written[start:end] for start, end in places)) == said


@pytest.mark.parametrize("arguments", ['{"patch": "x"}', '{"input": 7}', "[1]"])
def test_arguments_of_another_shape_are_the_text_itself(arguments: str) -> None:
    assert input_of(arguments) == arguments


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_no_arguments_are_no_text(arguments: str) -> None:
    assert input_of(arguments) == ""


def test_a_call_that_is_cut_off_keeps_what_was_written() -> None:
    assert input_of('{"input": "*** Be', stop=StopReason.LENGTH) == "*** Be"
    assert input_of('{"inp', stop=StopReason.LENGTH) == ""


def test_a_call_that_comes_back_is_the_call_that_claude_made() -> None:
    made = answered(
        ToolCallStarted(0, "a", "apply_patch"), ToolCallDelta(0, '{"input": "*** Begin"}')
    )
    turns = parsed(USER, made, result("a", "done"), tools=TOOLS).request.turns
    assert turns[1] == AssistantTurn((ToolCall("a", "apply_patch", {"input": "*** Begin"}),))


@pytest.mark.parametrize(
    ("broken", "param"),
    [
        ({"id": "a", "type": "custom"}, "custom"),
        ({"id": "a", "type": "custom", "custom": {"input": "x"}}, "custom.name"),
        ({"id": "a", "type": "custom", "custom": {"name": "p", "input": 1}}, "custom.input"),
    ],
)
def test_a_call_that_cannot_be_read_is_named_to_the_field(broken: JsonObject, param: str) -> None:
    assert refused(USER, calling(broken)).param == f"messages[1].tool_calls[0].{param}"
