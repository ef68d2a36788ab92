"""POST to a dialect's path: the body is read, and answers are got and written, whole or streamed.

Every dialect goes the same way; what differs stands in its own folder.
"""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.dialect import CallT, Dialect, Event, Stamp, Writer
from claude_run.server.body import read_json
from claude_run.server.caller import caller
from claude_run.server.connection import while_connected
from claude_run.server.desk import Arrivals, Desk
from claude_run.server.sse import EventStream
from claude_run.turn import Failure, JsonObject, TurnError

_METHODS: Final = ["GET", "POST", "DELETE"]


def creation_routes(dialect: Dialect[CallT], desk: Desk, *, strict: bool) -> APIRouter:
    router = APIRouter(prefix=dialect.path)

    @router.post("")
    async def create(request: Request) -> Response:
        call = dialect.parse(await read_json(request), strict=strict)
        desk.notice(call.notices)
        stamp = stamped(dialect.id_prefix)
        if call.stream:
            return EventStream(lambda: written(dialect, call, desk, stamp))
        async with while_connected(request.receive):
            answers = await desk.events_of_all(call.requests)
        return JSONResponse(dialect.answer(call, answers, stamp))

    for name, advice in dialect.absent.items():
        for path in (f"/{name}", f"/{name}/{{below:path}}"):
            router.api_route(path, methods=_METHODS)(_absent(advice))
    return router


def stamped(id_prefix: str) -> Stamp:
    return Stamp(id_prefix + secrets.token_hex(24), _now(), _now, caller().request_id)


def _now() -> int:
    return int(time.time())


def _absent(advice: str) -> Callable[[Request], Awaitable[JsonObject]]:
    async def absent(request: Request) -> JsonObject:
        text = f"There is no {request.method} /v1{request.url.path} here. {advice}"
        raise TurnError(Failure.NOT_FOUND, text, code="not_supported")

    return absent


@asynccontextmanager
async def written(
    dialect: Dialect[CallT], call: CallT, desk: Desk, stamp: Stamp
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    """The events of a stream. An error before the first of them is raised; after it, the
    dialect tells of it. Leaving stops what is not finished.

    Raises:
        TurnError: there is no answer.
    """
    writer = dialect.writer(call, stamp)
    async with (
        desk.arrivals(call.requests) as arrivals,
        aclosing(_events(arrivals, writer)) as events,
    ):
        yield events


async def _events(arrivals: Arrivals, writer: Writer) -> AsyncGenerator[Event, None]:
    begun = False
    try:
        async for arrival in arrivals:
            if isinstance(arrival.happened, TurnError):
                raise arrival.happened
            for event in writer.write(arrival.index, arrival.happened):
                begun = True
                yield event
        for event in writer.end():
            yield event
    except TurnError as error:
        if not begun:
            raise
        for event in writer.fail(error):
            yield event
