"""Serving an application on a loopback port, in the loop that runs already."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_POLL: Final = 0.005  # seconds


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serves `app` on a free loopback port for as long as it is entered; gives its URL.

    Leaving waits for `app` to end what it has open: let it do so at once.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _server(app)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not (server.started or serving.done()):  # noqa: ASYNC110 - only a flag tells
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


def _server(app: ASGIApp) -> _Server:
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,  # the default one would reconfigure logging for the whole process
        log_level="critical",
        access_log=False,
        timeout_keep_alive=3600,  # closed any earlier, it may be while a client is sending
        timeout_graceful_shutdown=1,
    )
    return _Server(config)
