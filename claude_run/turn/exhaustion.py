"""What a machine has run out of, as a turn's failure: no fault of ours, and it passes."""

import errno
import os
from collections.abc import Mapping
from typing import Final

from claude_run.turn.failure import Failure, TurnError

_FILES: Final = "the bridge has no file descriptor left: `ulimit -n` raises their number"
_PLACE: Final = "the disk with the temporary files is full: make room, or set TMPDIR to another"
_MEMORY: Final = "memory, or the number of processes, is exhausted"

EXHAUSTED: Final[Mapping[int, str]] = {
    errno.EMFILE: _FILES,
    errno.ENFILE: "the system has no file descriptor left",
    errno.ENOSPC: _PLACE,
    errno.EDQUOT: _PLACE,
    errno.EFBIG: "files may not grow so large here (`ulimit -f`)",
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: _MEMORY,  # of a fork
}


def exhaustion(error: BaseException) -> TurnError | None:
    """What `error`, or what it came of, says that there is no more of; None for all others."""
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, OSError) and one.errno is not None and one.errno in EXHAUSTED:
            told = f"{os.strerror(one.errno)}: {EXHAUSTED[one.errno]}."
            return TurnError(Failure.EXHAUSTED, told)
        one = one.__cause__
    return None
