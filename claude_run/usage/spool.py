"""Records on disk, a JSON line each, written as they end: memory stays flat, and a crash of the
bridge takes none of them along."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from claude_run.usage.record import CallRecord

_PIECE: Final = 1 << 20  # bytes


class Spool:
    """Appends records to `path`. A disk that is full costs the records, never the call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self.lost = 0

    def __enter__(self) -> "Spool":
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def append(self, record: CallRecord) -> None:
        try:
            os.write(self._fd, record.to_json().encode() + b"\n")
        except OSError:
            self.lost += 1


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
