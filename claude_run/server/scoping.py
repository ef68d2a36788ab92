"""Scopes over HTTP, for whoever has the run's key: opened, told of, closed."""

from fastapi import APIRouter
from starlette.requests import Request

from claude_run.server.body import read_json
from claude_run.server.scopes import Scopes
from claude_run.turn import JsonObject


def scope_routes(scopes: Scopes) -> APIRouter:
    router = APIRouter(prefix="/scopes")

    @router.post("")
    async def opened(request: Request) -> JsonObject:
        return scopes.open(await read_json(request))

    @router.get("/{label:path}")
    async def told(label: str) -> JsonObject:
        return scopes.told(label)

    @router.delete("/{label:path}")
    async def closed(label: str) -> JsonObject:
        return scopes.close(label)

    return router
