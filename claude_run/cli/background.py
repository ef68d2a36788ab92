"""A foreground job put into the background: out of the terminal, with a log, once it is ready."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from platformdirs import user_state_path

from claude_run.cli.saying import say

_FAILED: Final = 125
_TAIL: Final = 10  # lines


def in_background(job: Callable[[Callable[[str], None]], int]) -> int:
    """Fork, and have the child do `job`, which calls what it is given once it is ready; what it
    says then is printed here. The exit status: 0 once it is ready, else the job's."""
    log = _log()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os._exit(_detached(job, writing, log))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    if told:
        print(told, flush=True)
        say(f"it runs in the background (process {pid}); its messages are in {log}")
        return 0
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for line in log.read_text(errors="replace").splitlines()[-_TAIL:]:
        print(line, file=sys.stderr)
    return status if status > 0 else _FAILED


def _detached(job: Callable[[Callable[[str], None]], int], writing: int, log: Path) -> int:
    os.setsid()
    for number, path in ((0, os.devnull), (1, str(log)), (2, str(log))):
        opened = os.open(path, os.O_RDWR | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)

    def ready(text: str) -> None:
        os.write(writing, text.encode())
        os.close(writing)

    try:
        return job(ready)
    except BaseException as error:  # nothing of the parent's is to be run here
        say(f"it failed: {error!r}")
        return _FAILED


def _log() -> Path:
    """A new file that only the user can read."""
    directory = user_state_path("claude-run", ensure_exists=True)
    path = directory / f"serve-{os.getpid()}.log"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    return path
