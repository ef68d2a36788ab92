"""langchain-anthropic: a tool step, structured output, thinking, and errors as its own."""

from functools import reduce
from operator import add
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelRateLimitError,
)
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from claude_run.rehearsal.answers import Refuse, Reply, TextBlock, Thinking, say
from tests.clients.upstream import call, calls, matched, offered, told
from tests.scripted import ScriptedUpstream, in_order, system_of


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city} is sunny."


@pytest.fixture
def model() -> ChatAnthropic:
    return ChatAnthropic(model="sonnet", max_retries=0)


def answer(model: Any, messages: Any, stream: bool) -> Any:
    return reduce(add, model.stream(messages)) if stream else model.invoke(messages)


def test_a_tool_step(upstream: ScriptedUpstream, model: ChatAnthropic, stream: bool) -> None:
    upstream.answer = in_order(
        calls(("weather", {"city": "Paris"}), ("weather", {"city": "Rome"}), saying="Let me see."),
        say("Both are sunny."),
    )
    talk: list[Any] = [SystemMessage("Be brief."), HumanMessage("Where is it sunny?")]
    bound = model.bind_tools([weather])
    talk.append(answer(bound, talk, stream))
    talk += [weather.invoke(made) for made in talk[-1].tool_calls]
    last = answer(bound, talk, stream)

    assert last.text == "Both are sunny."
    assert last.usage_metadata["output_tokens"] == 5
    before, after = upstream.requests
    assert system_of(before) == "Be brief."
    assert offered(before)["weather"]["properties"]["city"]["type"] == "string"
    assert told(after) == [
        ("user", "Where is it sunny?"),
        ("assistant", "Let me see.\nweather(city='Paris')\nweather(city='Rome')"),
        ("user", "= Paris is sunny.\n= Rome is sunny."),
    ]
    assert matched(after)


def test_structured_output(upstream: ScriptedUpstream, model: ChatAnthropic) -> None:
    upstream.answer = call("Person", name="Ada", age=36)
    asked = model.with_structured_output(Person, method="function_calling")
    assert asked.invoke("Who?") == Person(name="Ada", age=36)


def test_thinking_is_shown_and_goes_back(upstream: ScriptedUpstream, stream: bool) -> None:
    thinks = ChatAnthropic(
        model="sonnet", max_retries=0, max_tokens=3000, thinking={"type": "adaptive"}
    )
    upstream.answer = Reply((Thinking("Hm."), TextBlock(("Yes",))))
    said = answer(thinks, [HumanMessage("Well?")], stream)
    assert [block["type"] for block in said.content] == ["thinking", "text"]
    upstream.answer = say("Still yes")
    assert answer(thinks, [HumanMessage("Well?"), said, HumanMessage("Sure?")], stream).text


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refuse(429, "rate_limit_error", "slow down"), ModelRateLimitError),
        (Refuse(401, "authentication_error", "bad token"), ModelAuthenticationError),
        (Refuse(404, "not_found_error", "model: nope"), ModelNotFoundError),
        (Refuse(400, "invalid_request_error", "no such thing"), ModelInvalidRequestError),
        (
            Refuse(400, "invalid_request_error", "prompt is too long: 2 tokens > 1 maximum"),
            ContextOverflowError,
        ),
    ],
    ids=lambda value: value.message[:12] if isinstance(value, Refuse) else "",
)
def test_an_error_is_what_langchain_calls_it(
    upstream: ScriptedUpstream,
    model: ChatAnthropic,
    stream: bool,
    refusal: Refuse,
    expected: type[Exception],
) -> None:
    upstream.answer = refusal
    with pytest.raises(expected, match=refusal.message.partition(":")[0]):
        answer(model, [HumanMessage("Hi")], stream)
