"""Answers as the Messages API sends them."""

import json
from typing import Any

import pytest

from claude_run.rehearsal.answers import (
    Cut,
    Fail,
    Pause,
    Reply,
    TextBlock,
    Thinking,
    ToolUse,
    events,
    message,
    say,
)
from claude_run.turn import JsonObject, Usage

FULL = Reply(
    (
        Thinking("Let me see, a tool.", signature="sig"),
        TextBlock(("Hel", "lo")),
        ToolUse("toolu_1", "weather", {"city": "Münster", "days": [1, 2]}),
        ToolUse("", "time", {}),
    ),
    usage=Usage(10, 5, 3, 40, 12),
)


def stream(reply: Reply) -> list[Any]:
    return list(events(reply, "msg_7", "claude-opus-5-5"))


def test_a_text_is_streamed_as_the_messages_api_streams_it() -> None:
    assert stream(say("Hel", "lo")) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_7",
                "type": "message",
                "role": "assistant",
                "model": "claude-opus-5-5",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 10,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 1,
                },
            },
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hel"},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "lo"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {
                "input_tokens": 10,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 5,
            },
        },
        {"type": "message_stop"},
    ]


def test_the_events_of_an_answer_add_up_to_its_message() -> None:
    assert folded(stream(FULL)) == message(FULL, "msg_7", "claude-opus-5-5")


def test_a_tool_input_comes_in_fragments_that_are_no_json_by_themselves() -> None:
    fragments = [
        event["delta"]["partial_json"]
        for event in stream(FULL)
        if event["type"] == "content_block_delta" and event["index"] == 2
    ]

    assert json.loads("".join(fragments)) == {"city": "Münster", "days": [1, 2]}
    assert fragments[0] == ""
    assert len(fragments) > 3


def test_usage_at_the_end_is_that_of_the_whole_answer() -> None:
    (ending,) = (event for event in stream(FULL) if event["type"] == "message_delta")

    assert ending["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 5,
        "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 12},
    }


def test_a_call_without_an_id_gets_one_that_no_other_message_has() -> None:
    ids = {
        message(FULL, message_id, "claude-opus-5-5")["content"][3]["id"]
        for message_id in ("msg_7", "msg_8")
    }

    assert ids == {"toolu_7_3", "toolu_8_3"}


@pytest.mark.parametrize(
    ("reply", "reason", "sequence"),
    [
        (say("a"), "end_turn", None),
        (FULL, "tool_use", None),
        (Reply(FULL.blocks, "max_tokens"), "max_tokens", None),
        (Reply(FULL.blocks, "stop_sequence", "END"), "stop_sequence", "END"),
    ],
)
def test_why_an_answer_ended(reply: Reply, reason: str, sequence: str | None) -> None:
    (ending,) = (event for event in stream(reply) if event["type"] == "message_delta")

    assert ending["delta"] == {"stop_reason": reason, "stop_sequence": sequence}


def test_the_model_that_answers_may_be_another_than_was_asked() -> None:
    start = stream(Reply((), model="claude-haiku-5-5"))[0]

    assert start["message"]["model"] == "claude-haiku-5-5"


def test_pauses_stand_where_they_were_put() -> None:
    reply = Reply((Pause(1), TextBlock(("a", Pause(2), "b")), Pause(3)))

    shape = [step if isinstance(step, Pause) else step["type"] for step in stream(reply)]

    assert shape == [
        "message_start",
        Pause(1),
        "content_block_start",
        "content_block_delta",
        Pause(2),
        "content_block_delta",
        "content_block_stop",
        Pause(3),
        "message_delta",
        "message_stop",
    ]


def test_nothing_follows_a_cut() -> None:
    assert stream(say("a", Cut(), "b"))[-1] == Cut()
    assert len(stream(say("a", Cut(), "b"))) == 4


def test_nothing_follows_an_error_event() -> None:
    reply = Reply((TextBlock(("a",)), Fail("overloaded_error", "Overloaded"), TextBlock(("b",))))

    assert stream(reply)[-2:] == [
        {"type": "content_block_stop", "index": 0},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    ]


def folded(stream_: list[JsonObject]) -> JsonObject:
    """The message a client puts together from a stream."""
    whole: JsonObject = {}
    fragments: list[str] = []
    for event in stream_:
        match event:
            case {"type": "message_start"}:
                whole = event["message"]
            case {"type": "content_block_start", "content_block": block}:
                whole["content"].append(dict(block))
                fragments = []
            case {"delta": {"type": "input_json_delta", "partial_json": fragment}}:
                fragments.append(fragment)
            case {"type": "content_block_delta", "delta": {"type": kind, **pieces}}:
                block = whole["content"][-1]
                for key, piece in pieces.items():
                    block[key] += piece
                assert kind == f"{next(iter(pieces))}_delta"
            case {"type": "content_block_stop"}:
                if fragments:
                    whole["content"][-1]["input"] = json.loads("".join(fragments))
            case {"type": "message_delta"}:
                whole |= {**event["delta"], "usage": event["usage"]}
    return whole
