"""What a field of Settings may hold, read from what somebody gave: what cannot be meant is said at
once, in plain words."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, get_args

from claude_run.settings import (
    Billing,
    ExtraUsage,
    OnLimit,
    RecordMode,
    SessionMode,
    Settings,
    parse_model_map,
)

_HIGHEST_PORT: Final = 65535
_PLACES: Final = frozenset({"cassette", "log", "cli"})

Read = Callable[[str, Any], Any]
"""Makes what Settings holds of a name and a value; raises TypeError or ValueError."""

TYPES: Final[Mapping[str, str]] = {member.name: str(member.type) for member in fields(Settings)}


def value(name: str, given: Any) -> Any:
    """What Settings holds as `name`, one of TYPES.

    Raises:
        TypeError: it takes another type.
        ValueError: it takes no such value.
    """
    wanted, _, none = TYPES[name].partition(" | ")
    if given is None and none:
        return None
    if name in _PLACES and isinstance(given, os.PathLike):
        given = os.fspath(given)
    return READ[wanted](name, given)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {value!r}")
    return value


def _whole(name: str, value: Any) -> int:
    least, most = (0, _HIGHEST_PORT) if name == "port" else (1, None)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if value < least or (most is not None and value > most):
        up_to = f" to {most}" if most is not None else " up"
        raise ValueError(f"{name} is a whole number from {least}{up_to}, not {value}")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        unit = " of seconds" if name in {"timeout", "max_wait"} else ""
        raise TypeError(f"{name} is a number{unit}, not {value!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is a number above 0: {value}")
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a str, not {value!r}")
    if not value:
        raise ValueError(f"{name} is empty; leave it out instead")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} is a list of str, not {value!r}")
    return tuple(_text(name, one) for one in value)


def _pairs(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    """Of a mapping, of pairs, or of `FROM=TO` texts."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f'{name} maps names to models, {{"gpt-*": "sonnet"}}, not {value!r}')
    entries = value.items() if isinstance(value, Mapping) else value
    pairs: list[tuple[str, str]] = []
    for entry in entries:
        match entry:
            case str():
                pairs.extend(parse_model_map([entry]))
            case (str(source), str(target)) if source and target:
                pairs.append((source, target))
            case _:
                raise TypeError(
                    f'{name} maps names to models, {{"gpt-*": "sonnet"}}, not to {entry!r}'
                )
    return tuple(pairs)


def _one_of(alternatives: Any) -> Read:
    known = get_args(alternatives)

    def read(name: str, value: Any) -> Any:
        if value not in known:
            raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")
        return value

    return read


READ: Final[Mapping[str, Read]] = {
    "bool": _flag,
    "int": _whole,
    "float": _number,
    "str": _text,
    "tuple[str, ...]": _texts,
    "tuple[tuple[str, str], ...]": _pairs,
    "Billing": _one_of(Billing),
    "SessionMode": _one_of(SessionMode),
    "OnLimit": _one_of(OnLimit),
    "ExtraUsage": _one_of(ExtraUsage),
    "RecordMode": _one_of(RecordMode),
}
"""How a field is read, by the type that Settings gives it."""
