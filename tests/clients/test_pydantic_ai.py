"""pydantic-ai: an agent with a tool and structured output, over both of OpenAI's APIs."""

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel

from claude_run.rehearsal.answers import say
from claude_run.turn import JsonObject
from tests.clients.upstream import call, matched, offered, schema, structure, told
from tests.scripted import ScriptedUpstream, in_order, system_of


class Forecast(BaseModel):
    city: str
    degrees: int


ROME: JsonObject = {"city": "Rome", "degrees": 31}


@pytest.fixture(params=[OpenAIChatModel, OpenAIResponsesModel])
def model(request: pytest.FixtureRequest) -> Model:
    made = request.param("gpt-4.1")
    assert isinstance(made, Model)
    return made


def weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: Its name.
    """
    return f"{city} is sunny."


def test_an_agent_with_a_tool(upstream: ScriptedUpstream, model: Model) -> None:
    upstream.answer = in_order(call("weather", city="Rome"), say("Sunny."))
    result = Agent(model, instructions="Be brief.", tools=[weather]).run_sync("Rome?")

    assert result.output == "Sunny."
    before, after = upstream.requests
    assert system_of(before) == "Be brief."
    assert offered(before)["weather"]["required"] == ["city"]
    assert told(after) == [
        ("user", "Rome?"),
        ("assistant", "weather(city='Rome')"),
        ("user", "= Rome is sunny."),
    ]
    assert matched(after)


def test_output_by_a_tool(upstream: ScriptedUpstream, model: Model) -> None:
    upstream.answer = in_order(call("weather", city="Rome"), call("final_result", **ROME))
    agent = Agent(model, output_type=ToolOutput(Forecast), tools=[weather])

    assert agent.run_sync("Rome?").output == Forecast(**ROME)
    assert offered(upstream.requests[0]).keys() == {"weather", "final_result"}
    assert upstream.requests[0]["tool_choice"]["type"] == "any"


def test_native_output(upstream: ScriptedUpstream, model: Model) -> None:
    upstream.answer = in_order(call("weather", city="Rome"), structure(ROME))
    agent = Agent(model, output_type=NativeOutput(Forecast), tools=[weather])

    assert agent.run_sync("Rome?").output == Forecast(**ROME)
    assert schema(upstream.requests[0])["properties"].keys() == {"city", "degrees"}


def test_a_streamed_agent(upstream: ScriptedUpstream, model: Model) -> None:
    upstream.answer = in_order(call("weather", city="Rome"), say("Sunny", " and", " warm."))
    agent = Agent(model, tools=[weather])
    result = agent.run_stream_sync("Rome?")
    assert "".join(result.stream_text(delta=True, debounce_by=None)) == "Sunny and warm."
    assert matched(upstream.requests[-1])
