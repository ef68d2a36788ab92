"""Structured output: the tool through which the model gives it, and its input as content.

The model is offered a tool of ours whose input is the answer. The tool is deferred like any of
the caller's, its input is checked here, and the model is asked again where the input does not
fit. That works for every model, every login and every JSON schema, and needs no process of its
own: the CLI's own `--json-schema` is fixed at birth and stands on a command line. The choice of
the tool is left to the model, because a forced choice and thinking exclude each other, and
newer models think unasked.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from claude_run.claude.numbers import told
from claude_run.claude.schemas import everywhere, fits, modern
from claude_run.claude.tools import OUTPUT
from claude_run.turn import JsonObject

KEY: Final = "value"
ASK_AGAIN: Final = f"Give your answer by calling the {OUTPUT} tool now."
MISFIT: Final = (
    f"This does not fit the input schema of {OUTPUT}, and was not taken. Call it again with an "
    "input that does."
)
_DESCRIPTION: Final = (
    "Takes your final answer. Call it exactly once, when the answer is complete, with the whole "
    "answer as its input; only what this tool is given is read."
)
_DEFINITIONS: Final = ("$defs", "definitions")
# What a tool's input schema says of the document that it was taken from.
_OF_THE_DOCUMENT: Final = ("$schema", "$id")
# What the Messages API does not take at the top of a tool's schema.
_ONLY_INSIDE: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_TOP_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Structure:
    """What a structured answer has to be: JSON that fits `schema`, a modern one. `wrapped` says
    whether the tool takes it in an object of one member."""

    schema: JsonObject
    wrapped: bool

    @classmethod
    def of(cls, schema: JsonObject) -> "Structure":
        return cls(modern(schema), is_wrapped(schema))

    def fitting(self, given: str) -> str | None:
        """The answer in the JSON text that the tool was given, or None if it does not fit."""
        try:
            value = json.loads(given)
            value = value[KEY] if self.wrapped else value
        except (ValueError, TypeError, LookupError):
            return None
        return json.dumps(value, ensure_ascii=False) if fits(value, self.schema) else None


def is_wrapped(schema: Mapping[str, Any]) -> bool:
    """Whether the answer must be wrapped in an object, because `schema` cannot be that of a
    tool's input."""
    if schema.get("type") != "object" or schema.keys() & _ONLY_INSIDE:
        return True
    properties = schema.get("properties")
    names = properties if isinstance(properties, dict) else ()
    return not all(map(_TOP_NAME.fullmatch, names))


def output_tool(schema: JsonObject) -> tuple[str, JsonObject]:
    """The description and the input schema of the tool that takes an answer of `schema`."""
    whole = {k: v for k, v in told(modern(schema)).items() if k not in _OF_THE_DOCUMENT}
    if not is_wrapped(schema):
        return _DESCRIPTION, whole
    hoisted: JsonObject = {name: whole.pop(name) for name in _DEFINITIONS if name in whole}
    wrapper = {
        "type": "object",
        "properties": {KEY: whole},
        "required": [KEY],
        "additionalProperties": False,
        **hoisted,
    }
    repointed: JsonObject = everywhere(wrapper, _repointed)
    return _DESCRIPTION, repointed


def _repointed(node: JsonObject) -> JsonObject:
    """`node` with a reference to the root, or into it, led to where the root has moved."""
    match node:
        case {"$ref": str(ref)}:
            return {**node, "$ref": _moved(ref)}
        case _:
            return node


def _moved(ref: str) -> str:
    if ref == "#":
        return f"#/properties/{KEY}"
    if ref.startswith("#/") and not ref.startswith(tuple(f"#/{d}/" for d in _DEFINITIONS)):
        return f"#/properties/{KEY}/{ref[2:]}"
    return ref


class Unwrapper:
    """Takes `{"value":` and `}` off a JSON text that arrives in pieces.

    Everything between them is handed on unchanged and at once; the last closing brace is
    held back until it is known to be the wrapper's.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._inside = False
        self._begun = False

    def feed(self, fragment: str) -> str:
        kept = "".join(c for c in fragment if self._keeps(c))
        if not self._begun:
            kept = kept.lstrip()
            self._begun = bool(kept)
        return kept

    def _keeps(self, char: str) -> bool:
        if self._in_string:
            self._string(char)
            return self._inside
        match char:
            case '"':
                self._in_string = True
            case "{" | "[":
                self._depth += 1
            case "}" | "]":
                self._depth -= 1
                if self._depth == 0:
                    self._inside = False
            case ":" if self._depth == 1 and not self._inside:
                self._inside = True
                return False
            case _:
                pass
        return self._inside

    def _string(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = False


class Verbatim:
    """The unwrapper of what is not wrapped."""

    def feed(self, fragment: str) -> str:
        return fragment
