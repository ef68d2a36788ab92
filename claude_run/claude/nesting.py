"""How deep and how large a JSON schema is, before anything recurses into it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from claude_run.turn import JsonObject, bad_request

_DEEPEST: Final = 200
# A page of references, each to two others, describes more schemas than anybody can look at.
_LARGEST: Final = 100_000
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")


def require_shallow(schema: JsonObject, param: str) -> None:
    """
    Raises:
        TurnError: BAD_REQUEST for `param`: the schema is nested too deeply to be worked on, or
            its references lead to too many schemas.
    """
    if not is_within(schema, _DEEPEST):
        raise bad_request(f"A JSON schema is nested more than {_DEEPEST} deep.", param)
    if _expanded(schema) > _LARGEST:
        message = f"A JSON schema's references lead to more than {_LARGEST} schemas."
        raise bad_request(message, param)


def is_within(value: Any, deepest: int) -> bool:
    """Whether nothing in `value` is nested more than `deepest` deep."""
    level: list[Any] = [value]
    for _ in range(deepest):
        level = [inner for node in level for inner in _members(node)]
        if not level:
            return True
    return False


def _expanded(schema: JsonObject) -> float:
    """How large `schema` is with every reference replaced by what it leads to; a recursive
    reference counts once. Infinite where references are chained too deeply to be followed."""
    named = dict(_named(schema))
    sizes: dict[int, float] = {}

    def size(node: Any) -> float:
        if id(node) not in sizes:
            sizes[id(node)] = 0  # for a reference back to it
            inner = sum(map(size, _members(node)))
            sizes[id(node)] = 1 + inner + sum(map(size, _led_to(node, schema, named)))
        return sizes[id(node)]

    try:
        return size(schema) if named or _refers(schema) else 0
    except RecursionError:
        return float("inf")


def _refers(node: Any) -> bool:
    return (isinstance(node, dict) and any(key in node for key in _REFERENCES)) or any(
        map(_refers, _members(node))
    )


def _named(node: Any) -> Iterator[tuple[str, Any]]:
    """Each schema that has a name to refer to it by, after that name."""
    if isinstance(node, dict):
        names = (
            (node.get("$id"), ""),
            (node.get("$anchor"), "#"),
            (node.get("$dynamicAnchor"), "#"),
        )
        yield from ((sign + name, node) for name, sign in names if isinstance(name, str))
    for member in _members(node):
        yield from _named(member)


def _led_to(node: Any, root: JsonObject, named: Mapping[str, Any]) -> Iterator[Any]:
    """What the references of `node` lead to."""
    for keyword in _REFERENCES if isinstance(node, dict) else ():
        if isinstance(ref := node.get(keyword), str):
            base, _, pointer = ref.partition("#")
            target = named.get(f"#{pointer}") or named.get(base, root)
            yield _pointed(target, pointer) if pointer.startswith("/") else target


def _pointed(node: Any, pointer: str) -> Any:
    """What a JSON pointer finds in `node`; None where that is nothing."""
    for step in pointer.split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        match node:
            case dict():
                node = node.get(key)
            case list() if key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            case _:
                return None
    return node


def _members(node: Any) -> Iterable[Any]:
    match node:
        case dict():
            return node.values()
        case list():
            return node
        case _:
            return ()
