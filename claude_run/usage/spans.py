"""A call as a span after OpenTelemetry's GenAI conventions: its name, attributes and content."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from claude_run.turn import (
    Answer,
    AssistantTurn,
    JsonObject,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    TurnRequest,
)
from claude_run.usage.record import CallRecord
from claude_run.usage.run import without_keys

COMPLETIONS: Final = "/completions"
FINISHES: Final[Mapping[str, str]] = {
    StopReason.END.value: "stop",
    StopReason.LENGTH.value: "length",
    StopReason.TOOL_CALLS.value: "tool_call",
    StopReason.REFUSAL.value: "content_filter",
}
"""The conventions' names of why an answer ends, by ours."""

Attribute = str | int | float | bool | list[str]


def name_of(record: CallRecord) -> str:
    return f"{_operation(record)} {record.asked_model}".rstrip()


def attributes_of(record: CallRecord, request: TurnRequest | None) -> dict[str, Attribute]:
    """What is known of a call without what was said in it. `request` is None where the call was
    refused before there was one. Input tokens are all of them, the cached ones included."""
    usage = record.usage
    told: dict[str, Attribute | None] = {
        "gen_ai.operation.name": _operation(record),
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": record.asked_model or None,
        "gen_ai.request.stream": record.stream,
        "gen_ai.response.model": record.model,
        "gen_ai.response.finish_reasons": _finishes(record),
        "gen_ai.response.time_to_first_chunk": record.first_token,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "error.type": _error(record),
        "claude_run.request_id": record.request_id,
        "claude_run.choice": record.choice or None,
        "claude_run.label": record.label,
        "claude_run.session": record.session,
        "claude_run.queued_seconds": record.queued,
        "claude_run.cost_usd": record.cost_usd,
        "claude_run.retry_of": record.retry_of,
        **(_asked(request) if request is not None else {}),
    }
    return {name: value for name, value in told.items() if value is not None}


def content_of(request: TurnRequest, answer: Answer | None) -> dict[str, str]:
    """What was said in a call, as JSON, without what looks like a key and without images."""
    told: dict[str, list[JsonObject]] = {"gen_ai.input.messages": list(_messages(request))}
    if request.system:
        told["gen_ai.system_instructions"] = [{"type": "text", "content": request.system}]
    if answer is not None:
        told["gen_ai.output.messages"] = [_answer(answer)]
    return {
        name: without_keys(json.dumps(value, ensure_ascii=False)) for name, value in told.items()
    }


def _operation(record: CallRecord) -> str:
    return "text_completion" if record.endpoint == COMPLETIONS else "chat"


def _finishes(record: CallRecord) -> list[str] | None:
    reason = record.finish_reason
    return None if reason is None else [FINISHES.get(reason, reason)]


def _error(record: CallRecord) -> str | None:
    if record.error is not None:
        return record.error.code or record.error.kind
    return "cancelled" if record.client_gone else None


def _asked(request: TurnRequest) -> dict[str, Attribute | None]:
    sampling = request.sampling
    return {
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p,
        "gen_ai.request.top_k": sampling.top_k,
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.stop_sequences": list(sampling.stop) or None,
        "gen_ai.output.type": "json" if request.output_schema is not None else None,
    }


def _messages(request: TurnRequest) -> Iterator[JsonObject]:
    for turn in request.turns:
        role = "assistant" if isinstance(turn, AssistantTurn) else "user"
        yield {"role": role, "parts": [_part(part) for part in turn.parts]}


def _part(part: object) -> JsonObject:
    match part:
        case Text(text):
            return {"type": "text", "content": text}
        case ToolCall(call_id, name, arguments):
            return _called(call_id, name, arguments)
        case ToolResult(call_id, content):
            texts = "".join(one.text for one in content if isinstance(one, Text))
            return {"type": "tool_call_response", "id": call_id, "response": texts}
        case _:
            return {"type": type(part).__name__.lower()}


def _answer(answer: Answer) -> JsonObject:
    said = (
        ("reasoning", answer.thinking),
        ("text", answer.text),
        ("text", answer.refusal),
    )
    parts: Iterable[JsonObject] = ({"type": kind, "content": text} for kind, text in said if text)
    calls = (_called(call.id, call.name, _parsed(call.arguments)) for call in answer.tool_calls)
    reason = FINISHES[answer.finished.stop.value]
    return {"role": "assistant", "parts": [*parts, *calls], "finish_reason": reason}


def _called(call_id: str, name: str, arguments: Any) -> JsonObject:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
