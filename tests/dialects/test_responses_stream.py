"""The events of a streamed response, and the object they amount to."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from claude_run.dialects.responses.answer import ENDINGS
from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.request import parse_response
from claude_run.dialects.responses.stream import ResponseWriter, response_object
from claude_run.turn import (
    Failure,
    JsonObject,
    RefusalDelta,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRestarted,
    TurnStarted,
    Usage,
    fold,
)

EVENT: Final[TypeAdapter[Any]] = TypeAdapter(ResponseStreamEvent)
STARTED: Final = TurnStarted("claude-haiku-5-5")
USAGE: Final = Usage(
    input_tokens=5, cache_read_tokens=7, cache_write_tokens=11, output_tokens=13, reasoning_tokens=3
)


def finished(stop: StopReason = StopReason.END) -> TurnFinished:
    return TurnFinished(stop, USAGE, "claude-haiku-5-5")


def call(**fields: Any) -> ResponseCall:
    return parse_response({"model": "haiku", "input": "Hello", **fields}, strict=False)


SHOWN: Final = {"reasoning": {"summary": "auto"}}


def streamed(events: Sequence[TurnEvent], asked: ResponseCall) -> list[JsonObject]:
    writer = ResponseWriter(asked, "resp_77", 1_700_000_000)
    return [out for event in events for out in writer.write(event, now=1_700_000_009)]


def whole(events: Sequence[TurnEvent], asked: ResponseCall) -> JsonObject:
    return response_object(
        asked, events, response_id="resp_77", created_at=1_700_000_000, completed_at=1_700_000_009
    )


def order(stream: Sequence[JsonObject]) -> list[str]:
    """The types of the events, neighbours of one type told once."""
    return [type_.removeprefix("response.") for type_, _ in groupby(e["type"] for e in stream)]


def rebuilt(stream: Sequence[JsonObject]) -> list[JsonObject]:
    """The output as a client puts it together that looks at deltas alone."""
    items: list[JsonObject] = []
    for event in stream:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert event["output_index"] == len(items)
            items.append({**event["item"]})
        elif kind == "content_part.added":
            assert event["content_index"] == len(items[-1]["content"])
            items[-1]["content"].append({**event["part"]})
        elif kind == "reasoning_summary_part.added":
            assert event["summary_index"] == len(items[-1]["summary"])
            items[-1]["summary"].append({**event["part"]})
        elif kind == "output_text.delta":
            items[event["output_index"]]["content"][event["content_index"]]["text"] += event[
                "delta"
            ]
        elif kind == "refusal.delta":
            part = items[event["output_index"]]["content"][event["content_index"]]
            part["refusal"] += event["delta"]
        elif kind == "reasoning_summary_text.delta":
            part = items[event["output_index"]]["summary"][event["summary_index"]]
            part["text"] += event["delta"]
        elif kind == "function_call_arguments.delta":
            items[event["output_index"]]["arguments"] += event["delta"]
        elif kind == "output_item.done":
            items[event["output_index"]]["status"] = event["item"]["status"]
    return items


# --- the order of things --------------------------------------------------------------


def test_text_is_one_message_with_one_part() -> None:
    stream = streamed([STARTED, TextDelta("Hel"), TextDelta("lo"), finished()], call())

    assert order(stream) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [e["delta"] for e in stream if e["type"].endswith("text.delta")] == ["Hel", "lo"]
    assert stream[-1]["response"]["output"] == [
        {
            "id": "msg_77_0",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
            ],
        }
    ]


def test_text_before_parallel_calls_is_an_item_of_its_own() -> None:
    events: list[TurnEvent] = [
        STARTED,
        TextDelta("Looking."),
        ToolCallStarted(0, "toolu_a", "look"),
        ToolCallDelta(0, '{"at"'),
        ToolCallDelta(0, ': "x"}'),
        ToolCallStarted(1, "toolu_b", "list"),
        finished(StopReason.TOOL_CALLS),
    ]
    stream = streamed(events, call())

    message, look, list_all = stream[-1]["response"]["output"]
    assert message["content"][0]["text"] == "Looking."
    assert look == {
        "id": "fc_77_1",
        "type": "function_call",
        "call_id": "toolu_a",
        "name": "look",
        "arguments": '{"at": "x"}',
        "status": "completed",
    }
    assert (list_all["call_id"], list_all["arguments"]) == ("toolu_b", "{}")
    written = [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert order(stream)[-9:] == [*written, *written, "completed"]


def test_reasoning_is_shown_as_a_summary_when_one_was_asked_for() -> None:
    events: list[TurnEvent] = [
        STARTED,
        ThinkingDelta("Hm, "),
        ThinkingDelta("yes."),
        TextDelta("Yes."),
        finished(),
    ]
    stream = streamed(events, call(**SHOWN))

    assert order(stream)[2:8] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert stream[-1]["response"]["output"][0] == {
        "id": "rs_77_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm, yes."}],
        "status": "completed",
    }


def test_reasoning_nobody_asked_to_see_leaves_no_trace_but_its_count() -> None:
    thinking: list[TurnEvent] = [ThinkingDelta("Hm."), ThinkingDelta("Yes.")]
    text: list[TurnEvent] = [TextDelta("One"), TextDelta(" message")]
    quiet = streamed([STARTED, *text, finished()], call())

    assert streamed([STARTED, *thinking, *text, finished()], call()) == quiet
    assert streamed([STARTED, text[0], *thinking, text[1], finished()], call()) == quiet
    assert quiet[-1]["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 3}


def test_a_refusal_is_a_part_of_the_message() -> None:
    stream = streamed([STARTED, TextDelta("Well. "), RefusalDelta("No."), finished()], call())

    (message,) = stream[-1]["response"]["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert message["content"][1] == {"type": "refusal", "refusal": "No."}
    (done,) = (e for e in stream if e["type"] == "response.refusal.done")
    assert (done["content_index"], done["refusal"]) == (1, "No.")


def test_an_answer_of_nothing_is_a_response_without_output() -> None:
    stream = streamed([STARTED, TextDelta(""), finished()], call())

    assert order(stream) == ["created", "in_progress", "completed"]
    assert stream[-1]["response"]["output"] == []


# --- how an answer ends ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (StopReason.END, "completed", None),
        (StopReason.TOOL_CALLS, "completed", None),
        (StopReason.LENGTH, "incomplete", {"reason": "max_output_tokens"}),
        (StopReason.REFUSAL, "incomplete", {"reason": "content_filter"}),
    ],
)
def test_the_stop_reason_becomes_the_status(
    stop: StopReason, status: str, reason: JsonObject | None
) -> None:
    last = streamed([STARTED, TextDelta("Hel"), finished(stop)], call())[-1]

    assert last["type"] == f"response.{status}"
    assert last["response"]["status"] == status
    assert last["response"]["incomplete_details"] == reason
    assert last["response"]["output"][0]["status"] == status
    assert last["response"]["completed_at"] == (1_700_000_009 if status == "completed" else None)


def test_every_stop_reason_has_an_ending() -> None:
    assert set(ENDINGS) == set(StopReason)


def test_a_call_cut_off_before_its_arguments_gets_none() -> None:
    cut: list[TurnEvent] = [
        STARTED,
        ToolCallStarted(0, "toolu_a", "drop"),
        finished(StopReason.LENGTH),
    ]
    (item,) = streamed(cut, call())[-1]["response"]["output"]

    assert (item["arguments"], item["status"]) == ("", "incomplete")


def test_usage_counts_as_openai_counts() -> None:
    assert whole([STARTED, finished()], call())["usage"] == {
        "input_tokens": 23,
        "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 11},
        "output_tokens": 13,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 36,
    }


def test_the_model_is_the_one_that_answered() -> None:
    stream = streamed([TurnStarted("claude-a"), finished()], call(model="haiku"))

    assert stream[0]["response"]["model"] == "claude-a"
    assert stream[-1]["response"]["model"] == "claude-haiku-5-5"


# --- when it goes wrong ---------------------------------------------------------------


def test_a_failure_breaks_off_with_an_error_and_what_was_written() -> None:
    writer = ResponseWriter(call(), "resp_77", 1_700_000_000)
    before = [*writer.write(STARTED), *writer.write(TextDelta("Half of"))]
    error, last = writer.fail(TurnError(Failure.OVERLOADED, "Claude is overloaded."))

    assert error["sequence_number"] == len(before)
    assert (error["type"], error["code"]) == ("error", "overloaded")
    assert error["message"] == error["error"]["message"] == "Claude is overloaded."
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "server_error", "message": "Claude is overloaded."}
    (message,) = last["response"]["output"]
    assert (message["content"][0]["text"], message["status"]) == ("Half of", "incomplete")


def test_a_failure_before_the_answer_still_has_a_beginning() -> None:
    writer = ResponseWriter(call(), "resp_77", 1_700_000_000)

    stream = writer.fail(TurnError(Failure.CRASH, "Claude Code ended."))

    assert order(stream) == ["created", "in_progress", "error", "failed"]


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_is_told_in_events_the_client_knows(failure: Failure) -> None:
    writer = ResponseWriter(call(), "resp_77", 1_700_000_000)
    writer.write(STARTED)

    for event in writer.fail(TurnError(failure, "No.", param="input")):
        EVENT.validate_python(event)
        assert event.get("code", "-") is not None


def test_an_answer_that_begins_again_is_written_once_if_nothing_was_sent() -> None:
    events: list[TurnEvent] = [
        STARTED,
        ThinkingDelta("Hm."),
        TurnRestarted(),
        TextDelta("Yes."),
        finished(),
    ]

    assert streamed(events, call()) == streamed([STARTED, TextDelta("Yes."), finished()], call())


def test_an_answer_that_begins_again_after_it_was_sent_is_an_error() -> None:
    writer = ResponseWriter(call(), "resp_77", 1_700_000_000)
    writer.write(STARTED)
    writer.write(TextDelta("No"))

    with pytest.raises(TurnError) as raised:
        writer.write(TurnRestarted())
    assert raised.value.failure is Failure.UPSTREAM


def test_an_answer_that_is_not_streamed_may_begin_again_at_any_time() -> None:
    events: list[TurnEvent] = [
        STARTED,
        TextDelta("No"),
        TurnRestarted(),
        TextDelta("Yes"),
        finished(),
    ]

    assert whole(events, call()) == whole([STARTED, TextDelta("Yes"), finished()], call())


def test_arguments_for_a_call_that_is_not_open_are_an_error() -> None:
    writer = ResponseWriter(call(), "resp_77", 1_700_000_000)
    for event in (STARTED, ToolCallStarted(0, "a", "f"), ToolCallStarted(1, "b", "f")):
        writer.write(event)

    with pytest.raises(TurnError) as raised:
        writer.write(ToolCallDelta(0, "{}"))
    assert raised.value.failure is Failure.UPSTREAM


# --- any answer -----------------------------------------------------------------------

pieces = st.lists(st.text(max_size=4), max_size=4)
speech = st.one_of(
    st.builds(lambda some: [TextDelta(t) for t in some], pieces),
    st.builds(lambda some: [ThinkingDelta(t) for t in some], pieces),
    st.builds(lambda some: [RefusalDelta(t) for t in some], pieces),
    pieces,
)


@st.composite
def answers(draw: st.DrawFn) -> list[TurnEvent]:
    """Speech, thinking, refusals and calls in any order, to any end."""
    events: list[TurnEvent] = [STARTED]
    index = 0
    for block in draw(st.lists(speech, max_size=6)):
        if any(isinstance(piece, str) for piece in block) or not block:
            events.append(ToolCallStarted(index, f"toolu_{index}", f"tool-{index}"))
            events += [ToolCallDelta(index, piece) for piece in block if isinstance(piece, str)]
            index += 1
        else:
            events += [piece for piece in block if not isinstance(piece, str)]
    return [*events, finished(draw(st.sampled_from(StopReason)))]


@given(answers(), st.booleans())
def test_deltas_alone_make_the_output_of_the_response(events: list[TurnEvent], show: bool) -> None:
    asked = call(**SHOWN) if show else call()
    stream = streamed(events, asked)
    final = stream[-1]["response"]

    assert rebuilt(stream) == final["output"]
    assert final == whole(events, asked)
    assert [e["item"] for e in stream if e["type"] == "response.output_item.done"] == final[
        "output"
    ]


@given(answers())
def test_nothing_of_an_answer_is_lost(events: list[TurnEvent]) -> None:
    answer, output = fold(events), whole(events, call(**SHOWN))["output"]
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    calls = [item for item in output if item["type"] == "function_call"]

    assert "".join(part.get("text", "") for part in parts) == answer.text
    assert "".join(part.get("refusal", "") for part in parts) == answer.refusal
    assert "".join(s["text"] for item in output for s in item.get("summary", ())) == answer.thinking
    told = [(c["call_id"], c["name"], c["arguments"] or "{}") for c in calls]
    assert told == [(c.id, c.name, c.arguments) for c in answer.tool_calls]


@given(answers(), st.booleans())
def test_every_event_and_the_response_are_what_the_client_knows(
    events: list[TurnEvent], show: bool
) -> None:
    stream = streamed(events, call(**SHOWN) if show else call())

    assert [event["sequence_number"] for event in stream] == list(range(len(stream)))
    for event in stream:
        assert EVENT.validate_python(event).type == event["type"]
    Response.model_validate(stream[-1]["response"])


@given(answers())
def test_items_open_one_at_a_time(events: list[TurnEvent]) -> None:
    marks = [
        (event["type"].removeprefix("response.output_item."), event["output_index"])
        for event in streamed(events, call(**SHOWN))
        if event["type"].startswith("response.output_item.")
    ]

    assert marks == [(mark, i) for i in range(len(marks) // 2) for mark in ("added", "done")]
