"""POST /messages: Anthropic's Messages dialect, served."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.errors import status_of
from claude_run.dialects.messages import (
    MessagesCall,
    MessageWriter,
    anthropic_error,
    message,
    parse_messages,
)
from claude_run.server.body import read_json
from claude_run.server.desk import Arrival, Desk, unless_gone
from claude_run.server.sse import EventStream, frame
from claude_run.turn import Failure, JsonObject, TurnError

# What Anthropic offers beneath messages and this does not, and what to do instead.
ABSENT: Final = {
    "count_tokens": "The CLI counts no tokens in advance; a message's usage says how many it had.",
    "batches": "Turn batching off; claude-run answers many requests at once.",
}


def message_routes(desk: Desk, *, strict: bool) -> APIRouter:
    router = APIRouter()

    @router.post("/messages")
    async def create(request: Request) -> Response:
        call = parse_messages(await read_json(request), strict=strict)
        desk.notice(call.notices)
        id_ = f"msg_{secrets.token_hex(12)}"
        if call.stream:
            return EventStream(lambda: _frames(desk, call, id_))
        (answer,) = await unless_gone(request, desk.answer_all([call.request]))
        return JSONResponse(message(answer, id_))

    @router.post("/messages/{name}")
    async def absent(name: str) -> JsonObject:
        if name not in ABSENT:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        text = f"There is no POST /v1/messages/{name} here. {ABSENT[name]}"
        raise TurnError(Failure.NOT_FOUND, text, code="not_supported")

    return router


@asynccontextmanager
async def _frames(
    desk: Desk, call: MessagesCall, id_: str
) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    writer = MessageWriter(id_, call.request.model)
    async with (
        desk.arrivals([call.request]) as arrivals,
        aclosing(_framed(arrivals, writer)) as frames,
    ):
        yield frames


async def _framed(
    arrivals: AsyncGenerator[Arrival, None], writer: MessageWriter
) -> AsyncGenerator[bytes, None]:
    """An error before the first event is raised; after it, it is the last event."""
    begun = False
    try:
        async for arrival in arrivals:
            match arrival.happened:
                case None:
                    continue
                case TurnError() as error:
                    raise error
                case happened:
                    for event in writer.write(happened):
                        begun = True
                        yield frame(event, event=event["type"])
    except TurnError as error:
        if not begun:
            raise
        told = anthropic_error(status_of(error), error.message, error.param)
        yield frame(told, event="error")
