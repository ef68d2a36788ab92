"""Sends what was made up, and looks at what comes back."""

import json
import socket
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from claude_run.bridge import Bridge
from tests.fuzz.bodies import Case

PATIENCE = 10.0  # seconds
# The members of an error: OpenAI's, and Anthropic's.
ENVELOPES = ({"message", "type", "param", "code"}, {"message", "type"})
# What a client that went on after it was hung up on sees instead of an answer.
_HUNG_UP = (ConnectionResetError, BrokenPipeError)


class Wrong(AssertionError):  # noqa: N818 - it is what was found, not a fault of the search
    """An answer that no request may get."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bridge, and how it is asked."""

    bridge: Bridge

    def body(self, case: Case) -> int:
        """The status of the answer to `case`.

        Raises:
            Wrong: it is no success and no 4xx in the envelope.
        """
        headers = {"Authorization": f"Bearer {self.bridge.api_key}"}
        with closing(HTTPConnection(self._address, timeout=PATIENCE)) as connection:
            connection.request("POST", case.path, case.raw, headers)
            response = connection.getresponse()
            streamed = response.headers["content-type"].startswith("text/event-stream")
            answer = response.read()
        (_stream if streamed else _whole)(response.status, answer)
        return response.status

    def raw(self, sent: bytes) -> list[int]:
        """The statuses of the answers over one connection, which ends after `sent`."""
        host, port = self._address.split(":")
        sent = sent.replace(b"KEY", self.bridge.api_key.encode())
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
            except OSError:  # hung up on: what was answered may still be read
                pass
            return _answers(connection, sent)

    def is_well(self) -> bool:
        with closing(HTTPConnection(self._address, timeout=PATIENCE)) as connection:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200

    @property
    def _address(self) -> str:
        return urlsplit(self.bridge.base_url).netloc


def _answers(connection: socket.socket, sent: bytes) -> list[int]:
    statuses: list[int] = []
    stream = connection.makefile("rb")
    while True:
        try:
            if not stream.peek(1):
                return statuses
            response = HTTPResponse(_Kept(stream), method="HEAD" if b"HEAD" in sent else None)  # type: ignore[arg-type]  # it only asks for the stream
            response.begin()
            answer = response.read()
        except _HUNG_UP:
            return statuses
        except HTTPException as error:
            raise Wrong(f"no HTTP came back: {error!r}") from error
        statuses.append(response.status)
        if b"HEAD" in sent:
            return statuses  # which of them has a body nobody can tell
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            _whole(response.status, answer)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A connection as HTTPResponse wants one, whose stream is read on afterwards."""

    stream: Any

    def makefile(self, _mode: str) -> "_Unclosed":
        return _Unclosed(self.stream)


class _Unclosed:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.read, self.readline, self.readinto = stream.read, stream.readline, stream.readinto
        self.peek, self.read1 = stream.peek, stream.read1

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass


def _whole(status: int, answer: bytes) -> None:
    if not (200 <= status < 300 or 400 <= status < 500):
        raise Wrong(f"{status}: {answer[:500]!r}")
    try:
        body = json.loads(answer)
    except ValueError as error:
        raise Wrong(f"{status} without JSON: {answer[:200]!r}") from error
    if status >= 400:
        _envelope(body)


def _envelope(body: Any) -> None:
    error = body.get("error") if isinstance(body, dict) else None
    if set(error or ()) not in ENVELOPES:
        raise Wrong(f"no envelope: {str(body)[:200]}")
    if len(json.dumps(body)) > 60_000:
        raise Wrong(f"{len(json.dumps(body))} characters of error")


def _stream(status: int, answer: bytes) -> None:
    if status != 200:
        raise Wrong(f"a stream with {status}")
    for line in answer.split(b"\n"):
        if line.startswith(b"data: ") and line != b"data: [DONE]":
            try:
                event = json.loads(line[6:], parse_constant=_no_constant)
            except ValueError as error:
                raise Wrong(f"an event that is no JSON: {line[:200]!r}") from error
            if event.get("error"):
                raise Wrong(f"an error in a stream: {line[:300]!r}")


def _no_constant(name: str) -> None:
    raise ValueError(name)
