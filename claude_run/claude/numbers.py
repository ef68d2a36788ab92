"""Whole numbers beyond 2^53, as the ids of some services are.

The CLI reads JSON as JavaScript does, into doubles, and would change such a number without a
word. What the model writes comes whole out of the stream. What it is to read goes in whole as
text: a number in a call's arguments as a string, one in a schema in its description.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from claude_run.claude.schemas import everywhere, holds_schemas
from claude_run.turn import AssistantTurn, JsonObject, Notice, ToolCall, Turn

_LARGEST: Final = 2**53
_TRAP: Final = "__proto__"


def is_carried(value: Any) -> bool:
    """Whether the CLI leaves every number in `value` as it is."""
    match value:
        case dict():
            return all(map(is_carried, value.values()))
        case list():
            return all(map(is_carried, value))
        case int():
            return -_LARGEST <= value <= _LARGEST
        case _:
            return True


def as_text(value: Any) -> Any:
    """`value` with every number that the CLI would change as the string of its digits."""
    match value:
        case dict():
            return {key: as_text(inner) for key, inner in value.items()}
        case list():
            return [as_text(inner) for inner in value]
        case int() if not is_carried(value):
            return str(value)
        case _:
            return value


def told(schema: JsonObject) -> JsonObject:
    """`schema` with each keyword that holds such a number in the description of its schema
    instead: the model reads it whole there. A property called `__proto__`, which the CLI loses,
    is told of as well."""
    changed: JsonObject = everywhere(schema, _told)
    return changed


def _told(node: JsonObject) -> JsonObject:
    lost = {k: v for k, v in node.items() if not holds_schemas(k) and not is_carried(v)}
    kept = {key: value for key, value in node.items() if key not in lost}
    properties = node.get("properties")
    if isinstance(properties, dict) and _TRAP in properties:
        lost["properties"] = {_TRAP: properties[_TRAP]}
        kept["properties"] = {k: v for k, v in properties.items() if k != _TRAP}
    if not lost:
        return node
    before, text = kept.get("description"), f"JSON schema: {json.dumps(lost)}"
    return {**kept, "description": f"{before}\n\n{text}" if before else text}


def notices(turns: Iterable[Turn]) -> tuple[Notice, ...]:
    """That an earlier call among `turns` is read with strings in it, if one is."""
    changed = any(
        isinstance(part, ToolCall) and not is_carried(part.arguments)
        for turn in turns
        if isinstance(turn, AssistantTurn)
        for part in turn.parts
    )
    text = (
        "Whole numbers beyond 2^53 in earlier calls are read as strings: Claude Code would round "
        "them. Send such ids as strings."
    )
    return (Notice("large numbers in calls", text),) if changed else ()
