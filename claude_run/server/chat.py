"""POST /chat/completions: the chat dialect, served."""

import secrets
import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.chat import ChatCall, ChunkWriter, completion, parse_chat, usage_chunk
from claude_run.server.body import read_json
from claude_run.server.choices import choice_frames
from claude_run.server.desk import Desk, unless_gone
from claude_run.server.sse import EventStream, Frames


def chat_routes(desk: Desk, *, strict: bool) -> APIRouter:
    router = APIRouter()

    @router.post("/chat/completions")
    async def create(request: Request) -> Response:
        call = parse_chat(await read_json(request), strict=strict)
        desk.notice(call.notices)
        id_, created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
        if call.stream:
            return EventStream(lambda: _frames(desk, call, id_, created))
        answers = await unless_gone(request, desk.answer_all([call.request] * call.n))
        return JSONResponse(completion(call, answers, id=id_, created=created))

    return router


def _frames(desk: Desk, call: ChatCall, id_: str, created: int) -> Frames:
    writers = [ChunkWriter(call, index, id_, created) for index in range(call.n)]
    return choice_frames(
        desk,
        [call.request] * call.n,
        writers,
        (lambda usages, model: usage_chunk(usages, id=id_, created=created, model=model))
        if call.include_usage
        else None,
    )
