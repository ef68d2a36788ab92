"""HTTP below the application: what no client library sends, and what is not HTTP at all."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from claude_run.bridge import Bridge
from claude_run.loopback import served
from claude_run.rehearsal.answers import Pause, say
from claude_run.server.http import Protocol
from claude_run.turn import JsonObject
from tests.scripted import PATIENCE, ScriptedUpstream
from tests.server.tables import CHAT


@contextmanager
def connected(bridge: Bridge) -> Iterator[socket.socket]:
    address = urlsplit(bridge.base_url)
    with socket.create_connection((address.hostname, address.port), PATIENCE) as connection:
        yield connection


def heard(connection: socket.socket, method: str = "POST") -> tuple[int, HTTPResponse, bytes]:
    """Status, response and body of the next answer."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response.status, response, response.read()


def spelt(bridge: Bridge, line: str, body: JsonObject | None = None, *headers: str) -> bytes:
    """A request as bytes, with the key."""
    data = b"" if body is None else json.dumps(body).encode()
    lines = (
        line,
        f"Authorization: Bearer {bridge.api_key}",
        f"Content-Length: {len(data)}",
        *(headers or (f"Host: {urlsplit(bridge.base_url).netloc}",)),
    )
    return "\r\n".join((*lines, "", "")).encode() + data


BROKEN = {
    "no method": b"/v1/models\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01",
    "no host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: a\r\n\r\n",
    "a blank in a name": b"GET / HTTP/1.1\r\nHost: localhost\r\nA b: c\r\n\r\n",
    "a control character": b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "no length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "a coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a long head": b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_http_gets_the_envelope_and_is_hung_up_on(bridge: Bridge, name: str) -> None:
    with connected(bridge) as connection:
        connection.sendall(BROKEN[name])
        status, response, body = heard(connection)
        assert status in {400, 501}
        assert response.headers["connection"] == "close"
        assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "sent", [b"not a length\r\n", b"1\r\nx\r\n" * 20_001], ids=["broken", "in crumbs"]
)
def test_a_broken_body_ends_the_connection(bridge: Bridge, sent: bytes) -> None:
    head = spelt(bridge, f"POST {CHAT.path} HTTP/1.1").replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    with connected(bridge) as connection:
        connection.sendall(head + sent)
        status, response, body = heard(connection)
        assert (status, response.headers["connection"]) == (400, "close")
        assert json.loads(body)["error"]["code"] == "invalid_http"
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("length", "heard_at_first"), [(10**9, b"HTTP/1.1 413 "), (10, b"HTTP/1.1 100 ")]
)
def test_who_asks_before_sending_is_told_before_sending(
    bridge: Bridge, length: int, heard_at_first: bytes
) -> None:
    sent = spelt(
        bridge, f"POST {CHAT.path} HTTP/1.1", None, "Host: localhost", "Expect: 100-continue"
    )
    with connected(bridge) as connection:
        connection.sendall(sent.replace(b"Content-Length: 0", b"Content-Length: %d" % length))
        assert connection.recv(13) == heard_at_first


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://127.0.0.1:9/v1/models", "localhost", 200),
        ("HTTP://localhost/models?x=1", "localhost", 200),
        ("http://example.com/v1/models", "localhost", 403),
        ("http://localhost/v1/models", "example.com", 403),
        ("http://example.com@localhost/v1/models", "localhost", 403),
        ("/v1/models", "localhost#.example.com", 403),
        ("/v1/models", "example.com@localhost", 403),
        ("http://localhost", "localhost", 404),
        ("/v1//models", "localhost", 404),
        ("//v1/models", "localhost", 200),
        ("/v1/models/", "localhost", 200),
        ("/v1/v1/models", "localhost", 200),
        ("//example.com/v1/models", "localhost", 404),
        ("*", "localhost", 404),
    ],
)
def test_a_target_may_be_a_whole_url_of_loopback(
    bridge: Bridge, target: str, host: str, status: int
) -> None:
    with connected(bridge) as connection:
        connection.sendall(spelt(bridge, f"GET {target} HTTP/1.1", None, f"Host: {host}"))
        assert heard(connection)[0] == status


