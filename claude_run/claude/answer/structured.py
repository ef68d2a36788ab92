"""Structured output: the schema that the SDK is given, and its answer as content.

Of the two ways there are, this is the SDK's own `output_format`: the CLI offers the model a
`StructuredOutput` tool, checks what it is given against the schema, and asks again where it
does not fit. It is documented, and works for every model, every login and, with what
`schemas` does, every JSON schema.
The Messages API's native `output_config.format` does without the tool, but only for newer
models and a part of JSON schema, and nothing says that a subscription may use it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from claude_run.claude.schemas import checkable, everywhere, modern
from claude_run.turn import JsonObject

TOOL: Final = "StructuredOutput"
KEY: Final = "value"
_DEFINITIONS: Final = ("$defs", "definitions")
# What the Messages API does not take at the top of a tool's schema.
_ONLY_INSIDE: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_TOP_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def is_wrapped(schema: Mapping[str, Any]) -> bool:
    """Whether the answer must be wrapped in an object, because `schema` cannot be that of a
    tool's input."""
    if schema.get("type") != "object" or schema.keys() & _ONLY_INSIDE:
        return True
    properties = schema.get("properties")
    names = properties if isinstance(properties, dict) else ()
    return not all(map(_TOP_NAME.fullmatch, names))


def schema_for_sdk(schema: JsonObject) -> JsonObject:
    """`schema` as the SDK can use it: of an object, and of what the CLI can check."""
    checked, _ = checkable(modern(schema))
    if not is_wrapped(schema):
        return checked
    hoisted: JsonObject = {name: checked.pop(name) for name in _DEFINITIONS if name in checked}
    wrapper = {
        "type": "object",
        "properties": {KEY: checked},
        "required": [KEY],
        "additionalProperties": False,
        **hoisted,
    }
    repointed: JsonObject = everywhere(wrapper, _repointed)
    return repointed


def unchecked_schema(schema: JsonObject) -> JsonObject | None:
    """What an answer is still to be checked by, where `schema` demands more than the CLI can
    check."""
    full = modern(schema)
    _, is_complete = checkable(full)
    return None if is_complete else full


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

    def feed(self, fragment: str) -> str:
        return "".join(c for c in fragment if self._keeps(c))

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
