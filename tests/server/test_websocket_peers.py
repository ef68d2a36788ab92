"""WebSocket peers that should not be there: unknown, foreign, broken, huge, silent, slow, old."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from claude_run.bridge import Bridge
from claude_run.dialects.responses import ConnectedResponses, ResponseStore
from claude_run.loopback import served
from claude_run.server.http import Protocol
from claude_run.server.socket_protocol import SocketProtocol
from claude_run.server.websocket import socket_routes
from tests.scripted import PATIENCE
from tests.server.sockets import connected, refused, response, text_of

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)

UNWELCOME = {
    "without the key": ({"Authorization": ""}, 401, "invalid_api_key"),
    "with another key": ({"Authorization": "Bearer sk-other"}, 401, "invalid_api_key"),
    "a page of another server": ({"Origin": "https://example.com"}, 403, "origin_not_allowed"),
    "a page on another port": ({"Origin": "http://127.0.0.1:1"}, 403, "origin_not_allowed"),
    "a page of no server": ({"Origin": "null"}, 403, "origin_not_allowed"),
}


@pytest.mark.parametrize(("headers", "status", "code"), UNWELCOME.values(), ids=UNWELCOME)
def test_who_is_not_welcome_is_told_so_at_the_upgrade(
    bridge: Bridge, headers: Mapping[str, str], status: int, code: str
) -> None:
    with pytest.raises(InvalidStatus) as refusal, connected(bridge, headers=headers):
        pass
    answer = refusal.value.response
    assert answer.status_code == status
    assert json.loads(answer.body or b"")["error"]["code"] == code


def test_a_library_that_names_this_server_as_the_origin_is_welcome(bridge: Bridge) -> None:
    origin = bridge.base_url.removesuffix("/v1")
    with connected(bridge, headers={"Origin": origin}) as connection:
        assert response(connection, input="x", generate=False)["output"] == []


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/chat/completions", "/"])
def test_elsewhere_there_is_no_websocket(bridge: Bridge, path: str) -> None:
    with pytest.raises(InvalidStatus) as refusal, connected(bridge, path):
        pass
    answer = refusal.value.response
    assert answer.status_code == 404
    assert "/v1/responses" in json.loads(answer.body or b"")["error"]["message"]


@pytest.mark.parametrize("path", ["/responses", "/label/agent/v1/responses"])
def test_the_paths_are_those_of_http(bridge: Bridge, path: str) -> None:
    with connected(bridge, path) as connection:
        assert response(connection, input="x", generate=False)["output"] == []


def test_a_message_that_is_too_large_ends_the_connection(bridge: Bridge) -> None:
    with connected(bridge) as connection:
        with suppress(ConnectionClosedError):  # it may be told before it has sent everything
            connection.send("x" * (32 * 1024 * 1024 + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            connection.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_who_calls_this_server_by_another_name_is_told_so(bridge: Bridge) -> None:
    with asking(bridge, host="example.com") as peer:
        answer = peer.recv(4096)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"host_not_allowed" in answer


def asking(
    bridge: Bridge, host: str | None = None, *, right: str = "", wrong: str = ""
) -> socket.socket:
    """A peer that has asked for the upgrade, with `wrong` where `right` belongs."""
    address = urlsplit(bridge.base_url)
    peer = socket.create_connection((address.hostname, address.port), PATIENCE)
    key = f"Authorization: Bearer {bridge.api_key}\r\n"
    head = HANDSHAKE.format(path="/v1/responses", host=host or address.netloc, more=key)
    peer.sendall(head.replace(right, wrong).encode() if right else head.encode())
    return peer


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("Version: 13", "Version: 8"), ("dGhlIHNhbXBsZSBub25jZQ==", "x")],
    ids=["another version", "no key"],
)
def test_what_is_no_handshake_gets_the_envelope(bridge: Bridge, right: str, wrong: str) -> None:
    with asking(bridge, right=right, wrong=wrong) as peer:
        head, body = b"".join(iter(lambda: peer.recv(4096), b"")).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert json.loads(body)["error"]["code"] == "invalid_http"


BROKEN = {
    "no mask": b"\x81\x02{}",
    "a reserved bit": b"\xf1\x80aaaa",
    "an unknown opcode": b"\x83\x80aaaa",
    "no UTF-8": b"\x81\x81\0\0\0\0\xff",
    "half a frame, and gone": b"\x81\xfe\x10",
}


@pytest.mark.parametrize("frame", BROKEN.values(), ids=BROKEN)
def test_a_peer_that_speaks_no_websocket_is_hung_up_on(bridge: Bridge, frame: bytes) -> None:
    with asking(bridge) as peer:
        assert peer.recv(4096).startswith(b"HTTP/1.1 101 ")
        peer.sendall(frame)
        if frame is BROKEN["half a frame, and gone"]:
            peer.shutdown(socket.SHUT_WR)
        while peer.recv(4096):
            pass
    with connected(bridge) as connection:
        assert response(connection, input="x", generate=False)["output"] == []


@pytest.mark.usefixtures("upstream")
def test_a_peer_goes_on_with_nothing_of_anothers(bridge: Bridge) -> None:
    with connected(bridge) as one, connected(bridge) as other:
        mine = response(one, input="Mine.")
        told = refused(other, input="Yours?", previous_response_id=mine["id"])
        assert told["error"]["code"] == "previous_response_not_found"
        assert text_of(response(one, input="On.", previous_response_id=mine["id"]))


def test_a_connection_that_is_an_hour_old_is_told_so_and_closed() -> None:
    async def outlived() -> list[str | bytes]:
        app = FastAPI()
        no_desk: Any = None  # nothing is asked of it
        remembering = partial(ConnectedResponses, ResponseStore(), lambda: b"key")
        app.include_router(socket_routes(no_desk, remembering, list, strict=False, lifetime=0))
        listener = socket.create_server(("127.0.0.1", 0))
        async with (
            served(app, listener, Protocol, max_message=1024) as url,
            connect(f"ws{url.removeprefix('http')}/responses") as connection,
        ):
            return [message async for message in connection]

    (message,) = asyncio.run(outlived())
    assert json.loads(message)["error"]["code"] == "websocket_connection_limit_reached"


# --- peers that do nothing, below the application -------------------------------------


class Impatient(SocketProtocol):
    ping_seconds = 0.05
    silent_seconds = 0.05
    slow_seconds = 0.05


class Speaker(Protocol):
    socket_protocol = Impatient


class Patient(SocketProtocol):
    slow_seconds = 0.05


class PatientSpeaker(Protocol):
    socket_protocol = Patient


async def hung_up_on(
    app: Callable[[Scope, Receive, Send], Awaitable[None]], protocol: type[Protocol], *, reads: bool
) -> None:
    """Returns when `app` has lost a peer that upgrades, and then answers nothing."""
    over = asyncio.Event()

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            over.set()

    listener = socket.create_server(("127.0.0.1", 0))
    async with served(told, listener, protocol, max_message=1024) as url:
        host = urlsplit(url).netloc
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(HANDSHAKE.format(path="/", host=host, more="").encode())
        if reads:
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            assert (await reader.read()).startswith(b"\x89\x04")  # a ping, and then the end
        await asyncio.wait_for(over.wait(), PATIENCE)
        writer.close()


async def listens(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def speaks(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    with suppress(OSError):
        while True:
            await send({"type": "websocket.send", "text": "x" * 1024 * 1024})


def test_a_peer_that_answers_no_ping_is_hung_up_on() -> None:
    asyncio.run(hung_up_on(listens, Speaker, reads=True))


def test_a_peer_that_takes_nothing_is_hung_up_on() -> None:
    asyncio.run(hung_up_on(speaks, PatientSpeaker, reads=False))


def test_who_takes_no_pongs_gets_none_that_would_gather_here() -> None:
    gathered = [0]

    class Measured(SocketProtocol):
        def handle_ping(self) -> None:
            super().handle_ping()
            gathered.append(self.transport.get_write_buffer_size())

    class Speaker(Protocol):
        socket_protocol = Measured

    async def flooded() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        async with served(listens, listener, Speaker, max_message=1024) as url:
            host = urlsplit(url).netloc
            reader, writer = await asyncio.open_connection(*host.split(":"), limit=1024)
            writer.write(HANDSHAKE.format(path="/", host=host, more="").encode())
            await reader.readuntil(b"\r\n\r\n")
            for _ in range(120):
                writer.write((b"\x89\xfd\0\0\0\0" + b"x" * 125) * 1000)
                await writer.drain()
            writer.transport.abort()

    asyncio.run(flooded())
    assert 0 < max(gathered) < 1_000_000
