"""What the wrapper says to the person, on stderr: stdout is the command's."""

import sys
from contextlib import suppress


def say(message: str) -> None:
    with suppress(OSError, ValueError):
        if sys.stderr is not None:  # print would take stdout instead, which is the command's
            print(f"claude-run: {message}", file=sys.stderr, flush=True)
