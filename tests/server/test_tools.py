"""The caller's tools: offered natively, called natively, and never run on our side."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pytest

from claude_run.rehearsal.answers import Reply, TextBlock, Thinking, ToolUse, say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, turns
from tests.server.chats import (
    NATIVE_PICTURE,
    PICTURE,
    TOOLS,
    WEATHER,
    assistant,
    hear,
    in_both_forms,
    offered,
    result,
    text,
    tool,
    use,
    user,
)


@in_both_forms
def test_a_call_and_the_words_before_it_come_as_the_model_made_them(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((TextBlock(("Let me ", "look.")), use("weather", city='Köln "Süd"')))
    heard = hear(client, [user("one call")], stream=stream, tools=TOOLS)

    assert (heard.content, heard.finish) == ("Let me look.", "tool_calls")
    (call,) = heard.calls
    assert call.id.startswith("toolu_")
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": 'Köln "Süd"'})
    (request,) = upstream.requests
    assert turns(request) == [{"role": "user", "content": [text("one call")]}]
    assert offered(request)["mcp__c__weather"] == {
        "name": "mcp__c__weather",
        "description": "The weather of a city.",
        "input_schema": WEATHER["function"]["parameters"],
    }
    assert "tool_choice" not in request


@in_both_forms
@pytest.mark.parametrize("count", [2, 5])
def test_calls_made_at_once_come_at_once(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool, count: int
) -> None:
    upstream.answer = Reply(tuple(use("weather", number=number) for number in range(count)))
    heard = hear(client, [user("several calls")], stream=stream, tools=TOOLS)

    assert [json.loads(call.arguments) for call in heard.calls] == [
        {"number": number} for number in range(count)
    ]
    assert len({call.id for call in heard.calls}) == count
    assert {call.name for call in heard.calls} == {"weather"}
    assert heard.finish == "tool_calls"
    assert len(upstream.requests) == 1


def test_a_streamed_call_has_its_head_once_and_then_its_arguments(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((use("weather", city="Reykjavík"), use("weather")))
    asked: Any = {"model": "sonnet", "messages": [user("deltas")], "tools": TOOLS}
    chunks = list(client.chat.completions.create(**asked, stream=True))
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or ()]
    heads = [piece for piece in pieces if piece.id is not None]

    assert [(head.index, head.type) for head in heads] == [(0, "function"), (1, "function")]
    assert [head.function and head.function.name for head in heads] == ["weather", "weather"]
    assert all(piece.function and piece.function.name is None for piece in pieces if not piece.id)
    assert len(pieces) > len(heads) + 1
    assert [piece.index for piece in pieces] == sorted(piece.index for piece in pieces)


NAMED = {"type": "function", "function": {"name": "a.b"}}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, None),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": NAMED}, {"type": "tool", "name": "mcp__c__a_b"}),
        (
            {"parallel_tool_calls": False},
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
        (
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        (
            {"parallel_tool_calls": False, "tool_choice": NAMED},
            {"type": "tool", "name": "mcp__c__a_b", "disable_parallel_tool_use": True},
        ),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
    ],
)
def test_a_tool_choice_is_a_native_one(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    asked: JsonObject,
    sent: JsonObject | None,
) -> None:
    hear(client, [user("choose")], stream=False, tools=TOOLS, **asked)
    (request,) = upstream.requests
    assert request.get("tool_choice") == sent
    assert len(request["tools"]) == 3


@pytest.mark.parametrize(("mode", "sent"), [("auto", None), ("required", {"type": "any"})])
def test_of_allowed_tools_only_those_are_offered(
    client: openai.OpenAI, upstream: ScriptedUpstream, mode: str, sent: JsonObject | None
) -> None:
    allowed = {"mode": mode, "tools": [{"type": "function", "function": {"name": "a_b"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    hear(client, [user("these")], stream=False, tools=TOOLS, tool_choice=choice)
    (request,) = upstream.requests
    assert list(offered(request)) == ["mcp__c__a_b"]
    assert request.get("tool_choice") == sent


@in_both_forms
def test_functions_of_old_are_answered_with_a_function_call(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    functions = [one["function"] for one in TOOLS]
    upstream.answer = Reply((use("weather", "toolu_old", city="Rome"),))
    asked: dict[str, Any] = {"functions": functions, "function_call": {"name": "weather"}}
    heard = hear(client, [user("the old way")], stream=stream, **asked)
    assert heard.function == ("weather", '{"city": "Rome"}')
    assert (heard.calls, heard.finish) == ((), "function_call")
    assert upstream.requests[0]["tool_choice"] == {
        "type": "tool",
        "name": "mcp__c__weather",
        "disable_parallel_tool_use": True,
    }

    upstream.answer = say("It rains.")
    called = {"name": "weather", "arguments": '{"city": "Rome"}'}
    history = [
        user("the old way"),
        {"role": "assistant", "content": None, "function_call": called},
        {"role": "function", "name": "weather", "content": "rain"},
    ]
    heard = hear(client, history, stream=stream, functions=functions)
    assert (heard.content, heard.finish) == ("It rains.", "stop")
    _, asked_before, answered = turns(upstream.requests[-1])
    (made,), (given,) = asked_before["content"], answered["content"]
    assert (made["name"], made["input"]) == ("mcp__c__weather", {"city": "Rome"})
    assert (given["tool_use_id"], given["content"]) == (made["id"], "rain")


LONG = "n" * 64
NAMES = {"a.b": "a_b", "a_b": "a_b_2", "a:b/c": "a_b_c", "a-b": "a-b", LONG: LONG}


@in_both_forms
def test_every_name_is_mapped_back_exactly(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply(tuple(use(name) for name in NAMES.values()))
    tools = [tool(name, f"called {name}") for name in NAMES]
    heard = hear(client, [user("names")], stream=stream, tools=tools)

    assert [call.name for call in heard.calls] == list(NAMES)
    assert {one["name"]: one["description"] for one in upstream.requests[0]["tools"]} == {
        f"mcp__c__{sent}": f"called {name}" for name, sent in NAMES.items()
    }


def test_as_many_and_as_long_descriptions_as_openai_takes_arrive_whole(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    tools = [tool(f"tool_{n}", f"{n} " + "description " * 830 + "the end") for n in range(128)]
    upstream.answer = Reply((use("tool_127", last=True),))
    heard = hear(client, [user("many")], stream=False, tools=tools)

    assert [call.name for call in heard.calls] == ["tool_127"]
    sent = offered(upstream.requests[0])
    assert {name: one["description"] for name, one in sent.items()} == {
        f"mcp__c__{one['function']['name']}": one["function"]["description"] for one in tools
    }


NODE: JsonObject = {
    "type": "object",
    "properties": {"value": {"type": "number"}, "next": {"$ref": "#/$defs/Node"}},
    "required": ["value"],
}
# What each schema is sent as; None is unchanged.
SCHEMAS: dict[str, tuple[JsonObject, JsonObject | None]] = {
    "defs": (
        {"$defs": {"Node": NODE}, "type": "object", "properties": {"n": {"$ref": "#/$defs/Node"}}},
        None,
    ),
    "any_of": (
        {"type": "object", "properties": {"x": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
        None,
    ),
    "closed": (
        {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        None,
    ),
    "draft_7": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {"pair": {"type": "array", "items": [{"type": "string"}, {}]}},
        },
        None,
    ),
    "unknown": ({"type": "object", "properties": {"x": {"x-ui": 1}}, "title": "T"}, None),
    "type_alone": ({"type": "object"}, {"type": "object", "properties": {}}),
    "no_type": (
        {"properties": {"x": {"type": "string"}}},
        {"type": "object", "properties": {"x": {"type": "string"}}},
    ),
    "two_types": (
        {"type": ["object", "null"], "properties": {"x": {}}},
        {"type": "object", "properties": {"x": {}}},
    ),
    "empty": ({}, {"type": "object", "properties": {}}),
    "older": (
        {
            "type": "object",
            "properties": {
                "x": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "title": None},
                "y": {"type": "array", "items": [{"type": "string"}], "additionalItems": False},
            },
            "required": None,
        },
        {
            "type": "object",
            "properties": {
                "x": {"type": "number", "exclusiveMinimum": 0},
                "y": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
            },
        },
    ),
}


def test_schemas_of_all_kinds_arrive(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    tools = [tool(name) for name in SCHEMAS]
    for one, (schema, _) in zip(tools, SCHEMAS.values(), strict=True):
        one["function"] |= {"parameters": schema, "strict": True}
    hear(client, [user("schemas")], stream=False, tools=tools)

    assert {one["name"]: one["input_schema"] for one in upstream.requests[0]["tools"]} == {
        f"mcp__c__{name}": schema if sent is None else sent
        for name, (schema, sent) in SCHEMAS.items()
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object", "properties": {"x": {"type": "text"}}},
        {"type": "object", "properties": {"größe": {"type": "string"}}},
    ],
    ids=["no object", "no schema", "a name Claude does not take"],
)
@in_both_forms
def test_a_tool_that_claude_would_not_be_offered_is_a_400_that_names_it(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool, schema: JsonObject
) -> None:
    tools = [WEATHER, tool("gr.ow", "", schema)]
    with pytest.raises(openai.BadRequestError, match=r"'gr\.ow'") as caught:
        hear(client, [user("bad")], stream=stream, tools=tools)
    assert caught.value.param == "tools"
    assert upstream.requests == []


def stepping(steps: int) -> Any:
    """A model that thinks, says something and calls a tool `steps` times, and is then done."""

    def answer(request: JsonObject) -> Reply:
        blocks = [block for turn in turns(request) for block in turn["content"]]
        step = sum(block["type"] == "tool_result" for block in blocks)
        if step == steps:
            return say("done")
        words = TextBlock((f"step {step}",))
        return Reply((Thinking(f"thought {step}"), words, use("weather", step=step)))

    return answer


@pytest.mark.parametrize(("steps", "stream"), [(5, True), (10, False)])
def test_a_loop_of_tools_runs_on_one_live_session(
    client: openai.OpenAI, upstream: ScriptedUpstream, steps: int, stream: bool
) -> None:
    upstream.answer = stepping(steps)
    messages = [user(f"a loop of {steps}")]
    while (heard := hear(client, messages, stream=stream, tools=TOOLS)).calls:
        made = [(call.id, call.name, call.arguments) for call in heard.calls]
        answers = [result(call.id, f"result of {call.arguments}") for call in heard.calls]
        messages += [assistant(heard.content, *made), *answers]

    assert heard.content == "done"
    assert len(upstream.requests) == steps + 1
    assert len({headers["x-claude-code-session-id"] for headers in upstream.headers}) == 1
    seen = [turns(request) for request in upstream.requests]
    for before, after in pairwise(seen):
        assert after[: len(before)] == before
    # The thinking of earlier steps is still there, though the client never saw it.
    thoughts = [b["thinking"] for turn in seen[-1] for b in turn["content"] if "thinking" in b]
    assert thoughts == [f"thought {step}" for step in range(steps)]


def test_results_go_upstream_by_their_ids_with_all_they_hold(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    history = [
        user("look around"),
        assistant(
            "Three at once.", ("c1", "weather", ""), ("c2", "a.b", "{}"), ("c3", "a_b", "{}")
        ),
        result("c3", [{"type": "text", "text": "a view"}, PICTURE]),
        result("c1", ""),
        result("c2", "Error: no such place"),
        user("Well?"),
    ]
    hear(client, history, stream=False, tools=TOOLS)

    assert turns(upstream.requests[0]) == [
        {"role": "user", "content": [text("look around")]},
        {
            "role": "assistant",
            "content": [
                text("Three at once."),
                {"type": "tool_use", "id": "c1", "name": "mcp__c__weather", "input": {}},
                {"type": "tool_use", "id": "c2", "name": "mcp__c__a_b", "input": {}},
                {"type": "tool_use", "id": "c3", "name": "mcp__c__a_b_2", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c3",
                    "content": [text("a view"), NATIVE_PICTURE],
                },
                {"type": "tool_result", "tool_use_id": "c1", "content": ""},
                {"type": "tool_result", "tool_use_id": "c2", "content": "Error: no such place"},
                text("Well?"),
            ],
        },
    ]


@pytest.mark.parametrize(
    "ids",
    [
        ["call_1", "call_2", "call_3"],
        ["same", "same", "same"],
        ["x", "x_2", "x_3"],
        ["x_2", "x", "x_2_1"],
        ["with:colon/ü and blank", "n" * 200, "{}"],
    ],
)
def test_a_client_may_make_its_own_ids(
    client: openai.OpenAI, upstream: ScriptedUpstream, ids: list[str]
) -> None:
    history = [user("ids of my own")]
    for step, id_ in enumerate(ids):
        call = (id_, "weather", json.dumps({"step": step}))
        history += [assistant(None, call), result(id_, f"result {step}")]
    hear(client, history, stream=False, tools=TOOLS)

    blocks = [block for turn in turns(upstream.requests[0]) for block in turn["content"]]
    made = {b["id"]: b["input"]["step"] for b in blocks if b["type"] == "tool_use"}
    given = {b["tool_use_id"]: b["content"] for b in blocks if b["type"] == "tool_result"}
    assert given == {id_: f"result {step}" for id_, step in made.items()}
    assert len(given) == len(ids)


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([assistant(None, ("c9", "weather", "{}")), user("and?")], "c9"),
        ([assistant(None, ("c9", "weather", "{}"), ("c8", "a.b", "{}")), result("c9", "")], "c8"),
        ([result("c7", "rain")], "c7"),
    ],
    ids=["none", "one of two", "orphan"],
)
def test_calls_and_results_that_do_not_meet_are_a_400_that_names_the_id(
    client: openai.OpenAI, upstream: ScriptedUpstream, messages: list[JsonObject], named: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=named):
        hear(client, [user("hello"), *messages], stream=False, tools=TOOLS)
    assert upstream.requests == []


@in_both_forms
@pytest.mark.parametrize("tools", [TOOLS, None], ids=["with tools", "without tools"])
def test_a_tool_that_the_model_invents_is_handed_on_and_does_nothing(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    stream: bool,
    tools: list[JsonObject] | None,
    tmp_path: Path,
) -> None:
    touched = tmp_path / "touched"
    upstream.answer = Reply((ToolUse("", "Bash", {"command": f"touch {touched}"}),))
    heard = hear(client, [user("run something")], stream=stream, tools=tools)

    (call,) = heard.calls
    assert (call.name, heard.finish) == ("Bash", "tool_calls")
    assert json.loads(call.arguments) == {"command": f"touch {touched}"}
    assert not touched.exists()

    # The call has a result like any other, and the CLI's own opinion of it is forgotten.
    upstream.forget()
    upstream.answer = say("I see.")
    made = assistant(heard.content, (call.id, call.name, call.arguments))
    history = [user("run something"), made, result(call.id, "No such tool.")]
    assert hear(client, history, stream=stream, tools=tools).content == "I see."
    *_, answered = turns(upstream.requests_with("No such tool.")[-1])
    assert answered["content"] == [
        {"type": "tool_result", "tool_use_id": call.id, "content": "No such tool."}
    ]


@in_both_forms
def test_a_conversation_with_calls_needs_no_tools_to_go_on(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    history = [
        user("look"),
        assistant(None, ("c1", "weather", '{"city": "Rome"}')),
        result("c1", "rain"),
        user("Sum it up."),
    ]
    heard = hear(client, history, stream=stream)

    assert heard.content == "Hello world"
    (request,) = upstream.requests
    assert request["tool_choice"] == {"type": "none"}
    assert list(offered(request)) == ["mcp__c__weather"]
    assert turns(request)[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "rain"},
        text("Sum it up."),
    ]
