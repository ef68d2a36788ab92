"""One conversation in the words of each dialect: from those of chat into the others."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from claude_run.turn import JsonObject
from tests.server.tables import CHAT, MESSAGES, RESPONSES


def as_chat(messages: list[JsonObject], system: str, tools: list[JsonObject]) -> JsonObject:
    said = [{"role": "system", "content": system}] if system else []
    return CHAT.body(messages=[*said, *messages], tools=tools, max_tokens=500)


# --- Messages -----------------------------------------------------------------------------


def as_messages(messages: list[JsonObject], system: str, tools: list[JsonObject]) -> JsonObject:
    offered = [
        {"name": f["name"], "description": f["description"], "input_schema": f["parameters"]}
        for f in (tool["function"] for tool in tools)
    ]
    said = [_message(message) for message in messages]
    return MESSAGES.body(messages=said, system=system, tools=offered)


def _message(message: JsonObject) -> JsonObject:
    match message:
        case {"role": "tool", "tool_call_id": id_, "content": content}:
            result = {"type": "tool_result", "tool_use_id": id_, "content": content}
            return {"role": "user", "content": [result]}
        case {"role": "assistant", "content": content, "tool_calls": calls}:
            said = [{"type": "text", "text": content}] if content else []
            return {"role": "assistant", "content": [*said, *map(_tool_use, calls)]}
        case _:
            return message


def _tool_use(call: JsonObject) -> JsonObject:
    made = call["function"]
    arguments = json.loads(made["arguments"])
    return {"type": "tool_use", "id": call["id"], "name": made["name"], "input": arguments}


# --- Responses ----------------------------------------------------------------------------


def as_responses(messages: list[JsonObject], system: str, tools: list[JsonObject]) -> JsonObject:
    offered = [{"type": "function", **tool["function"]} for tool in tools]
    items = [item for message in messages for item in _items(message)]
    asked = {"input": items, "tools": offered, "store": False, "max_output_tokens": 500}
    return RESPONSES.body(**asked, instructions=system or None)


def _items(message: JsonObject) -> Iterator[JsonObject]:
    content, calls = message["content"], message.get("tool_calls", ())
    match message["role"]:
        case "tool":
            id_, output = message["tool_call_id"], _input_texts(content)
            yield {"type": "function_call_output", "call_id": id_, "output": output}
        case role if content:
            yield {"role": role, "content": _input_texts(content)}
    yield from (
        {"type": "function_call", "call_id": call["id"], **call["function"]} for call in calls
    )


def _input_texts(content: str | Iterable[JsonObject]) -> Any:
    if isinstance(content, str):
        return content
    return [{"type": "input_text", "text": part["text"]} for part in content]


Spell = Callable[[list[JsonObject], str, list[JsonObject]], JsonObject]

DIALECTS: Final[Mapping[str, Spell]] = {
    CHAT.path: as_chat,
    MESSAGES.path: as_messages,
    RESPONSES.path: as_responses,
}
"""How each dialect spells a conversation in chat's words, a system prompt and chat's tools."""
