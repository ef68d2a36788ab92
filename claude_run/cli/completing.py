"""What may stand next on a command line, for the shells: `claude-run complete -- WORDS`.

Each line is a candidate, a tab and what it is. Where a command to wrap stands, or begins,
the status is COMMAND and the only line says how many words come before that command.

Typer's own completion ends where the wrapped command begins: here it is completed as the shell
completes it without us. And it would write into the person's shell configuration.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from claude_run.cli.options import Option
from claude_run.cli.verbs import BY_NAME, RUN, VERBS, Call

COMMAND: Final = 3

SHELLS: Final = ("bash", "zsh", "fish")


def act(call: Call) -> int:
    *before, word = call.words or [""]
    at = place_of_command(before)
    if at is not None:
        print(at)
        return COMMAND
    for candidate, told in candidates(before, word):
        print(f"{candidate}\t{told}")
    return 0


def place_of_command(before: Sequence[str]) -> int | None:
    """How many of the words `before` the one that is typed come before the wrapped command;
    None where no command has begun and none must."""
    if before and before[0] in BY_NAME and before[0] != RUN.name:
        return None
    begin = 1 if before[:1] == [RUN.name] else 0
    valued = _valued(RUN.options)
    at = begin
    while at < len(before):
        if before[at] == "--":
            return at + 1
        if not before[at].startswith("-"):
            return at
        at += 2 if before[at] in valued else 1
    return None


def candidates(before: Sequence[str], word: str) -> Iterator[tuple[str, str]]:
    """What `word` may become after the words `before`, and a word on each."""
    verb = BY_NAME.get(before[0], RUN) if before else RUN
    option = _valued(verb.options).get(before[-1]) if before else None
    if option is not None:
        found = [(choice, "") for choice in option.kind.choices]
    elif word.startswith("-"):
        found = list(_flags(verb.options))
    elif not before:
        found = [(verb.name, verb.summary) for verb in VERBS if not verb.hidden]
    else:
        found = [(name, "") for name in _words(verb.name)]
    yield from ((name, told) for name, told in found if name.startswith(word))


def _words(verb: str) -> Sequence[str]:
    match verb:
        case "completion":
            return SHELLS
        case "fields":
            return ("chat", "responses", "completions", "messages")
        case "help":
            return [verb.name for verb in VERBS if not verb.hidden]
        case _:
            return ()


def _flags(options: Sequence[Option]) -> Iterator[tuple[str, str]]:
    for option in options:
        yield option.flag, option.help.partition(". ")[0]
    yield "--help", "Show the help"


def _valued(options: Sequence[Option]) -> dict[str, Option]:
    return {flag: option for option in options if not option.kind.is_flag for flag in option.flags}
