"""The Messages API, by the `anthropic` client: whole and streamed, tools, errors, models."""

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Reply, TextBlock, Thinking, say
from claude_run.turn import JsonObject, Usage
from tests.described.clients import anthropic_client
from tests.scripted import ScriptedUpstream
from tests.server.asking import frames
from tests.server.chats import CITY, NATIVE_PICTURE, text, use

HELLO: JsonObject = {"role": "user", "content": "hello"}
WEATHER: JsonObject = {"name": "weather", "description": "Of a city.", "input_schema": CITY}
whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(scope="module")
def claude(bridge: Bridge) -> Iterator[anthropic.Anthropic]:
    with anthropic_client(bridge) as client:
        yield client


def body(*messages: JsonObject, **asked: Any) -> JsonObject:
    return {"model": "sonnet", "max_tokens": 500, "messages": [*messages], **asked}


def hear(
    claude: anthropic.Anthropic, *messages: JsonObject, stream: bool = False, **asked: Any
) -> Message:
    """The answer, asked for in one form or the other."""
    question = body(*messages, **asked)
    if not stream:
        return claude.messages.create(**question)
    with claude.messages.stream(**question) as events:
        return events.get_final_message()


@whole_and_streamed
def test_a_message_is_answered(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply(
        (TextBlock(("Hello", " world")),), usage=Usage(10, 200, 30, output_tokens=7)
    )
    answer = hear(claude, HELLO, stream=stream, system=[text("Be"), text("brief")])
    (block,) = answer.content
    assert block.type == "text"
    assert block.text == "Hello world"
    assert (answer.stop_reason, answer.role, answer.type) == ("end_turn", "assistant", "message")
    counted = answer.usage
    assert (counted.input_tokens, counted.cache_read_input_tokens) == (10, 200)
    assert (counted.cache_creation_input_tokens, counted.output_tokens) == (30, 7)
    assert "Be\n\nbrief" in [block["text"] for block in upstream.requests[-1]["system"]]


@whole_and_streamed
def test_a_tool_step_goes_on_in_the_live_session(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((TextBlock(("Looking.",)), use("weather", city="Bern")))
    asked: JsonObject = {"tools": [WEATHER], "stream": stream}
    first = hear(claude, HELLO, **asked)
    assert first.stop_reason == "tool_use"
    call = first.content[-1]
    assert call.type == "tool_use"
    assert (call.name, call.input) == ("weather", {"city": "Bern"})

    upstream.answer = say("Sunny")
    result = {
        "type": "tool_result",
        "tool_use_id": call.id,
        "is_error": True,
        "content": [text("no"), NATIVE_PICTURE],
    }
    said = {"role": "assistant", "content": [one.to_dict() for one in first.content]}
    final = hear(claude, HELLO, said, {"role": "user", "content": [result]}, **asked)
    assert [one.type for one in final.content] == ["text"]
    heard = upstream.requests[-1]["messages"][-1]["content"][0]
    assert (heard["type"], heard["is_error"]) == ("tool_result", True)


@whole_and_streamed
def test_thinking_is_shown_and_accepted_back(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((Thinking("Hm."), TextBlock(("Yes",))))
    answer = hear(claude, HELLO, stream=stream, thinking={"type": "adaptive"})
    assert [block.type for block in answer.content] == ["thinking", "text"]
    upstream.answer = say("Again")
    said = {"role": "assistant", "content": [block.to_dict() for block in answer.content]}
    assert hear(claude, HELLO, said, HELLO, thinking={"type": "adaptive"}).content


def test_a_conversation_begun_through_chat_goes_on_through_messages(
    claude: anthropic.Anthropic,
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
) -> None:
    upstream.answer = say("One")
    asked = "begun through chat"
    client.chat.completions.create(
        model="sonnet", max_tokens=500, messages=[{"role": "user", "content": asked}]
    )
    upstream.answer = say("Two")
    begun = ({"role": "user", "content": asked}, {"role": "assistant", "content": "One"})
    response = claude.messages.with_raw_response.create(**body(*begun, HELLO))
    assert response.headers["x-claude-run-session"] == "continued"


def test_every_event_is_named_and_validates(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = Reply((TextBlock(("Hi",)), use("weather", city="Bern")))
    seen = [one.event for one in frames(bridge, "/v1/messages", body(HELLO, tools=[WEATHER]))]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert [name for name, before in zip(seen, ["", *seen], strict=False) if name != before] == [
        "message_start",
        *block,
        *block,
        "message_delta",
        "message_stop",
    ]


def test_models_are_listed_in_the_clients_form(
    claude: anthropic.Anthropic, client: openai.OpenAI
) -> None:
    names = [model.id for model in claude.models.list()]
    assert names == [model.id for model in client.models.list()]
    assert claude.models.retrieve("sonnet").id == "sonnet"
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("no-such-model")


def test_tokens_are_not_counted_in_advance(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="usage says"):
        claude.messages.count_tokens(model="sonnet", messages=[{"role": "user", "content": "hi"}])
