"""Structured output: the schema that the SDK is given, and its answer as content.

Of the two ways there are, this is the SDK's own `output_format`: the CLI offers the model a
`StructuredOutput` tool, checks what it is given against the schema, and asks again where it
does not fit. It is documented, works for every model, every login and every JSON schema.
The Messages API's native `output_config.format` does without the tool, but only for newer
models and a part of JSON schema, and nothing says that a subscription may use it.
"""

from collections.abc import Mapping
from typing import Any, Final

from claude_run.turn import JsonObject

TOOL: Final = "StructuredOutput"
_KEY: Final = "value"

# The CLI's validator knows one dialect of JSON schema and refuses to start when told another.
_NOT_FOR_THE_VALIDATOR: Final = frozenset({"$schema", "$id", "id"})
_DEFINITIONS: Final = ("$defs", "definitions")
_LITERAL: Final = frozenset({"const", "enum", "default", "examples"})


def is_wrapped(schema: Mapping[str, Any]) -> bool:
    """Whether the answer must be wrapped in an object, because a tool's input is one."""
    return schema.get("type") != "object"


def schema_for_sdk(schema: JsonObject) -> JsonObject:
    """`schema` as the SDK can use it: an object at the root, in the validator's dialect."""
    cleaned: JsonObject = _cleaned(schema, top=True)
    if not is_wrapped(schema):
        return cleaned
    hoisted = {name: cleaned.pop(name) for name in _DEFINITIONS if name in cleaned}
    return {
        "type": "object",
        "properties": {_KEY: _repointed(cleaned)},
        "required": [_KEY],
        "additionalProperties": False,
        **_repointed(hoisted),
    }


def _cleaned(node: Any, *, top: bool = False, names: bool = False) -> Any:
    """`node` without what the validator refuses. `names` says that the keys are the caller's
    property names, which only look like keywords."""
    match node:
        case dict():
            dropped = frozenset() if names else _NOT_FOR_THE_VALIDATOR
            return {
                key: value
                if not names and key in _LITERAL
                else _cleaned(value, names=not names and key in _MAPS_OF_SCHEMAS)
                for key, value in node.items()
                if not (key in dropped and isinstance(value, str) and (top or key != "id"))
            }
        case list():
            return [_cleaned(item) for item in node]
        case _:
            return node


_MAPS_OF_SCHEMAS: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)


def _repointed(node: Any) -> Any:
    """`node` with references to the root, or into it, led to where the root has moved."""
    match node:
        case {"$ref": str(ref)}:
            rest = {key: _repointed(value) for key, value in node.items() if key != "$ref"}
            return {"$ref": _moved(ref), **rest}
        case dict():
            return {
                key: value if key in _LITERAL else _repointed(value) for key, value in node.items()
            }
        case list():
            return [_repointed(item) for item in node]
        case _:
            return node


def _moved(ref: str) -> str:
    if ref == "#":
        return f"#/properties/{_KEY}"
    if ref.startswith("#/") and not ref.startswith(tuple(f"#/{d}/" for d in _DEFINITIONS)):
        return f"#/properties/{_KEY}/{ref[2:]}"
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
