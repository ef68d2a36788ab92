"""What is written into the log: each request with its answer, and what became of it between."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claude_run.server.caller import Caller, caller
from claude_run.turn import Answerer, Emit, JsonObject, Trace, TurnError, TurnEvent, TurnRequest
from claude_run.usage.log import decoded, told

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of one body that are kept."""

_DELTAS: Final = {"TextDelta": "text", "ThinkingDelta": "text", "ToolCallDelta": "fragment"}


Keep = Callable[[JsonObject], None]
"""Takes a request with its answer in."""


class Logged:
    """A layer that sees what passes, and changes nothing. `keepers` gives those who keep the
    present request."""

    def __init__(self, app: ASGIApp, keepers: Callable[[], Sequence[Keep]]) -> None:
        self._app = app
        self._keepers = keepers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_call = scope["type"] == "http" and scope["method"] == "POST"
        keepers = self._keepers() if is_call else ()
        if not keepers:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(caller(), receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            entry = exchange.entry(scope["path"])
            for keep in keepers:
                keep(entry)


class _Exchange:
    def __init__(self, asking: Caller, receive: Receive, send: Send) -> None:
        self._caller = asking
        self._receive = receive
        self._send = send
        self._asked = bytearray()
        self._answer = bytearray()
        self._status: int | None = None
        self._streams = False
        asking.log = []

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            _keep(self._asked, message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            kind = Headers(raw=message.get("headers", [])).get("content-type", "")
            self._streams = kind.startswith("text/event-stream")
        elif message["type"] == "http.response.body":
            _keep(self._answer, message.get("body", b""))
        await self._send(message)

    def _is_told(self) -> bool:
        """Whether the answer is a stream, and its events are in the log already."""
        calls = self._caller.log or []
        return self._streams and any("events" in call for call in calls)

    def entry(self, path: str) -> JsonObject:
        asking = self._caller
        return {
            **_about(asking),
            "path": path,
            "status": self._status,
            "request": decoded(bytes(self._asked)),
            "calls": asking.log or [],
            "answer": None if self._is_told() else decoded(bytes(self._answer)),
        }


def _about(asking: Caller) -> JsonObject:
    return {
        "request_id": asking.request_id,
        "began": asking.began,
        "seconds": round(time.monotonic() - asking.began_at, 3),
        "label": asking.label,
    }


@contextmanager
def logged_event(keepers: Sequence[Keep], said: str | bytes) -> Iterator[None]:
    """What a client asks on a WebSocket, and what becomes of it: an entry as any request's."""
    asking = caller()
    if not keepers:
        yield
        return
    asking.log = []
    try:
        yield
    finally:
        asked = said.encode() if isinstance(said, str) else said
        entry = {
            **_about(asking),
            "path": f"/v1{asking.endpoint}",
            "status": HTTPStatus.SWITCHING_PROTOCOLS,
            "request": decoded(asked[:MOST_BYTES]),
            "calls": asking.log,
            "answer": None,
        }
        for keep in keepers:
            keep(entry)


class LoggedAnswerer:
    """Notes what is asked of `inner`, and what happens until it has answered."""

    def __init__(self, inner: Answerer) -> None:
        self._inner = inner

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        if (log := caller().log) is None:
            await self._inner.answer(request, trace, emit)
            return
        events: list[JsonObject] = []
        noted: JsonObject = {"sent": told(request), "events": events}
        log.append(noted)
        began = time.monotonic()

        def seen(event: TurnEvent) -> None:
            _note(events, event, time.monotonic() - began)
            emit(event)

        try:
            await self._inner.answer(request, trace, seen)
        except TurnError as error:
            noted["error"] = {"kind": error.failure.value, "message": error.message}
            raise


def _note(events: list[JsonObject], event: TurnEvent, at: float) -> None:
    """Deltas that follow one another are one event, from when it began."""
    noted: dict[str, Any] = told(event)
    part = _DELTAS.get(noted["type"])
    last = events[-1] if events else None
    if part and last and (last["type"], last.get("index")) == (noted["type"], noted.get("index")):
        last[part] += noted[part]
    else:
        events.append({"at": round(at, 3), **noted})


def _keep(kept: bytearray, piece: bytes) -> None:
    kept += piece[: max(0, MOST_BYTES - len(kept))]
