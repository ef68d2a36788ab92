"""Answering in Claude's place: everything is real but the model, and nothing is spent."""

import json
import re
from typing import Any, Final

from claude_run.rehearsal.answers import Answer, Block, Refuse, Reply, TextBlock, Thinking, ToolUse
from claude_run.rehearsal.instances import minimal_instance
from claude_run.rehearsal.seal import seal, unsealed
from claude_run.turn import JsonObject, Usage

__all__ = ["rehearse", "seal", "unsealed"]

# The bridge's own tool for structured output, and that of the CLI.
_STRUCTURED_OUTPUT: Final = ("mcp__c__StructuredOutput", "StructuredOutput")
_CHARS_PER_TOKEN: Final = 4


def rehearse(request: JsonObject) -> Answer:
    """What a rehearsal answers to the body of a Messages API request; the same every time.

    A tool that must be called is called with the smallest input its schema allows, and so is
    the tool for structured output; `output_config.format` gets the smallest JSON. Everything else
    is answered by a short text, within `stop_sequences` and `max_tokens`, a word for a token.
    """
    try:
        tool = _tool_to_call(request)
        if tool is not None:
            return _call(request, tool)
        if schema := _schema_of_text(request):
            return _text(request, json.dumps(minimal_instance(schema)))
    except ValueError as error:
        return Refuse(400, "invalid_request_error", str(error))
    return _text(request, _introduction(request))


def _tool_to_call(request: JsonObject) -> JsonObject | None:
    tools = {tool["name"]: tool for tool in request.get("tools") or ()}
    own = next((tool for name, tool in tools.items() if name not in _STRUCTURED_OUTPUT), None)
    structured = next((tools[name] for name in _STRUCTURED_OUTPUT if name in tools), None)
    match request.get("tool_choice"):
        case {"type": "tool", "name": name} if name not in tools:
            raise ValueError(f"tool_choice names {name}, which is not one of the tools")
        case {"type": "tool", "name": name}:
            named: JsonObject = tools[name]
            return named
        case {"type": "any"}:
            return own or structured
        case {"type": "none"}:
            return None
        case _:
            return structured


def _call(request: JsonObject, tool: JsonObject) -> Reply:
    arguments = minimal_instance(tool.get("input_schema", {"type": "object"}))
    call = ToolUse("", tool["name"], arguments)
    spent = len(json.dumps(arguments)) // _CHARS_PER_TOKEN + 1
    return Reply((call,), usage=_usage(request, spent))


def _text(request: JsonObject, text: str) -> Reply:
    thoughts = _thoughts(request)
    stop, sequence = "end_turn", None
    if found := _first_stop(text, request.get("stop_sequences") or ()):
        (sequence, text), stop = found, "stop_sequence"
    words = re.findall(r"\s*\S+", text)
    most = request.get("max_tokens", len(words))
    if len(words) > most:
        words, stop, sequence = words[:most], "max_tokens", None
    reasoning = sum(len(thought.text.split()) for thought in thoughts)
    blocks: tuple[Block, ...] = (*thoughts, TextBlock(tuple(words)))
    return Reply(blocks, stop, sequence, _usage(request, len(words) + reasoning, reasoning))


def _first_stop(text: str, sequences: Any) -> tuple[str, str] | None:
    """The stop sequence that comes first in `text`, and what comes before it."""
    places = [(text.find(sequence), sequence) for sequence in sequences if sequence in text]
    if not places:
        return None
    place, sequence = min(places)
    return sequence, text[:place]


def _thoughts(request: JsonObject) -> tuple[Thinking, ...]:
    """Thinking is shown to who asked to see it."""
    match request.get("thinking"):
        case {"type": "enabled"} | {"display": "summarized"}:
            return (Thinking("A rehearsal needs little thought."),)
        case _:
            return ()


def _schema_of_text(request: JsonObject) -> JsonObject | None:
    match request.get("output_config"):
        case {"format": {"type": "json_schema", "schema": dict(schema)}}:
            return schema
        case _:
            return None


def _introduction(request: JsonObject) -> str:
    said = sum(message["role"] != "system" for message in request.get("messages", ()))
    return (
        f"This is a rehearsal. It stands in for {request['model']}, which was not asked, "
        f"and answers a conversation of {said} message{'s' * (said != 1)}. Nothing was spent."
    )


def _usage(request: JsonObject, output: int, reasoning: int = 0) -> Usage:
    read = [request.get(part) for part in ("system", "tools", "messages")]
    tokens = len(json.dumps(read)) // _CHARS_PER_TOKEN
    return Usage(input_tokens=tokens, output_tokens=output, reasoning_tokens=reasoning)
