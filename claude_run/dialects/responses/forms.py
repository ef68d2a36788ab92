"""The forms that a client writes its tools in, each as the function that Claude is offered.

Claude knows functions, in one list. A client may also write custom tools, whose input is plain
text, tools in a namespace, and a search for more tools that it carries out itself. Each call of
such a function is given back in the form that the tool was written in, see `calls`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from claude_run.dialects.custom import as_function
from claude_run.dialects.reading import at, elements, object_, optional, required, text
from claude_run.dialects.tools import function_name
from claude_run.turn import JsonObject

FormKind: TypeAlias = Literal["function", "custom", "tool_search"]

SEARCH: Final = "tool_search"
COMMON: Final = "functions"
"""The namespace of the tools that are in none."""

_LONGEST: Final = 64
_TAG: Final = 8


@dataclass(frozen=True, slots=True)
class Form:
    """How the client wrote a tool. `namespace` is None for one that is in none."""

    kind: FormKind
    name: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """A function that Claude is offered: `described` has its name, description and parameters,
    `form` is what the client wrote, at `path`."""

    path: str
    described: JsonObject
    form: Form

    @property
    def name(self) -> str:
        return str(self.described["name"])


def flat(name: str, namespace: str | None) -> str:
    """The name, in one list of all functions, of the tool `name` in `namespace`."""
    if namespace in {None, COMMON}:
        return name
    whole = f"{namespace}.{name}"
    if len(whole) <= _LONGEST:
        return whole
    tag = hashlib.sha256(whole.encode()).hexdigest()[:_TAG]
    return f"{whole[: _LONGEST - _TAG - 1]}-{tag}"


def offered(tool: JsonObject, path: str) -> list[Offered] | None:
    """The functions that stand for `tool`; None if there is nothing of its type here.

    Raises:
        TurnError: BAD_REQUEST: it is malformed.
    """
    read = _READERS.get(_type(tool, path))
    return None if read is None else list(read(tool, path, None))


def _type(tool: JsonObject, path: str) -> str:
    kind = text(required(tool, "type", path), at(path, "type"))
    if kind == SEARCH and tool.get("execution") != "client":
        return "tool_search of the server"
    return kind


def _function(tool: JsonObject, path: str, namespace: str | None) -> Iterator[Offered]:
    name = _name(tool, path)
    described = {**tool, "name": flat(name, namespace)}
    yield Offered(path, described, Form("function", name, namespace))


def _custom(tool: JsonObject, path: str, namespace: str | None) -> Iterator[Offered]:
    name = _name(tool, path)
    described = as_function(tool, flat(name, namespace), path)
    yield Offered(path, described, Form("custom", name, namespace))


def _namespace(tool: JsonObject, path: str, _: str | None) -> Iterator[Offered]:
    name = function_name(required(tool, "name", path), at(path, "name"))
    about = (optional(text, tool, "description", path) or "").strip()
    for where, value in elements(required(tool, "tools", path), at(path, "tools")):
        inner = object_(value, where)
        read = _INSIDE.get(text(required(inner, "type", where), at(where, "type")))
        for one in read(inner, where, name) if read else ():
            told = "\n\n".join(filter(None, (one.described.get("description"), about)))
            yield Offered(one.path, {**one.described, "description": told}, one.form)


def _search(tool: JsonObject, path: str, _: str | None) -> Iterator[Offered]:
    yield Offered(path, {**tool, "name": SEARCH}, Form("tool_search", SEARCH))


def _name(tool: JsonObject, path: str) -> str:
    return function_name(required(tool, "name", path), at(path, "name"))


_Reader: TypeAlias = Callable[[JsonObject, str, str | None], Iterator[Offered]]
_INSIDE: Final[Mapping[str, _Reader]] = {"function": _function, "custom": _custom}
_READERS: Final[Mapping[str, _Reader]] = {
    **_INSIDE,
    "namespace": _namespace,
    "tool_search": _search,
}


def found(tools: Any, path: str) -> str:
    """What Claude is told of `tools`, which a search of the client's has found."""
    names = [
        one.name
        for where, tool in elements(tools, path)
        for one in offered(object_(tool, where), where) or ()
    ]
    return f"Found, and ready to be called: {json.dumps(names)}" if names else "Nothing was found."
