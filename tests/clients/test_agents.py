"""openai-agents: an agent with two tools and structured output, over both of OpenAI's APIs."""

from asyncio import AbstractEventLoop
from typing import Any

import pytest
from agents import (
    Agent,
    Model,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI
from pydantic import BaseModel

from claude_run.rehearsal.answers import say
from claude_run.turn import JsonObject
from tests.clients.upstream import call, calls, matched, offered, schema, structure, told
from tests.scripted import ScriptedUpstream, in_order, system_of


class Verdict(BaseModel):
    warmer: str
    by_degrees: int


ROME: JsonObject = {"warmer": "Rome", "by_degrees": 10}


@function_tool
def temperature(city: str) -> str:
    """The temperature in a city, in degrees."""
    return {"Paris": "21", "Rome": "31"}[city]


@function_tool
def subtract(minuend: int, subtrahend: int) -> str:
    """The difference of two numbers."""
    return str(minuend - subtrahend)


STEPS = (
    calls(("temperature", {"city": "Paris"}), ("temperature", {"city": "Rome"})),
    call("subtract", minuend=31, subtrahend=21),
    structure(ROME),
)


@pytest.fixture(params=["default", OpenAIResponsesModel, OpenAIChatCompletionsModel])
def model(request: pytest.FixtureRequest) -> str | Model:
    """A name alone is what most users give: it means the Responses API."""
    made = "gpt-4.1" if request.param == "default" else request.param("gpt-4.1", AsyncOpenAI())
    assert isinstance(made, str | Model)
    return made


@pytest.fixture
def agent(model: str | Model) -> Agent[None]:
    return Agent(
        "Meteorologist",
        instructions="Compare.",
        model=model,
        tools=[temperature, subtract],
        output_type=Verdict,
    )


async def _run(agent: Agent[None], *, stream: bool) -> Any:
    if not stream:
        return await Runner.run(agent, "Paris or Rome?")
    result = Runner.run_streamed(agent, "Paris or Rome?")
    async for _ in result.stream_events():
        pass
    return result


def test_two_tools_and_a_structure(
    upstream: ScriptedUpstream, loop: AbstractEventLoop, agent: Agent[None], stream: bool
) -> None:
    upstream.answer = in_order(*STEPS)
    result = loop.run_until_complete(_run(agent, stream=stream))

    assert result.final_output == Verdict(**ROME)
    assert len(upstream.requests) == 3
    last = upstream.requests[-1]
    assert system_of(last) == "Compare."
    assert offered(last).keys() == {"temperature", "subtract"}
    assert schema(last)["properties"].keys() == {"warmer", "by_degrees"}
    assert told(last) == [
        ("user", "Paris or Rome?"),
        ("assistant", "temperature(city='Paris')\ntemperature(city='Rome')"),
        ("user", "= 21\n= 31"),
        ("assistant", "subtract(minuend=31, subtrahend=21)"),
        ("user", "= 10"),
    ]
    assert matched(last)


def test_an_agent_hands_over_to_another(
    upstream: ScriptedUpstream, loop: AbstractEventLoop, model: str | Model
) -> None:
    upstream.answer = in_order(call("transfer_to_poet"), say("A rose."))
    poet = Agent("Poet", instructions="Rhyme.", model=model)
    clerk = Agent("Clerk", instructions="Delegate.", model=model, handoffs=[poet])
    result = loop.run_until_complete(Runner.run(clerk, "A poem!"))

    assert result.final_output == "A rose."
    assert result.last_agent is poet
    assert [system_of(request) for request in upstream.requests] == ["Delegate.", "Rhyme."]