@pytest.mark.parametrize(
    ("path", "status"), [("/health", 200), ("/v1/models", 200), (CHAT.path, 405)]
)
def test_a_head_is_a_get_without_a_body(bridge: Bridge, path: str, status: int) -> None:
    with connected(bridge) as connection:
        for _ in range(2):  # the second shows that nothing of a body came
            connection.sendall(spelt(bridge, f"HEAD {path} HTTP/1.1"))
            answered, response, body = heard(connection, "HEAD")
            assert (answered, body) == (status, b"")
            assert int(response.headers["content-length"]) > 0


def test_requests_sent_in_advance_are_answered_in_order(bridge: Bridge) -> None:
    with connected(bridge) as connection:
        paths = ("/health", "/v1/nothing", "/v1/models/sonnet", "/v1/models")
        connection.sendall(b"".join(spelt(bridge, f"GET {path} HTTP/1.1") for path in paths))
        stream, statuses = connection.makefile("rb"), []
        for _ in paths:
            statuses.append(int(stream.readline().split()[1]))
            head = dict(line.split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
            stream.read(int(head[b"content-length"]))
        assert statuses == [200, 404, 200, 200]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_has_only_finished_sending_gets_its_answer(
    bridge: Bridge, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = say(Pause(0.5), "late")
    with connected(bridge) as connection:
        body = CHAT.body(stream=stream)
        connection.sendall(spelt(bridge, f"POST {CHAT.path} HTTP/1.1", body))
        connection.shutdown(socket.SHUT_WR)
        status, _, answer = heard(connection)
        assert status == 200
        assert b"late" in answer


@pytest.mark.parametrize("half_closed", [False, True])
def test_one_that_is_gone_is_noticed(
    bridge: Bridge, upstream: ScriptedUpstream, half_closed: bool
) -> None:
    upstream.answer = say(Pause(60.0))
    with connected(bridge) as connection:
        connection.sendall(spelt(bridge, f"POST {CHAT.path} HTTP/1.1", CHAT.body()))
        upstream.wait_for(1)
        if half_closed:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)  # of what it is asked by
    upstream.wait_until(lambda: upstream.aborted == 1)


def test_who_sends_or_reads_slowly_holds_nobody_up(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    pieces = 200
    upstream.script("much", say(*["x" * 20_000] * pieces))
    much = CHAT.body(messages=[{"role": "user", "content": "much"}], stream=True)
    line = f"POST {CHAT.path} HTTP/1.1"
    with connected(bridge) as sender, connected(bridge) as reader:
        sent = spelt(bridge, line, CHAT.body())
        sender.sendall(sent[:-5])
        reader.sendall(spelt(bridge, line, much))
        upstream.wait_for(1, marker="much")
        upstream.wait_until(lambda: upstream.active == 0)  # nobody has read any of it
        assert bridge.complete("hello") == "Hello world"
        for byte in sent[-5:]:
            sender.sendall(bytes([byte]))
        assert heard(sender)[0] == 200
        status, _, answer = heard(reader)
        assert (status, answer.count(b"x" * 20_000)) == (200, pieces)


class Hasty(Protocol):
    head_seconds = body_seconds = 0.2


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    with suppress(ClientDisconnect):
        await Request(scope, receive).body()
    await PlainTextResponse("hello")(scope, receive, send)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET / HT", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nA:", b"HTTP/1.1 200 OK"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhell", b"HTTP/1.1 408 "),
    ],
)
def test_a_request_that_never_becomes_whole_is_not_waited_for(sent: bytes, answer: bytes) -> None:
    async def story() -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        async with served(hello, listener, Hasty):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            everything = await reader.read()
            writer.close()
            return everything

    everything = asyncio.run(asyncio.wait_for(story(), PATIENCE))
    assert everything.startswith(answer)
    whole = sent.count(b"HTTP/1.1") - 1
    assert everything.count(b"200 OK") == max(whole, 0)
