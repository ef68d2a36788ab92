"""Where a run is to leave its files: what can never be written there is told before it begins.

Nothing is made yet, but for the directory of the log: a command may make its directories itself."""

import os
from collections.abc import Mapping
from typing import Any, Final

from claude_run.cli.arguments import UsageError

STDOUT: Final = "-"
_FILES: Final = ("json", "markdown", "report")


def refuse_unwritable(values: Mapping[str, Any]) -> None:
    """Raises UsageError, naming the option, where one of the files could not be written."""
    for name in _FILES:
        if (path := values[name]) and path != STDOUT:
            _refuse(name, path, "it is a directory" if os.path.isdir(path) else _above(path))
    if path := values["log"]:
        _refuse("log", path, _no_directory(path) or _above(os.path.join(path, "")))
    if path := values["cassette"]:
        _refuse("cassette", path, _no_directory(path), "used")


def _refuse(name: str, path: str, why: str, done: str = "written") -> None:
    if why:
        raise UsageError(f"--{name} {path} cannot be {done}: {why}")


def _no_directory(path: str) -> str:
    return "it is no directory" if os.path.exists(path) and not os.path.isdir(path) else ""


def _above(path: str) -> str:
    """Why no file can be made at `path`, its missing directories before it; empty where it can."""
    if os.path.exists(path) and not os.path.isfile(path):  # /dev/stderr, or a pipe
        return "" if os.access(path, os.W_OK) else "you may not write to it"
    place = os.path.dirname(path) or os.curdir
    while not os.path.lexists(place):
        place = os.path.dirname(place) or os.curdir
    if not os.path.isdir(place):
        return f"{place} is no directory"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"you may not write to {place}"
