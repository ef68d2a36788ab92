"""The caller's tools as functions, and the choice among them, in the forms of both dialects."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from claude_run.dialects.reading import at, choice, elements, object_, optional, required, text
from claude_run.turn import (
    AssistantTurn,
    JsonObject,
    ToolCall,
    ToolChoice,
    ToolMode,
    ToolSpec,
    Turn,
    bad_request,
)

NAME: Final = re.compile(r"[a-zA-Z0-9_.:/-]{1,64}")

TYPES: Final = ("function", "custom")
"""The types of tools that are the caller's own."""

MODES: Final[Mapping[str, ToolMode]] = {
    "auto": ToolMode.AUTO,
    "none": ToolMode.NONE,
    "required": ToolMode.REQUIRED,
}


def function_name(value: object, param: str) -> str:
    name = text(value, param)
    if not NAME.fullmatch(name):
        raise bad_request(
            f"{param} must be 1 to 64 letters, digits or characters of '_-.:/', not {name[:80]!r}.",
            param,
        )
    return name


def inside(value: object, key: str, param: str) -> tuple[JsonObject, str]:
    """The object under `key`, or `value` itself in the flat form; and where it lies."""
    outer = object_(value, param)
    if key not in outer:
        return outer, param
    return object_(outer[key], at(param, key)), at(param, key)


def functions(described: Iterable[tuple[str, object]]) -> tuple[ToolSpec, ...]:
    """One tool for each `{"name", "description", "parameters"}`, which comes after its path."""
    specs: dict[str, ToolSpec] = {}
    for path, value in described:
        spec = _function(object_(value, path), path)
        if spec.name in specs:
            raise bad_request(f"Two tools are called {spec.name!r}.", at(path, "name"))
        specs[spec.name] = spec
    return tuple(specs.values())


def _function(value: JsonObject, param: str) -> ToolSpec:
    return ToolSpec(
        name=function_name(required(value, "name", param), at(param, "name")),
        description=optional(text, value, "description", param) or "",
        schema=optional(object_, value, "parameters", param)
        or {"type": "object", "properties": {}},
    )


def choose(
    value: object, tools: tuple[ToolSpec, ...], *, parallel: bool, param: str
) -> tuple[tuple[ToolSpec, ...], ToolChoice]:
    """The tools that are left after a tool choice, and the choice among them.

    Raises:
        TurnError: the choice is malformed, or names or needs a tool that is not there.
    """
    kind = _kind(value, param)
    mode, name = MODES.get(kind, ToolMode.AUTO), None
    if kind in TYPES:
        mode, name = ToolMode.NAMED, _named(value, param)
        _all_known((name,), tools, param)
    elif kind == "allowed_tools":
        mode, tools = _allowed(value, tools, param)
    if mode is ToolMode.REQUIRED and not tools:
        raise bad_request(f"{param} requires a tool call, and there are no tools.", param)
    return tools, ToolChoice(mode, name, parallel) if tools else ToolChoice()


def _kind(value: object, param: str) -> str:
    if value is None:
        return "auto"
    if not isinstance(value, dict):
        return choice(value, MODES, param)
    return choice(required(value, "type", param), (*TYPES, "allowed_tools"), at(param, "type"))


def _named(value: object, param: str) -> str:
    """The name in `{"function": {"name"}}` or `{"custom": {"name"}}`, or in the flat form
    `{"name"}`."""
    type_ = object_(value, param).get("type")
    holder, path = inside(value, type_ if type_ in TYPES else "function", param)
    return text(required(holder, "name", path), at(path, "name"))


def _allowed(
    value: object, tools: tuple[ToolSpec, ...], param: str
) -> tuple[ToolMode, tuple[ToolSpec, ...]]:
    holder, path = inside(value, "allowed_tools", param)
    mode = choice(required(holder, "mode", path), ("auto", "required"), at(path, "mode"))
    entries = elements(required(holder, "tools", path), at(path, "tools"))
    names = [_named(entry, where) for where, entry in entries]
    _all_known(names, tools, param)
    return MODES[mode], tuple(tool for tool in tools if tool.name in names)


def _all_known(names: Iterable[str], tools: Sequence[ToolSpec], param: str) -> None:
    known = {tool.name for tool in tools}
    for name in names:
        if name not in known:
            raise bad_request(f"{param} names {name[:80]!r}, which is not among the tools.", param)


def called(turns: Iterable[Turn]) -> tuple[ToolSpec, ...]:
    """A bare declaration of every tool the conversation has calls of, in order."""
    names = (
        part.name
        for turn in turns
        if isinstance(turn, AssistantTurn)
        for part in turn.parts
        if isinstance(part, ToolCall)
    )
    return tuple(ToolSpec(name, "", {"type": "object"}) for name in dict.fromkeys(names))
