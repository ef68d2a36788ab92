"""`claude-run`, and `python -m claude_run`, which is the same."""

# Nothing else before `isolate`: a file of the person's could be taken for it.
import gc
import os
import sys

from claude_run.isolated import isolate

_SELDOM = 100_000
"""Objects after which garbage is looked for: more than are made until a command has started."""


def main() -> None:
    gc.disable()  # whatever is imported stays: to look for garbage among it takes time
    isolate()
    from claude_run.cli import main as typed  # noqa: PLC0415 - imported from where it may be

    gc.freeze()  # nor ever after
    gc.set_threshold(_SELDOM)
    gc.enable()
    try:
        typed()
    except SystemExit as end:
        if isinstance(end.code, int):
            _leave(end.code)
        raise


def _leave(status: int) -> None:
    """End with `status` at once: whoever waits for the command need not wait until the interpreter
    is taken apart. Where an answer cannot be written that is Python's to say; messages that nobody
    can read change nothing."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        pass
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        return
    os._exit(status)


if __name__ == "__main__":
    main()
