"""Server-sent events: a response that starts with a status and ends when the client is gone."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from claude_run.server.desk import gone
from claude_run.turn import JsonObject

HEARTBEAT_SECONDS: Final = 15.0
HEARTBEAT: Final = b": still working\n\n"
DONE: Final = b"data: [DONE]\n\n"

Frames = AbstractAsyncContextManager[AsyncGenerator[bytes, None]]


def frame(data: JsonObject, event: str | None = None) -> bytes:
    """One event; JSON is escaped to ASCII, so that no line separator can break a frame."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


class EventStream(Response):
    """Sends the frames that `open_frames` gives.

    The status is only sent with the first frame, so that what fails before it can still be a
    true HTTP error: it is raised. A silence is filled with comments; a client that goes away
    ends the frames at once, also in the middle of a silence.
    """

    media_type = "text/event-stream"

    def __init__(self, open_frames: Callable[[], Frames]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._open_frames = open_frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watching = asyncio.create_task(gone(Request(scope, receive)))
        try:
            async with self._open_frames() as frames:
                await self._send_all(frames, send, watching)
        except ClientDisconnect:
            return
        finally:
            watching.cancel()
            await asyncio.wait((watching,))

    async def _send_all(
        self, frames: AsyncGenerator[bytes, None], send: Send, watching: "asyncio.Task[None]"
    ) -> None:
        first = await _first_of(anext(frames), watching)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._send(send, first)
        async for data in _with_heartbeats(frames, watching):
            await self._send(send, data)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})


async def _first_of(frame: Awaitable[bytes], watching: "asyncio.Task[None]") -> bytes:
    coming = asyncio.ensure_future(frame)
    try:
        await asyncio.wait((coming, watching), return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            raise ClientDisconnect
        return coming.result()
    finally:
        coming.cancel()
        await asyncio.wait((coming,))


async def _with_heartbeats(
    frames: AsyncIterator[bytes], watching: "asyncio.Task[None]"
) -> AsyncGenerator[bytes, None]:
    coming: asyncio.Task[bytes] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(frames))
            await asyncio.wait(
                (coming, watching),
                timeout=HEARTBEAT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if coming.done():
                data, coming = coming.result(), None
                if not data:
                    return
                yield data
            elif watching.done():
                raise ClientDisconnect
            else:
                yield HEARTBEAT
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait((coming,))


async def _next(frames: AsyncIterator[bytes]) -> bytes:
    """The next frame, or b"" after the last."""
    return await anext(frames, b"")
