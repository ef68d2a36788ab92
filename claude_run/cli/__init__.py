"""What a person types: `claude-run [OPTIONS] -- COMMAND`, and the verbs beside it.

The wrapped command must not wait for us, so nothing heavy is imported at the top: Rich
comes when there is a table to print, an HTTP client when there is something to ask, and
everything that serves requests lives in the bridge process. Options are defined in `options`,
verbs in `verbs`; each verb is done in a room of its own.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from claude_run import __version__
from claude_run.cli.arguments import Arguments, UsageError, take_apart
from claude_run.cli.configuration import command_line, raised, settings
from claude_run.cli.files import standing
from claude_run.cli.saying import say
from claude_run.cli.verbs import BY_NAME, RUN, Call, Verb, configurable

WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
_HELP: Final = frozenset({"-h", "--help"})
_VERSION: Final = frozenset({"--version"})


def main() -> None:
    """The entry point: a known verb, or else the command to wrap."""
    arguments = sys.argv[1:]
    verb = BY_NAME.get(arguments[0]) if arguments else None
    try:
        status = done(verb, arguments[1:]) if verb else done(RUN, arguments)
    except UsageError as error:
        say(str(error))
        status = WRONG_USAGE
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)


def done(verb: Verb, arguments: Sequence[str]) -> int:
    """Do `verb` as `arguments` say; the exit status. Raises UsageError."""
    if _asks_for(_HELP, arguments, verb):
        from claude_run.cli.helping import help_of  # noqa: PLC0415 - only who asks waits for it

        sys.stdout.write(help_of(verb))
        return 0
    if verb is RUN and _asks_for(_VERSION, arguments, verb):
        sys.stdout.write(f"claude-run {__version__}\n")
        return 0
    taken = take_apart(arguments, verb.options, mixed=verb is not RUN)
    if verb.most is not None and len(taken.words) > verb.most:
        raise UsageError(
            f"{verb.name} does not take {taken.words[verb.most]!r}; it is used so:"
            f" claude-run {verb.usage}"
        )
    given = frozenset(option.field for option in verb.options if option.name in taken.texts)
    return verb.act(
        Call(
            _values(verb, taken),
            given,
            taken.words,
            marked=taken.ended == 0,
            typed=arguments[: len(arguments) - len(taken.words)],
        )
    )


def _values(verb: Verb, taken: Arguments) -> dict[str, Any]:
    """A value for every option of `verb`, by field; files are only looked for where one counts."""
    sources = [command_line(taken.texts)]
    if any(option.configurable for option in verb.options):
        sources += standing(configurable(), os.environ)
        for sentence in raised(verb.options, sources):
            say(sentence)
    return {found.option.field: found.value for found in settings(verb.options, sources)}


def _asks_for(wanted: frozenset[str], arguments: Sequence[str], verb: Verb) -> bool:
    """Whether one of `wanted` stands where an option of `verb` may stand."""
    valued = {flag for option in verb.options if not option.kind.is_flag for flag in option.flags}
    waiting = iter(arguments)
    for argument in waiting:
        if argument in wanted:
            return True
        if argument in valued:
            next(waiting, None)
        elif argument == "--" or (verb is RUN and not argument.startswith("-")):
            return False
    return False
