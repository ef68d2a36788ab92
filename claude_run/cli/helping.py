"""The help, in 80 columns: usage, what it does, examples, options by group."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from claude_run.cli.options import Group, Option
from claude_run.cli.verbs import RUN, VERBS, Verb

WIDTH: Final = 80
INDENT: Final = 26
ALWAYS: Final = (("-h, --help", "Show this."), ("    --version", "Show the version."))


def help_of(verb: Verb) -> str:
    return "\n".join([*_head(verb), *_examples(verb), *_verbs(verb), *_options(verb)]) + "\n"


def first_words() -> str:
    """What is said to somebody who typed nothing."""
    lines = ["usage: claude-run [OPTIONS] -- COMMAND [ARGS]...", "", "for example:"]
    lines += [f"  {example}" for example in RUN.examples]
    lines += ["", "`claude-run --help` tells more."]
    return "\n".join(lines)


def option_named(option: Option) -> str:
    """`-m, --model MODEL`, with room for the short one where there is none."""
    short = f"-{option.short}, " if option.short else "    "
    return f"{short}{option.flag} {option.kind.metavar}".rstrip()


def _head(verb: Verb) -> Iterator[str]:
    yield f"Usage: claude-run {verb.usage}"
    yield ""
    yield from _filled(verb.summary)
    if verb.about:
        yield ""
        yield from _filled(verb.about)


def _examples(verb: Verb) -> Iterator[str]:
    if verb.examples:
        yield ""
        yield "Examples:"
        yield from (f"  {example}" for example in verb.examples)


def _verbs(verb: Verb) -> Iterator[str]:
    if verb is RUN:
        yield ""
        yield "Verbs (`claude-run help VERB` tells more):"
        for other in VERBS:
            if other is not RUN:
                yield from _row(f"  {other.name}", other.summary, indent=14)


def _options(verb: Verb) -> Iterator[str]:
    for group in Group:
        if options := [option for option in verb.options if option.group is group]:
            yield ""
            yield f"{group.value}:"
            yield from _rows(options)
    yield ""
    for name, told in ALWAYS if verb is RUN else ALWAYS[:1]:
        yield from _row(f"  {name}", told)


def _rows(options: Sequence[Option]) -> Iterator[str]:
    for option in options:
        yield from _row(f"  {option_named(option)}", option.help)


def _row(name: str, told: str, indent: int = INDENT) -> Iterator[str]:
    lines = textwrap.wrap(told, WIDTH - indent, break_on_hyphens=False, break_long_words=False)
    if len(name) > indent - 2:
        yield name
        name = ""
    for line in lines:
        yield f"{name:{indent}}{line}"
        name = ""


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)
