"""What claude-run has to say goes to stderr: stdout belongs to the wrapped command."""

import sys
from contextlib import suppress


def say(message: str) -> None:
    """Say `message`, if anybody listens."""
    with suppress(OSError, ValueError):
        if sys.stderr is not None:  # print would take stdout instead
            print(f"claude-run: {message}", file=sys.stderr, flush=True)
