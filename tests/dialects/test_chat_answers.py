"""Completions and chunks, read by the `openai` package's own types and stream helper."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from claude_run.dialects.chat import ChatCall, ChunkWriter, completion, usage_chunk
from claude_run.dialects.chat.answer import FINISH_REASON
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
from tests.dialects.chats import WEATHER, parsed

MODEL = "claude-sonnet-5-5"
USAGE = Usage(
    input_tokens=10,
    cache_read_tokens=200,
    cache_write_tokens=30,
    output_tokens=7,
    reasoning_tokens=4,
)
PLAIN = parsed(stream=True)
COUNTED = parsed(stream=True, stream_options={"include_usage": True})
LEGACY = parsed(stream=True, functions=[WEATHER["function"]])
STARTED = TurnStarted(MODEL)


def finished(stop: StopReason = StopReason.END, usage: Usage = USAGE) -> TurnFinished:
    return TurnFinished(stop, usage, MODEL)


def whole(events: Sequence[TurnEvent], call: ChatCall = PLAIN) -> JsonObject:
    body = completion(call, [fold(events)], id="chatcmpl-1", created=5)
    ChatCompletion.model_validate(body, strict=True)
    return body


def chunks(events: Sequence[TurnEvent], call: ChatCall = PLAIN, index: int = 0) -> list[JsonObject]:
    writer = ChunkWriter(call, index, "chatcmpl-1", 5)
    written = [chunk for event in events for chunk in writer.write(event)]
    for chunk in written:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    return written


def message(*events: TurnEvent, stop: StopReason = StopReason.END, call: ChatCall = PLAIN) -> Any:
    return whole([STARTED, *events, finished(stop)], call)["choices"][0]["message"]


def deltas(*events: TurnEvent, stop: StopReason = StopReason.END, call: ChatCall = PLAIN) -> Any:
    written = chunks([STARTED, *events, finished(stop)], call)
    return [chunk["choices"][0]["delta"] for chunk in written]


# --- the completion -------------------------------------------------------------------


def test_a_completion_says_who_answered_and_what_it_took() -> None:
    assert whole([STARTED, TextDelta("Hi"), finished()]) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": MODEL,
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "refusal": None,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 240,
            "completion_tokens": 7,
            "total_tokens": 247,
            "prompt_tokens_details": {
                "cached_tokens": 200,
                "audio_tokens": 0,
                "cache_write_tokens": 30,
            },
            "completion_tokens_details": {
                "reasoning_tokens": 4,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }


def test_several_answers_are_choices_whose_usages_are_added() -> None:
    answers = [fold([STARTED, TextDelta(text), finished()]) for text in "abc"]
    body = completion(parsed(n=3), answers, id="chatcmpl-1", created=5)
    ChatCompletion.model_validate(body, strict=True)
    assert [one["index"] for one in body["choices"]] == [0, 1, 2]
    assert [one["message"]["content"] for one in body["choices"]] == ["a", "b", "c"]
    assert body["usage"]["prompt_tokens"] == 3 * 240
    assert body["usage"]["total_tokens"] == 3 * 247
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 12


def test_every_stop_reason_has_a_finish_reason() -> None:
    assert FINISH_REASON.keys() == set(StopReason)


@pytest.mark.parametrize(("stop", "reason"), FINISH_REASON.items())
def test_both_forms_end_for_the_same_reason(stop: StopReason, reason: str) -> None:
    events: list[TurnEvent] = [STARTED, TextDelta("Hi"), finished(stop)]
    assert whole(events)["choices"][0]["finish_reason"] == reason
    last = chunks(events)[-1]["choices"][0]
    assert (last["delta"], last["finish_reason"]) == ({}, reason)


CALLS = (
    ToolCallStarted(0, "toolu_1", "weather"),
    ToolCallDelta(0, '{"city": '),
    ToolCallDelta(0, '"Bern"}'),
    ToolCallStarted(1, "toolu_2", "clock"),
)


def test_calls_come_without_content_unless_something_was_said() -> None:
    silent = message(*CALLS, stop=StopReason.TOOL_CALLS)
    assert silent["content"] is None
    assert silent["tool_calls"] == [
        {
            "id": "toolu_1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
        },
        {"id": "toolu_2", "type": "function", "function": {"name": "clock", "arguments": "{}"}},
    ]
    said = message(TextDelta("Let me look."), *CALLS, stop=StopReason.TOOL_CALLS)
    assert said["content"] == "Let me look."


def test_an_empty_answer_is_an_empty_text() -> None:
    assert message() == {"role": "assistant", "content": "", "refusal": None, "annotations": []}


def test_a_refusal_stands_in_place_of_content() -> None:
    assert message(RefusalDelta("I will "), RefusalDelta("not.")) == {
        "role": "assistant",
        "content": None,
        "refusal": "I will not.",
        "annotations": [],
    }


def test_reasoning_comes_under_both_names_and_only_when_there_is_some() -> None:
    thought = message(ThinkingDelta("Hm"), ThinkingDelta("m."), TextDelta("Hi"))
    assert thought["reasoning_content"] == thought["reasoning"] == "Hmm."
    assert "reasoning" not in message(TextDelta("Hi"))


def test_the_old_form_has_one_call() -> None:
    events: list[TurnEvent] = [STARTED, *CALLS, finished(StopReason.TOOL_CALLS)]
    (choice,) = whole(events, LEGACY)["choices"]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {
        "name": "weather",
        "arguments": '{"city": "Bern"}',
    }
    assert "tool_calls" not in choice["message"]


# --- the chunks -----------------------------------------------------------------------


def test_a_stream_opens_with_the_role_and_ends_with_the_reason() -> None:
    written = chunks([STARTED, TextDelta("H"), TextDelta("i"), finished()], index=2)
    assert [chunk["choices"][0]["delta"] for chunk in written] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "H"},
        {"content": "i"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in written] == [None, None, None, "stop"]
    assert {chunk["choices"][0]["index"] for chunk in written} == {2}


def test_all_chunks_bear_one_id_one_time_and_the_model_that_answers() -> None:
    for chunk in chunks([STARTED, TextDelta("Hi"), *CALLS, finished()]):
        assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-1", 5, MODEL)
        assert chunk["object"] == "chat.completion.chunk"


def test_a_call_is_named_once_and_then_told_by_its_index() -> None:
    _, *calls, _ = deltas(*CALLS, stop=StopReason.TOOL_CALLS)
    assert [delta["tool_calls"] for delta in calls] == [
        [
            {
                "index": 0,
                "id": "toolu_1",
                "type": "function",
                "function": {"name": "weather", "arguments": ""},
            }
        ],
        [{"index": 0, "function": {"arguments": '{"city": '}}],
        [{"index": 0, "function": {"arguments": '"Bern"}'}}],
        [
            {
                "index": 1,
                "id": "toolu_2",
                "type": "function",
                "function": {"name": "clock", "arguments": ""},
            }
        ],
        [{"index": 1, "function": {"arguments": "{}"}}],
    ]


def test_a_call_without_arguments_is_complete_before_the_next_begins() -> None:
    _, *calls, _ = deltas(ToolCallStarted(0, "a", "clock"), ToolCallStarted(1, "b", "clock"))
    assert [delta["tool_calls"][0]["index"] for delta in calls] == [0, 0, 1, 1]


def test_reasoning_and_refusals_have_deltas_of_their_own() -> None:
    _, thought, refused, _ = deltas(ThinkingDelta("Hm."), RefusalDelta("No."))
    assert thought == {"reasoning_content": "Hm.", "reasoning": "Hm."}
    assert refused == {"refusal": "No."}


def test_the_old_form_streams_its_one_call() -> None:
    _, *calls, _ = deltas(*CALLS, stop=StopReason.TOOL_CALLS, call=LEGACY)
    assert calls == [
        {"function_call": {"name": "weather", "arguments": ""}},
        {"function_call": {"arguments": '{"city": '}},
        {"function_call": {"arguments": '"Bern"}'}},
    ]


def test_empty_pieces_make_no_chunks() -> None:
    empty = (TextDelta(""), ThinkingDelta(""), RefusalDelta(""))
    assert deltas(*empty) == deltas()


def test_usage_comes_last_and_only_where_it_was_asked_for() -> None:
    events: list[TurnEvent] = [STARTED, TextDelta("Hi"), finished()]
    assert all("usage" not in chunk for chunk in chunks(events))
    assert all(chunk["usage"] is None for chunk in chunks(events, COUNTED))
    last = usage_chunk([USAGE, USAGE], id="chatcmpl-1", created=5, model=MODEL)
    ChatCompletionChunk.model_validate(last, strict=True)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 2 * 247


@pytest.mark.parametrize(
    "void", [TextDelta("a"), RefusalDelta("a"), ToolCallStarted(0, "a", "clock")]
)
def test_a_restart_after_a_part_was_sent_is_an_error(void: TurnEvent) -> None:
    writer = ChunkWriter(PLAIN, 0, "chatcmpl-1", 5)
    writer.write(STARTED)
    writer.write(void)
    with pytest.raises(TurnError) as caught:
        writer.write(TurnRestarted())
    assert caught.value.failure is Failure.UPSTREAM


@pytest.mark.parametrize("before", [(), (TextDelta(""),), (ThinkingDelta("Hm."),)])
@pytest.mark.parametrize("again", [(), (STARTED,)])
def test_a_restart_before_anything_was_answered_is_not_seen(
    before: tuple[TurnEvent, ...], again: tuple[TurnEvent, ...]
) -> None:
    assert deltas(*before, TurnRestarted(), *again, TextDelta("Hi")) == deltas(
        *before, TextDelta("Hi")
    )


# --- one fold for both forms ----------------------------------------------------------

PIECES = st.lists(st.text(max_size=5), max_size=4)
OBJECT = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=3)


SAYINGS: tuple[Callable[[str], TurnEvent], ...] = (TextDelta, ThinkingDelta, RefusalDelta)


@st.composite
def a_call(draw: st.DrawFn, index: int) -> list[TurnEvent]:
    """One call's events; its JSON is cut anywhere, or is not there at all."""
    written = draw(st.just("") | OBJECT.map(json.dumps))
    cut = draw(st.integers(0, len(written)))
    pieces = (ToolCallDelta(index, piece) for piece in (written[:cut], written[cut:]))
    return [ToolCallStarted(index, f"toolu_{index}", "weather"), *pieces]


