"""Typed readers of JSON values: each gives the value, or the 400 that names the field at fault.

`param` is the path a client finds its mistake by, such as `messages[2].content[0].type`.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from claude_run.turn import JsonObject, TurnError, bad_request

T = TypeVar("T")
P = ParamSpec("P")
INF: Final = float("inf")
WORTH_SHOWING: Final = 80
# As many as the Messages API takes in one request.
MOST_MESSAGES: Final = 100_000
_LONGEST_NAME: Final = 256
_LARGEST: Final = 2**53  # whole numbers beyond it are not the same everywhere


def at(param: str, key: str | int) -> str:
    """The path of `key` inside `param`; an empty `param` is the body itself."""
    if isinstance(key, int):
        return f"{param}[{key}]"
    return f"{param}.{key}" if param else key


def text(value: object, param: str) -> str:
    if not isinstance(value, str):
        raise wrong_type("a string", value, param)
    return value


def boolean(value: object, param: str) -> bool:
    if not isinstance(value, bool):
        raise wrong_type("a boolean", value, param)
    return value


def number(value: object, param: str, low: float = -INF, high: float = INF) -> float:
    """A finite number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -INF < value < INF:
        raise wrong_type("a number", value, param)
    if not low <= value <= high:
        raise bad_request(f"{param} must be {_range(low, high)}, not {_shown(value)}.", param)
    return value


def integer(value: object, param: str, low: float = -INF, high: float = _LARGEST) -> int:
    """A whole number in [low, high]; `1.0` is one, as JSON knows one kind of number only."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1:
        raise wrong_type("an integer", value, param)
    return int(number(value, param, low, high))


def array(value: object, param: str) -> list[Any]:
    if not isinstance(value, list):
        raise wrong_type("an array", value, param)
    return value


def object_(value: object, param: str) -> JsonObject:
    if not isinstance(value, dict):
        raise wrong_type("an object", value, param)
    return value


def choice(value: object, options: Collection[str], param: str) -> str:
    """A string that is one of `options`: a sequence of names, or a table by name."""
    if not isinstance(value, str) or value not in options:
        names = ", ".join(repr(option) for option in options)
        raise bad_request(f"{param} must be one of {names}, not {_shown(value)}.", param)
    return value


def wrong_type(expected: str, value: object, param: str) -> TurnError:
    """The 400 for a value of another type than `expected`, such as "a string"."""
    return bad_request(f"{param} must be {expected}, not {_shown(value)}.", param)


def elements(value: object, param: str) -> Iterator[tuple[str, Any]]:
    """Each element of an array, after its own path."""
    return ((at(param, index), item) for index, item in enumerate(array(value, param)))


def few(value: object, param: str) -> list[Any]:
    """An array of messages, or of items of a conversation."""
    found = array(value, param)
    if len(found) > MOST_MESSAGES:
        message = f"{param} holds {len(found)} messages; at most {MOST_MESSAGES} are taken."
        raise bad_request(message, param)
    return found


def model_name(owner: JsonObject) -> str:
    """The model that a body asks for: one line, short enough to be shown wherever it is."""
    name = text(required(owner, "model"), "model")
    if len(name) > _LONGEST_NAME:
        raise bad_request(f"model must be at most {_LONGEST_NAME} characters long.", "model")
    if not name.isprintable():
        message = f"model must not hold control characters, and {name!r} does."
        raise bad_request(message, "model")
    return name


def required(owner: JsonObject, key: str, param: str = "") -> Any:
    """`owner[key]`, which must be there and not null; `param` is the path of `owner`."""
    if owner.get(key) is None:
        path = at(param, key)
        raise bad_request(f"{path} is required.", path)
    return owner[key]


def optional(
    read: Callable[Concatenate[Any, str, P], T],
    owner: JsonObject,
    key: str,
    param: str = "",
    *args: P.args,
    **kwargs: P.kwargs,
) -> T | None:
    """`owner[key]` read by `read`, or None where it is absent or null."""
    value = owner.get(key)
    return None if value is None else read(value, at(param, key), *args, **kwargs)


def _shown(value: object) -> str:
    """A value in few words: what was sent may be megabytes long."""
    match value:
        case None:
            return "null"
        case str() if len(value) <= WORTH_SHOWING:
            return repr(value)
        case str():
            return "a string"
        case bool() | int() | float():
            shown = str(value).lower()
            return shown if len(shown) <= WORTH_SHOWING else f"a number of {len(shown)} digits"
        case list():
            return "an array"
        case _:
            return "an object"


def _range(low: float, high: float) -> str:
    if low == -INF:
        return f"at most {high}"
    return f"at least {low}" if high in (INF, _LARGEST) else f"between {low} and {high}"
