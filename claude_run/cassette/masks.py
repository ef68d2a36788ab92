"""What is looked away from: in matching (`ignore`), and on the disk as well (`redact`).

Both are applied to a document before it is hashed and before it is written, so that what
varies by itself, a date or a temporary path, neither breaks a match nor fills the disk.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from claude_run.patterns import Pattern, compiled
from claude_run.turn import JsonObject

IGNORED: Final = "[ignored]"
REDACTED: Final = "[redacted]"

BY_ITSELF: Final = (r"sk-claude-run-[A-Za-z0-9_-]{20,}",)
"""Ignored without being asked: the key of a run, which is new each time. Nothing else is."""

_NAMES: Final = ("model", "effort", "tool_choice")

_STRUCTURE: Final = frozenset({"call", "result_of", "data", "media_type"})
"""Members of a document that name things, and whose value is not content."""


@dataclass(frozen=True, slots=True)
class Masks:
    """`fingerprint` tells two sets of patterns apart; it is empty where a person gave none."""

    ignored: tuple[Pattern, ...]
    redacted: tuple[Pattern, ...]
    fingerprint: str

    def matched(self, text: str) -> str:
        """`text` as it is compared and written."""
        for pattern in self.ignored:
            text = pattern.sub(IGNORED, text)
        return self.redact(text)

    def redact(self, text: str) -> str:
        for pattern in self.redacted:
            text = pattern.sub(REDACTED, text)
        return text


def masks(ignore: tuple[str, ...] = (), redact: tuple[str, ...] = ()) -> Masks:
    """Raises:
    PatternError: one of the patterns is none.
    """
    given = json.dumps([sorted(ignore), sorted(redact)])
    fingerprint = hashlib.sha256(given.encode()).hexdigest()[:8] if ignore or redact else ""
    return Masks(
        tuple(compiled(pattern) for pattern in (*BY_ITSELF, *ignore)),
        tuple(compiled(pattern) for pattern in redact),
        fingerprint,
    )


def masked(document: JsonObject, masks: Masks) -> JsonObject:
    """`document` with its content masked. The model, the names of tools, and digests stay."""
    kept = {name: value for name, value in document.items() if name in _NAMES}
    rest = {name: value for name, value in document.items() if name not in kept}
    turns = [
        {role: [_part(part, masks.matched) for part in parts] for role, parts in turn.items()}
        for turn in rest.pop("turns", ())
    ]
    tools = [_tool(tool, masks.matched) for tool in rest.pop("tools", ())]
    made = {**kept, **applied(rest, masks.matched)}
    made["turns"] = turns
    return {**made, "tools": tools} if tools else made


def applied(value: Any, change: Callable[[str], str]) -> Any:
    """JSON `value` with every string of it changed, those that name members left alone."""
    match value:
        case str():
            return change(value)
        case dict():
            return {name: applied(inner, change) for name, inner in value.items()}
        case list():
            return [applied(inner, change) for inner in value]
        case _:
            return value


def _part(part: JsonObject, change: Callable[[str], str]) -> JsonObject:
    match part:
        case {"call": _, "name": _, "arguments": arguments}:
            return {**part, "arguments": applied(arguments, change)}
        case {"result_of": _, "content": content}:
            return {**part, "content": [_part(inner, change) for inner in content]}
        case _:
            return {
                name: value if name in _STRUCTURE else _inner(value, change)
                for name, value in part.items()
            }


def _inner(value: Any, change: Callable[[str], str]) -> Any:
    return _part(value, change) if isinstance(value, dict) else applied(value, change)


def _tool(tool: JsonObject, change: Callable[[str], str]) -> JsonObject:
    return {
        name: value if name == "name" else applied(value, change) for name, value in tool.items()
    }
