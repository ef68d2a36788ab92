"""Responses that were kept: read again, listed, deleted."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request

from claude_run.dialects.reading import integer
from claude_run.dialects.responses import Responses, ResponseStore, page
from claude_run.turn import JsonObject, bad_request

# As OpenAI says of responses that were not made in the background, and nothing is here.
_NOT_STREAMED: Final = (
    "This response cannot be streamed because it was not created with background=true: it is kept "
    "whole. Retrieve it without stream."
)
_NOT_CANCELLED: Final = (
    "Cannot cancel a synchronous response: it stops when the client that waits for it goes away."
)


def kept_routes(store: ResponseStore) -> APIRouter:
    router = APIRouter(prefix=Responses.path)

    @router.get("/{response_id}")
    async def retrieve(response_id: str, request: Request) -> JsonObject:
        kept = store.get(response_id).response
        if request.query_params.get("stream", "").lower() in {"true", "1"}:
            raise bad_request(_NOT_STREAMED, "stream")
        return kept

    @router.post("/{response_id}/cancel")
    async def cancel(response_id: str) -> JsonObject:
        store.get(response_id)
        raise bad_request(_NOT_CANCELLED, None)

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


def _limit(text: str) -> int:
    try:
        return integer(int(text), "limit")
    except ValueError:
        raise bad_request("limit must be a whole number.", "limit") from None
