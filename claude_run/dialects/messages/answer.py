"""Answers as one message: its blocks, why it ended, and what it took."""

import json
from collections.abc import Mapping
from typing import Final

from claude_run.turn import Answer, JsonObject, StopReason, Usage

STOP_REASONS: Final[Mapping[StopReason, str]] = {
    StopReason.END: "end_turn",
    StopReason.LENGTH: "max_tokens",
    StopReason.TOOL_CALLS: "tool_use",
    StopReason.REFUSAL: "refusal",
}


def message(answer: Answer, id_: str) -> JsonObject:
    return {
        **frame(id_, answer.finished.model),
        "content": list(_content(answer)),
        "stop_reason": STOP_REASONS[answer.finished.stop],
        "usage": usage(answer.finished.usage),
    }


def _content(answer: Answer) -> list[JsonObject]:
    blocks: list[JsonObject] = []
    if answer.thinking:
        blocks.append({"type": "thinking", "thinking": answer.thinking, "signature": ""})
    if said := answer.text or answer.refusal:
        blocks.append({"type": "text", "text": said})
    for call in answer.tool_calls:
        given = input_of(call.arguments)
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    return blocks


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
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage(Usage()),
    }


def usage(counted: Usage) -> JsonObject:
    return {
        "input_tokens": counted.input_tokens,
        "cache_creation_input_tokens": counted.cache_write_tokens,
        "cache_read_input_tokens": counted.cache_read_tokens,
        "output_tokens": counted.output_tokens,
    }
