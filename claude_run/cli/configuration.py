"""Where values come from: the command line first, then the environment, then the defaults."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from claude_run.cli.arguments import Arguments, value_of
from claude_run.cli.options import Option, default


def values(
    options: Sequence[Option], taken: Arguments, environment: Mapping[str, str]
) -> dict[str, Any]:
    """A value for each of `options`, by field. What is repeated gathers from every source.

    Raises:
        UsageError: a source says something that is no value; the message names the source.
    """
    return {option.field: _value(option, taken, environment) for option in options}


def _value(option: Option, taken: Arguments, environment: Mapping[str, str]) -> Any:
    found = [
        value_of(option, origin, texts) for origin, texts in _sources(option, taken, environment)
    ]
    if option.kind.repeated:
        return sum(found, start=()) or default(option)
    return found[0] if found else default(option)


def _sources(
    option: Option, taken: Arguments, environment: Mapping[str, str]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Who says something about `option`, and what, the nearest first."""
    if option.name in taken.texts:
        yield option.flag, taken.texts[option.name]
    if option.configurable and (text := environment.get(option.variable, "").strip()):
        yield (
            option.variable,
            [t for t in re.split(option.kind.between, text) if t]
            if option.kind.repeated
            else [text],
        )
