"""Records on disk, a JSON line each, written as they end: memory stays flat, and a crash of the
bridge takes none of them along."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from claude_run.usage.record import CallRecord

_PIECE: Final = 1 << 20  # bytes
_MOST_WAITING: Final = 10_000
"""Records that are kept in memory while there is no room for them on the disk."""


class Spool:
    """Appends records to `path`. A disk that is full costs no call: what cannot be written is tried
    again with the next record and at the end, and `tell` hears of it."""

    def __init__(self, path: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._path = path
        self._tell = tell
        self._fd = -1
        self._waiting: deque[bytes] = deque()
        self._dropped = 0

    def __enter__(self) -> "Spool":
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._write()
        os.close(self._fd)
        if lost := self._dropped + len(self._waiting):
            calls = "call" if lost == 1 else "calls"
            self._tell(f"{lost:,} {calls} could not be written down: the summary lacks them")

    def append(self, record: CallRecord) -> None:
        self._waiting.append(record.to_json().encode() + b"\n")
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._write()

    def _write(self) -> None:
        while self._waiting:
            line = self._waiting[0]
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                self._tell(f"the record of a call could not be written: {error.strerror}")
                return
            if written < len(line):  # the rest of it would be no line: it stands there once more
                self._waiting[0] = b"\n" + line.lstrip()
            else:
                self._waiting.popleft()


def records_in(fd: int) -> Iterator[CallRecord]:
    """The records in an open spool, oldest first, read without moving the file's position.

    A line that a crash cut off ends them; a damaged line between others is left out.
    """
    for line in _lines(fd):
        with suppress(ValueError, TypeError):
            yield CallRecord.from_json(line)


def _lines(fd: int) -> Iterator[bytes]:
    read, rest = 0, b""
    while piece := os.pread(fd, _PIECE, read):
        read += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
