"""Responses requests as the tests send them, and what they make of them."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from claude_run.dialects.responses import (
    ResponseCall,
    ResponseWriter,
    StoredResponse,
    parse_response,
    response_object,
    stored,
)
from claude_run.turn import (
    JsonObject,
    StopReason,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Turn,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnStarted,
    Usage,
    UserTurn,
)
from tests.dialects.chats import refusal

WEATHER: Final[JsonObject] = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}
SHOWN: Final[JsonObject] = {"reasoning": {"summary": "auto"}}
EVENT: Final[TypeAdapter[Any]] = TypeAdapter(ResponseStreamEvent)
CLOCK: Final[JsonObject] = {"type": "function", "name": "clock"}
STARTED: Final = TurnStarted("claude-haiku-5-5")
USAGE: Final = Usage(
    input_tokens=5, cache_read_tokens=7, cache_write_tokens=11, output_tokens=13, reasoning_tokens=3
)


def finished(stop: StopReason = StopReason.END) -> TurnFinished:
    return TurnFinished(stop, USAGE, "claude-haiku-5-5")


def body(*items: JsonObject, **fields: Any) -> JsonObject:
    return {"model": "sonnet", "input": list(items) or "Hello", **fields}


def parsed(*items: JsonObject, strict: bool = False, **fields: Any) -> ResponseCall:
    return parse_response(body(*items, **fields), strict=strict)


def refused(*items: JsonObject, strict: bool = False, **fields: Any) -> TurnError:
    return refusal(lambda: parsed(*items, strict=strict, **fields))


def turns(*items: JsonObject) -> tuple[Turn, ...]:
    return parsed(*items).request.turns


def user_parts(found: Sequence[Turn]) -> tuple[Any, ...]:
    """The parts of the last turn, which is the user's."""
    assert isinstance(found[-1], UserTurn)
    return found[-1].parts


def said(role: str, *content: Any, **fields: Any) -> JsonObject:
    return {"type": "message", "role": role, "content": list(content), **fields}


def called(call_id: str, name: str = "weather", arguments: str = '{"city": "Bern"}') -> JsonObject:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def result(call_id: str, output: Any = "sunny") -> JsonObject:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def answered(
    call: ResponseCall,
    response_id: str,
    *events: TurnEvent,
    stop: StopReason = StopReason.END,
) -> StoredResponse:
    """What is kept of an answer that `events` make up."""
    response = response_object(
        call, [STARTED, *events, finished(stop)], response_id=response_id, created_at=1_700_000_000
    )
    return stored(call, response)


def text(*pieces: str) -> list[TurnEvent]:
    return [TextDelta(piece) for piece in pieces]


def calls(*made: tuple[str, str, str]) -> list[TurnEvent]:
    """The events of calls, each an id, a name and arguments."""
    events: list[TurnEvent] = []
    for index, (id_, name, arguments) in enumerate(made):
        events += [ToolCallStarted(index, id_, name), ToolCallDelta(index, arguments)]
    return events


def streamed(events: Sequence[TurnEvent], asked: ResponseCall) -> list[JsonObject]:
    writer = ResponseWriter(asked, "resp_77", 1_700_000_000)
    return [out for event in events for out in writer.write(event, now=1_700_000_009)]


def whole(events: Sequence[TurnEvent], asked: ResponseCall) -> JsonObject:
    return response_object(
        asked, events, response_id="resp_77", created_at=1_700_000_000, completed_at=1_700_000_009
    )


def order(stream: Sequence[JsonObject]) -> list[str]:
    """The types of the events, neighbours of one type told once."""
    return [type_.removeprefix("response.") for type_, _ in groupby(e["type"] for e in stream)]
