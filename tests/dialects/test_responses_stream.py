"""The events of a streamed response, one answer at a time."""

import pytest

from claude_run.dialects.responses import ResponseWriter
from claude_run.dialects.responses.answer import ENDINGS
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
    TurnRestarted,
    TurnStarted,
)
from tests.dialects.responses import (
    EVENT,
    SHOWN,
    STARTED,
    finished,
    order,
    parsed,
    streamed,
    whole,
)

# --- the order of things --------------------------------------------------------------


def test_text_is_one_message_with_one_part() -> None:
    stream = streamed([STARTED, TextDelta("Hel"), TextDelta("lo"), finished()], parsed())

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
    stream = streamed(events, parsed())

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
    stream = streamed(events, parsed(**SHOWN))

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
    quiet = streamed([STARTED, *text, finished()], parsed())

    assert streamed([STARTED, *thinking, *text, finished()], parsed()) == quiet
    assert streamed([STARTED, text[0], *thinking, text[1], finished()], parsed()) == quiet
    assert quiet[-1]["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 3}


def test_a_refusal_is_a_part_of_the_message() -> None:
    stream = streamed([STARTED, TextDelta("Well. "), RefusalDelta("No."), finished()], parsed())

    (message,) = stream[-1]["response"]["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert message["content"][1] == {"type": "refusal", "refusal": "No."}
    (done,) = (e for e in stream if e["type"] == "response.refusal.done")
    assert (done["content_index"], done["refusal"]) == (1, "No.")


def test_an_answer_of_nothing_is_a_response_without_output() -> None:
    stream = streamed([STARTED, TextDelta(""), finished()], parsed())

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
    last = streamed([STARTED, TextDelta("Hel"), finished(stop)], parsed())[-1]

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
    (item,) = streamed(cut, parsed())[-1]["response"]["output"]

    assert (item["arguments"], item["status"]) == ("", "incomplete")


def test_usage_counts_as_openai_counts() -> None:
    assert whole([STARTED, finished()], parsed())["usage"] == {
        "input_tokens": 23,
        "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 11},
        "output_tokens": 13,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 36,
    }


def test_the_model_is_the_one_that_answered() -> None:
    stream = streamed([TurnStarted("claude-a"), finished()], parsed(model="haiku"))

    assert stream[0]["response"]["model"] == "claude-a"
    assert stream[-1]["response"]["model"] == "claude-haiku-5-5"


# --- when it goes wrong ---------------------------------------------------------------


def test_a_failure_breaks_off_with_an_error_and_what_was_written() -> None:
    writer = ResponseWriter(parsed(), "resp_77", 1_700_000_000)
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
    writer = ResponseWriter(parsed(), "resp_77", 1_700_000_000)

    stream = writer.fail(TurnError(Failure.CRASH, "Claude Code ended."))

    assert order(stream) == ["created", "in_progress", "error", "failed"]


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_is_told_in_events_the_client_knows(failure: Failure) -> None:
    writer = ResponseWriter(parsed(), "resp_77", 1_700_000_000)
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

    assert streamed(events, parsed()) == streamed(
        [STARTED, TextDelta("Yes."), finished()], parsed()
    )


def test_reasoning_that_was_shown_may_stand_when_the_answer_begins_again() -> None:
    events: list[TurnEvent] = [STARTED, ThinkingDelta("Hm."), TurnRestarted()]
    events += [ThinkingDelta(" So."), TextDelta("Yes."), finished()]
    final = streamed(events, parsed(**SHOWN))[-1]["response"]

    assert final["output"][0]["summary"] == [{"type": "summary_text", "text": "Hm. So."}]
    assert final == whole(events, parsed(**SHOWN))


@pytest.mark.parametrize(
    "sent",
    [
        [TextDelta("No")],
        [ThinkingDelta("Hm."), TextDelta("No")],
        [TextDelta("No"), ThinkingDelta("Hm.")],
        [ToolCallStarted(0, "toolu_a", "look")],
    ],
)
def test_an_answer_that_begins_again_after_it_was_sent_is_an_error(sent: list[TurnEvent]) -> None:
    writer = ResponseWriter(parsed(**SHOWN), "resp_77", 1_700_000_000)
    for event in (STARTED, *sent):
        writer.write(event)

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

    assert whole(events, parsed()) == whole([STARTED, TextDelta("Yes"), finished()], parsed())


def test_arguments_for_a_call_that_is_not_open_are_an_error() -> None:
    writer = ResponseWriter(parsed(), "resp_77", 1_700_000_000)
    for event in (STARTED, ToolCallStarted(0, "a", "f"), ToolCallStarted(1, "b", "f")):
        writer.write(event)

    with pytest.raises(TurnError) as raised:
        writer.write(ToolCallDelta(0, "{}"))
    assert raised.value.failure is Failure.UPSTREAM
