"""The kinds of values that options have: how each is read, whoever wrote it."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from claude_run.cli.nearest import did_you_mean
from claude_run.settings import parse_model_map

_SIZE: Final = r"(?i)(\d+) *([kmg]?)(i?b)?"
_SIZES: Final[Mapping[str, int]] = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_DURATION: Final = r"(?i)(\d+(?:\.\d*)?|\.\d+) *(ms|s|sec|m|min|h|d)?"
_SECONDS: Final[Mapping[str, float]] = {
    "": 1, "ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400,
}  # fmt: skip
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"", "0", "false", "no", "off"})


class Kind(NamedTuple):
    """`read` makes a value of a text, and raises ValueError with what to write instead; `show`
    makes such a text of a value.

    A flag has no `metavar`: on a command line its presence is its value. A `repeated` option
    gathers a tuple of values; `between` is what stands between them in one text, as a pattern.
    One text of a `plural` kind is a tuple by itself. `choices` are what completion offers. A
    `path` in a file is relative to that file.
    """

    metavar: str
    read: Callable[[str], Any]
    repeated: bool = False
    choices: tuple[str, ...] = ()
    between: str = r"[\s,]+"
    show: Callable[[Any], str] = str
    is_plural: bool = False
    is_path: bool = False

    @property
    def is_flag(self) -> bool:
        return not self.metavar


def text(metavar: str, *, repeated: bool = False) -> Kind:
    """Any text but an empty one."""

    def read(given: str) -> str:
        if not given:
            raise ValueError("it is empty")
        return given

    return Kind(metavar, read, repeated)


def path(metavar: str, *, repeated: bool = False) -> Kind:
    """A place in the file system."""
    return text(metavar, repeated=repeated)._replace(is_path=True)


def _pattern(given: str) -> str:
    from claude_run.patterns import compiled  # noqa: PLC0415 - only who writes a pattern waits for it

    compiled(given)
    return given


def choice(*choices: str, metavar: str = "") -> Kind:
    """One of `choices`; `metavar` stands for them where they are many."""

    def read(given: str) -> str:
        if given not in choices:
            meant = did_you_mean(given, choices)
            raise ValueError(f"{given!r} is none of {', '.join(choices)}{meant}")
        return given

    return Kind(metavar or "|".join(choices), read, choices=choices)


def several(*choices: str, metavar: str) -> Kind:
    """Any of `choices`, with commas between them."""

    def read(given: str) -> tuple[str, ...]:
        named = tuple(filter(None, re.split(r"[\s,]+", given)))
        if unknown := [name for name in named if name not in choices]:
            meant = did_you_mean(unknown[0], choices)
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(choices)}{meant}")
        return named

    return Kind(metavar, read, choices=choices, show=",".join, is_plural=True)


def count(metavar: str = "N", *, least: int = 1, most: int | None = None) -> Kind:
    """A whole number from `least` to `most`."""
    to = f" to {most}" if most is not None else " or more"

    def read(given: str) -> int:
        whole = int(given) if given.strip().isdecimal() else -1
        if whole < least or (most is not None and whole > most):
            raise ValueError(f"{given!r} is not a whole number, {least}{to}")
        return whole

    return Kind(metavar, read)


def number(metavar: str, *, above: float = 0.0, example: str) -> Kind:
    """A decimal number above `above`."""

    def read(given: str) -> float:
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not above < value < math.inf:
            raise ValueError(
                f"{given!r} is not a number above {above:g}; write for example {example}"
            )
        return value

    return Kind(metavar, read, show="{:g}".format)


def _flag(given: str) -> bool:
    if given.lower() in _YES | _NO:
        return given.lower() in _YES
    raise ValueError(f"{given!r} is neither true nor false")


def _size(given: str) -> int:
    match = re.fullmatch(_SIZE, given.strip())
    size = int(match[1]) * _SIZES[match[2].lower()] if match else 0
    if size == 0:
        raise ValueError(f"{given!r} is not a size; write for example 32MB, 512k or 1048576")
    return size


def _duration(given: str) -> float:
    match = re.fullmatch(_DURATION, given.strip())
    seconds = float(match[1]) * _SECONDS[(match[2] or "").lower()] if match else 0.0
    if not 0 < seconds < math.inf:
        raise ValueError(f"{given!r} is not a time above 0; write for example 90, 90s, 5m or 1h")
    return seconds


def _shown_size(size: int) -> str:
    units = (("GB", 1024**3), ("MB", 1024**2), ("k", 1024))
    return next((f"{size // step}{unit}" for unit, step in units if size % step == 0), str(size))


def _shown_duration(seconds: float) -> str:
    units = (("d", 86400), ("h", 3600), ("m", 60))
    whole = ((f"{seconds / step:g}", unit) for unit, step in units if seconds % step == 0)
    return "".join(next(whole, (f"{seconds:g}", "s")))


def _pair(given: str) -> tuple[str, str]:
    [pair] = parse_model_map([given])
    return pair


# Compiled where they are needed, which is seldom: every command would wait for it.
_VARIABLE: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_PLACE: Final = r"\{([A-Za-z_-]+)\}"
PLACES: Final = ("base_url", "api_key", "origin")
"""What may stand between braces in a template: `origin` is `base_url` without its path."""


def _variable(given: str) -> tuple[str, str]:
    name, equals, template = given.partition("=")
    if not (equals and re.fullmatch(_VARIABLE, name)):
        raise ValueError(f"{given!r} is not NAME=VALUE; write for example 'MY_API={{base_url}}'")
    for place in re.findall(_PLACE, template):
        if place not in PLACES:
            known = ", ".join(f"{{{one}}}" for one in PLACES)
            meant = did_you_mean(place, PLACES)
            raise ValueError(f"{{{place}}} is none of {known}{meant}")
    return name, template


def filled(template: str, base_url: str, api_key: str) -> str:
    """`template` with what stands between braces in it put in."""
    origin = "/".join(base_url.split("/")[:3])
    values = {"base_url": base_url, "api_key": api_key, "origin": origin}
    return re.sub(_PLACE, lambda place: values[place[1]], template)


FLAG: Final = Kind("", _flag, show=lambda value: "true" if value else "false")
SIZE: Final = Kind("SIZE", _size, show=_shown_size)
"""Bytes, from `512k` or `32MB`."""

DURATION: Final = Kind("TIME", _duration, show=_shown_duration)
"""Seconds, from `90`, `5m` or `1h`."""

MAPPING: Final = Kind(
    "FROM=TO",
    _pair,
    repeated=True,
    between=r"\s*,\s*|(?<![=\s])\s+(?![=\s])",  # blanks around a = stand between nothing
    show="=".join,
)
VARIABLE: Final = Kind("NAME=VALUE", _variable, repeated=True, between=r"\n+", show="=".join)
"""Variables for a command; a value is a template."""

PATTERN: Final = Kind("REGEX", _pattern, repeated=True, between=r"\n+")
"""RE2 patterns. They hold commas and blanks: in the environment each has a line."""

PORT: Final = count("PORT", least=0, most=65535)
