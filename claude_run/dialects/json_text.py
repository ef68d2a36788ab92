"""JSON text as values, strictly: only what JSON is, and what can be handed on as JSON again.

Python reads more than JSON (NaN, 1e400 as infinity, half a surrogate pair), and what it reads
so would break whatever it is sent to later: the CLI, an answer, a file.
"""

import json
from collections.abc import Iterable
from functools import reduce
from typing import Any, Final, NoReturn, TypeAlias

from claude_run.dialects.reading import at
from claude_run.turn import bad_request

# The interpreter's own limit lies higher, but is counted with the frames that stand already.
DEEPEST: Final = 500


def json_value(written: str | bytes, param: str = "") -> Any:
    """The value that `written` spells; `param` is the path of the text, "" for the body itself.
    Where a name is given twice, the last one counts.

    Raises:
        TurnError: BAD_REQUEST: it is no JSON, or no JSON that can be handed on.
    """
    try:
        value = json.loads(written, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        message = f"{param or 'The request body'} is not valid JSON: {error}."
        raise bad_request(message, param or None) from None
    require_sound(value, param)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(written: str) -> float:
    value = float(written)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"{written[:20]} is larger than any number can be")
    return value


# Where a value lies: inside what, under which key. Most paths are never asked for, and a path
# that is only spelt when it is costs nothing until then.
_Place: TypeAlias = "tuple[_Place, str | int] | None"


def require_sound(body: object, param: str = "") -> None:
    """Refuses text that is no Unicode (JSON can spell half a surrogate pair, UTF-8 cannot), and
    what is nested too deeply.

    Raises:
        TurnError: BAD_REQUEST, naming the place.
    """
    pending: list[tuple[_Place, int, object]] = [(None, 0, body)]
    while pending:
        place, depth, value = pending.pop()
        if depth > DEEPEST:
            message = f"{param or 'The body'} is nested more than {DEEPEST} deep."
            raise bad_request(message, param or None)
        match value:
            case str():
                _encodable(value, place, param)
            case list() if not _SOUND.issuperset(map(type, value)):
                pending += _doubtful(enumerate(value), place, depth + 1)
            case dict():
                for key in value:
                    if not key.isascii():
                        _encodable(key, place, param)
                pending += _doubtful(value.items(), place, depth + 1)


# There may be millions of values, nearly all of them numbers and plain text.
_SOUND: Final = frozenset({int, float, bool, type(None)})


def _doubtful(
    items: Iterable[tuple[str | int, object]], place: _Place, depth: int
) -> list[tuple[_Place, int, object]]:
    """What of `items` has to be looked at, the last first."""
    found: list[tuple[_Place, int, object]] = [
        ((place, key), depth, item)
        for key, item in items
        if (item or depth > DEEPEST)
        and not (item.isascii() if isinstance(item, str) else type(item) in _SOUND)
    ]
    return found[::-1]


def _encodable(value: str, place: _Place, param: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        path = _spelt(place, param)
        message = f"{path or 'The body'} holds a lone surrogate, which is not valid Unicode."
        raise bad_request(message, path or None) from None


def _spelt(place: _Place, param: str) -> str:
    keys: list[str | int] = []
    while place is not None:
        place, key = place
        keys.append(key)
    return reduce(at, reversed(keys), param)
