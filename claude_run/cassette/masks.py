"""What is looked away from: in matching (`ignore`), and on the disk as well (`redact`).

Both are applied to a document before it is hashed and before it is written, so that what
varies by itself, a date or a temporary path, neither breaks a match nor fills the disk.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
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


def everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """As `applied`, with numbers and the names of members changed as well."""
    match value:
        case None | bool():
            return value
        case int() | float():
            spelt = json.dumps(value)
            return value if (changed := change(spelt)) == spelt else changed
        case dict():
            inner = {name: everywhere(member, change) for name, member in value.items()}
            names = {name: change(name) for name in value}
            return inner if all(map(str.__eq__, names, names.values())) else _renamed(inner, names)
        case list():
            return [everywhere(inner, change) for inner in value]
        case _:
            return applied(value, change)


def _arguments(arguments: JsonObject, change: Callable[[str], str]) -> JsonObject:
    """`arguments` changed everywhere, and where a pattern reaches from a name into its value."""
    made = everywhere(arguments, change)
    spelt = json.dumps(made, ensure_ascii=False, sort_keys=True)
    if (changed := change(spelt)) == spelt:
        return dict(made)
    with suppress(ValueError):
        if isinstance(again := json.loads(changed), dict):
            return again
    return {IGNORED: changed}


def _renamed(members: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """`members` under new names; those that come to share one are numbered, in the order of the
    old ones."""
    made: JsonObject = {}
    for old in sorted(members):
        new = names[old]
        alike = sum(name == new or name.startswith(f"{new} ") for name in made)
        made[f"{new} {alike + 1}" if new in made else new] = members[old]
    return made


def _part(part: JsonObject, change: Callable[[str], str]) -> JsonObject:
    match part:
        case {"call": _, "name": _, "arguments": arguments}:
            return {**part, "arguments": _arguments(arguments, change)}
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
