"""The functions among a request's tools: of OpenAI's own tools Claude has none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from claude_run.dialects.errors import shortened
from claude_run.dialects.fields import deviation
from claude_run.dialects.reading import at, boolean, elements, object_, optional, required, text
from claude_run.dialects.tools import called, choose, functions
from claude_run.turn import JsonObject, Notice, ToolChoice, ToolMode, ToolSpec, Turn

Described: TypeAlias = tuple[tuple[str, JsonObject], ...]
"""Tools as the client wrote them, each after its path."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of a request and the choice among them. `functions` is what the client wrote
    of those that Claude is told of."""

    tools: tuple[ToolSpec, ...]
    choice: ToolChoice
    functions: tuple[JsonObject, ...]
    notices: tuple[Notice, ...]


def offer(
    asked: JsonObject, added: Iterable[tuple[str, Any]], turns: tuple[Turn, ...], *, strict: bool
) -> Offer:
    """What `asked` offers, and `added`, the tools that came with the input.

    Raises:
        TurnError: a tool or the choice is malformed, or the choice needs what is not there.
    """
    own, ignored = _functions(elements(asked.get("tools", []), "tools"), strict=strict)
    more, ignored_too = _functions(added, strict=strict)
    described = (*own, *_unknown(own, more))
    chosen, not_allowed = _function_choice(asked.get("tool_choice"), strict=strict)
    tools, choice = choose(
        chosen,
        functions(described),
        parallel=optional(boolean, asked, "parallel_tool_calls") is not False,
        param="tool_choice",
    )
    if not tools:
        # The Messages API wants tools declared wherever a conversation holds calls.
        tools = called(turns)
        choice = ToolChoice(ToolMode.NONE) if tools else ToolChoice()
    written = tuple(tool for _, tool in described)
    return Offer(tools, choice, written, ignored + ignored_too + not_allowed)


def _functions(
    tools: Iterable[tuple[str, Any]], *, strict: bool
) -> tuple[Described, tuple[Notice, ...]]:
    found: list[tuple[str, JsonObject]] = []
    ignored: dict[str, Notice] = {}
    for path, tool in tools:
        kind = text(required(object_(tool, path), "type", path), at(path, "type"))
        if kind == "function":
            optional(text, tool, "name", path)  # tools are told apart by it
            found.append((path, tool))
        else:
            ignored[kind] = _ignored(kind, path, strict=strict)
    return tuple(found), tuple(ignored.values())


def _ignored(kind: str, param: str, *, strict: bool) -> Notice:
    kind = shortened(kind)
    told = f"Tools of type {kind} are ignored: Claude has none here. Offer functions instead."
    return deviation(at(param, "type") if strict else f"tools of type {kind}", told, strict=strict)


def _unknown(known: Described, added: Described) -> Iterator[tuple[str, JsonObject]]:
    """Those of `added` that are not known by name: an item that adds tools goes along with
    every later request, and so may be there more than once."""
    names = {tool.get("name") for _, tool in known}
    for path, tool in added:
        if tool.get("name") not in names:
            names.add(tool.get("name"))
            yield path, tool


def _function_choice(value: object, *, strict: bool) -> tuple[object, tuple[Notice, ...]]:
    """A tool choice without the tools of other types that it merely allows."""
    if not isinstance(value, dict) or value.get("type") != "allowed_tools":
        return value, ()
    entries = elements(required(value, "tools", "tool_choice"), "tool_choice.tools")
    allowed, notices = _functions(entries, strict=strict)
    return {**value, "tools": [tool for _, tool in allowed]}, notices
