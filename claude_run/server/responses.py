"""The Responses API, served: asked, streamed, kept for the length of the run, listed, deleted."""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.errors import error_body
from claude_run.dialects.reading import integer
from claude_run.dialects.responses import (
    ResponseCall,
    ResponseStore,
    ResponseWriter,
    page,
    parse_response,
    previous_id,
    response_object,
    stored,
)
from claude_run.server.body import read_json
from claude_run.server.desk import Arrival, Desk, unless_gone
from claude_run.server.sse import EventStream, frame
from claude_run.turn import Failure, JsonObject, TurnError, bad_request

# What OpenAI offers beneath a response and Claude does not, and what to do instead.
ABSENT: Final[Mapping[str, str]] = {
    "compact": "Send the conversation as it is, or have the client summarize it.",
    "input_tokens": "An answer's usage says how many tokens its input had.",
}


def response_routes(desk: Desk, *, strict: bool) -> APIRouter:
    router = APIRouter(prefix="/responses")
    store = ResponseStore()

    @router.post("")
    async def create(request: Request) -> Response:
        call = _call(await read_json(request), store, strict=strict)
        desk.notice(call.notices)
        id_, created_at = f"resp_{secrets.token_hex(24)}", int(time.time())
        if call.stream:
            return EventStream(lambda: _frames(desk, store, call, id_, created_at))
        (events,) = await unless_gone(request, desk.events_of_all([call.request]))
        response = response_object(
            call,
            events,
            response_id=id_,
            created_at=created_at,
            completed_at=int(time.time()),
        )
        _keep(store, call, response)
        return JSONResponse(response)

    @router.get("")
    async def upgrade(request: Request) -> Response:
        # Codex first tries a WebSocket here, and falls back at once when it is told this.
        if "upgrade" not in request.headers:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        text = "Responses are served over HTTP: POST them here."
        body = error_body(text, "invalid_request_error", code="upgrade_not_supported")
        return JSONResponse(body, HTTPStatus.UPGRADE_REQUIRED, {"Upgrade": "HTTP/1.1"})

    @router.post("/{name}")
    async def absent(name: str) -> JsonObject:
        if name not in ABSENT:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, DELETE"})
        text = f"There is no POST /v1/responses/{name} here. {ABSENT[name]}"
        raise TurnError(Failure.NOT_FOUND, text, code="not_supported")

    @router.get("/{response_id}")
    async def retrieve(response_id: str) -> JsonObject:
        return store.get(response_id).response

    @router.delete("/{response_id}")
    async def delete(response_id: str) -> JsonObject:
        return store.delete(response_id)

    @router.get("/{response_id}/input_items")
    async def input_items(response_id: str, request: Request) -> JsonObject:
        query = request.query_params
        return page(
            store.get(response_id).input_items,
            order=query.get("order", "desc"),
            after=query.get("after"),
            limit=_limit(query.get("limit", "20")),
        )

    return router


def _call(body: object, store: ResponseStore, *, strict: bool) -> ResponseCall:
    id_ = previous_id(body)
    previous = store.find(id_) if id_ is not None else None
    return parse_response(body, strict=strict, previous=previous, kept_item=store.item)


def _keep(store: ResponseStore, call: ResponseCall, response: JsonObject) -> None:
    if call.store:
        store.keep(stored(call, response))


def _limit(text: str) -> int:
    try:
        return integer(int(text), "limit")
    except ValueError:
        raise bad_request("limit must be a whole number.", "limit") from None


@asynccontextmanager
async def _frames(
    desk: Desk, store: ResponseStore, call: ResponseCall, id_: str, created_at: int
) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    writer = ResponseWriter(call, id_, created_at)
    async with (
        desk.arrivals([call.request]) as arrivals,
        aclosing(_events(arrivals, writer)) as events,
    ):
        yield _framed(events, store, call, writer)


async def _framed(
    events: AsyncGenerator[JsonObject, None],
    store: ResponseStore,
    call: ResponseCall,
    writer: ResponseWriter,
) -> AsyncGenerator[bytes, None]:
    async for event in events:
        if event["type"] in {"response.completed", "response.incomplete"}:
            _keep(store, call, writer.response)
        yield frame(event, event=event["type"])


async def _events(
    arrivals: AsyncGenerator[Arrival, None], writer: ResponseWriter
) -> AsyncGenerator[JsonObject, None]:
    """An error before the first event is raised; after it, the writer tells of it."""
    begun = False
    try:
        async for arrival in arrivals:
            match arrival.happened:
                case None:
                    continue
                case TurnError() as error:
                    raise error
                case happened:
                    for event in writer.write(happened, now=int(time.time())):
                        begun = True
                        yield event
    except TurnError as error:
        if not begun:
            raise
        for event in writer.fail(error):
            yield event
