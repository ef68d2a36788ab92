"""litellm: chat, tools and JSON, streamed and not, several at once, and errors as its own."""

import asyncio
import json
from pathlib import Path
from typing import Any

import litellm
import pytest
from pydantic import BaseModel

from claude_run.rehearsal.answers import Fail, Refuse, say
from claude_run.turn import JsonObject
from tests.cassette.tapes import ask as ask_openai
from tests.cassette.tapes import client_of, recording, replaying, score
from tests.clients.upstream import call, calls, matched, offered, schema, structure, told
from tests.scripted import ScriptedUpstream, in_order, system_of

MODEL = "gpt-4.1"

WEATHER: JsonObject = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


class Recipe(BaseModel):
    title: str
    steps: list[str]


SOUP: JsonObject = {"title": "Soup", "steps": ["boil", "eat"]}


def ask(*messages: JsonObject | str, stream: bool = False, **fields: Any) -> Any:
    """A completion; of a stream, what litellm builds of its chunks."""
    asked = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    answer = litellm.completion(
        fields.pop("model", MODEL), asked, stream=stream, num_retries=0, max_retries=0, **fields
    )
    return litellm.stream_chunk_builder(list(answer), messages=asked) if stream else answer


@pytest.mark.parametrize("model", ["gpt-4.1", "openai/sonnet"])
def test_a_completion(upstream: ScriptedUpstream, stream: bool, model: str) -> None:
    answer = ask(
        {"role": "system", "content": "Be brief."}, "Hi", stream=stream, model=model, temperature=0
    )

    assert answer.choices[0].message.content == "Hello world"
    assert answer.choices[0].finish_reason == "stop"
    (request,) = upstream.requests
    assert system_of(request) == "Be brief."
    assert told(request) == [("user", "Hi")]
    assert request["temperature"] == 0


def test_a_tool_loop(upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.answer = in_order(
        calls(("weather", {"city": "Paris"}), ("weather", {"city": "Rome"}), saying="Let me see."),
        say("Rome is warmer."),
    )
    question = "Which is warmer?"
    first = ask(question, stream=stream, tools=[WEATHER]).choices[0]
    made = first.message.tool_calls
    results = [
        {
            "role": "tool",
            "tool_call_id": one.id,
            "content": f"{json.loads(one.function.arguments)['city']}: sunny",
        }
        for one in made
    ]
    last = ask(question, first.message.model_dump(), *results, stream=stream, tools=[WEATHER])

    assert first.finish_reason == "tool_calls"
    assert last.choices[0].message.content == "Rome is warmer."
    before, after = upstream.requests
    assert offered(before)["weather"]["required"] == ["city"]
    assert told(after) == [
        ("user", question),
        ("assistant", "Let me see.\nweather(city='Paris')\nweather(city='Rome')"),
        ("user", "= Paris: sunny\n= Rome: sunny"),
    ]
    assert matched(after)


def test_a_tool_that_must_be_called(upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.answer = call("weather", city="Oslo")
    choice = {"type": "function", "function": {"name": "weather"}}
    answer = ask("Oslo?", stream=stream, tools=[WEATHER], tool_choice=choice)

    (made,) = answer.choices[0].message.tool_calls
    assert json.loads(made.function.arguments) == {"city": "Oslo"}
    assert upstream.requests[0]["tool_choice"]["type"] == "tool"


def test_a_pydantic_model_as_response_format(upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.answer = structure(SOUP)
    answer = ask("A recipe.", stream=stream, response_format=Recipe)

    assert Recipe.model_validate_json(answer.choices[0].message.content) == Recipe(**SOUP)
    assert set(schema(upstream.requests[0])["properties"]) == {"title", "steps"}


def test_a_json_object_as_response_format(upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.answer = structure({"any": ["thing"]})
    answer = ask("Some JSON.", stream=stream, response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"any": ["thing"]}


async def _ask_all(questions: list[str]) -> list[Any]:
    asked = ([{"role": "user", "content": question}] for question in questions)
    return await asyncio.gather(*(litellm.acompletion(MODEL, messages) for messages in asked))


def test_answers_in_parallel_are_each_to_its_own_question(
    upstream: ScriptedUpstream, loop: asyncio.AbstractEventLoop
) -> None:
    upstream.answer = lambda request: say(f"answer to {told(request)[-1][1]}")
    questions = [f"question {number}" for number in range(12)]
    answers = loop.run_until_complete(_ask_all(questions))
    assert [answer.choices[0].message.content for answer in answers] == [
        f"answer to {question}" for question in questions
    ]


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refuse(429, "rate_limit_error", "slow down"), litellm.RateLimitError),
        (Refuse(529, "overloaded_error", "overloaded"), litellm.ServiceUnavailableError),
        (Refuse(500, "api_error", "a fault"), litellm.BadGatewayError),
        (Refuse(400, "invalid_request_error", "no such thing"), litellm.BadRequestError),
        (Refuse(401, "authentication_error", "bad token"), litellm.AuthenticationError),
        # OpenAI's own 403 is no more to it than that.
        (Refuse(403, "permission_error", "not yours"), litellm.APIError),
        (Refuse(404, "not_found_error", "model: nope"), litellm.NotFoundError),
        (
            Refuse(400, "invalid_request_error", "prompt is too long: 2 tokens > 1 maximum"),
            litellm.ContextWindowExceededError,
        ),
    ],
    ids=lambda value: value.message[:12] if isinstance(value, Refuse) else "",
)
def test_an_error_is_raised_and_never_an_answer(
    upstream: ScriptedUpstream, stream: bool, refusal: Refuse, expected: type[Exception]
) -> None:
    upstream.answer = refusal
    with pytest.raises(expected) as caught:
        ask("Hi", stream=stream)
    assert refusal.message.partition(":")[0] in str(caught.value).lower()


def test_a_wrong_key_is_an_authentication_error(upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.answer = say("nobody asked")
    with pytest.raises(litellm.AuthenticationError, match="Incorrect API key provided"):
        ask("Hi", stream=stream, api_key="sk-wrong")


def test_an_error_within_a_stream_is_raised(upstream: ScriptedUpstream) -> None:
    upstream.answer = say("The answer is ", Fail("overloaded_error", "overloaded"))
    with pytest.raises(litellm.ServiceUnavailableError, match="overloaded"):
        ask("Hi", stream=True)


def test_what_openais_client_recorded_is_replayed(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """Asked once through chat, whole; given through chat and Messages, whole and streamed."""
    upstream.answer = say("Par", "is.")
    question, limit = "What is the capital of France?", 500
    with recording(tmp_path / "c", environment) as bridge, client_of(bridge) as client:
        assert ask_openai(client, question, max_tokens=limit) == "Paris."
    with replaying(tmp_path / "c", tmp_path, repeat=True) as bridge:
        root = bridge.base_url.removesuffix("/v1")
        for model, url in ((MODEL, bridge.base_url), ("anthropic/sonnet", root)):
            for stream in (False, True):
                asked: dict[str, Any] = {"stream": stream, "model": model, "max_tokens": limit}
                answer = ask(question, **asked, api_base=url, api_key=bridge.api_key)
                assert answer.choices[0].message.content == "Paris."
                assert answer.choices[0].finish_reason == "stop"
    told = score(bridge)
    assert (told["replayed"], told["missed"], len(upstream.requests)) == (4, 0, 1)
