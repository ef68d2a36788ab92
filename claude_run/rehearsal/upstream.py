"""A Messages API on a loopback port, which answers as it is told."""

import asyncio
import inspect
import json
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, TypeAlias
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from claude_run.loopback import served
from claude_run.rehearsal.answers import (
    STATUS_OF,
    Answer,
    Cut,
    Hold,
    Pause,
    Refuse,
    Reply,
    error_body,
    events,
    message,
)
from claude_run.turn import JsonObject

Answerer: TypeAlias = Callable[[JsonObject], Answer | Awaitable[Answer]]

_POLL: Final = 0.005  # seconds
_CHARS_PER_TOKEN: Final = 4


class Upstream:
    """Answers `POST /v1/messages`, streamed or whole, with what `answer` makes of the body.

    `answer` is called in the event loop that entered the upstream, once for each request; what
    it raises becomes a 500. A request whose client goes away is dropped at once, and so is
    every open one when the upstream is left. It is also the ASGI application that is served.
    """

    def __init__(self, answer: Answerer) -> None:
        self._answer = answer
        self._closing = asyncio.Event()
        self._serving = AsyncExitStack()
        self._url: str | None = None

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL is to be: scheme, host and port."""
        if self._url is None:
            raise RuntimeError("an upstream has no url before it is entered")
        return self._url

    async def __aenter__(self) -> "Upstream":
        self._url = await self._serving.enter_async_context(
            served(self, socket.create_server(("127.0.0.1", 0)))
        )
        self._serving.callback(self._closing.set)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._serving.__aexit__(kind, error, trace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        await _first_of(
            self._respond(_Exchange(scope, receive, send), body),
            _gone(receive),
            self._closing.wait(),
        )

    async def _respond(self, exchange: "_Exchange", body: bytes) -> None:
        match exchange.asks_for:
            case "POST", "/v1/messages":
                await self._messages(exchange, body)
            case "POST", "/v1/messages/count_tokens":
                await exchange.whole(200, {"input_tokens": len(body) // _CHARS_PER_TOKEN}, {})
            case method, path:
                await exchange.refuse(Refuse(404, "not_found_error", f"no {method} {path} here"))

    async def _messages(self, exchange: "_Exchange", body: bytes) -> None:
        try:
            request = json.loads(body)
            model, streamed = str(request["model"]), request.get("stream") is True
        except (ValueError, TypeError, KeyError, AttributeError):
            why = "the body is not a JSON object that names a model"
            await exchange.refuse(Refuse(400, "invalid_request_error", why))
            return
        match await self._answer_to(request):
            case Refuse() as refusal:
                await exchange.refuse(refusal)
            case Reply() as reply if streamed:
                await exchange.stream(reply, model)
            case Reply() as reply:
                await exchange.at_once(reply, model)

    async def _answer_to(self, request: JsonObject) -> Answer:
        try:
            answer = self._answer(request)
            return await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            return Refuse(500, "api_error", f"the rehearsal could not answer: {error!r}")


class _Exchange:
    """One request's connection: how each kind of answer goes out on it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._asgi = scope, receive, send
        self._send = send
        self._id = uuid4().hex

    @property
    def asks_for(self) -> tuple[str, str]:
        scope, _, _ = self._asgi
        return scope["method"], scope["path"]

    async def whole(self, status: int, body: JsonObject, headers: Mapping[str, str]) -> None:
        await JSONResponse(body, status, {**self._request_id, **headers})(*self._asgi)

    async def refuse(self, refusal: Refuse) -> None:
        body = error_body(refusal.error_type, refusal.message, f"req_{self._id}")
        await self.whole(refusal.status, body, refusal.headers)

    async def stream(self, reply: Reply, model: str) -> None:
        headers = {"content-type": "text/event-stream", "cache-control": "no-cache"}
        await self._start({**headers, **reply.headers})
        for step in events(reply, f"msg_{self._id}", model):
            match step:
                case Pause() | Hold():
                    await _wait(step)
                case Cut():
                    return
                case dict():
                    await self._send(_piece(_sse(step), more=True))
        await self._send(_piece(b"", more=False))

    async def at_once(self, reply: Reply, model: str) -> None:
        for step in events(reply, f"msg_{self._id}", model):
            match step:
                case Pause() | Hold():
                    await _wait(step)
                case Cut():
                    await self._start({"content-type": "application/json"})
                    return
                case {"type": "error", "error": error}:
                    status = STATUS_OF.get(error["type"], 500)
                    await self.refuse(Refuse(status, error["type"], error["message"]))
                    return
                case _:
                    pass
        await self.whole(200, message(reply, f"msg_{self._id}", model), reply.headers)

    async def _start(self, headers: dict[str, str]) -> None:
        """Unless a last piece follows, the server drops the connection when the app returns."""
        pairs = [(k.encode(), v.encode()) for k, v in {**self._request_id, **headers}.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": pairs})

    @property
    def _request_id(self) -> dict[str, str]:
        return {"request-id": f"req_{self._id}"}


def _sse(event: JsonObject) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _wait(step: Pause | Hold) -> None:
    match step:
        case Pause(seconds):
            await asyncio.sleep(seconds)
        case Hold(released):
            while not released():  # noqa: ASYNC110 - another thread may be what releases it
                await asyncio.sleep(_POLL)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_of(*contenders: Coroutine[Any, Any, object]) -> None:
    """Runs all of them until one has ended, and ends the others."""
    tasks = [asyncio.ensure_future(contender) for contender in contenders]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
