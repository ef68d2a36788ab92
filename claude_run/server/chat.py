"""POST /chat/completions: the chat dialect, served."""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.chat import ChatCall, ChunkWriter, completion, parse_chat, usage_chunk
from claude_run.dialects.errors import body_of
from claude_run.server.body import read_json
from claude_run.server.desk import Arrival, Desk, unless_gone
from claude_run.server.sse import DONE, EventStream, frame
from claude_run.turn import TurnError, TurnFinished, Usage
from claude_run.usage.ledger import Ledger


def chat_routes(desk: Desk, ledger: Ledger, *, strict: bool) -> APIRouter:
    router = APIRouter()

    @router.post("/chat/completions")
    async def create(request: Request) -> Response:
        call = parse_chat(await read_json(request), strict=strict)
        ledger.notice(call.notices)
        id_, created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
        if call.stream:
            return EventStream(lambda: _frames(desk, call, id_, created))
        answers = await unless_gone(request, desk.answer_all([call.request] * call.n))
        return JSONResponse(completion(call, answers, id=id_, created=created))

    return router


@asynccontextmanager
async def _frames(
    desk: Desk, call: ChatCall, id_: str, created: int
) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    async with (
        desk.arrivals([call.request] * call.n) as arrivals,
        aclosing(_chunks(arrivals, call, id_, created)) as frames,
    ):
        yield frames


async def _chunks(
    arrivals: AsyncGenerator[Arrival, None], call: ChatCall, id_: str, created: int
) -> AsyncGenerator[bytes, None]:
    """The stream's frames. An error before the first is raised, after it it is a frame."""
    writers = [ChunkWriter(call, index, id_, created) for index in range(call.n)]
    usages: list[Usage] = []
    model, begun = call.request.model, False
    try:
        async for arrival in arrivals:
            match arrival.happened:
                case None:
                    continue
                case TurnError() as error:
                    raise error
                case TurnFinished(_, usage, model):
                    usages.append(usage)
                case _:
                    pass
            for chunk in writers[arrival.index].write(arrival.happened):
                begun = True
                yield frame(chunk)
    except TurnError as error:
        if not begun:
            raise
        yield frame(body_of(error), event="error")
        return
    if call.include_usage:
        yield frame(usage_chunk(usages, id=id_, created=created, model=model))
    yield DONE
