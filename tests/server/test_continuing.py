"""A conversation that grows, and one that is told differently: what Claude is sent of each."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import openai
import pytest

from claude_run.rehearsal.answers import Reply, TextBlock, say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, in_order, turns
from tests.server.chats import PICTURE, TOOLS, assistant, hear, result, system, text, use, user

STEPS = 10


def everything(request: JsonObject) -> list[JsonObject]:
    """All messages of a request, the CLI's own as well, but for the marks of the cache; and one
    text is held for equal to its block."""
    return [
        {**message, "content": bare(message["content"])}
        for message in json.loads(json.dumps(request["messages"]))
    ]


def bare(content: Any) -> Any:
    blocks = [text(content)] if isinstance(content, str) else content
    return [{k: v for k, v in block.items() if k != "cache_control"} for block in blocks]


def each_begins_with_the_one_before(requests: Sequence[JsonObject]) -> bool:
    seen = [everything(request) for request in requests]
    known = [turns(request) for request in requests]
    return all(b[: len(a)] == a for a, b in [*pairwise(seen), *pairwise(known)])


def fixed_parts(request: JsonObject) -> str:
    """What stands before the messages, and so decides about the cache as well."""
    without_marks = [bare(request["system"]), request.get("tools")]
    return json.dumps(without_marks, sort_keys=True)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_conversation_of_all_kinds_of_turns_only_grows(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    spoken = Reply((TextBlock(("  An answer", " with “quotes”\n\n")),))
    called = Reply((TextBlock(("Let me see.",)), use("weather", city="Łódź"), use("a_b_2")))
    upstream.answer = in_order(*[spoken, called] * STEPS)
    messages = [system(f"Grow, {stream}.")]
    calls: tuple[Any, ...] = ()
    for step in range(STEPS):
        messages += [result(call.id, [text("a view"), PICTURE]) for call in reversed(calls)]
        if step % 3 or not calls:
            messages.append(user([text(f"question {step}"), PICTURE]))
        heard = hear(client, messages, stream=stream, tools=TOOLS)
        calls = heard.calls
        messages.append(assistant(heard.content, *calls))

    assert len(upstream.requests) == STEPS
    assert each_begins_with_the_one_before(upstream.requests)
    assert len({headers["x-claude-code-session-id"] for headers in upstream.headers}) == 1
    assert len({fixed_parts(request) for request in upstream.requests}) == 1


def test_conversations_that_grow_side_by_side_do_not_mix(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = lambda request: say(f"answer to {turns(request)[-1]['content'][0]['text']}")
    names = ("left", "right", "middle")
    talks = {name: [system("Side by side."), user(f"{name} 0")] for name in names}
    for step in range(1, 5):
        for name, messages in talks.items():
            heard = hear(client, messages, stream=False)
            assert heard.content == f"answer to {name} {step - 1}"
            messages += [assistant(heard.content), user(f"{name} {step}")]

    for name, messages in talks.items():
        grown = upstream.requests_with(f"{name} 0")
        assert each_begins_with_the_one_before(grown)
        assert [turn["content"] for turn in turns(grown[-1])] == [
            [text(message["content"])] for message in messages[1:-2]
        ]


@pytest.mark.parametrize(
    "told",
    [
        [user("q1"), assistant("Hello world"), user("q2")],
        [user("q1"), assistant("Hello World"), user("q2")],
        [user("q1"), assistant("Hello world", ("c1", "weather", "{}")), result("c1", "rain")],
        [user("q0"), assistant("Hello world"), user("q2")],
        [user("q1"), user("q2")],
        [user("q1")],
    ],
    ids=["continued", "its answer", "its calls", "its question", "no answer", "again"],
)
def test_a_conversation_is_what_the_client_now_says_it_was(
    client: openai.OpenAI, upstream: ScriptedUpstream, told: list[JsonObject]
) -> None:
    hear(client, [user("q1")], stream=False, tools=TOOLS)
    hear(client, told, stream=False, tools=TOOLS)

    seen = turns(upstream.requests[-1])
    blocks = [block for turn in seen for block in turn["content"]]
    texts = [message["content"] for message in told if message["role"] != "tool"]
    assert [block["text"] for block in blocks if block["type"] == "text"] == texts
    assert [block["id"] for block in blocks if block["type"] == "tool_use"] == [
        call["id"] for message in told for call in message.get("tool_calls", ())
    ]
