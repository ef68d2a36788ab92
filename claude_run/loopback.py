"""Serving an application on a listening socket, in the loop that runs already."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_POLL: Final = 0.005  # seconds


@asynccontextmanager
async def served(
    app: ASGIApp,
    listener: socket.socket,
    http: type[asyncio.Protocol] | None = None,
    *,
    max_message: int = 0,
) -> AsyncIterator[str]:
    """Serves `app` on `listener` for as long as it is entered; gives its URL. What is still
    being answered when it is left, is cancelled. `http` speaks HTTP instead of uvicorn's own;
    a WebSocket's message has at most `max_message` bytes."""
    with listener:
        server = _Server(_config(app, http, max_message))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn has a flag only
                await asyncio.sleep(_POLL)
            if not server.started:
                raise RuntimeError("the loopback server ended before it had started")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for whoever owns the loop."""
        yield


def _config(app: ASGIApp, http: type[asyncio.Protocol] | None, max_message: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        http=http or "h11",  # whatever else is installed
        ws="none",  # whoever speaks HTTP knows better
        ws_max_size=max_message,
        ws_per_message_deflate=False,  # on loopback it only costs time
        log_config=None,  # the default one would reconfigure logging for the whole process
        log_level="critical",
        access_log=False,
        server_header=False,
        backlog=256,  # without descriptors asyncio tries so often a second
        timeout_keep_alive=3600,  # closed any earlier, it may be while a client is sending
        timeout_graceful_shutdown=0,
    )
