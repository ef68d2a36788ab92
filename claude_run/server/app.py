"""The HTTP application: routes, and one envelope for whatever goes wrong."""

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from claude_run.claude.names import listed, resolve
from claude_run.dialects.dialect import Dialect
from claude_run.dialects.errors import body_of, error_body, headers_of, status_of
from claude_run.dialects.responses import ConnectedResponses, Responses, ResponseStore
from claude_run.server.anthropic_form import VERSION, AnthropicForm, model_info, model_list
from claude_run.server.caller import caller
from claude_run.server.compacting import SigningKey, compact_routes
from claude_run.server.creating import creation_routes
from claude_run.server.desk import Desk
from claude_run.server.dialects import dialects
from claude_run.server.drain import Counted
from claude_run.server.exchange import Exchanges
from claude_run.server.guard import Guard, Keys, hosts_of
from claude_run.server.kept import kept_routes
from claude_run.server.logged import Keep, Logged
from claude_run.server.scopes import Scopes
from claude_run.server.scoping import scope_routes
from claude_run.server.websocket import socket_routes
from claude_run.settings import Settings
from claude_run.turn import Failure, JsonObject, TurnError
from claude_run.usage.log import Log

_USE_ANOTHER: Final = "Leave that to another provider: "
_INLINE: Final = (
    "Send files inside the message: a file part with file_data, a block with base64 data."
)
# What OpenAI offers and Claude does not, and the setting that usually sends a client there.
ABSENT: Final[Mapping[str, str]] = {
    "embeddings": _USE_ANOTHER + "give the client's embedding model its own base URL and key.",
    "audio": _USE_ANOTHER + "give the client's speech model its own base URL and key.",
    "images": _USE_ANOTHER + "give the client's image model its own base URL and key.",
    "videos": _USE_ANOTHER + "give the client's video model its own base URL and key.",
    "files": _INLINE,
    "uploads": _INLINE,
    "vector_stores": "Turn the client's file search off, or give it a vector store of its own.",
    "batches": "Turn batching off; claude-run answers many requests at once.",
    "assistants": "Use the chat completions or the Responses API.",
    "threads": "Use the chat completions or the Responses API.",
    "conversations": "Send the conversation with each request, or use previous_response_id.",
    "fine_tuning": "Use a model as it is.",
    "moderations": "Turn the client's moderation off; Claude declines by itself.",
    "realtime": "Use the chat completions or the Responses API.",
    "evals": "Run them in the client.",
    "containers": "Turn the client's code interpreter off.",
}


UsageOf = Callable[[], JsonObject]
"""The report of the run so far."""


@dataclass(frozen=True, slots=True)
class Watching:
    """What sees the calls that pass: the sums so far, the scopes, and the log if there is one."""

    usage: UsageOf
    scopes: Scopes
    log: Log | None = None

    def keepers(self) -> list[Keep]:
        """Who keeps the present request."""
        return [*self.scopes.keepers(), *([self.log.append] if self.log is not None else ())]


def make_app(settings: Settings, keys: Keys, desk: Desk, watching: Watching) -> ASGIApp:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, _unserved(desk))
    app.add_exception_handler(Exception, _fault)
    store = ResponseStore()
    signing_key = SigningKey()
    responses = Responses(store, signing_key)
    served = dialects(responses)
    for dialect in served:
        app.include_router(creation_routes(dialect, desk, strict=settings.strict_params))
    app.include_router(compact_routes(responses, desk, strict=settings.strict_params))
    app.include_router(kept_routes(store))
    connected = partial(ConnectedResponses, store, signing_key)
    app.include_router(
        socket_routes(desk, connected, watching.keepers, strict=settings.strict_params)
    )
    app.include_router(scope_routes(watching.scopes))
    app.include_router(_model_routes(settings))
    app.add_exception_handler(TurnError, _recorded(desk, served))

    @app.get("/health")
    async def health() -> JsonObject:
        return {"status": "ok"}

    @app.get("/usage")
    async def used() -> JsonObject:
        return watching.usage()

    guarded = Guard(app, keys, desk, max_body=settings.max_body, hosts=hosts_of(settings))
    logged = Counted(Logged(guarded, watching.keepers), desk.drain)
    return Exchanges(
        AnthropicForm(logged, plan=desk.plan),
        label=lambda: watching.scopes.unlabelled,
        plan=desk.plan,
    )


def _model_routes(settings: Settings) -> APIRouter:
    router = APIRouter()

    @router.get("/models")
    async def models(request: Request) -> JsonObject:
        names = listed(settings)
        if VERSION in request.headers:
            return model_list(names, request.query_params)
        return {"object": "list", "data": [_model(name) for name in names]}

    @router.get("/models/{name:path}")
    async def model(name: str, request: Request) -> JsonObject:
        resolve(name, settings)
        return model_info(name) if VERSION in request.headers else _model(name)

    return router


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": 0, "owned_by": "anthropic"}


def _recorded(
    desk: Desk, served: Sequence[Dialect[Any]]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers errors, and has those of calls recorded that ended before an answer was asked for."""
    schema_fields = {dialect.path: dialect.schema_field for dialect in served}

    async def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, TurnError)  # noqa: S101 - registered for nothing else
        if request.method == "POST" and error.failure is not Failure.NOT_FOUND:
            desk.refused(error)
        error.message = caller().signed(error.message)
        schema = schema_fields.get(request.url.path.rstrip("/"), "response_format")
        body = body_of(error, output_schema=schema)
        return JSONResponse(body, status_of(error), headers_of(error))

    return handler


def _unserved(desk: Desk) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers what is asked of a path or in a way that there is not. Whoever posts there meant to
    make a call, so that it is recorded as one that failed."""

    async def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
        match HTTPStatus(error.status_code):
            case HTTPStatus.NOT_FOUND:
                absent = _not_found(request)
                if request.method == "POST":
                    desk.refused(absent)
                absent.message = caller().signed(absent.message)
                body = body_of(absent)
            case HTTPStatus.METHOD_NOT_ALLOWED:
                text = caller().signed(f"{request.method} is not allowed on {request.url.path}.")
                body = error_body(text, "invalid_request_error", code="method_not_allowed")
            case _:
                body = error_body(caller().signed(str(error.detail)), "invalid_request_error")
        return JSONResponse(body, error.status_code, error.headers)

    return handler


def _not_found(request: Request) -> TurnError:
    first = _first(request)
    if (advice := ABSENT.get(first)) is not None:
        text = f"Claude has no {first.replace('_', ' ')} API. {advice}"
        return TurnError(Failure.NOT_FOUND, text, code="not_supported")
    return TurnError(
        Failure.NOT_FOUND,
        f"There is no {request.method} {request.url.path} here. claude-run serves "
        "/v1/chat/completions, /v1/responses, /v1/completions, /v1/messages and /v1/models.",
    )


def _first(request: Request) -> str:
    """What a path begins with."""
    return request.url.path.strip("/").partition("/")[0]


async def _fault(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ClientDisconnect):  # who left is answered nothing, and was no fault
        traceback.print_exception(error)
    text = f"claude-run failed: {type(error).__name__}. Please report it."
    body = error_body(text, "server_error", code="internal_error")
    return JSONResponse(body, 500, {"Connection": "close"})  # which the server then does
