"""Where values come from: of several sources the first that says something decides.

The order is: command line, environment, the project's files, the person's own file, defaults.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from claude_run.cli.arguments import UsageError, value_of
from claude_run.cli.nearest import nearest
from claude_run.cli.options import BY_NAME, PREFIX, Option, default

BUDGETS: Final = ("max-calls", "max-tokens", "max-cost", "max-window")
"""The limits to spending that a person may have set once for everything."""

_LIKE_ONE: Final = 0.8
"""How like a known name a variable must be to be one misspelt: others may have the prefix, too."""


class Source(NamedTuple):
    """A place that options are set in. `name` is what the person calls it; `texts` holds what it
    says of options, by name, and `blamed` is what a complaint about one of them begins with."""

    name: str
    texts: Mapping[str, Sequence[str]]
    blamed: Callable[[Option], str]
    is_project: bool = False
    is_typed: bool = False


class Setting(NamedTuple):
    """What holds for `option`, and by whom: nobody where it is the default."""

    option: Option
    value: Any
    sources: tuple[str, ...]


class _Said(NamedTuple):
    source: Source
    place: int
    value: Any


def command_line(texts: Mapping[str, Sequence[str]]) -> Source:
    """What was typed, by option."""
    return Source("command line", texts, lambda option: option.flag, is_typed=True)


def environment(options: Sequence[Option], variables: Mapping[str, str]) -> Source:
    """What `variables` say of `options`.

    Raises:
        UsageError: one of them is nearly the variable of an option.
    """
    known = {option.variable: option for option in options}
    for name in variables:
        if name.startswith(PREFIX) and name not in known:
            _refuse_misspelt(name, known)
    set_ = [(option, variables.get(name, "").strip()) for name, option in known.items()]
    texts = {option.name: _parted(option, text) for option, text in set_ if text}
    return Source("environment", texts, lambda option: option.variable)


def _refuse_misspelt(name: str, known: Mapping[str, Option]) -> None:
    names = [variable.removeprefix(PREFIX) for variable in known]
    meant = nearest(name.removeprefix(PREFIX), names, _LIKE_ONE)
    if meant is not None:
        raise UsageError(f"{name} is no variable of claude-run; did you mean {PREFIX}{meant}?")


def _parted(option: Option, text: str) -> list[str]:
    if not option.kind.repeated:
        return [text]
    return [part for part in re.split(option.kind.between, text) if part]


def settings(options: Sequence[Option], sources: Sequence[Source]) -> list[Setting]:
    """What holds for each of `options`, the nearest of `sources` first. What may be repeated
    gathers from every source.

    Raises:
        UsageError: a source says something that is no value; the message names the source.
    """
    said = {option.name: list(_said(option, sources)) for option in options}
    if BY_NAME["model"] in options and (model := said["model"]):
        # It is a map of its own, from every name: what a farther source maps is never reached.
        said["model-map"] = [one for one in said["model-map"] if one.place < model[0].place]
    return [_setting(option, said[option.name]) for option in options]


def _said(option: Option, sources: Sequence[Source]) -> Iterator[_Said]:
    """Who says something of `option`, the nearest first."""
    for place, source in enumerate(sources):
        if not (option.configurable or source.is_typed):
            continue
        if texts := source.texts.get(option.name):
            yield _Said(source, place, value_of(option, source.blamed(option), texts))


def _setting(option: Option, said: Sequence[_Said]) -> Setting:
    if not said:
        return Setting(option, default(option), ())
    if option.kind.repeated:
        values = tuple(value for one in said for value in one.value)
        return Setting(option, values, tuple(one.source.name for one in said))
    return Setting(option, said[0].value, (said[0].source.name,))


def raised(options: Sequence[Option], sources: Sequence[Source]) -> Iterator[str]:
    """A sentence for each budget that a project's file raises above the person's own: it is
    about their money, and they may not have read that file."""
    for option in options:
        if option.name in BUDGETS:
            said = list(_said(option, sources))
            lower = [one for one in said[1:] if one.value < said[0].value]
            if lower and said[0].source.is_project and not lower[-1].source.is_project:
                yield (
                    f"{option.name} is {option.kind.show(said[0].value)}, as {said[0].source.name}"
                    f" says; your own is {option.kind.show(lower[-1].value)}"
                    f" ({lower[-1].source.name}). {option.flag} decides."
                )
