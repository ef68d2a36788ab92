"""A command line taken apart: options, and the words that are none."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from claude_run.cli.options import Option, read


class UsageError(Exception):
    """What was typed cannot be meant; the message says what can be typed instead."""


class Arguments(NamedTuple):
    """`texts` holds what was given for each option, in order; a flag's is "true" or "false".

    `words` are `marked` if a `--` stands before them; `typed` is what was typed before them.
    """

    texts: dict[str, list[str]]
    words: Sequence[str]
    marked: bool = False
    typed: Sequence[str] = ()


def value_of(option: Option, origin: str, texts: Sequence[str]) -> Any:
    """What `texts` give `option`. Raises UsageError, which blames `origin`."""
    try:
        return read(option, texts)
    except ValueError as error:
        raise UsageError(f"{origin}: {error}") from None
