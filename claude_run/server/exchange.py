"""What every request has, whatever its dialect and end: an id, a label, times in its headers."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claude_run.server.caller import CALLER, Caller, clean_label
from claude_run.server.paths import asked
from claude_run.usage.windows import Plan, headers_of

LABEL: Final = "x-claude-run-label"
TRACE: Final = ("traceparent", "tracestate")
RETRIES: Final = "x-stainless-retry-count"
HEARTBEAT_SECONDS: Final = 15.0

_OK: Final = 200
_PARTS: Final = 3  # "", "label", its name


class Exchanges:
    """The outermost layer. It takes `/label/NAME` off the path; `label` gives those without one
    theirs."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        plan: Callable[[], Plan],
        label: Callable[[], str | None] = lambda: None,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._app = app
        self._plan = plan
        self._label = label
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path, label = _unlabelled(scope)
        caller = Caller(
            endpoint=asked(path).path,
            label=clean_label(unquote(headers.get(LABEL, ""))) or label or self._label(),
            retries=_whole(headers.get(RETRIES, "")),
            trace_headers={name: headers[name] for name in TRACE if name in headers},
        )
        exchange = _Exchange(caller, send, self._plan, self._heartbeat)
        before = CALLER.set(caller)
        try:
            http = scope["type"] == "http"
            await self._app({**scope, "path": path}, receive, exchange.send if http else send)
        finally:
            CALLER.reset(before)


class _Exchange:
    """One answer on its way out. Where its calls wait for the plan, the answer is begun with
    heartbeats: comments in a stream, blanks before JSON. An error is an event then, or, where the
    client expects JSON, a connection that breaks, which clients try again."""

    def __init__(
        self, caller: Caller, send: Send, plan: Callable[[], Plan], heartbeat: float
    ) -> None:
        self._caller = caller
        self._send = send
        self._plan = plan
        self._heartbeat = heartbeat
        self._begun = False
        self._early = False
        self._failed = False
        caller.beat = self.beat

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            await self._send_body(message)
        elif self._early:
            self._failed = message["status"] != _OK
        else:
            self._begun = True
            raw = [*message.get("headers", ()), *self._headers()]
            await self._send({**message, "headers": raw})

    async def beat(self) -> None:
        """Heartbeats for as long as the answer has not begun."""
        while not self._begun or self._early:
            await asyncio.sleep(self._heartbeat)
            if not self._begun:
                await self._begin_early()
            if self._early:
                beat = b": waiting for the plan\n\n" if self._caller.stream else b" "
                await self._send(_body(beat, more=True))

    async def _begin_early(self) -> None:
        self._begun = self._early = True
        kind = b"text/event-stream" if self._caller.stream else b"application/json"
        headers = [(b"content-type", kind), (b"cache-control", b"no-store"), *self._headers()]
        await self._send({"type": "http.response.start", "status": _OK, "headers": headers})

    async def _send_body(self, message: Message) -> None:
        if not self._failed:
            await self._send(message)
        elif self._caller.stream:
            error = b"event: error\ndata: " + message.get("body", b"") + b"\n\n"
            await self._send(_body(error, more=False))

    def _headers(self) -> Iterator[tuple[bytes, bytes]]:
        caller, now = self._caller, time.time()
        yield b"x-request-id", caller.request_id.encode()
        spent = round((time.monotonic() - caller.began_at) * 1000)
        yield b"openai-processing-ms", str(spent).encode()
        if caller.session is not None:
            yield b"x-claude-run-session", caller.session.encode()
        for name, value in headers_of(self._plan(), now):
            yield name.encode(), value.encode()


def _unlabelled(scope: Scope) -> tuple[str, str | None]:
    """A path without its label, and the label, in which a slash may be spelt %2F."""
    parts = scope.get("raw_path", b"").decode("ascii", "replace").split("/", _PARTS)
    if len(parts) > _PARTS and parts[1] == "label":
        return f"/{unquote(parts[_PARTS])}", clean_label(unquote(parts[2])) or None
    return scope["path"], None


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _body(data: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
