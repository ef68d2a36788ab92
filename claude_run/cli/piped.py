"""What is piped in: the material of a question."""

import os
import select
import stat
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.saying import say

STDIN: Final = 0
PIECE: Final = 1 << 16

SILENCE: Final = 2.0
"""Seconds after which it is said what is waited for: whoever started this may not know."""


def is_piped() -> bool:
    """Whether somebody has put something there: a pipe, or a file from its beginning.

    A file that was read from already belongs to a loop over its lines, which would lose the
    rest. A terminal, /dev/null and a socket are what a process is started with anyhow.
    """
    try:
        mode = os.fstat(STDIN).st_mode
        return stat.S_ISFIFO(mode) or (stat.S_ISREG(mode) and os.lseek(STDIN, 0, os.SEEK_CUR) == 0)
    except OSError:  # it is closed
        return False


def read_all() -> bytes:
    """Everything that is piped in, or typed."""
    pieces: list[bytes] = []
    try:
        if not (select.select([STDIN], [], [], SILENCE)[0] or os.isatty(STDIN)):
            say(
                "reading stdin, which is a pipe that nobody writes to or closes as yet;"
                " </dev/null asks without it"
            )
        while piece := os.read(STDIN, PIECE):
            pieces.append(piece)
    except OSError as error:
        raise UsageError(f"what is piped in cannot be read: {error.strerror}") from None
    return b"".join(pieces)


def as_text(content: bytes, name: str) -> str:
    """`content` as text. Raises UsageError, which calls it `name`."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text (byte {error.start})") from None
