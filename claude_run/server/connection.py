"""A client that may go away while its answer is made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from claude_run.server.tasks import beside


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """The body is cancelled when the client goes away; the request must have been read.

    Raises:
        ClientDisconnect: nobody is waiting for the answer.
    """
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        scope.cancel()

    async with beside(watch) as scope:
        yield
    if gone:
        raise ClientDisconnect
