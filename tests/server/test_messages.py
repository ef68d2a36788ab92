"""The Messages API, by the `anthropic` client: whole and streamed, tools, errors, models."""

from collections.abc import Iterable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic import beta_tool
from anthropic.types import Message

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import RedactedThinking, Refuse, Reply, TextBlock, Thinking, say
from claude_run.turn import JsonObject, Usage
from tests.described.clients import anthropic_client
from tests.scripted import ScriptedUpstream, in_order, turns
from tests.server.asking import frames
from tests.server.chats import CITY, NATIVE_PICTURE, text, use

HELLO: JsonObject = {"role": "user", "content": "hello"}
WEATHER: JsonObject = {"name": "weather", "description": "Of a city.", "input_schema": CITY}
TOOL: JsonObject = {"name": "f", "input_schema": {"type": "object"}}
THINKING_OF_OTHERS: JsonObject = {"type": "thinking", "thinking": "x", "signature": "b3RoZXI="}
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


THOUGHTS = (Thinking("Hm.", "c2lnbmVk"), RedactedThinking("aGlkZGVu"), Thinking("", "bW9yZQ=="))
THINKS: JsonObject = {"thinking": {"type": "adaptive"}}


def thought(blocks: Iterable[JsonObject]) -> list[JsonObject]:
    return [block for block in blocks if block["type"].endswith("thinking")]


@whole_and_streamed
def test_what_was_thought_comes_signed_and_goes_back_as_it_came(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((*THOUGHTS, TextBlock(("Yes",)), THOUGHTS[0], use("f")))
    answer = hear(claude, HELLO, stream=stream, tools=[TOOL], **THINKS)
    content = [block.to_dict() for block in answer.content]
    assert content[:3] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "aGlkZGVu"},
        {"type": "thinking", "thinking": "", "signature": "bW9yZQ=="},
    ]
    kinds = ["text", "thinking", "tool_use"]
    assert [block["type"] for block in content[3:]] == kinds

    elsewhere = {"role": "user", "content": f"as nobody here has begun, streamed: {stream}"}
    result = {"type": "tool_result", "tool_use_id": content[-1]["id"], "content": "done"}
    back = ({"role": "assistant", "content": content}, {"role": "user", "content": [result]})
    upstream.answer = say("Again")
    hear(claude, elsewhere, *back, stream=stream, tools=[TOOL], **THINKS)
    read = turns(upstream.requests[-1])[1]["content"]
    assert thought(read) == thought(content)
    assert [block["type"] for block in read] == [block["type"] for block in content]


@whole_and_streamed
def test_thinking_that_is_not_to_be_shown_leaves_its_signatures(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((*THOUGHTS, TextBlock(("Yes",))))
    asked: JsonObject = {"thinking": {"type": "adaptive", "display": "omitted"}}
    answer = hear(claude, {"role": "user", "content": "think quietly"}, stream=stream, **asked)
    assert [block.to_dict() for block in answer.content][:3] == [
        {"type": "thinking", "thinking": "", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "aGlkZGVu"},
        {"type": "thinking", "thinking": "", "signature": "bW9yZQ=="},
    ]


FOUND: JsonObject = {
    "type": "search_result",
    "source": "https://example.com/a",
    "title": "A page",
    "content": [text("one passage"), text("another")],
}
LETTER: JsonObject = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "Dear all"},
    "title": "A letter",
    "context": "Of last year.",
}


