"""The end of a bridge that is told to end: what has begun is finished, nothing new is begun."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from claude_run.server.caller import Caller
from claude_run.turn import Failure, TurnError

_ENDING = "claude-run has been told to end: it finishes what it has begun, and takes nothing new."


class Drain:
    """What is being answered is counted by `busy`, from whatever layer: an answer, and the response
    that carries it away."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        self._since = time.monotonic()

    def admit(self, asking: Caller) -> None:
        """
        Raises:
            TurnError: `asking` has come too late.
        """
        if self._since is not None and asking.began_at > self._since:
            raise TurnError(Failure.STOPPING, _ENDING)

    @contextmanager
    def busy(self) -> Iterator[None]:
        self._busy += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def idle(self) -> None:
        """Returns when nothing is being answered."""
        await self._idle.wait()


class Counted:
    """A layer that counts the requests in it."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        with self._drain.busy():
            await self._app(scope, receive, send)
