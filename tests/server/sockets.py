"""Connections of the Responses API's WebSocket mode, and the events that come over them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from websockets.sync.client import ClientConnection, connect

from claude_run.bridge import Bridge
from claude_run.turn import JsonObject
from tests.described.watching import heard
from tests.scripted import PATIENCE
from tests.server.tables import RESPONSES

_ENDS: Final = {"error", "response.completed", "response.incomplete", "response.failed"}


def url_of(bridge: Bridge, path: str = RESPONSES.path) -> str:
    return f"ws{bridge.base_url.removeprefix('http').removesuffix('/v1')}{path}"


@contextmanager
def connected(
    bridge: Bridge, path: str = RESPONSES.path, headers: Mapping[str, str] | None = None
) -> Iterator[ClientConnection]:
    """`headers` replace the right ones."""
    sent = {"Authorization": f"Bearer {bridge.api_key}", **(headers or {})}
    opened = connect(
        url_of(bridge, path), additional_headers=sent, open_timeout=PATIENCE, close_timeout=1
    )
    with opened as connection:
        yield connection


def create(connection: ClientConnection, **fields: object) -> None:
    asked = {"type": "response.create", "model": "sonnet", "store": False, **fields}
    connection.send(json.dumps(asked))


def event(connection: ClientConnection) -> JsonObject:
    """The next event, which is judged as everything else that comes."""
    told: JsonObject = json.loads(connection.recv(PATIENCE))
    heard(told)
    return told


def events(connection: ClientConnection) -> list[JsonObject]:
    """What comes until a response has ended, or there is none."""
    told = [event(connection)]
    while told[-1]["type"] not in _ENDS:
        told.append(event(connection))
    return told


def response(connection: ClientConnection, **fields: object) -> JsonObject:
    """The response to a request with `fields`, which must be made without fault."""
    create(connection, **fields)
    told = events(connection)
    assert [one["sequence_number"] for one in told] == list(range(len(told)))
    made: JsonObject = told[-1]["response"]
    return made


def refused(connection: ClientConnection, **fields: object) -> JsonObject:
    """The one event that says why there is no response."""
    create(connection, **fields)
    (told,) = events(connection)
    assert told["type"] == "error"
    return told


def text_of(response: JsonObject) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])
