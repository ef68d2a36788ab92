"""POST /completions: the text completions of old, served."""

import secrets
import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.completions import (
    CompletionCall,
    TextWriter,
    parse_completion,
    text_completion,
    text_usage_chunk,
)
from claude_run.server.body import read_json
from claude_run.server.choices import choice_frames
from claude_run.server.desk import Desk, unless_gone
from claude_run.server.sse import EventStream, Frames


def completion_routes(desk: Desk, *, strict: bool) -> APIRouter:
    router = APIRouter()

    @router.post("/completions")
    async def create(request: Request) -> Response:
        call = parse_completion(await read_json(request), strict=strict)
        desk.notice(call.notices)
        id_, created = f"cmpl-{secrets.token_hex(12)}", int(time.time())
        if call.stream:
            return EventStream(lambda: _frames(desk, call, id_, created))
        answers = await unless_gone(request, desk.answer_all(call.requests))
        return JSONResponse(text_completion(call, answers, id=id_, created=created))

    return router


def _frames(desk: Desk, call: CompletionCall, id_: str, created: int) -> Frames:
    writers = [TextWriter(call, index, id_, created) for index in range(len(call.requests))]
    return choice_frames(
        desk,
        call.requests,
        writers,
        (lambda usages, model: text_usage_chunk(usages, id=id_, created=created, model=model))
        if call.include_usage
        else None,
    )
