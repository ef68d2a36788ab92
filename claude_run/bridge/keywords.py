"""Keyword arguments as Settings: what cannot be meant is said at once, in plain words."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final, get_args

from claude_run.login import has_names_of_its_own
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
DECIDED: Final = frozenset({"in_python", "no_login", "on_demand", "paid_by", "recorded_by"})
"""What nobody need set: it is worked out."""
_PLACES: Final = frozenset({"cassette", "log", "cli"})

Read = Callable[[str, Any], Any]
"""Makes what Settings holds of a name and a value; raises TypeError or ValueError."""


def settings_of(settings: Settings | None, options: Mapping[str, Any]) -> Settings:
    """`settings` with `options`, its fields by name.

    Raises:
        TypeError: there is no such option, or it takes another type.
        ValueError: it takes no such value.
    """
    if not isinstance(settings, Settings | None):
        raise TypeError(
            f"Bridge takes Settings(...) or keyword arguments, not {settings!r:.60}; for example"
            ' Bridge(model_map={"gpt-*": "sonnet"})'
        )
    known = {member.name: str(member.type) for member in fields(Settings)}
    for name in options:
        if name not in known:
            raise TypeError(f"Bridge has no option {name!r}{did_you_mean(name, known)}")
    given = replace(settings or Settings(), **options)
    read = {name: _read(name, type_, getattr(given, name)) for name, type_ in known.items()}
    return replace(given, **read)


def refuse_unknown(settings: Settings, environment: Mapping[str, str]) -> None:
    """
    Raises:
        ValueError: a name is mapped to what is no model of Claude's. Where models have other
            names, as in clouds, it is for them to say.
    """
    if not (settings.model_map or settings.default_model):
        return
    from claude_run.claude.names import unknown_target  # noqa: PLC0415 - most have no map

    unknown = unknown_target(settings)
    if unknown is not None and not has_names_of_its_own(environment):
        raise ValueError(unknown.as_keyword)


def _read(name: str, type_: str, value: Any) -> Any:
    wanted, _, none = type_.partition(" | ")
    if value is None and none:
        return None
    if name in _PLACES and isinstance(value, os.PathLike):
        value = os.fspath(value)
    return READ[wanted](name, value)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an option that there is not."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    if name == "model":
        return '; model_map={"*": "sonnet"} answers every name with one model'
    meant = get_close_matches(name, list(known), 1)
    if meant:
        return f"; did you mean {meant[0]}?"
    return f"; it has {', '.join(sorted({*known} - DECIDED))}"


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
