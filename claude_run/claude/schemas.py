"""JSON schemas in the draft that the Messages API takes, 2020-12. Clients send older ones, too."""

from collections.abc import Callable
from typing import Any, Final, NoReturn

import jsonschema_rs

from claude_run.claude.nesting import is_within
from claude_run.turn import JsonObject, bad_request

_WORTH_SAYING: Final = 300
# The validator recurses on the machine's stack, which ends without an exception.
_DEEPEST_VALUE: Final = 1_000
# Of a pattern with lookaround or a backreference; all others take time linear in the text.
_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
# What may stand as `$id`. Clients write a title there ("Output Format"), and OpenAI's API takes it.
_IDENTIFIER: Final = jsonschema_rs.Draft202012Validator(
    {"type": "string", "format": "uri-reference", "pattern": "^[^#]*#?$"}, validate_formats=True
)

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


def holds_schemas(keyword: str) -> bool:
    return keyword in _SCHEMAS or keyword in _NAMED_SCHEMAS


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
    keywords that are null and an `$id` that is no URI: nothing can refer to it. One that is in
    that draft stays as it is."""
    changed: JsonObject = everywhere(schema, _modern)
    return changed


def _modern(node: JsonObject) -> JsonObject:
    node = {k: v for k, v in node.items() if v is not None or k in _MAY_BE_NULL}
    if "$id" in node and not _IDENTIFIER.is_valid(node["$id"]):
        del node["$id"]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(node.get(exclusive), bool) and node.pop(exclusive) and bound in node:
            node[exclusive] = node.pop(bound)
    if isinstance(node.get("items"), list):
        first, rest = node.pop("items"), node.pop("additionalItems", True)
        node |= {"prefixItems": first, "items": rest} if first else {"items": rest}
    return node


def require_valid(schema: JsonObject, param: str) -> None:
    """
    Raises:
        TurnError: BAD_REQUEST for `param`: `schema`, a modern one, is no JSON schema, or refers to
            what it does not hold.
    """
    try:
        _validator(schema)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        said = " ".join(str(error).split())
        shown = said if len(said) <= _WORTH_SAYING else f"{said[:_WORTH_SAYING]}…"
        raise bad_request(f"The JSON schema cannot be used: {shown}", param) from None


def fits(value: Any, schema: JsonObject) -> bool:
    """Whether `value` validates against `schema`, a modern one that `require_shallow` passed.

    Nothing is fetched for it. No pattern can hold it up: they are matched in linear time, and
    those that cannot be, with a bound on the steps.
    """
    if not is_within(value, _DEEPEST_VALUE):
        return False
    try:
        return _validator(schema).is_valid(value)
    except (ValueError, jsonschema_rs.ReferencingError):
        return False  # a pattern or reference that cannot be followed: then nobody can tell


def _validator(schema: JsonObject) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        schema, pattern_options=_PATTERNS, retriever=_unfetched
    )


def _unfetched(uri: str) -> NoReturn:
    raise LookupError(f"{uri} is not fetched")
