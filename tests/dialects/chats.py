"""Chat requests as the tests send them, and what they make of them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from claude_run.dialects.chat import ChatCall, parse_chat
from claude_run.turn import Failure, JsonObject, ToolCall, Turn, TurnError, UserTurn

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"
"""The beginning of a PNG, up to its size: one pixel."""

USER: JsonObject = {"role": "user", "content": "Hello"}
WEATHER: JsonObject = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": True,
    },
}
CLOCK: JsonObject = {"type": "function", "function": {"name": "clock"}}


def body(*messages: JsonObject, **fields: Any) -> JsonObject:
    return {"model": "sonnet", "messages": list(messages) or [USER], **fields}


def parsed(*messages: JsonObject, strict: bool = False, **fields: Any) -> ChatCall:
    return parse_chat(body(*messages, **fields), strict=strict)


def turns(*messages: JsonObject) -> tuple[Turn, ...]:
    return parsed(*messages).request.turns


def refusal(attempt: Callable[[], object]) -> TurnError:
    """The 400 that `attempt` ends with."""
    with pytest.raises(TurnError) as caught:
        attempt()
    assert caught.value.failure is Failure.BAD_REQUEST
    return caught.value


def refused(*messages: JsonObject, strict: bool = False, **fields: Any) -> TurnError:
    return refusal(lambda: parsed(*messages, strict=strict, **fields))


def call(id_: str, name: str = "weather", arguments: str = '{"city": "Bern"}') -> JsonObject:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: JsonObject, **fields: Any) -> JsonObject:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **fields}


def result(id_: str, content: Any = "sunny") -> JsonObject:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def calls_in(found: Sequence[Turn]) -> list[ToolCall]:
    return [part for turn in found for part in turn.parts if isinstance(part, ToolCall)]


def user_parts(found: Sequence[Turn]) -> tuple[Any, ...]:
    """The parts of the last turn, which is the user's."""
    assert isinstance(found[-1], UserTurn)
    return found[-1].parts
