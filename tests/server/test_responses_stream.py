"""Streamed responses: the order of events, what they amount to, and how they may end."""

from itertools import groupby
from threading import Event

import openai
import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Cut, Fail, Hold, Pause, Reply, TextBlock, ToolUse, say
from tests.scripted import ScriptedUpstream
from tests.server.responses import (
    ASKS_FOR_EVERYTHING,
    EVERYTHING,
    WEATHER,
    alike,
    events,
    events_as_they_come,
    response,
)

OPENING = ["response.created", "response.in_progress"]
MESSAGE = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]
REASONING = [
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
    "response.output_item.done",
]
CALL = [
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
]


def test_the_events_come_in_order(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = EVERYTHING
    told = events(bridge, **ASKS_FOR_EVERYTHING)

    # Neighbours of one type are the deltas of one part.
    assert [type_ for type_, _ in groupby(event["type"] for event in told)] == [
        *OPENING,
        *REASONING,
        *MESSAGE,
        *CALL,
        *CALL,
        "response.completed",
    ]


def test_the_pieces_add_up_to_the_items(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = EVERYTHING
    told = events(bridge, **ASKS_FOR_EVERYTHING)

    written = ["", "", "", ""]
    for event in told:
        if event["type"].endswith(".delta"):
            written[event["output_index"]] += event["delta"]
    assert written == [
        "Both cities, then.",
        "Let me look.",
        '{"city": "Bern"}',
        '{"city": "Rome"}',
    ]
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert told[-1]["response"]["output"] == done
    item_ids = {event["item_id"] for event in told if "item_id" in event}
    assert item_ids == {item["id"] for item in done}


def test_a_stream_ends_with_the_response_that_is_given_whole(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = EVERYTHING
    whole = response(bridge, **ASKS_FOR_EVERYTHING)
    told = events(bridge, **ASKS_FOR_EVERYTHING)

    assert alike(told[-1]["response"]) == alike(whole)
    assert {event["response"]["id"] for event in told if "response" in event} == {
        told[-1]["response"]["id"]
    }
    assert whole["status"] == "completed"
    assert [item["type"] for item in whole["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]


def test_the_stream_helper_of_the_client(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = EVERYTHING
    with client.responses.stream(
        model="sonnet", input="The weather in Bern and Rome?", tools=[WEATHER]
    ) as stream:
        heard = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()

    assert heard == final.output_text == "Let me look."
    assert [item.arguments for item in final.output if item.type == "function_call"] == [
        '{"city": "Bern"}',
        '{"city": "Rome"}',
    ]


def test_tokens_arrive_as_they_are_written(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("early", Pause(30.0), "late")
    with client.responses.create(model="sonnet", input="slowly", stream=True) as stream:
        heard = next(event.delta for event in stream if event.type == "response.output_text.delta")
        assert heard == "early"
        assert upstream.active == 1
    upstream.wait_until(lambda: upstream.active == 0)


def test_a_client_that_leaves_stops_the_model(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("early", Pause(60.0), "late")
    stream = client.responses.create(model="sonnet", input="leave", stream=True)
    next(event for event in stream if event.type == "response.output_text.delta")
    stream.close()
    upstream.wait_until(lambda: upstream.aborted == 1)


@pytest.mark.parametrize(
    ("broken", "code"),
    [(Cut(), "upstream_error"), (Fail("overloaded_error", "Overloaded"), "overloaded")],
    ids=["cut", "failed"],
)
def test_an_answer_that_breaks_off_ends_in_an_error_and_a_failed_response(
    bridge: Bridge, upstream: ScriptedUpstream, broken: Cut | Fail, code: str
) -> None:
    first_half_is_here = Event()
    wait = Hold(first_half_is_here.is_set)
    upstream.answer = Reply((TextBlock(("half an ans", wait, broken)),))
    told = []
    for event in events_as_they_come(bridge, input="break off"):
        told.append(event)
        if event["type"] == "response.output_text.delta":
            first_half_is_here.set()

    error, failed = told[-2:]
    assert (error["type"], error["code"]) == ("error", code)
    assert failed["type"] == "response.failed"
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": error["message"]}
    assert failed["response"]["output"][0]["status"] == "incomplete"
    assert failed["response"]["output"][0]["content"][0]["text"] == "half an ans"
    assert "response.completed" not in {event["type"] for event in told}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply((TextBlock(("too lo",)),), stop_reason="max_tokens"), "max_output_tokens"),
        (Reply((TextBlock(("I will n",)),), stop_reason="refusal"), "content_filter"),
        (
            Reply((ToolUse("toolu_1", "mcp__c__weather", {}),), stop_reason="max_tokens"),
            "max_output_tokens",
        ),
    ],
    ids=["limit", "refusal", "limit in a call"],
)
def test_an_answer_that_is_not_whole_is_incomplete_in_both_forms(
    bridge: Bridge, upstream: ScriptedUpstream, reply: Reply, reason: str
) -> None:
    upstream.answer = reply
    whole = response(bridge, tools=[WEATHER])
    told = events(bridge, tools=[WEATHER])

    assert (whole["status"], whole["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["status"] for item in whole["output"]] == ["incomplete"]
    assert told[-1]["type"] == "response.incomplete"
    assert alike(told[-1]["response"]) == alike(whole)
    assert "response.completed" not in {event["type"] for event in told}