@st.composite
def answers(draw: st.DrawFn) -> list[TurnEvent]:
    """The events of an answer that nothing voids after something was said."""
    events: list[TurnEvent] = [STARTED, *draw(st.sampled_from(([], [TurnRestarted()])))]
    calls = 0
    for is_call in draw(st.lists(st.booleans(), max_size=6)):
        if is_call:
            events += draw(a_call(calls))
            calls += 1
        else:
            saying = draw(st.sampled_from(SAYINGS))
            events += [saying(text) for text in draw(PIECES)]
    usage = Usage(*(draw(st.integers(0, 10**6)) for _ in range(5)))
    return [*events, finished(draw(st.sampled_from(StopReason)), usage)]


def gathered(events: list[TurnEvent], call: ChatCall) -> JsonObject:
    """What the `openai` client has put together when the stream has ended."""
    state = ChatCompletionStreamState()
    end = events[-1]
    assert isinstance(end, TurnFinished)
    last = usage_chunk([end.usage], id="chatcmpl-1", created=5, model=MODEL)
    for chunk in (*chunks(events, call), last):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    return state.current_completion_snapshot.to_dict()


def comparable(body: JsonObject) -> JsonObject:
    """Both forms without what only one of them can say.

    A stream does not know at first whether there will be content, numbers its calls, and is
    parsed by the client as it comes; the rest has to agree.
    """
    (choice,) = body["choices"]
    said = {name: value for name, value in choice["message"].items() if name != "parsed"}
    for made in said.get("tool_calls") or []:
        made.pop("index", None)
        made["function"].pop("parsed_arguments", None)
    said = {name: value for name, value in said.items() if value}
    usage = body["usage"]
    head = {name: body[name] for name in ("id", "object", "created", "model")}
    return {**head, "message": said, "reason": choice["finish_reason"], "usage": usage}


@pytest.mark.parametrize("call", [COUNTED, LEGACY], ids=["tools", "functions"])
@settings(deadline=None)
@given(events=answers())
def test_the_chunks_add_up_to_the_completion(call: ChatCall, events: list[TurnEvent]) -> None:
    assert comparable(gathered(events, call)) == comparable(whole(events, call))
