"""JSON schemas in the drafts that the Messages API and the CLI understand.

The Messages API takes draft 2020-12. The CLI checks structured output by draft 7, and refuses
a keyword that it does not know. Clients send either, and older ones.
"""

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

import jsonschema_rs

from claude_run.claude.nesting import is_within
from claude_run.turn import JsonObject

# The validator recurses on the machine's stack, which ends without an exception.
_DEEPEST_VALUE: Final = 1_000
# Of a pattern with lookaround or a backreference; all others take time linear in the text.
_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)

# Which keywords hold schemas: one (or a list of them), or one under each of their own names.
_SCHEMAS: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "oneOf",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_NAMED_SCHEMAS: Final = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
_MAY_BE_NULL: Final = frozenset({"const", "default"})

# What the CLI's validator knows and draft 2020-12 has, too. `$schema` and `$id` are left out:
# it refuses to start when told another draft, and takes every `$id` for a new document.
_CHECKED: Final = frozenset(
    {
        "$comment",
        "$ref",
        "const",
        "contentEncoding",
        "contentMediaType",
        "default",
        "deprecated",
        "description",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "nullable",
        "pattern",
        "readOnly",
        "required",
        "title",
        "type",
        "uniqueItems",
        "writeOnly",
        *_SCHEMAS,
        *_NAMED_SCHEMAS,
    }
)
# What it does not know, and what demands something of a value. Everything else only tells.
_UNCHECKED: Final = frozenset(
    {
        "$dynamicRef",
        "$recursiveRef",
        "dependentRequired",
        "dependentSchemas",
        "maxContains",
        "minContains",
        "prefixItems",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
# To demand less inside of these is to demand more of the whole.
_REVERSING: Final = frozenset({"else", "if", "not", "oneOf", "then"})


def everywhere(schema: Any, change: Callable[[JsonObject], JsonObject]) -> Any:
    """`schema` with `change` made to it and then to every schema in it. What only looks like
    one, as a value of `enum` or a property's name may, is left alone."""
    if not isinstance(schema, dict):
        return schema  # true and false are schemas
    return {key: _inside(key, value, change) for key, value in change(schema).items()}


def _inside(key: str, value: Any, change: Callable[[JsonObject], JsonObject]) -> Any:
    match value:
        case dict() if key in _NAMED_SCHEMAS:
            return {name: everywhere(schema, change) for name, schema in value.items()}
        case dict() if key in _SCHEMAS:
            return everywhere(value, change)
        case list() if key in _SCHEMAS:
            return [everywhere(schema, change) for schema in value]
        case _:
            return value


def modern(schema: JsonObject) -> JsonObject:
    """`schema` with what older drafts spell otherwise as draft 2020-12 has it, and without
    keywords that are null. One that is in that draft stays as it is."""
    changed: JsonObject = everywhere(schema, _modern)
    return changed


def _modern(node: JsonObject) -> JsonObject:
    node = {k: v for k, v in node.items() if v is not None or k in _MAY_BE_NULL}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(node.get(exclusive), bool) and node.pop(exclusive) and bound in node:
            node[exclusive] = node.pop(bound)
    if isinstance(node.get("items"), list):
        first, rest = node.pop("items"), node.pop("additionalItems", True)
        node |= {"prefixItems": first, "items": rest} if first else {"items": rest}
    return node


def checkable(schema: JsonObject) -> tuple[JsonObject, bool]:
    """What of `schema`, a modern one, the CLI can check, and whether that is everything it
    demands. The rest goes into descriptions, so that the model knows of it."""
    is_complete = not _demands_more(schema)
    return everywhere(schema, _known if is_complete else _weakened), is_complete


def _demands_more(schema: JsonObject) -> bool:
    found: set[str] = set()

    def look(node: JsonObject) -> JsonObject:
        found.update(node.keys() & _UNCHECKED)
        return node

    everywhere(schema, look)
    return bool(found)


def _known(node: JsonObject) -> JsonObject:
    return {key: value for key, value in _without_loose_ends(node).items() if key in _CHECKED}


def _weakened(node: JsonObject) -> JsonObject:
    """`node` with less demanded of a value, and what is not demanded any more told."""
    untold = {key: value for key, value in node.items() if key in _UNCHECKED | _REVERSING}
    if "prefixItems" in untold and "items" in node:
        untold["items"] = node["items"]  # it begins where those end
    kept = _known({key: value for key, value in node.items() if key not in untold})
    if "oneOf" in untold and "anyOf" not in kept:
        kept["anyOf"] = untold.pop("oneOf")
    if not untold:
        return kept
    before, told = kept.get("description"), f"JSON schema: {json.dumps(untold)}"
    return {**kept, "description": f"{before}\n\n{told}" if before else told}


def _without_loose_ends(node: JsonObject) -> JsonObject:
    """`node` without keywords that say nothing for lack of another: they are refused, too."""
    loose = {"additionalItems"}
    if "type" not in node:
        loose.add("nullable")
    if "if" not in node or not node.keys() & {"then", "else"}:
        loose |= {"if", "then", "else"}
    return {key: value for key, value in node.items() if key not in loose}


def fits(value: Any, schema: JsonObject) -> bool:
    """Whether `value` validates against `schema`, a modern one that `require_shallow` passed.

    Nothing is fetched for it. No pattern can hold it up: they are matched in linear time, and
    those that cannot be, with a bound on the steps.
    """
    if not is_within(value, _DEEPEST_VALUE):
        return False
    try:
        validator = jsonschema_rs.Draft202012Validator(
            schema, pattern_options=_PATTERNS, retriever=_unfetched
        )
        return validator.is_valid(value)
    except (
        ValueError,
        jsonschema_rs.ReferencingError,
    ):  # a pattern or reference that cannot be followed: then nobody can tell
        return False


def _unfetched(uri: str) -> NoReturn:
    raise LookupError(f"{uri} is not fetched")
