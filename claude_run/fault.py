"""A fault of ours leaves its traceback where the person can find it: in the bridge process's log,
which is kept then, without a key or a login in it."""

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

_MARKS: Final = ("Traceback (most recent call last)", "Fatal Python error")
_MOST: Final = 1024 * 1024
"""Characters that are kept, the last ones."""

# Compiled where they are needed, which is seldom: every command would wait for it.
_NAMES_A_SECRET: Final = r"KEY|TOKEN|SECRET|PASSW|AUTH|HEADERS"  # noqa: S105 - a pattern
_SHORTEST: Final = 8  # characters; what is shorter is a switch
_LOOKS_SECRET: Final = r"sk-[\w-]{8,}|(?<=://)[^/\s@]+(?=@)|(?<=Bearer )\S+"  # noqa: S105 - a pattern


def is_fault(log: str) -> bool:
    """Whether something unexpected has left its traceback in `log`."""
    return any(mark in log for mark in _MARKS)


def secrets_in(environment: Mapping[str, str]) -> Iterator[str]:
    """What must appear nowhere, as far as the names of variables tell."""
    for name, value in environment.items():
        if re.search(_NAMES_A_SECRET, name.upper()):
            for line in value.splitlines():
                yield line
                yield line.partition(":")[2].strip()  # a header's


def redacted(log: str, secrets: Iterable[str]) -> str:
    """`log` without any of `secrets`, and without what looks like one."""
    for secret in sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True):
        log = log.replace(secret, "(secret)")
    return re.sub(_LOOKS_SECRET, "(secret)", log)


def keep(log: str, environment: Mapping[str, str]) -> Path | None:
    """Write `log` to a file that only the user can read, in their state directory or, where that
    cannot be written, with the temporary files. None if it can be written nowhere."""
    name = f"bridge-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for directory in _places(environment):
        with suppress(OSError):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = directory / name
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(log[-_MOST:])
            return path
    return None


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    if state := environment.get("XDG_STATE_HOME"):
        yield Path(state) / "claude-run"
    elif home := environment.get("HOME"):
        yield Path(home) / ".local" / "state" / "claude-run"
    with suppress(OSError):
        yield Path(tempfile.mkdtemp(prefix="claude-run-fault-"))
