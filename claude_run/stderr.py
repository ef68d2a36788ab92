"""What claude-run has to say goes to stderr: stdout belongs to the wrapped command."""

import os
import sys
from contextlib import suppress


def say(message: str) -> None:
    """Say `message`, if anybody listens. What it holds of a client's words could be more than
    text in a terminal: only what can be seen is written."""
    with suppress(OSError, ValueError):
        if sys.stderr is not None:  # print would take stdout instead
            print(f"claude-run: {_printable(message)}", file=sys.stderr, flush=True)


def _printable(text: str) -> str:
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def open_missing() -> None:
    """Put /dev/null where stdin, stdout or stderr was closed, as supervisors and daemons do.

    Otherwise what is opened next, a listening socket perhaps, takes that place, and is then
    replaced or written to as if it were the terminal. A command that is started finds the
    places closed as they were: what is opened here is not handed on.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr
        pass
    os.close(number)
