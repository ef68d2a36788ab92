"""pydantic-ai on the Messages API: an agent with a tool, streamed and not, and its output."""

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ToolOutput
from pydantic_ai.models.anthropic import AnthropicModel

from claude_run.rehearsal.answers import say
from claude_run.turn import JsonObject
from tests.clients.upstream import call, matched, offered, told
from tests.scripted import ScriptedUpstream, in_order, system_of


class Forecast(BaseModel):
    city: str
    degrees: int


ROME: JsonObject = {"city": "Rome", "degrees": 31}


@pytest.fixture
def model() -> AnthropicModel:
    return AnthropicModel("sonnet")


def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city} is sunny."


def test_an_agent_with_a_tool(upstream: ScriptedUpstream, model: AnthropicModel) -> None:
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


def test_output_by_a_tool(upstream: ScriptedUpstream, model: AnthropicModel) -> None:
    upstream.answer = in_order(call("weather", city="Rome"), call("final_result", **ROME))
    agent = Agent(model, output_type=ToolOutput(Forecast), tools=[weather])
    assert agent.run_sync("Rome?").output == Forecast(**ROME)


def test_a_streamed_agent(upstream: ScriptedUpstream, model: AnthropicModel) -> None:
    upstream.answer = in_order(call("weather", city="Rome"), say("Sunny", " and", " warm."))
    result = Agent(model, tools=[weather]).run_stream_sync("Rome?")
    assert "".join(result.stream_text(delta=True, debounce_by=None)) == "Sunny and warm."
    assert matched(upstream.requests[-1])
