"""Server-sent events: a response that starts with a status and ends when the client is gone."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from claude_run.dialects.dialect import Event
from claude_run.server.connection import while_connected
from claude_run.server.tasks import beside
from claude_run.turn import JsonObject

HEARTBEAT_SECONDS: Final = 15.0
HEARTBEAT: Final = b": still working\n\n"

Events = AbstractAsyncContextManager[AsyncGenerator[Event, None]]


def frame(event: Event) -> bytes:
    head = f"event: {event.name}\n" if event.name else ""
    return f"{head}data: {spelt(event.data)}\n\n".encode()


def spelt(data: JsonObject | str) -> str:
    """JSON escaped to ASCII, so that no line separator can break a frame."""
    return data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))


class EventStream(Response):
    """Sends the events that `open_events` gives.

    The status is only sent with the first event, so that what fails before it can still be a
    true HTTP error: it is raised. A silence is filled with comments; a client that goes away
    ends the events at once, also in the middle of a silence.
    """

    media_type = "text/event-stream"

    def __init__(self, open_events: Callable[[], Events]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._open_events = open_events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        with suppress(ClientDisconnect):
            async with while_connected(receive), self._open_events() as events:
                await self._send_all(events, send)

    async def _send_all(self, events: AsyncGenerator[Event, None], send: Send) -> None:
        first = await anext(events)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        body = _Body(send)
        async with beside(body.beat):
            await body.send(frame(first))
            async for event in events:
                await body.send(frame(event))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Body:
    """The frames on their way out, with heartbeats where there are none for a while."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sent_at = anyio.current_time()
        self._sending = anyio.Lock()

    async def send(self, data: bytes) -> None:
        async with self._sending:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._sent_at = anyio.current_time()

    async def beat(self) -> None:
        while True:
            await anyio.sleep_until(due := self._sent_at + HEARTBEAT_SECONDS)
            if self._sent_at + HEARTBEAT_SECONDS <= due and not self._sending.locked():
                await self.send(HEARTBEAT)
