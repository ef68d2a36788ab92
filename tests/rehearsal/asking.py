"""Asking a Messages API over a plain connection."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

from claude_run.turn import JsonObject
from tests.scripted import PATIENCE


def connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)


def body(text: str = "hi", **fields: Any) -> JsonObject:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **fields}


def post(
    connection: http.client.HTTPConnection,
    asked: JsonObject | None = None,
    path: str = "/v1/messages",
) -> http.client.HTTPResponse:
    connection.request("POST", path, json.dumps(asked or body()))
    return connection.getresponse()


def read_events(response: http.client.HTTPResponse) -> Iterator[JsonObject]:
    """The data of each event as it comes, with its name checked."""
    while line := response.readline():
        assert line.startswith(b"event: ")
        data = json.loads(response.readline().removeprefix(b"data: "))
        assert (line, response.readline()) == (f"event: {data['type']}\n".encode(), b"\n")
        yield data
