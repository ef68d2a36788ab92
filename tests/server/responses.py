"""Responses as they come over the wire, and the tools and answers that the tests share."""

import json
from collections.abc import Iterator
from typing import Any, Final

from openai.types.responses import FunctionToolParam, Response, ResponseStreamEvent
from pydantic import TypeAdapter

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Reply, TextBlock, Thinking, ToolUse
from claude_run.turn import JsonObject, Usage
from tests.server.asking import ask, frames
from tests.server.tables import RESPONSES

WEATHER: Final[FunctionToolParam] = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
    "strict": True,
}

EVERYTHING: Final = Reply(
    (
        Thinking("Both cities, then."),
        TextBlock(("Let me ", "look.")),
        ToolUse("toolu_bern", "mcp__c__weather", {"city": "Bern"}),
        ToolUse("toolu_rome", "mcp__c__weather", {"city": "Rome"}),
    ),
    usage=Usage(input_tokens=7, cache_read_tokens=100, output_tokens=40, reasoning_tokens=6),
)
"""An answer with an item of every kind."""

ASKS_FOR_EVERYTHING: Final[JsonObject] = {
    "input": "The weather in Bern and Rome?",
    "tools": [WEATHER],
    "reasoning": {"effort": "low", "summary": "auto"},
    "metadata": {"run": "7"},
}

_EVENT: Final[TypeAdapter[Any]] = TypeAdapter(ResponseStreamEvent)
_OF_ITS_OWN: Final = frozenset({"id", "created_at", "completed_at"})


def calls_weather(call_id: str, city: str) -> Reply:
    return Reply((ToolUse(call_id, "mcp__c__weather", {"city": city}),))


def response(bridge: Bridge, **fields: object) -> JsonObject:
    """The response to a request with `fields`, which OpenAI's own type accepts."""
    status, answer, _ = ask(bridge, RESPONSES.path, RESPONSES.body(**fields))
    assert status == 200, answer
    Response.model_validate(answer)
    return answer


def events(bridge: Bridge, **fields: object) -> list[JsonObject]:
    """The events of the same as a stream."""
    return [*events_as_they_come(bridge, **fields)]


def events_as_they_come(bridge: Bridge, **fields: object) -> Iterator[JsonObject]:
    """Events of types that OpenAI has, one number after the other."""
    for number, frame in enumerate(frames(bridge, RESPONSES.path, RESPONSES.body(**fields))):
        event: JsonObject = json.loads(frame.data)
        assert event["type"] == frame.event == _EVENT.validate_python(event).type
        assert event["sequence_number"] == number
        yield event


def alike(value: Any) -> Any:
    """`value` without what differs between two responses to one request: ids and times."""
    match value:
        case dict():
            return {k: alike(v) for k, v in value.items() if k not in _OF_ITS_OWN}
        case list():
            return [alike(item) for item in value]
        case _:
            return value
