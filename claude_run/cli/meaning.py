"""What was meant by a command that is none: a verb, spelt wrong or put in the wrong place, or a
program that there is not."""

import os
import shutil

from claude_run import child
from claude_run.cli.nearest import nearest
from claude_run.cli.verbs import BY_NAME, Call


def look_for(call: Call) -> None:
    """Raises StartError where there is no program to wrap: no login need be looked for then."""
    if "PATH" in {name for name, _ in call.values["set"]}:
        return  # where it is looked for is decided later
    try:
        child.look_for(call.words[0], os.environ.get("PATH"))
    except child.StartError as error:
        if call.marked or error.status != child.NOT_FOUND:
            raise
        told = f"{error}, and no verb either; `claude-run --help` lists the verbs"
        raise child.StartError(told, error.status) from None


def meant(call: Call) -> str | None:
    """What to say to somebody who hardly meant `call` as a command to wrap; None for others."""
    word, *rest = call.words
    if word in BY_NAME and call.given:
        again = " ".join(["claude-run", word, "[OPTIONS]", *rest])
        return (
            f"{word} is a verb, and its options come after it: {again}. To run a program of"
            f" that name: claude-run [OPTIONS] -- {word}"
        )
    if shutil.which(word) is not None:
        return None
    verb = nearest(word, [name for name, verb in BY_NAME.items() if not verb.hidden])
    if verb is None:
        return None
    return (
        f"there is no verb and no program {word}; did you mean {verb}?"
        f" `claude-run help {verb}` tells more."
    )
