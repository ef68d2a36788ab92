"""DSPy's modules and adapters, for a model it knows and for one it does not."""

from collections.abc import Iterator

import dspy
import pytest

from claude_run.turn import JsonObject
from tests.clients.fields import fill, filled
from tests.clients.upstream import schema, told
from tests.scripted import ScriptedUpstream, system_of

dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)


@pytest.fixture(autouse=True, params=["openai/gpt-4.1", "openai/sonnet"])
def model(request: pytest.FixtureRequest) -> Iterator[str]:
    with dspy.context(lm=dspy.LM(request.param), adapter=dspy.ChatAdapter()):
        yield str(request.param)


def test_predict(upstream: ScriptedUpstream) -> None:
    upstream.answer = filled(answer=4)
    prediction = dspy.Predict("question -> answer: int")(question="What is 2 + 2?")

    assert prediction.answer == 4
    (request,) = upstream.requests
    assert system_of(request).startswith("Your input fields are:")
    [(role, text)] = told(request)
    assert role == "user"
    assert text.startswith("[[ ## question ## ]]\nWhat is 2 + 2?")


def test_chain_of_thought(upstream: ScriptedUpstream) -> None:
    upstream.answer = filled(reasoning="Two and two.", answer="four")
    prediction = dspy.ChainOfThought("question -> answer")(question="What is 2 + 2?")
    assert (prediction.reasoning, prediction.answer) == ("Two and two.", "four")


def test_json_adapter(upstream: ScriptedUpstream, model: str) -> None:
    upstream.answer = filled(names=["Ada", "Grace"], count=2)
    with dspy.context(adapter=dspy.JSONAdapter()):
        prediction = dspy.Predict("text -> names: list[str], count: int")(text="Ada and Grace")

    assert (prediction.names, prediction.count) == (["Ada", "Grace"], 2)
    (request,) = upstream.requests
    known = {"names", "count"} if model == "openai/gpt-4.1" else set()
    assert schema(request).get("properties", {}).keys() == known


def test_the_responses_api(upstream: ScriptedUpstream, model: str) -> None:
    upstream.answer = filled(reasoning="Two and two.", answer=4)
    with dspy.context(lm=dspy.LM(model, model_type="responses")):
        prediction = dspy.ChainOfThought("question -> answer: int")(question="What is 2 + 2?")

    assert prediction.answer == 4
    assert system_of(upstream.requests[0]).startswith("Your input fields are:")


def test_several_completions(upstream: ScriptedUpstream) -> None:
    numbers = iter(range(3))
    upstream.answer = lambda request: fill(request, lambda _: f"idea {next(numbers)}")
    predict = dspy.Predict("topic -> idea", n=3, temperature=1.0)
    prediction = predict(topic="tea")

    assert sorted(prediction.completions.idea) == ["idea 0", "idea 1", "idea 2"]
    assert len(upstream.requests) == 3


def test_react_with_a_tool(upstream: ScriptedUpstream) -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"{city} is sunny."

    look: JsonObject = {"next_tool_name": "weather", "next_tool_args": {"city": "Rome"}}
    finish: JsonObject = {"next_tool_name": "finish", "next_tool_args": {}}
    steps = iter(
        [
            {"next_thought": "I look.", **look},
            {"next_thought": "I know.", **finish},
            {"reasoning": "It said so.", "answer": "sunny"},
        ]
    )
    upstream.answer = lambda request: fill(request, next(steps).__getitem__)
    prediction = dspy.ReAct("question -> answer", tools=[weather])(question="Rome?")

    assert prediction.answer == "sunny"
    assert len(upstream.requests) == 3
    assert "Rome is sunny." in told(upstream.requests[1])[-1][1]


def test_a_streamed_module(upstream: ScriptedUpstream) -> None:
    upstream.answer = filled(answer="a fairly long answer in pieces")
    listener = dspy.streaming.StreamListener(signature_field_name="answer")
    stream = dspy.streamify(
        dspy.Predict("question -> answer"), stream_listeners=[listener], async_streaming=False
    )
    *pieces, prediction = stream(question="Which?")

    assert prediction.answer == "a fairly long answer in pieces"
    spoken = [piece.chunk for piece in pieces if isinstance(piece, dspy.streaming.StreamResponse)]
    assert "".join(spoken).strip() == prediction.answer
