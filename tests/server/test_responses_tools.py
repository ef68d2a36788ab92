"""Function tools over the Responses API: calls, results, and the loop that they make."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

import openai
import pytest
from openai.types.responses import FunctionToolParam, Response

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Reply, TextBlock, Thinking, ToolUse, say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, in_order, turns
from tests.server.asking import ask
from tests.server.responses import WEATHER, calls_weather
from tests.server.tables import RESPONSES

CITIES = ("Bern", "Rome", "Oslo")
CLOCK: FunctionToolParam = {
    "type": "function",
    "name": "clock",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}
UPSTREAM_WEATHER = "mcp__c__weather"

Ask: TypeAlias = Callable[..., Response]


def over_previous_response(client: openai.OpenAI, question: str) -> Ask:
    """Each request brings only what is new."""
    before: list[Response] = []

    def step(*results: Any, **fields: Any) -> Response:
        previous = before[-1].id if before else None
        brought = list(results) or question
        response: Response = client.responses.create(
            model="sonnet", input=brought, previous_response_id=previous, **fields
        )
        before.append(response)
        return response

    return step


def over_all_items(client: openai.OpenAI, question: str) -> Ask:
    """Each request brings the whole conversation, what came back included, and none is kept."""
    items: list[Any] = [{"role": "user", "content": question}]

    def step(*results: Any, **fields: Any) -> Response:
        items.extend(results)
        response: Response = client.responses.create(
            model="sonnet", input=items, store=False, **fields
        )
        items.extend(response.output)
        return response

    return step


def results_of(response: Response) -> list[JsonObject]:
    """What the tools of the client say to the calls in `response`."""
    return [
        {
            "type": "function_call_output",
            "call_id": item.call_id,
            "output": f"sunny in {json.loads(item.arguments)['city']}",
        }
        for item in response.output
        if item.type == "function_call"
    ]


def use(id_: str, city: str) -> JsonObject:
    return {"type": "tool_use", "id": id_, "name": UPSTREAM_WEATHER, "input": {"city": city}}


def said(id_: str, text: Any) -> JsonObject:
    return {"type": "tool_result", "tool_use_id": id_, "content": text}


@pytest.mark.parametrize("way", [over_previous_response, over_all_items])
def test_a_loop_of_three_steps_runs_on_one_live_session(
    client: openai.OpenAI, upstream: ScriptedUpstream, way: Callable[[openai.OpenAI, str], Ask]
) -> None:
    calls = [calls_weather(f"toolu_{city}", city) for city in CITIES]
    upstream.answer = in_order(*calls, say("Sunny everywhere."))
    step = way(client, f"Where is it sunny? Asked {way.__name__}.")

    response = step(tools=[WEATHER])
    while results := results_of(response):
        response = step(*results, tools=[WEATHER])

    assert response.output_text == "Sunny everywhere."
    requests = [turns(request) for request in upstream.requests]
    assert requests[-1][1:] == [
        turn
        for city in CITIES
        for turn in (
            {"role": "assistant", "content": [use(f"toolu_{city}", city)]},
            {"role": "user", "content": [said(f"toolu_{city}", f"sunny in {city}")]},
        )
    ]
    for before, after in pairwise(requests):
        assert after[: len(before)] == before
    assert len(requests) == 4
    assert len({headers["x-claude-code-session-id"] for headers in upstream.headers}) == 1


@pytest.mark.parametrize("way", [over_previous_response, over_all_items])
def test_what_claude_thought_survives_a_step(
    client: openai.OpenAI, upstream: ScriptedUpstream, way: Callable[[openai.OpenAI, str], Ask]
) -> None:
    call = ToolUse("toolu_1", UPSTREAM_WEATHER, {"city": "Bern"})
    upstream.answer = in_order(Reply((Thinking("I must look.", "c2lnbmVk"), call)), say("Sunny."))
    thinks: JsonObject = {"reasoning": {"effort": "low", "summary": "auto"}, "tools": [WEATHER]}
    step = way(client, f"Think of Bern. Asked {way.__name__}.")
    response = step(**thinks)
    step(*results_of(response), **thinks)

    assert [item.type for item in response.output] == ["reasoning", "function_call"]
    assert turns(upstream.requests[-1])[1]["content"] == [
        {"type": "thinking", "thinking": "I must look.", "signature": "c2lnbmVk"},
        use("toolu_1", "Bern"),
    ]


def test_parallel_calls_are_answered_in_any_order(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    both = [ToolUse(f"toolu_{city}", UPSTREAM_WEATHER, {"city": city}) for city in CITIES[:2]]
    upstream.answer = in_order(Reply((TextBlock(("Let me look.",)), *both)), say("Sunny in both."))
    response = client.responses.create(model="sonnet", input="Bern and Rome?", tools=[WEATHER])

    assert [item.type for item in response.output] == ["message", "function_call", "function_call"]
    assert response.output_text == "Let me look."
    results: Any = results_of(response)[::-1]
    client.responses.create(
        model="sonnet", previous_response_id=response.id, input=results, tools=[WEATHER]
    )
    assert turns(upstream.requests[-1])[1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                use("toolu_Bern", "Bern"),
                use("toolu_Rome", "Rome"),
            ],
        },
        {
            "role": "user",
            "content": [said("toolu_Rome", "sunny in Rome"), said("toolu_Bern", "sunny in Bern")],
        },
    ]


def test_a_result_may_hold_an_image_and_come_with_a_question(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = calls_weather("toolu_1", "Bern")
    response = client.responses.create(model="sonnet", input="Bern, drawn?", tools=[WEATHER])
    upstream.answer = say("A sun.")
    link = "https://images.example/sun.png"
    client.responses.create(
        model="sonnet",
        previous_response_id=response.id,
        tools=[WEATHER],
        input=[
            {"role": "user", "content": "What is it?"},
            {
                "type": "function_call_output",
                "call_id": "toolu_1",
                "output": [
                    {"type": "input_text", "text": "a drawing"},
                    {"type": "input_image", "image_url": link, "detail": "auto"},
                ],
            },
        ],
    )
    drawing = [
        {"type": "text", "text": "a drawing"},
        {"type": "image", "source": {"type": "url", "url": link}},
    ]
    assert turns(upstream.requests[-1])[-1]["content"] == [
        said("toolu_1", drawing),
        {"type": "text", "text": "What is it?"},
    ]


@pytest.mark.parametrize(
    ("fields", "choice", "offered"),
    [
        ({}, None, ["clock", "weather"]),
        ({"tool_choice": "none"}, {"type": "none"}, ["clock", "weather"]),
        ({"tool_choice": "required"}, {"type": "any"}, ["clock", "weather"]),
        (
            {"tool_choice": {"type": "function", "name": "weather"}},
            {"type": "tool", "name": UPSTREAM_WEATHER},
            ["clock", "weather"],
        ),
        (
            {"parallel_tool_calls": False},
            {"type": "auto", "disable_parallel_tool_use": True},
            ["clock", "weather"],
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "weather"}],
                }
            },
            {"type": "any"},
            ["weather"],
        ),
    ],
    ids=str,
)
def test_the_choice_of_tools_goes_upstream(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    fields: dict[str, Any],
    choice: JsonObject | None,
    offered: list[str],
) -> None:
    client.responses.create(model="sonnet", input="choose", tools=[WEATHER, CLOCK], **fields)

    (request,) = upstream.requests
    assert request.get("tool_choice") == choice
    tools = {tool["name"].removeprefix("mcp__c__"): tool for tool in request["tools"]}
    assert sorted(tools) == offered
    assert tools["weather"]["description"] == WEATHER["description"]
    assert tools["weather"]["input_schema"] == WEATHER["parameters"]


def test_tools_of_other_types_are_left_out(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    response = client.responses.create(
        model="sonnet",
        input="hello",
        tools=[
            {"type": "web_search"},
            WEATHER,
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ],
    )
    assert [tool["name"] for tool in upstream.requests[0]["tools"]] == [UPSTREAM_WEATHER]
    assert [tool.type for tool in response.tools] == ["function"]


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "web_search"},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
        "required",
    ],
    ids=str,
)
def test_a_choice_that_needs_another_type_is_refused(
    bridge: Bridge, upstream: ScriptedUpstream, choice: object
) -> None:
    body = RESPONSES.body(tools=[{"type": "web_search"}], tool_choice=choice)
    status, answer, _ = ask(bridge, RESPONSES.path, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert answer["error"]["param"].startswith("tool_choice")
    assert upstream.requests == []


def test_a_call_without_its_result_is_named(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = calls_weather("toolu_lost", "Bern")
    response = client.responses.create(model="sonnet", input="Bern?", tools=[WEATHER])
    with pytest.raises(openai.BadRequestError, match="toolu_lost"):
        client.responses.create(
            model="sonnet", input="And?", previous_response_id=response.id, tools=[WEATHER]
        )
