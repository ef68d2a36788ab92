"""What the clients of the tests are answered, kept until it is judged.

Three kinds of client: `WatchedConnection` for requests that no library makes, what
`watched(response)` is a hook of, for the vendors' own, and whoever tells `heard(event)` what came
over a WebSocket.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Final

from claude_run.turn import JsonObject
from tests.described import answers

STREAM: Final = "text/event-stream"


@dataclass(slots=True)
class Exchange:
    """One answer, as far as it was read. `complete` is whether it came to its end."""

    method: str
    path: str
    anthropic_form: bool
    status: int
    type_: str
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False

    def faults(self) -> Iterator[str]:
        if self.type_.startswith(STREAM):
            for data in _events(self.body):
                yield from answers.faults(answers.event(self.path, data), data)
        elif self.complete and self.body:
            kind = answers.whole(
                self.method, self.path, self.status, anthropic_form=self.anthropic_form
            )
            if kind is not None:
                yield from answers.faults(kind, json.loads(self.body))

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """One event of a WebSocket."""

    data: JsonObject

    def faults(self) -> Iterator[str]:
        return answers.faults(answers.socket_event(self.data), self.data)

    def __str__(self) -> str:
        return "WebSocket"


_SEEN: Final[list[Exchange | SocketEvent]] = []


def heard(event: JsonObject) -> None:
    """Keeps what a client on a WebSocket was told."""
    _SEEN.append(SocketEvent(event))


def judged() -> list[str]:
    """What is wrong with what was answered since this was asked last."""
    seen = _SEEN.copy()
    _SEEN.clear()
    return [f"{one}: {fault}" for one in seen for fault in one.faults()]


def _begun(method: str, path: str, sent: Iterable[str], status: int, type_: str | None) -> Exchange:
    """`sent` are the names of the request's headers."""
    in_anthropic_form = "/messages" in path or "anthropic-version" in {one.lower() for one in sent}
    exchange = Exchange(method, path, in_anthropic_form, status, type_ or "")
    _SEEN.append(exchange)
    return exchange


def _events(body: bytearray) -> Iterator[Any]:
    """The events that are whole."""
    for frame in body.decode(errors="replace").split("\n\n")[:-1]:
        for line in frame.split("\n"):
            if line.startswith("data: ") and line != "data: [DONE]":
                yield json.loads(line.removeprefix("data: "))


# --- the vendors' clients ---------------------------------------------------------------


def watched(response: Any) -> None:
    """A response hook of httpx and of httpx2."""
    request = response.request
    exchange = _begun(
        request.method,
        request.url.path,
        request.headers,
        response.status_code,
        response.headers.get("content-type"),
    )
    read: Callable[[int | None], Iterator[bytes]] = response.iter_raw

    def seen(chunk_size: int | None = None) -> Iterator[bytes]:
        for chunk in read(chunk_size):
            exchange.body += chunk
            yield chunk
        exchange.complete = True

    response.iter_raw = seen


# --- the standard library's client ------------------------------------------------------


class WatchedConnection(HTTPConnection):
    _asked: tuple[str, str, Iterable[str]] = ("", "", ())

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        headers = kwargs.get("headers") or (args[1] if len(args) > 1 else {})
        self._asked = (method, url, list(headers))
        super().request(method, url, *args, **kwargs)

    def getresponse(self) -> HTTPResponse:
        response = super().getresponse()
        assert isinstance(response, _WatchedResponse)
        method, path, sent = self._asked
        type_ = response.getheader("content-type")
        response.exchange = _begun(method, path, sent, response.status, type_)
        return response


class _WatchedResponse(HTTPResponse):
    exchange: Exchange | None = None
    _reading = False

    def read(self, amt: int | None = None) -> bytes:
        return self._seen(super().read, amt)

    def readline(self, limit: int | None = -1) -> bytes:
        return self._seen(super().readline, limit)

    def _seen(self, read: Callable[[Any], bytes], amount: int | None) -> bytes:
        """One way of reading uses another: only the outermost is counted."""
        if self._reading:
            return read(amount)
        self._reading = True
        try:
            data = read(amount)
        finally:
            self._reading = False
        if self.exchange is not None:
            self.exchange.body += data
            self.exchange.complete = self.isclosed()
        return data


WatchedConnection.response_class = _WatchedResponse
