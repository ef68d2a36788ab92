"""Custom tools, namespaces and a client's search for tools: offered as functions, called in their
own form, and understood when they come back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from claude_run.dialects.responses.forms import flat
from claude_run.turn import (
    AssistantTurn,
    JsonObject,
    StopReason,
    Text,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    ToolChoice,
    ToolMode,
    ToolResult,
    TurnEvent,
    UserTurn,
)
from tests.dialects.responses import (
    CLOCK,
    EVENT,
    STARTED,
    WEATHER,
    called,
    calls,
    finished,
    parsed,
    refused,
    result,
    streamed,
    whole,
)

PATCH: JsonObject = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "***" line+'},
}
EXEC: JsonObject = {"type": "custom", "name": "exec"}
MAIL: JsonObject = {
    "type": "namespace",
    "name": "mail",
    "description": "For mail.",
    "tools": [{**CLOCK, "description": "Says when."}, {**EXEC, "name": "send"}],
}
COMMON: JsonObject = {"type": "namespace", "name": "functions", "description": "", "tools": [EXEC]}
SEARCH: JsonObject = {
    "type": "tool_search",
    "execution": "client",
    "description": "Finds tools.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
}
EVERY: list[JsonObject] = [WEATHER, PATCH, MAIL, COMMON, SEARCH]


def made(*events: TurnEvent, stop: StopReason = StopReason.TOOL_CALLS) -> list[TurnEvent]:
    return [STARTED, *events, finished(stop)]


def output(*events: TurnEvent, tools: Any = EVERY) -> list[JsonObject]:
    found: list[JsonObject] = whole(made(*events), parsed(tools=tools))["output"]
    return found


# --- what is offered ----------------------------------------------------------------------


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    (tool,) = parsed(tools=[PATCH]).request.tools
    assert tool.name == "apply_patch"
    assert tool.description.startswith("Edits files.")
    assert tool.schema["required"] == ["input"]
    told = tool.schema["properties"]["input"]["description"]
    assert told.endswith('It must match this lark grammar:\nstart: "***" line+')


def test_tools_in_a_namespace_have_it_before_their_name_unless_it_is_the_common_one() -> None:
    call = parsed(tools=[MAIL, COMMON, CLOCK])
    assert [tool.name for tool in call.request.tools] == [
        "mail.clock",
        "mail.send",
        "exec",
        "clock",
    ]
    assert call.request.tools[0].description == "Says when.\n\nFor mail."
    assert call.notices == ()


names = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)


@given(st.lists(st.tuples(names, names), max_size=8, unique=True))
def test_no_two_tools_become_one_and_every_name_is_one_that_is_taken(
    tools: list[tuple[str, str]],
) -> None:
    flattened = [flat(name, namespace) for namespace, name in tools if namespace != "functions"]
    assert len(set(flattened)) == len(flattened)
    assert all(len(name) <= 64 for name in flattened)


def test_a_response_repeats_the_tools_as_they_were_written() -> None:
    added = {"type": "additional_tools", "role": "developer", "tools": [COMMON, COMMON, PATCH]}
    call = parsed(added, {"role": "user", "content": "Hi"}, added, tools=[PATCH, MAIL])
    assert call.echo["tools"] == [PATCH, MAIL, COMMON]
    Response.model_validate(whole(made(), call))


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ({"type": "custom", "name": "apply_patch"}, "apply_patch"),
        ({"type": "function", "name": "clock", "namespace": "mail"}, "mail.clock"),
        ({"type": "custom", "name": "exec", "namespace": "functions"}, "exec"),
    ],
)
def test_a_tool_is_chosen_in_its_own_form(choice: JsonObject, name: str) -> None:
    assert parsed(tools=EVERY, tool_choice=choice).request.tool_choice == ToolChoice(
        ToolMode.NAMED, name
    )
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [choice]}
    assert [t.name for t in parsed(tools=EVERY, tool_choice=allowed).request.tools] == [name]


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "custom"}, "tools[0].name"),
        ({"type": "custom", "name": "a b"}, "tools[0].name"),
        ({"type": "custom", "name": "a", "format": 1}, "tools[0].format"),
        ({"type": "custom", "name": "a", "format": {"type": "grammar"}}, "tools[0].format.syntax"),
        ({"type": "namespace", "name": "a"}, "tools[0].tools"),
        ({"type": "namespace", "tools": []}, "tools[0].name"),
        ({"type": "namespace", "name": "a", "tools": [{}]}, "tools[0].tools[0].type"),
        (
            {"type": "namespace", "name": "a", "tools": [{"type": "function"}]},
            "tools[0].tools[0].name",
        ),
        ({**MAIL, "tools": [CLOCK, CLOCK]}, "tools[0].tools[1].name"),
    ],
)
def test_a_tool_that_cannot_be_read_is_named_to_the_field(tool: JsonObject, param: str) -> None:
    assert refused(tools=[tool]).param == param


# --- what is called -----------------------------------------------------------------------


def test_each_call_is_in_the_form_of_its_tool() -> None:
    found = output(
        *calls(
            ("a", "weather", '{"city": "Bern"}'),
            ("b", "apply_patch", '{"input": "*** Begin"}'),
            ("c", "mail.clock", "{}"),
            ("d", "exec", '{"input": "text(1)"}'),
            ("e", "tool_search", '{"query": "mail"}'),
        )
    )
    own = {"id", "status", "call_id"}
    told = [{key: item[key] for key in item if key not in own} for item in found]
    assert told == [
        {"type": "function_call", "name": "weather", "arguments": '{"city": "Bern"}'},
        {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin"},
        {"type": "function_call", "name": "clock", "namespace": "mail", "arguments": "{}"},
        {"type": "custom_tool_call", "name": "exec", "namespace": "functions", "input": "text(1)"},
        {"type": "tool_search_call", "execution": "client", "arguments": {"query": "mail"}},
    ]
    assert "".join(item["call_id"] for item in found) == "abcde"


@st.composite
def fragments(draw: st.DrawFn, written: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(written)), max_size=6)))
    return [written[a:b] for a, b in zip([0, *cuts], [*cuts, len(written)], strict=True)]


@given(st.data(), st.text(), st.booleans(), st.sampled_from(["", " ", "\n  "]))
def test_the_text_of_a_custom_call_streams_wherever_its_json_is_cut(
    data: st.DataObject, said: str, is_ascii: bool, blank: str
) -> None:
    written = f'{{{blank}"input":{blank}{json.dumps(said, ensure_ascii=is_ascii)}{blank}}}'
    pieces = [ToolCallDelta(0, piece) for piece in data.draw(fragments(written))]
    events = made(ToolCallStarted(0, "a", "apply_patch"), *pieces)
    call = parsed(tools=[PATCH])
    stream = streamed(events, call)
    deltas = [e["delta"] for e in stream if e["type"] == "response.custom_tool_call_input.delta"]
    (item,) = stream[-1]["response"]["output"]
    assert "".join(deltas) == item["input"] == said
    assert stream[-1]["response"] == whole(events, call)
    assert all(EVENT.validate_python(event).type == event["type"] for event in stream)


def test_text_is_given_on_before_the_call_is_whole() -> None:
    call = parsed(tools=[PATCH])
    events: list[TurnEvent] = [
        STARTED,
        ToolCallStarted(0, "a", "apply_patch"),
        ToolCallDelta(0, '{"input": "a\\n\\'),
    ]
    assert streamed(events, call)[-1]["delta"] == "a\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"patch": "x"}', '{"patch": "x"}'),
        ("{}", ""),
        ('{"input": 7}', '{"input": 7}'),
        ('{"why": "x", "input": "y"}', "y"),
        ('{"input": "\\ud83d"}', "\N{REPLACEMENT CHARACTER}"),
        ('{"input": "\\ud83d\\ude00\\udc00"}', "\N{GRINNING FACE}\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_arguments_of_another_shape_are_the_text_itself(arguments: str, said: str) -> None:
    (item,) = output(*calls(("a", "apply_patch", arguments)))
    assert item["input"] == said


def test_a_call_that_is_cut_off_keeps_what_was_written_and_is_not_asked_for_again() -> None:
    cut: list[TurnEvent] = [
        ToolCallStarted(0, "a", "apply_patch"),
        ToolCallDelta(0, '{"input": "*** Be'),
    ]
    (item,) = whole(made(*cut, stop=StopReason.LENGTH), parsed(tools=[PATCH]))["output"]
    assert (item["input"], item["status"]) == ("*** Be", "incomplete")
    hello = {"role": "user", "content": "Hi"}
    assert parsed(hello, item, hello).request.turns == (UserTurn((Text("Hi"), Text("Hi"))),)


# --- what comes back ----------------------------------------------------------------------

arguments = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2)
some_calls = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["weather", "mail.clock", "tool_search"]), arguments),
        st.tuples(
            st.sampled_from(["apply_patch", "mail.send", "exec"]),
            st.builds(lambda text: {"input": text}, st.text(max_size=8)),
        ),
    ),
    min_size=1,
    max_size=4,
)
ANSWERS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "tool_search_call": "tool_search_output",
}


@given(some_calls)
def test_calls_that_come_back_are_the_calls_that_claude_made(
    some: list[tuple[str, JsonObject]],
) -> None:
    items = output(*calls(*((f"id{i}", n, json.dumps(a)) for i, (n, a) in enumerate(some))))
    answers = [
        {"type": ANSWERS[i["type"]], "call_id": i["call_id"], "output": "ok", "tools": []}
        for i in items
    ]
    turns = parsed({"role": "user", "content": "Hi"}, *items, *answers).request.turns
    assert isinstance(turns[1], AssistantTurn)
    assert [part for part in turns[1].parts if isinstance(part, ToolCall)] == [
        ToolCall(f"id{i}", name, given) for i, (name, given) in enumerate(some)
    ]
    assert [part.call_id for part in turns[2].parts if isinstance(part, ToolResult)] == [
        f"id{i}" for i in range(len(some))
    ]


def test_what_a_search_has_found_is_told_and_offered() -> None:
    call = parsed(
        {"role": "user", "content": "Mail?"},
        {"type": "tool_search_call", "call_id": "a", "execution": "client", "arguments": {}},
        {"type": "tool_search_output", "call_id": "a", "execution": "client", "tools": [MAIL]},
        tools=[SEARCH],
    )
    assert [t.name for t in call.request.tools] == ["tool_search", "mail.clock", "mail.send"]
    told = 'Found, and ready to be called: ["mail.clock", "mail.send"]'
    assert call.request.turns[-1] == UserTurn((ToolResult("a", (Text(told),)),))


def test_a_search_of_the_servers_is_none_of_ours() -> None:
    call = parsed(tools=[WEATHER, {**SEARCH, "execution": "server"}])
    assert [tool.name for tool in call.request.tools] == ["weather"]
    assert [notice.subject for notice in call.notices] == ["tools of type tool_search"]


def test_an_output_that_nobody_called_for_is_what_the_user_says() -> None:
    goal = {"type": "function_call_output", "output": "Goal: ship it."}
    found = parsed({"role": "user", "content": "Hi"}, called("a"), result("a"), goal)
    assert found.request.turns[-1] == UserTurn(
        (ToolResult("a", (Text("sunny"),)), Text("Goal: ship it."))
    )


def test_calls_in_their_own_form_are_listed_with_ids_of_their_own_kind() -> None:
    items = output(*calls(("a", "exec", '{"input": "1"}'), ("b", "tool_search", "{}")))
    assert [item["id"].partition("_")[0] for item in items] == ["ctc", "tsc"]