def test_what_a_search_has_found_is_told_as_it_is(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream
) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "search", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [FOUND, LETTER]}
    hear(
        claude,
        {"role": "user", "content": [FOUND, text("Search on")]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
        tools=[{"name": "search", "input_schema": {"type": "object"}}],
    )
    asked, _, answered = turns(upstream.requests[-1])
    assert asked["content"][0] == FOUND
    assert answered["content"][0]["content"] == [FOUND, LETTER]


@pytest.mark.parametrize("kept", ["nothing", "no signature", "another thought"])
def test_a_live_session_keeps_what_it_thought_itself(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, kept: str
) -> None:
    upstream.answer = Reply((*THOUGHTS, TextBlock(("Yes",))))
    asked = {"role": "user", "content": f"think live, and keep {kept}"}
    hear(claude, asked, **THINKS)
    unsigned = {"type": "thinking", "thinking": "mine", "signature": ""}
    sent = {"nothing": [], "no signature": [unsigned], "another thought": [THINKING_OF_OTHERS]}
    said = {"role": "assistant", "content": [*sent[kept], text("Yes")]}
    hear(claude, asked, said, HELLO, **THINKS)
    read = thought(turns(upstream.requests[-1])[1]["content"])
    assert [block.get("signature") or block["data"] for block in read] == [
        "c2lnbmVk",
        "aGlkZGVu",
        "bW9yZQ==",
    ]


def test_thinking_that_upstream_does_not_take_back_fails_no_request(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream
) -> None:
    why = "messages.1.content.0: Invalid `signature` in `thinking` block"
    no = Refuse(400, "invalid_request_error", why)
    upstream.answer = in_order(no, say("Well"))
    said = {"role": "assistant", "content": [THINKING_OF_OTHERS, text("Yes")]}
    answer = hear(claude, {"role": "user", "content": "signed by others"}, said, HELLO, **THINKS)
    assert [block.to_dict()["text"] for block in answer.content] == ["Well"]
    assert [thought(turns(one)[1]["content"]) for one in upstream.requests] == [
        [THINKING_OF_OTHERS],
        [],
    ]


@whole_and_streamed
@pytest.mark.parametrize("stop", ["END", "\n\n"])
def test_the_stop_that_was_hit_is_told(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, stream: bool, stop: str
) -> None:
    """The Messages API takes no stop of blanks: the bridge looks for it."""
    upstream.answer = (
        Reply((TextBlock(("up to",)),), stop_reason="stop_sequence", stop_sequence=stop)
        if stop.strip()
        else say("up to\n\nand on")
    )
    answer = hear(claude, HELLO, stream=stream, stop_sequences=["no", stop])
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", stop)
    assert [block.to_dict()["text"] for block in answer.content] == ["up to"]


def test_the_tool_runner_of_anthropics_client_runs(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream
) -> None:
    """It would have its conversation kept by the server, and sends all of it where none is."""

    @beta_tool
    def weather(city: str) -> str:
        """Of a city."""
        return f"sunny in {city}"

    call = Reply((Thinking("Hm.", "c2lnbmVk"), use("weather", city="Bern")))
    upstream.answer = in_order(call, say("Take a hat"))
    asked = body({"role": "user", "content": "run a tool"}, tools=[weather], **THINKS)
    *_, last = claude.beta.messages.tool_runner(**asked)
    assert last.content[-1].to_dict()["text"] == "Take a hat"
    _, said, result = turns(upstream.requests[-1])
    assert [block["type"] for block in said["content"]] == ["thinking", "tool_use"]
    assert result["content"][0]["content"] == "sunny in Bern"


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
    assert [model.id for model in claude.models.list(limit=2)] == names
    page = claude.models.list(limit=2)
    assert ([model.id for model in page.data], page.has_more) == (names[:2], True)
    page = claude.models.list(limit=1, before_id=names[2])
    assert ([model.id for model in page.data], page.has_more) == (names[1:2], True)
    page = claude.models.list(after_id=names[-1])
    assert (page.data, page.has_more, page.last_id) == ([], False, None)
    for wrong in ({"limit": 0}, {"after_id": "no-such-model"}):
        with pytest.raises(anthropic.BadRequestError, match=next(iter(wrong))):
            claude.models.list(**wrong)
    assert claude.models.retrieve("sonnet").id == "sonnet"
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("no-such-model")


def test_tokens_are_not_counted_in_advance(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="usage says how many"):
        claude.messages.count_tokens(model="sonnet", messages=[{"role": "user", "content": "hi"}])
