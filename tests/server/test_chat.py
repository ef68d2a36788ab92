"""The openai client on a bridge: what it gets, and what Claude was sent for it."""

from collections.abc import Iterable
from itertools import chain

import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from claude_run.rehearsal.answers import Pause, Reply, TextBlock, say
from claude_run.turn import Usage
from tests.scripted import ScriptedUpstream, system_of, turns

CONVERSATION: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Answer in rhyme."},
    {"role": "user", "content": "first\n  question — ünïcode"},
    {"role": "assistant", "content": "an answer"},
    {"role": "developer", "content": "And be brief."},
    {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
]


def texts(chunks: Iterable[ChatCompletionChunk]) -> str:
    choices = chain.from_iterable(chunk.choices for chunk in chunks)
    return "".join(choice.delta.content or "" for choice in choices)


def test_a_conversation_goes_upstream_natively(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    completion = client.chat.completions.create(model="sonnet", messages=CONVERSATION)

    assert completion.choices[0].message.content == "Hello world"
    assert completion.choices[0].finish_reason == "stop"
    (request,) = upstream.requests
    assert system_of(request) == "Answer in rhyme.\n\nAnd be brief."
    assert turns(request) == [
        {"role": "user", "content": [{"type": "text", "text": "first\n  question — ünïcode"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "an answer"}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
        },
    ]


def test_a_stream_has_one_id_a_role_first_and_one_finish_reason(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("a", "b", "c")
    chunks = list(
        client.chat.completions.create(
            model="sonnet",
            messages=[{"role": "user", "content": "count"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert texts(chunks) == "abc"
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks[:-1] if c.choices[0].finish_reason] == [
        "stop"
    ]
    assert chunks[-2].choices[0].delta.content is None
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


def test_tokens_arrive_as_they_are_written(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("early", Pause(30.0), "late")
    with client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": "slowly"}], stream=True
    ) as stream:
        heard = next(text for chunk in stream if (text := chunk.choices[0].delta.content))
        assert heard == "early"
        assert upstream.active == 1


def test_usage_counts_the_cache_as_prompt(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply(
        (TextBlock(("x",)),),
        usage=Usage(
            input_tokens=7,
            cache_read_tokens=100,
            cache_write_tokens=20,
            output_tokens=9,
            reasoning_tokens=4,
        ),
    )
    completion = client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": "count tokens"}]
    )

    usage = completion.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (127, 9, 136)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 100
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 4


def test_the_model_is_the_one_that_answered(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((TextBlock(("x",)),), model="claude-somewhat-else-9")
    completion = client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": "who"}]
    )
    assert completion.model == "claude-somewhat-else-9"


def test_n_answers_are_n_conversations(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    completion = client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": "three times"}], n=3
    )
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    assert len(upstream.requests) == 3
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 15


@pytest.mark.parametrize("prompt", ["@{path} what is it", "/cost", "/clear", "!ls", "-p --model x"])
def test_a_prompt_is_only_text(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    prompt: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    secret = tmp_path_factory.mktemp("secret") / "password.txt"
    secret.write_text("hunter2-is-the-password")
    asked = prompt.format(path=secret)
    client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": asked}])

    (request,) = upstream.requests
    assert turns(request) == [{"role": "user", "content": [{"type": "text", "text": asked}]}]
    assert upstream.requests_with("hunter2-is-the-password") == []


def test_a_client_that_leaves_stops_the_model(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("early", Pause(60.0), "late")
    stream = client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": "leave"}], stream=True
    )
    next(iter(stream))
    stream.close()
    upstream.wait_until(lambda: upstream.aborted == 1)


def test_a_client_that_gives_up_waiting_stops_the_model(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say(Pause(60.0), "late")
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=6.0).chat.completions.create(
            model="sonnet", messages=[{"role": "user", "content": "give up"}]
        )
    upstream.wait_until(lambda: upstream.aborted == 1)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("sonnet", "claude-sonnet-"),
        ("anthropic/opus", "claude-opus-"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("openrouter/anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-3-5-sonnet-latest", "claude-sonnet-"),
        ("gpt-4.1-mini", "claude-sonnet-"),
        ("pinned", "claude-opus-4-7"),
    ],
)
def test_models_are_understood(
    client: openai.OpenAI, upstream: ScriptedUpstream, asked: str, sent: str
) -> None:
    client.chat.completions.create(model=asked, messages=[{"role": "user", "content": asked}])
    assert str(upstream.requests[0]["model"]).startswith(sent)
