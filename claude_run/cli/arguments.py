"""A command line taken apart: options, and the words that are none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from claude_run.cli.nearest import did_you_mean
from claude_run.cli.options import Option, read


class UsageError(Exception):
    """What was typed cannot be meant; the message says what can be typed instead."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """`texts` holds what was given for each option, in order; a flag's is "true" or "false".

    `ended` is how many words came before a `--`, None without one.
    """

    texts: dict[str, list[str]]
    words: list[str]
    ended: int | None = None


def take_apart(
    arguments: Sequence[str], options: Sequence[Option], *, mixed: bool = True
) -> Arguments:
    """`arguments` by `options`. Not `mixed`, the first word ends the options: what follows
    belongs to the command that it names.

    Raises:
        UsageError: an option is unknown, or lacks its value.
    """
    taken = Arguments({}, [])
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            words = [*taken.words, *waiting]
            return Arguments(taken.texts, words, len(taken.words))
        if argument.startswith("--"):
            _long(argument, waiting, options, taken)
        elif argument.startswith("-") and argument != "-":
            _short(argument, waiting, options, taken)
        elif mixed:
            taken.words.append(argument)
        else:
            return Arguments(taken.texts, [argument, *waiting])
    return taken


def value_of(option: Option, origin: str, texts: Sequence[str]) -> Any:
    """What `texts` give `option`. Raises UsageError, which blames `origin`."""
    try:
        return read(option, texts)
    except ValueError as error:
        raise UsageError(f"{origin}: {error}") from None


def _long(
    argument: str, waiting: Iterator[str], options: Sequence[Option], taken: Arguments
) -> None:
    flag, equals, text = argument.partition("=")
    for option in options:
        if flag == option.flag:
            if not option.kind.is_flag:
                _give(taken, option, text if equals else _next(waiting, flag, option))
                return
            _give(taken, option, text if equals else "true")
            return
        if option.kind.is_flag and flag == f"--no-{option.name}" and not equals:
            _give(taken, option, "false")
            return
    flags = [option.flag for option in options]
    raise UsageError(f"there is no option {flag}{did_you_mean(flag, flags)}")


def _short(
    argument: str, waiting: Iterator[str], options: Sequence[Option], taken: Arguments
) -> None:
    """`-q`, `-qq`, `-m MODEL` and `-mMODEL`."""
    letters = argument[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        option = next((option for option in options if option.short == letter), None)
        if option is None:
            raise UsageError(f"there is no option -{letter}{_of_one_dash(argument, options)}")
        if not option.kind.is_flag:
            _give(taken, option, letters or _next(waiting, f"-{letter}", option))
            return
        _give(taken, option, "true")


def _of_one_dash(argument: str, options: Sequence[Option]) -> str:
    return did_you_mean(f"-{argument}", [option.flag for option in options])


def _next(waiting: Iterator[str], flag: str, option: Option) -> str:
    for text in waiting:
        return text
    raise UsageError(f"{flag} needs a value: {flag} {option.kind.metavar}")


def _give(taken: Arguments, option: Option, text: str) -> None:
    taken.texts.setdefault(option.name, []).append(text)
