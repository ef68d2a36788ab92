"""Responses that were kept: read again, listed, deleted."""

from http import HTTPStatus

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.errors import error_body
from claude_run.dialects.reading import integer
from claude_run.dialects.responses import Responses, ResponseStore, page
from claude_run.turn import JsonObject, bad_request


def kept_routes(store: ResponseStore) -> APIRouter:
    router = APIRouter(prefix=Responses.path)

    @router.get("")
    async def upgrade(request: Request) -> Response:
        # Codex first tries a WebSocket here, and falls back at once when it is told this.
        if "upgrade" not in request.headers:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        text = "Responses are served over HTTP: POST them here."
        body = error_body(text, "invalid_request_error", code="upgrade_not_supported")
        return JSONResponse(body, HTTPStatus.UPGRADE_REQUIRED, {"Upgrade": "HTTP/1.1"})

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
