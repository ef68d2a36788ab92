"""langchain-openai: chat, tools and structured output, over both of OpenAI's APIs."""

from asyncio import AbstractEventLoop
from functools import reduce
from operator import add
from typing import Any

import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelRateLimitError,
)
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from claude_run.rehearsal.answers import Refuse, say
from tests.clients.upstream import call, calls, matched, offered, schema, structure, told
from tests.scripted import ScriptedUpstream, in_order, system_of


class Person(BaseModel):
    """A person."""

    name: str
    age: int


ADA = Person(name="Ada", age=36)


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city} is sunny."


@pytest.fixture(params=[False, True], ids=["chat", "responses"])
def model(request: pytest.FixtureRequest) -> ChatOpenAI:
    return ChatOpenAI(
        model="gpt-4.1", max_retries=0, use_responses_api=request.param, stream_usage=True
    )


def answer(model: Any, messages: Any, stream: bool) -> Any:
    """What `model` answers; a stream's chunks are added up, as langchain's users do."""
    return reduce(add, model.stream(messages)) if stream else model.invoke(messages)


def test_a_conversation(upstream: ScriptedUpstream, model: ChatOpenAI, stream: bool) -> None:
    said = answer(model, [SystemMessage("Be brief."), HumanMessage("Hi")], stream)

    assert said.text == "Hello world"
    assert said.usage_metadata["output_tokens"] == 5
    (request,) = upstream.requests
    assert system_of(request) == "Be brief."
    assert told(request) == [("user", "Hi")]


def test_a_tool_loop(upstream: ScriptedUpstream, model: ChatOpenAI, stream: bool) -> None:
    upstream.answer = in_order(
        calls(("weather", {"city": "Paris"}), ("weather", {"city": "Rome"}), saying="Let me see."),
        say("Both are sunny."),
    )
    talk: list[Any] = [HumanMessage("Where is it sunny?")]
    bound = model.bind_tools([weather])
    talk.append(answer(bound, talk, stream))
    talk += [weather.invoke(made) for made in talk[-1].tool_calls]
    last = answer(bound, talk, stream)

    assert last.text == "Both are sunny."
    before, after = upstream.requests
    assert offered(before)["weather"]["properties"]["city"]["type"] == "string"
    assert told(after) == [
        ("user", "Where is it sunny?"),
        ("assistant", "Let me see.\nweather(city='Paris')\nweather(city='Rome')"),
        ("user", "= Paris is sunny.\n= Rome is sunny."),
    ]
    assert matched(after)


def test_a_tool_that_must_be_called(upstream: ScriptedUpstream, model: ChatOpenAI) -> None:
    upstream.answer = call("weather", city="Oslo")
    said = model.bind_tools([weather], tool_choice="weather").invoke("Oslo?")

    assert [made["args"] for made in said.tool_calls] == [{"city": "Oslo"}]
    assert upstream.requests[0]["tool_choice"]["type"] == "tool"


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(upstream: ScriptedUpstream, model: ChatOpenAI, method: Any) -> None:
    as_tool = method == "function_calling"
    upstream.answer = call("Person", **ADA.model_dump()) if as_tool else structure(ADA.model_dump())
    person = model.with_structured_output(Person, method=method).invoke("Who?")

    assert person == ADA
    (request,) = upstream.requests
    wanted = offered(request)["Person"] if as_tool else schema(request)
    assert wanted["properties"].keys() == {"name", "age"}


def test_json_mode(upstream: ScriptedUpstream, model: ChatOpenAI) -> None:
    upstream.answer = structure(ADA.model_dump())
    asked = model.with_structured_output(Person, method="json_mode")
    assert asked.invoke("Who? Answer in JSON.") == ADA


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refuse(429, "rate_limit_error", "slow down"), ModelRateLimitError),
        (Refuse(401, "authentication_error", "bad token"), ModelAuthenticationError),
        (Refuse(404, "not_found_error", "model: nope"), ModelNotFoundError),
        (Refuse(400, "invalid_request_error", "no such thing"), ModelInvalidRequestError),
        (Refuse(400, "invalid_request_error", "prompt is too long: 2 > 1"), ContextOverflowError),
    ],
    ids=lambda value: value.message[:12] if isinstance(value, Refuse) else "",
)
def test_an_error_is_what_langchain_calls_it(
    upstream: ScriptedUpstream,
    model: ChatOpenAI,
    stream: bool,
    refusal: Refuse,
    expected: type[Exception],
) -> None:
    upstream.answer = refusal
    with pytest.raises(expected):
        answer(model, "Hi", stream)


def test_a_batch(upstream: ScriptedUpstream, loop: AbstractEventLoop, model: ChatOpenAI) -> None:
    upstream.answer = lambda request: say(f"answer to {told(request)[-1][1]}")
    questions = [f"question {number}" for number in range(6)]
    answers = loop.run_until_complete(model.abatch(list(questions)))
    assert [said.text for said in answers] == [f"answer to {question}" for question in questions]
