"""Requests that no client library makes, and answers as they are before one has read them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import urlsplit

from claude_run.bridge import Bridge
from claude_run.turn import JsonObject
from tests.described.watching import WatchedConnection
from tests.scripted import PATIENCE


class Frame(NamedTuple):
    """One server-sent event; `event` is "" where it has no name."""

    event: str
    data: str


def ask(
    bridge: Bridge,
    path: str,
    body: object = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    raw: bytes | None = None,
) -> tuple[int, JsonObject, Mapping[str, str]]:
    """Status, JSON and headers of one request; `headers` replace the right ones."""
    data = json.dumps(body).encode() if raw is None and body is not None else raw
    sent = {"Authorization": f"Bearer {bridge.api_key}", **(headers or {})}
    with closing(_connection(bridge)) as connection:
        connection.request(method, path, data, sent)
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in response.headers.items()}
        return response.status, json.loads(response.read()), answered


def frames(bridge: Bridge, path: str, body: JsonObject) -> Iterator[Frame]:
    """What the stream that `body` asks for consists of, as it comes."""
    with request(bridge, path, {**body, "stream": True}) as connection:
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = (line.decode().rstrip("\n") for line in response)
        while fields := dict(line.split(": ", 1) for line in takewhile(bool, lines)):
            yield Frame(fields.get("event", ""), fields["data"])


@contextmanager
def request(bridge: Bridge, path: str, body: object) -> Iterator[WatchedConnection]:
    """A request that has been sent; its client is gone when it is left."""
    with closing(_connection(bridge)) as connection:
        headers = {"Authorization": f"Bearer {bridge.api_key}"}
        connection.request("POST", path, json.dumps(body), headers)
        yield connection


def _connection(bridge: Bridge) -> WatchedConnection:
    return WatchedConnection(urlsplit(bridge.base_url).netloc, timeout=PATIENCE)
