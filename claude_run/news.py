"""What the bridge process has to say, a JSON line each."""

from __future__ import annotations

import json
import os
import select
import time
from typing import IO, Any


class News:
    """The lines that come through `pipe`, taken one by one."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._read = b""
        self.is_closed = False

    def fileno(self) -> int:
        return self._pipe.fileno()

    def next(self, deadline: float) -> dict[str, Any] | None:
        """The next event; None at the end, or at `deadline` of the monotonic clock."""
        while b"\n" not in self._read:
            patience = max(0.0, deadline - time.monotonic())
            if self.is_closed or not self._poll.poll(patience * 1000):
                return None
            piece = os.read(self._pipe.fileno(), 65536)
            self._read += piece
            self.is_closed = not piece
        line, self._read = self._read.split(b"\n", 1)
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:  # something else was printed there, which is nothing to us
            return {}
        return event
