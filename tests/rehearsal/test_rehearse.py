"""What a rehearsal answers, by what was asked."""

import json
from typing import Any

import pytest

from claude_run.rehearsal import rehearse
from claude_run.rehearsal.answers import Refuse, Reply, TextBlock, Thinking, ToolUse
from claude_run.turn import JsonObject

TOOL = {
    "name": "mcp__c__weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "minLength": 1}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
OTHER = {"name": "mcp__c__time", "input_schema": {"type": "object"}}
STRUCTURED = {
    "name": "mcp__c__StructuredOutput",
    "input_schema": {
        "type": "object",
        "properties": {"answer": {"enum": ["yes", "no"]}},
        "required": ["answer"],
    },
}


def ask(**fields: Any) -> JsonObject:
    messages = [{"role": "user", "content": "What is Python?"}]
    return {"model": "claude-sonnet-5-5", "max_tokens": 32000, "messages": messages, **fields}


def reply_to(**fields: Any) -> Reply:
    answer = rehearse(ask(**fields))
    assert isinstance(answer, Reply)
    return answer


def text_of(reply: Reply) -> str:
    (block,) = reply.blocks
    assert isinstance(block, TextBlock)
    return "".join(delta for delta in block.deltas if isinstance(delta, str))


def call_of(reply: Reply) -> tuple[str, JsonObject]:
    (block,) = reply.blocks
    assert isinstance(block, ToolUse)
    return block.name, block.input


def test_a_question_is_answered_in_several_pieces_and_the_same_each_time() -> None:
    reply = reply_to()

    assert text_of(reply) == (
        "This is a rehearsal. It stands in for claude-sonnet-5-5, which was not asked, "
        "and answers a conversation of 1 message. Nothing was spent."
    )
    (block,) = reply.blocks
    assert isinstance(block, TextBlock)
    assert len(block.deltas) == reply.usage.output_tokens == len(text_of(reply).split())
    assert reply.stop_reason == "end_turn"
    assert reply == reply_to()


def test_the_text_repeats_nothing_of_what_was_asked() -> None:
    secret = [{"role": "user", "content": "the password is swordfish"}]

    assert "swordfish" not in text_of(reply_to(messages=secret, system="swordfish"))


def test_system_messages_are_no_part_of_the_conversation_that_is_counted() -> None:
    roles = ["user", "system", "assistant", "user"]
    messages = [{"role": role, "content": "x"} for role in roles]

    assert "a conversation of 3 messages." in text_of(reply_to(messages=messages))


def test_a_longer_prompt_has_more_input_tokens() -> None:
    longer = reply_to(system="x" * 4000).usage.input_tokens

    assert longer - reply_to(system="").usage.input_tokens == 1000


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "any"}, ("mcp__c__weather", {"city": "a"})),
        ({"type": "tool", "name": "mcp__c__time"}, ("mcp__c__time", {})),
    ],
)
def test_a_forced_tool_is_called_with_as_little_as_it_needs(
    choice: JsonObject, expected: tuple[str, JsonObject]
) -> None:
    assert call_of(reply_to(tools=[TOOL, OTHER], tool_choice=choice)) == expected


@pytest.mark.parametrize("choice", [None, {"type": "auto"}, {"type": "none"}])
def test_a_tool_that_is_not_forced_is_not_called(choice: JsonObject | None) -> None:
    assert text_of(reply_to(tools=[TOOL], tool_choice=choice))


def test_structured_output_is_called_unforced() -> None:
    reply = reply_to(tools=[TOOL, STRUCTURED])

    assert call_of(reply) == ("mcp__c__StructuredOutput", {"answer": "yes"})


def test_a_tool_that_must_be_called_goes_before_structured_output() -> None:
    reply = reply_to(tools=[STRUCTURED, TOOL], tool_choice={"type": "any"})

    assert call_of(reply) == ("mcp__c__weather", {"city": "a"})


def test_structured_output_is_what_any_means_when_it_is_the_only_tool() -> None:
    reply = reply_to(tools=[STRUCTURED], tool_choice={"type": "any"})

    assert call_of(reply) == ("mcp__c__StructuredOutput", {"answer": "yes"})


def test_an_output_format_is_met_by_the_text() -> None:
    format_ = {"type": "json_schema", "schema": STRUCTURED["input_schema"]}

    assert json.loads(text_of(reply_to(output_config={"format": format_}))) == {"answer": "yes"}


def test_a_tool_choice_that_names_no_tool_is_a_bad_request() -> None:
    answer = rehearse(ask(tools=[TOOL], tool_choice={"type": "tool", "name": "nope"}))

    assert isinstance(answer, Refuse)
    assert (answer.status, answer.error_type) == (400, "invalid_request_error")
    assert "nope" in answer.message


def test_a_schema_that_nothing_meets_is_a_bad_request() -> None:
    impossible = {"name": "mcp__c__StructuredOutput", "input_schema": {"enum": []}}

    answer = rehearse(ask(tools=[impossible]))

    assert isinstance(answer, Refuse)
    assert answer.status == 400


def test_a_text_longer_than_max_tokens_is_cut_there() -> None:
    reply = reply_to(max_tokens=3)

    assert text_of(reply) == "This is a"
    assert (reply.stop_reason, reply.usage.output_tokens) == ("max_tokens", 3)


def test_the_first_stop_sequence_in_the_text_ends_it() -> None:
    reply = reply_to(stop_sequences=["stands", " rehearsal", "absent"])

    assert text_of(reply) == "This is a"
    assert (reply.stop_reason, reply.stop_sequence) == ("stop_sequence", " rehearsal")


def test_max_tokens_may_come_before_a_stop_sequence() -> None:
    reply = reply_to(stop_sequences=["stands"], max_tokens=2)

    assert text_of(reply) == "This is"
    assert (reply.stop_reason, reply.stop_sequence) == ("max_tokens", None)


@pytest.mark.parametrize(
    "thinking",
    [{"type": "enabled", "budget_tokens": 2000}, {"type": "adaptive", "display": "summarized"}],
)
def test_thinking_is_shown_to_who_asked_to_see_it(thinking: JsonObject) -> None:
    reply = reply_to(thinking=thinking)

    assert isinstance(reply.blocks[0], Thinking)
    assert 0 < reply.usage.reasoning_tokens < reply.usage.output_tokens


@pytest.mark.parametrize(
    "thinking", [{"type": "disabled"}, {"type": "adaptive", "display": "updates"}]
)
def test_thinking_is_not_shown_to_who_did_not(thinking: JsonObject) -> None:
    assert text_of(reply_to(thinking=thinking))
