"""The leash: what holds the bridge process, and by which it is told to end."""

import asyncio
import json
import os
import signal
import sys

from claude_run.server.drain import Drain


class Leash:
    """Stdin, and SIGTERM. Whatever is said or closed lets go; a line may ask for a drain first."""

    def __init__(self) -> None:
        self._reader = asyncio.StreamReader()
        self._terminated = asyncio.Event()

    async def let_go(self) -> float | None:
        """Returns when this process is to end: the seconds that what has begun may still take, or
        None where it is to end at once."""
        loop = asyncio.get_running_loop()
        # A copy, because the loop will close what it is given.
        leash = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
        protocol = asyncio.StreamReaderProtocol(self._reader)
        await loop.connect_read_pipe(lambda: protocol, leash)
        loop.add_signal_handler(signal.SIGTERM, self._terminated.set)
        line = await self._said()
        return float(json.loads(line)["drain"]) if line else None

    async def drained(self, drain: Drain, seconds: float) -> None:
        """Returns when nothing is being answered, or `seconds` have passed, or whoever holds the
        leash waits no longer."""
        waiting = [asyncio.create_task(drain.idle()), asyncio.create_task(self._said())]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def _said(self) -> bytes:
        """The next line; nothing on the end of the leash, or on SIGTERM."""
        line = asyncio.create_task(self._reader.readline())
        over = asyncio.create_task(self._terminated.wait())
        try:
            await asyncio.wait((line, over), return_when=asyncio.FIRST_COMPLETED)
            return line.result() if line.done() else b""
        finally:
            line.cancel()
            over.cancel()
