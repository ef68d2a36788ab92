"""Answers as one message: its blocks, why it ended, and what it took."""

import json
from collections.abc import Mapping
from typing import Final

from claude_run.turn import (
    Answer,
    AnswerPart,
    CallText,
    JsonObject,
    RedactedThinking,
    Refusal,
    StopReason,
    Text,
    Thinking,
    TurnFinished,
    Usage,
)

STOP_REASONS: Final[Mapping[StopReason, str]] = {
    StopReason.END: "end_turn",
    StopReason.LENGTH: "max_tokens",
    StopReason.TOOL_CALLS: "tool_use",
    StopReason.REFUSAL: "refusal",
}


EMPTY: Final[Mapping[str, JsonObject]] = {
    "text": {"type": "text", "text": "", "citations": []},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
"""A block in which nothing stands yet. Anthropic's description wants a text's citations, and
some clients take no null for them."""


def message(answer: Answer, id_: str) -> JsonObject:
    return {
        **frame(id_, answer.finished.model),
        "content": list(_content(answer)),
        **ended(answer.finished),
        "usage": usage(answer.finished.usage),
    }


def _content(answer: Answer) -> list[JsonObject]:
    return [_block(part) for part in answer.parts]


def _block(part: AnswerPart) -> JsonObject:
    match part:
        case Text(text) | Refusal(text):
            return {**EMPTY["text"], "text": text}
        case Thinking(text, signature):
            return {**EMPTY["thinking"], "thinking": text, "signature": signature}
        case RedactedThinking(data):
            return redacted_thinking(data)
        case CallText(id_, name, arguments):
            return tool_use(id_, name, input_of(arguments))


def input_of(arguments: str) -> JsonObject:
    """A call's arguments; an answer that was cut inside of them has none that can be read."""
    try:
        given = json.loads(arguments or "{}")
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def frame(id_: str, model: str) -> JsonObject:
    """A message in which nothing has happened yet."""
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        **ended(None),
        "usage": usage(Usage()),
    }


def ended(finished: TurnFinished | None) -> JsonObject:
    """Why a message ended, None for one that has not."""
    refused = finished is not None and finished.stop is StopReason.REFUSAL
    return {
        "stop_reason": finished and stop_reason(finished),
        "stop_sequence": finished and finished.stop_string,
        "stop_details": {"type": "refusal", "category": None, "explanation": None}
        if refused
        else None,
        "container": None,
    }


def stop_reason(finished: TurnFinished) -> str:
    if finished.stop is StopReason.END and finished.stop_string is not None:
        return "stop_sequence"
    return STOP_REASONS[finished.stop]


def redacted_thinking(data: str) -> JsonObject:
    return {"type": "redacted_thinking", "data": data}


def tool_use(id_: str, name: str, given: JsonObject) -> JsonObject:
    return {
        "type": "tool_use",
        "id": id_,
        "name": name,
        "input": given,
        "caller": {"type": "direct"},
    }


def usage(counted: Usage) -> JsonObject:
    """What a message took. What nobody told is null."""
    return {
        **counts(counted),
        "cache_creation": None,
        "inference_geo": None,
        "service_tier": None,
    }


def counts(counted: Usage) -> JsonObject:
    """What stands of it at the end of a stream."""
    return {
        "input_tokens": counted.input_tokens,
        "cache_creation_input_tokens": counted.cache_write_tokens,
        "cache_read_input_tokens": counted.cache_read_tokens,
        "output_tokens": counted.output_tokens,
        "output_tokens_details": {"thinking_tokens": counted.reasoning_tokens},
        "server_tool_use": None,
    }
