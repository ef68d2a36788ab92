"""The help, in 80 columns: usage, what it does, examples, options by group."""

import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.nearest import did_you_mean
from claude_run.cli.options import Group, Option
from claude_run.cli.verbs import BY_NAME, RUN, VERBS, Call, Verb

WIDTH: Final = 80
INDENT: Final = 26
ALWAYS: Final = (("-h, --help", "Show this."), ("    --version", "Show the version."))


def act(call: Call) -> int:
    """`claude-run help [VERB]`."""
    name = call.words[0] if call.words else RUN.name
    if (verb := BY_NAME.get(name)) is None:
        meant = did_you_mean(name, [verb.name for verb in VERBS if not verb.hidden])
        raise UsageError(f"there is no verb {name}{meant}")
    sys.stdout.write(help_of(verb))
    return 0


def help_of(verb: Verb) -> str:
    return "\n".join([*_head(verb), *_examples(verb), *_verbs(verb), *_options(verb)]) + "\n"


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
            if other is not RUN and not other.hidden:
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
    """Each line of `text` wrapped by itself."""
    return [
        piece
        for line in text.splitlines()
        for piece in textwrap.wrap(line, WIDTH, break_on_hyphens=False, drop_whitespace=True)
    ]
