"""Runs a module where no file of the person's is taken for a module of somebody else's.

    python claude_run/isolated.py MODULE

Python looks for modules in the working directory and on PYTHONPATH first, so that a `uvicorn.py`
there would be taken for the real one. Both come last here. They are not left out: claude_run may
itself be on PYTHONPATH, and so may what it needs. `python -I` would leave out the user's site
directory too, and `-P` is for the working directory alone.
"""

import os
import sys


def isolate() -> None:
    """Look for modules in what is installed first."""
    named = (*os.environ.get("PYTHONPATH", "").split(os.pathsep), os.curdir)
    theirs = [path for entry in named if (path := _absolute(entry))]
    entries = [path for entry in sys.path if (path := _absolute(entry))]
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    first = [path for path in entries if path not in theirs]
    sys.path[:] = dict.fromkeys([*first, package, *(path for path in entries if path in theirs)])


def _absolute(path: str) -> str | None:
    """None where the working directory that `path` is relative to is gone."""
    try:
        return os.path.abspath(path)
    except OSError:
        return None


def main() -> None:
    sys.path.pop(0)  # this file's directory, whose modules have short names, too
    isolate()
    import runpy  # noqa: PLC0415 - from here on it is Python's own

    # The same claude_run as the wrapper's, wherever another may be installed.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import claude_run  # noqa: F401, PLC0415

    sys.path.pop(0)
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
