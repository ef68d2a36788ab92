"""Responses that were kept: read again, listed, deleted."""

from fastapi import APIRouter
from starlette.requests import Request

from claude_run.dialects.reading import integer
from claude_run.dialects.responses import Responses, ResponseStore, page
from claude_run.turn import JsonObject, bad_request


def kept_routes(store: ResponseStore) -> APIRouter:
    router = APIRouter(prefix=Responses.path)

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


def _limit(text: str) -> int:
    try:
        return integer(int(text), "limit")
    except ValueError:
        raise bad_request("limit must be a whole number.", "limit") from None
