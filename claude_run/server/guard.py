"""Who may ask, and how much: host, key and size, before anything is read or routed."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claude_run.dialects.errors import error_body
from claude_run.server.caller import caller
from claude_run.server.desk import Desk
from claude_run.server.encoding import PACKED, Unpacked, is_known
from claude_run.server.keys import key_in
from claude_run.server.paths import DEPLOYMENT, asked
from claude_run.settings import Settings
from claude_run.turn import Failure, TurnError

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_NAME: Final = frozenset("@/?#\\")

_OPEN: Final = "/health"
_USAGE: Final = "/usage"
# A client that is told 413 before it has sent everything sees a broken pipe instead.
_DRAINED: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Keys:
    """`api` opens everything, `usage` only `GET /usage`."""

    api: str
    usage: str


def hosts_of(settings: Settings) -> frozenset[str] | None:
    """The names that clients may use. A unix socket has none that a browser could be led to."""
    if settings.host.startswith("unix:") or "/" in settings.host:
        return None
    return _LOOPBACK | {name.lower() for name in (settings.host, *settings.allow_host)}


class Guard:
    """The outermost layer. `hosts` are the names that this machine may be called by, None where a
    name leads nobody here. It also takes off the path what may stand before what is
    served."""

    def __init__(
        self, app: ASGIApp, keys: Keys, desk: Desk, *, max_body: int, hosts: frozenset[str] | None
    ) -> None:
        self._app = app
        self._desk = desk
        self._hosts = hosts
        self._key = keys.api.encode()
        self._usage_key = keys.usage.encode()
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        authority, path, deployment = asked(scope["path"])
        hosts = (headers.get("host", ""), authority)
        if (refusal := self._refusal(headers, hosts, path)) is not None:
            await refusal(scope, receive, send)
        elif scope["type"] == "websocket":
            origin = _foreign_origin(headers)
            await (origin or self._app)({**scope, "path": path}, receive, send)
        elif int(headers.get("content-length") or 0) > self._max_body:
            # Who sends `Expect` has sent nothing yet, and would be asked for it.
            if "expect" not in headers:
                await _drain(receive)
            await self._refuse_large()(scope, receive, send)
        elif not is_known(encoding := _encoding(headers)):
            await _drain(receive)
            await _unknown_encoding(encoding)(scope, receive, send)
        else:
            # A HEAD is answered as a GET, and what serves this leaves the body out.
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            served = {**scope, "path": path, "method": method, DEPLOYMENT: deployment}
            await self._app(served, self._bounded(receive, encoding), send)

    def _refusal(
        self, headers: Headers, hosts: Iterable[str | None], path: str
    ) -> JSONResponse | None:
        if self._hosts is not None and not all(
            host is None or _host(host) in self._hosts for host in hosts
        ):
            return _answer(
                403,
                "This server only answers on loopback: use http://127.0.0.1 or http://localhost.",
                type_="permission_error",
                code="host_not_allowed",
            )
        if path == _OPEN or self._opens(_key_in(headers), path):
            return None
        if _key_in(headers):
            self._desk.stranger()
        return _answer(
            401,
            "Incorrect API key provided: it is missing or wrong. Use the OPENAI_API_KEY that "
            "claude-run gave this command, or the ANTHROPIC_API_KEY with --anthropic; every run "
            "has its own.",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _opens(self, given: bytes, path: str) -> bool:
        is_key = hmac.compare_digest(given, self._key)
        return is_key or (path == _USAGE and hmac.compare_digest(given, self._usage_key))

    def _bounded(self, receive: Receive, encoding: str) -> Receive:
        """`receive`, unpacked and counted: a body that names no length is only too large once
        it is, and one that is packed may be far larger than it looks."""
        size = 0
        unpacked = Unpacked(receive, encoding, self._max_body) if encoding in PACKED else receive

        async def counted() -> Message:
            nonlocal size
            message = await unpacked()
            size += len(message.get("body", b""))
            if size > self._max_body:
                raise TurnError(Failure.TOO_LARGE, self._too_large())
            return message

        return counted

    def _refuse_large(self) -> JSONResponse:
        error = TurnError(Failure.TOO_LARGE, self._too_large())
        self._desk.refused(error)
        return _answer(413, error.message, code="request_too_large")

    def _too_large(self) -> str:
        return (
            f"The request is larger than {self._max_body} bytes. Raise the limit with "
            "claude-run --max-body."
        )


def _key_in(headers: Headers) -> bytes:
    return key_in(headers).encode("utf-8", "surrogateescape")


def _host(header: str) -> str | None:
    """The name in it; none where more than a name and a port is there, which no client sends."""
    if not _NO_NAME.isdisjoint(header):
        return None
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _foreign_origin(headers: Headers) -> JSONResponse | None:
    """A refusal for the page of another server: a browser lets any page open a WebSocket, and
    asks nobody. Some libraries name this very server as the origin."""
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2] == headers.get("host"):
        return None
    return _answer(
        403,
        "A page of another server may not connect here: leave the Origin header out.",
        type_="permission_error",
        code="origin_not_allowed",
    )


def _encoding(headers: Headers) -> str:
    return ",".join(headers.getlist("content-encoding")).strip().lower()


def _unknown_encoding(encoding: str) -> JSONResponse:
    return _answer(
        415,
        f"The Content-Encoding {encoding[:80]!r} is not known here. Send gzip, deflate or none.",
        code="unsupported_content_encoding",
        headers={"Accept-Encoding": "gzip, deflate"},
    )


def _answer(
    status: int,
    message: str,
    *,
    code: str,
    type_: str = "invalid_request_error",
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = error_body(caller().signed(message), type_, code=code)
    return JSONResponse(body, status, headers)


async def _drain(receive: Receive) -> None:
    size = 0
    while size < _DRAINED:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return
