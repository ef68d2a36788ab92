"""A request's tools, as functions: of OpenAI's own tools Claude has none."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from claude_run.dialects.errors import shortened
from claude_run.dialects.fields import deviation
from claude_run.dialects.reading import at, boolean, elements, object_, optional, required, text
from claude_run.dialects.responses.forms import Form, Offered, flat, offered
from claude_run.dialects.tools import called, choose, functions
from claude_run.turn import JsonObject, Notice, ToolChoice, ToolMode, ToolSpec, Turn


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of a request and the choice among them. `written` is what the client wrote of
    those that Claude is told of, `forms` how it wrote each, by the name of the function."""

    tools: tuple[ToolSpec, ...]
    choice: ToolChoice
    written: tuple[JsonObject, ...]
    forms: Mapping[str, Form]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    written: tuple[JsonObject, ...]
    offered: tuple[Offered, ...]
    ignored: tuple[Notice, ...]


def offer(
    asked: JsonObject, added: Iterable[tuple[str, Any]], turns: tuple[Turn, ...], *, strict: bool
) -> Offer:
    """What `asked` offers, and `added`, the tools that came with the input.

    Raises:
        TurnError: a tool or the choice is malformed, or the choice needs what is not there.
    """
    own = _read(elements(asked.get("tools", []), "tools"), strict=strict)
    more = _read(added, strict=strict)
    together = (*own.offered, *_unknown(own.offered, more.offered))
    chosen, not_allowed = _function_choice(asked.get("tool_choice"), strict=strict)
    tools, choice = choose(
        chosen,
        functions((one.path, one.described) for one in together),
        parallel=optional(boolean, asked, "parallel_tool_calls") is not False,
        param="tool_choice",
    )
    if not tools:
        # The Messages API wants tools declared wherever a conversation holds calls.
        tools = called(turns)
        choice = ToolChoice(ToolMode.NONE) if tools else ToolChoice()
    written = (*own.written, *(tool for tool in more.written if tool not in own.written))
    forms = {one.name: one.form for one in together}
    return Offer(tools, choice, _once(written), forms, own.ignored + more.ignored + not_allowed)


def _read(tools: Iterable[tuple[str, Any]], *, strict: bool) -> _Read:
    written: list[JsonObject] = []
    found: list[Offered] = []
    ignored: dict[str, Notice] = {}
    for path, tool in tools:
        functions_of_it = offered(object_(tool, path), path)
        if functions_of_it is None:
            ignored[tool["type"]] = _ignored(tool["type"], path, strict=strict)
        else:
            written.append(tool)
            found += functions_of_it
    return _Read(tuple(written), tuple(found), tuple(ignored.values()))


def _ignored(kind: str, param: str, *, strict: bool) -> Notice:
    kind = shortened(kind)
    told = f"Tools of type {kind} are ignored: Claude has none here. Offer functions instead."
    return deviation(at(param, "type") if strict else f"tools of type {kind}", told, strict=strict)


def _once(tools: Iterable[JsonObject]) -> tuple[JsonObject, ...]:
    kept: list[JsonObject] = []
    for tool in tools:
        if tool not in kept:
            kept.append(tool)
    return tuple(kept)


def _unknown(known: Iterable[Offered], added: Iterable[Offered]) -> Iterator[Offered]:
    """Those of `added` that are not known by name: an item that adds tools goes along with
    every later request, and so may be there more than once."""
    names = {one.name for one in known}
    for one in added:
        if one.name not in names:
            names.add(one.name)
            yield one


def _function_choice(value: object, *, strict: bool) -> tuple[object, tuple[Notice, ...]]:
    """A tool choice in the names of functions, without the tools of other types that it merely
    allows."""
    if not isinstance(value, dict):
        return value, ()
    if value.get("type") != "allowed_tools":
        return _named(value, "tool_choice") or value, ()
    entries = elements(required(value, "tools", "tool_choice"), "tool_choice.tools")
    allowed: list[JsonObject] = []
    ignored: dict[str, Notice] = {}
    for path, entry in entries:
        kind = text(required(object_(entry, path), "type", path), at(path, "type"))
        if (named := _named(entry, path)) is not None:
            allowed.append(named)
        else:
            ignored[kind] = _ignored(kind, path, strict=strict)
    return {**value, "tools": allowed}, tuple(ignored.values())


def _named(chosen: JsonObject, path: str) -> JsonObject | None:
    """The function that `chosen` names in the form of a tool of the client's."""
    if chosen.get("type") not in ("function", "custom") or chosen.get("name") is None:
        return chosen if chosen.get("type") == "function" else None
    name = text(chosen["name"], at(path, "name"))
    return {"type": "function", "name": flat(name, optional(text, chosen, "namespace", path))}
