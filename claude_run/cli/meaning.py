"""What was meant by a command that is none: a verb, spelt wrong or put in the wrong place, words of
a shell, or a program that there is not."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from claude_run import child
from claude_run.cli.nearest import nearest
from claude_run.cli.verbs import BY_NAME, Call

ELSEWHERE: Final[Mapping[str, str]] = {
    "auth": "login",
    "chat": "ask",
    "prompt": "ask",
    "server": "serve",
    "setup-token": "login --ci",
    "stats": "usage",
    "version": "--version",
}
"""What programs like this one call it, and what it is called here."""

_OF_SHELLS: Final = frozenset(
    {".", ":", "alias", "cd", "eval", "exec", "export", "set", "source", "ulimit", "unset"}
)


def look_for(call: Call) -> None:
    """Raises StartError where there is no program to wrap: no login need be looked for then."""
    if "PATH" in {name for name, _ in call.values["set"]}:
        return  # where it is looked for is decided later
    try:
        child.look_for(call.words[0], os.environ.get("PATH"))
    except child.StartError as error:
        if error.status != child.NOT_FOUND:
            raise
        instead = _instead(call.words)
        if not (instead or call.marked):
            instead = ", and no verb either; `claude-run --help` lists the verbs"
        raise child.StartError(f"{error}{instead}", error.status) from None


def _instead(words: Sequence[str]) -> str:
    """What to type instead of a command that only a shell understands."""
    first = words[0]
    parts = first.split()
    if first in _OF_SHELLS:
        return f"; it is a shell's own: claude-run -- sh -c {shlex.quote(' '.join(words))}"
    if re.match("[A-Za-z_][A-Za-z0-9_]*=", first):
        return f"; to set a variable for a command: claude-run -- env {shlex.join(words)}"
    if len(parts) > 1 and shutil.which(parts[0]) is not None:
        return f"; write its words without quotes around them all: {' '.join(words)}"
    return ""


def meant(call: Call) -> str | None:
    """What to say to somebody who hardly meant `call` as a command to wrap; None for others."""
    word, *rest = call.words
    if word in BY_NAME and call.given:
        again = shlex.join(rest)
        return (
            f"{word} is a verb, and its options come after it: claude-run {word} [OPTIONS]"
            f"{again and ' '}{again}. To run a program of that name: claude-run [OPTIONS] -- {word}"
        )
    if shutil.which(word) is not None:
        return None
    if word in ELSEWHERE:
        return f"there is no verb and no program {word}; did you mean claude-run {ELSEWHERE[word]}?"
    verb = nearest(word, [name for name, verb in BY_NAME.items() if not verb.hidden])
    if verb is None:
        return None
    return (
        f"there is no verb and no program {word}; did you mean {verb}?"
        f" `claude-run help {verb}` tells more."
    )
