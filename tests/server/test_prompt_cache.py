"""What Claude has read once, it is sent again unchanged: that is what its prompt cache is for."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import openai
import psutil
import pytest
from openai.types.chat import ChatCompletionMessageParam

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Cut, Refuse, Reply, say
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.described.clients import openai_client
from tests.scripted import ScriptedUpstream, turns

STEPS = 10


@pytest.fixture
def own_bridge(environment: dict[str, str]) -> Iterator[Bridge]:
    with Bridge(Settings(), environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


def everything(request: JsonObject) -> list[Any]:
    """All messages of a request, the CLI's own included; only cache marks are left out, and a
    content that is one text is held for equal to its block."""

    def bare(content: Any) -> Any:
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        return [{k: v for k, v in block.items() if k != "cache_control"} for block in blocks]

    return [{**message, "content": bare(message["content"])} for message in request["messages"]]


def end_every_cli(bridge: Bridge) -> None:
    clis = [p for p in psutil.Process(bridge.pid).children() if "claude" in p.name()]
    assert clis
    for process in clis:
        process.kill()
    psutil.wait_procs(clis, timeout=10)


@pytest.mark.parametrize("lost_before", [None, 1, 5], ids=["continued", "lost at once", "lost"])
def test_every_request_begins_with_the_one_before(
    own_bridge: Bridge, upstream: ScriptedUpstream, lost_before: int | None
) -> None:
    client = openai_client(own_bridge)
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": "Be brief."}]
    for step in range(STEPS):
        if step == lost_before:
            end_every_cli(own_bridge)
        upstream.answer = say(f"answer {step}")
        messages.append({"role": "user", "content": f"question {step}"})
        completion = client.chat.completions.create(model="sonnet", messages=messages)
        answer = completion.choices[0].message.content
        assert answer == f"answer {step}"
        messages.append({"role": "assistant", "content": answer})

    asked = [everything(request) for request in upstream.requests]
    assert len(asked) == STEPS
    for before, after in pairwise(asked):
        assert after[: len(before)] == before
    sessions = {headers["x-claude-code-session-id"] for headers in upstream.headers}
    assert len(sessions) == (1 if lost_before is None else 2)
    assert {request["system"][-1]["text"] for request in upstream.requests} == {"Be brief."}


@pytest.mark.parametrize("failure", [Refuse(529, "overloaded_error", "no"), say("half", Cut())])
def test_after_an_error_a_conversation_goes_on_from_what_was_read(
    own_bridge: Bridge, upstream: ScriptedUpstream, failure: Refuse | Reply
) -> None:
    client = openai_client(own_bridge)
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": "Be brief."}]
    for step in range(3):
        messages.append({"role": "user", "content": f"question {step}"})
        if step == 2:
            upstream.answer = failure
            with pytest.raises(openai.InternalServerError):
                client.chat.completions.create(model="sonnet", messages=messages)
        upstream.answer = say(f"answer {step}")
        completion = client.chat.completions.create(model="sonnet", messages=messages)
        answer = completion.choices[0].message.content
        messages.append({"role": "assistant", "content": answer})

    *_, failed, again = (everything(request) for request in upstream.requests)
    assert again == failed
    assert len({headers["x-claude-code-session-id"] for headers in upstream.headers}) == 1


def test_after_a_length_stop_a_conversation_goes_on_from_what_was_read(
    own_bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    client = openai_client(own_bridge)
    messages: list[ChatCompletionMessageParam] = []
    for step in range(3):
        upstream.answer = replace(say(f"answer {step}"), stop_reason="max_tokens")
        messages.append({"role": "user", "content": f"question {step}"})
        completion = client.chat.completions.create(model="sonnet", messages=messages)
        assert completion.choices[0].finish_reason == "length"
        answer = completion.choices[0].message.content
        messages.append({"role": "assistant", "content": answer})

    # The CLI may have asked the model to resume before it was stopped.
    asked = [r for r in upstream.requests if "question" in str(turns(r)[-1]["content"])]
    first, second, third = map(everything, asked)
    assert second[: len(first)] == first
    assert third[: len(second)] == second
